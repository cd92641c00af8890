#![no_main]

dormouse_fuzz::fuzz!(envelope);
