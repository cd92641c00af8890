//! I2: the core compiles alone, with nothing in reach that could touch the world.

use std::fs;
use std::path::Path;
use std::process::Command;

/// Everything that `model`, `reducer` and `policy` may depend on.
const ALLOWED: &[&str] = &["serde", "thiserror", "ulid", "crc32fast", "blake3"];
const CORE: &[&str] = &["model", "reducer", "policy"];

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
    for module in CORE.iter().filter(|module| root().join("src").join(module).exists()) {
        copy(&root().join("src").join(module), &crate_dir.path().join("src").join(module));
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
