#![no_main]

dormouse_fuzz::fuzz!(runtime_file);
