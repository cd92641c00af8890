//! I2: the core compiles alone, with nothing in reach that could touch the world.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Everything that the core may depend on.
const ALLOWED: &[&str] = &["serde", "thiserror", "ulid", "crc32fast", "blake3"];
const CORE: &[&str] = &["mutant", "model", "reducer", "policy"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The lines of `[dependencies]` that name an allowed crate.
fn dependencies(manifest: &str) -> String {
    let body = manifest.split("[dependencies]").nth(1).expect("the manifest has dependencies");
    let body = body.split("\n[").next().expect("split gives at least one part");
    let allowed = body.lines().filter(|line| line.split_once(" = ").is_some_and(|(name, _)| ALLOWED.contains(&name)));
    allowed.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_core_compiles_alone() {
    let crate_dir = tempfile::tempdir().unwrap();
    let mut lib = String::new();
    fs::create_dir(crate_dir.path().join("src")).unwrap();
    for module in CORE {
        let (from, to) = (root().join("src").join(module), crate_dir.path().join("src").join(module));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(from.with_extension("rs"), to.with_extension("rs")).unwrap()),
        }
        lib.push_str(&format!("pub mod {module};\n"));
    }
    fs::write(crate_dir.path().join("src/lib.rs"), lib).unwrap();
    let manifest = dependencies(&fs::read_to_string(root().join("Cargo.toml")).unwrap());
    let head =
        "[package]\nname = \"core-alone\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n";
    fs::write(crate_dir.path().join("Cargo.toml"), format!("{head}{manifest}\n")).unwrap();
    // The same versions as the package's own, so that nothing has to be fetched.
    fs::copy(root().join("Cargo.lock"), crate_dir.path().join("Cargo.lock")).unwrap();

    let check = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--manifest-path"])
        .arg(crate_dir.path().join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("core-alone"))
        .output()
        .unwrap();

    assert!(
        check.status.success(),
        "the core needs more than {ALLOWED:?}:\n{}",
        String::from_utf8_lossy(&check.stderr)
    );
}

/// `src/mutant.rs` as a crate of its own, with its feature on. What the compiler says of it, if it refuses.
fn deliberate_bugs(debug_assertions: bool) -> Result<(), String> {
    let crate_dir = tempfile::tempdir().unwrap();
    fs::create_dir(crate_dir.path().join("src")).unwrap();
    fs::copy(root().join("src/mutant.rs"), crate_dir.path().join("src/lib.rs")).unwrap();
    let manifest = format!(
        "[package]\nname = \"mutant-alone\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n\
         [features]\ndeliberate-bugs = []\n[profile.dev]\ndebug-assertions = {debug_assertions}\n"
    );
    fs::write(crate_dir.path().join("Cargo.toml"), manifest).unwrap();
    let check = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--features", "deliberate-bugs", "--manifest-path"])
        .arg(crate_dir.path().join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", crate_dir.path().join("target"))
        .output()
        .unwrap();
    if check.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&check.stderr).into_owned()) }
}

/// A build as it ships has no debug assertions, and then the feature does not compile; nothing else switches it on.
#[test]
fn no_program_that_ships_does_wrong_on_purpose() {
    assert_eq!(deliberate_bugs(true), Ok(()));
    let refused = deliberate_bugs(false).expect_err("a release build must refuse the feature");
    assert!(refused.contains("`deliberate-bugs` is for tests in debug builds alone"), "{refused}");

    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let features = manifest.split("\n[features]\n").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap();
    let features: Vec<&str> = features.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    // `agents` is a file of tests, and nothing in the program.
    assert_eq!(features, ["agents = []", "default = []", "deliberate-bugs = []"]);
    let release = manifest.split("\n[profile.release]\n").nth(1).unwrap().split("\n[").next().unwrap();
    assert!(!release.contains("debug-assertions"), "a release build must have none: {release}");
}
