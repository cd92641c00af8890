#![no_main]

dormouse_fuzz::fuzz!(reducer);
