//! The targets' bodies, which the tests of the main package run as well, and what their binaries have in common.

// The bodies stand in the main package's tests; each takes of these what it needs.
#[path = "../../tests/behaviour/happening.rs"]
mod happening;
#[allow(dead_code)]
#[path = "../../tests/journal_disk/mod.rs"]
mod journal_disk;
#[allow(dead_code)]
#[path = "../../tests/behaviour/script.rs"]
mod script;
#[path = "../../tests/fuzzed/targets/mod.rs"]
pub mod targets;
#[allow(dead_code)]
#[path = "../../tests/behaviour/world.rs"]
mod world;

/// Writes the seeds, made from the golden journals as they are now, to the folder that `DORMOUSE_FUZZ_SEEDS` names.
/// libFuzzer reads its folders after this.
pub fn write_seeds(seeds: &[Vec<u8>]) {
    let Some(folder) = std::env::var_os("DORMOUSE_FUZZ_SEEDS") else { return };
    for (index, seed) in seeds.iter().enumerate() {
        let file = std::path::Path::new(&folder).join(format!("seed-{index}"));
        std::fs::write(&file, seed).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
    }
}

/// The whole of a target's binary.
#[macro_export]
macro_rules! fuzz {
    ($target:ident) => {
        libfuzzer_sys::fuzz_target!(
            init: $crate::write_seeds(&$crate::targets::$target::seeds()),
            |bytes: &[u8]| $crate::targets::$target::run(bytes)
        );
    };
}
