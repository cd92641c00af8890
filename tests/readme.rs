//! README.md says what the program does: its verbs, its settings, and the smallest runtime file.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The program in a home of the test's own.
fn printed(home: &Path, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DORMOUSE_")) {
        command.env_remove(name);
    }
    let output = command.args(args).env("DORMOUSE_HOME", home).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// First cells of the rows below the heading `## TITLE`.
fn first_cells(title: &str) -> Vec<String> {
    let readme = readme();
    let (_, section) = readme.split_once(&format!("\n## {title}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| row.split(" |").next().unwrap().to_owned()).collect()
}

#[test]
fn every_verb_is_in_the_table_and_no_other() {
    let home = tempfile::tempdir().unwrap();
    let help = printed(home.path(), &["help"]);
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let mut known: Vec<&str> = commands.lines().take_while(|line| line.starts_with("  ")).collect();
    known = known.iter().filter_map(|line| line.split_whitespace().next()).filter(|verb| *verb != "help").collect();
    known.sort_unstable();
    let cells = first_cells("The verbs").join(", `");
    let mut told: Vec<&str> =
        cells.split('`').filter_map(|part| part.split_whitespace().next()).filter(|word| *word != ",").collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told, known);
}

#[test]
fn every_setting_is_in_the_table_with_its_default() {
    let home = tempfile::tempdir().unwrap();
    let settings: Vec<Value> = serde_json::from_str(&printed(home.path(), &["config", "--json"])).unwrap();
    let readme = readme();
    for setting in &settings {
        let text = |field: &str| setting[field].as_str().unwrap().to_owned();
        let row = format!("| `{}` | {} | {} |", text("name"), text("default"), text("doc"));
        assert!(readme.contains(&row), "missing: {row}");
    }
    assert_eq!(first_cells("Settings").len(), settings.len());
}

#[test]
fn the_smallest_runtime_file_is_in_order() {
    let readme = readme();
    let (_, file) = readme.split_once("```toml\n# runtimes/inbox.toml\n").unwrap();
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("runtimes")).unwrap();
    fs::write(home.path().join("runtimes/inbox.toml"), file.split("```").next().unwrap()).unwrap();
    assert_eq!(printed(home.path(), &["runtime", "check", "inbox"]), "inbox is in order\n");
}
