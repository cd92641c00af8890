//! The map of the library, and the law: who may know whom, who may touch the world, how large a file may grow.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "architecture/source.rs"]
mod source;

use source::{Module, library, rust_files};

/// Who may import whom, in the order of the layers. A narrower path admits only what lies below it.
const MAP: &[(&str, &[&str])] = &[
    ("mutant", &[]),
    ("model", &["mutant"]),
    ("reducer", &["mutant", "model"]),
    ("policy", &["mutant", "model"]),
    ("home", &["model"]),
    ("journal", &["mutant", "model"]),
    ("config", &["model", "home"]),
    ("registry", &["model", "home"]),
    ("runtime", &["model", "home", "config"]),
    ("protocol", &["model"]),
    ("shim", &["model", "home"]),
    ("observe", &["model", "home", "shim", "journal::Committed"]),
    ("executor", &["model", "home", "runtime", "shim", "observe", "journal::Committed"]),
    ("supervisor", &["mutant", "model", "reducer", "policy", "home", "journal", "executor::report"]),
    // What would follow is asked of the turn itself.
    ("explain", &["model", "reducer", "policy", "journal", "home", "supervisor::conclude"]),
    // Scripts are TOML with durations, as settings are: lines and quantities are read by the same code.
    ("sim", &["model", "reducer", "policy", "journal", "explain", "supervisor", "config::line_of", "config::quantity"]),
    (
        "daemon",
        &[
            "model",
            "reducer",
            "policy",
            "home",
            "journal",
            "config",
            "registry",
            "runtime",
            "protocol",
            "shim",
            "observe",
            "executor",
            "explain",
            "supervisor",
        ],
    ),
    ("demo_agent", &["model", "home", "shim"]),
    (
        "cli",
        &[
            "mutant",
            "model",
            "reducer",
            "policy",
            "home",
            "journal",
            "config",
            "registry",
            "runtime",
            "protocol",
            "shim",
            "observe",
            "executor",
            "explain",
            "supervisor",
            "daemon",
            "demo_agent",
            "sim",
        ],
    ),
];

/// Who may touch clock, files, processes, sockets and environment. Everything else is data in, data out.
const DOORS: &[(&str, &str)] = &[
    ("journal::directory", "the journal's files"),
    ("journal::reader", "segments of a journal, beside its writer"),
    ("journal::audit", "every byte of a journal"),
    ("journal::index::file", "index files, beside the writer"),
    ("config", "config.toml and DORMOUSE_*"),
    ("registry", "profiles in peers' folders"),
    ("runtime::load", "runtime files"),
    ("runtime::transcript", "transcripts of the programs"),
    ("shim", "the pane's own process"),
    ("observe", "processes, session files, the clock"),
    ("executor", "tmux"),
    ("daemon", "sockets, signals, the clock, the lock"),
    ("cli", "the terminal"),
    ("demo_agent", "a program of its own"),
    ("main", "arguments and exit code"),
];

/// The one module that may name bincode, and those that may start tmux.
const BINCODE: &str = "journal::format::payload";
const TMUX: &str = "executor::tmux";

const LINES_MAX: usize = 400;
const NO_MODULES: &[&str] = &["utils", "util", "common", "helpers", "helper", "types", "manager", "handler"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn below(name: &str, parent: &str) -> bool {
    name == parent || name.strip_prefix(parent).is_some_and(|rest| rest.starts_with("::") || rest.starts_with('_'))
}

fn is_door(module: &Module) -> bool {
    DOORS.iter().any(|(door, _)| below(&module.name(), door))
}

#[track_caller]
fn none(broken: Vec<String>) {
    assert!(broken.is_empty(), "{} broken:\n  {}", broken.len(), broken.join("\n  "));
}

#[test]
fn every_module_knows_only_those_the_map_names() {
    let mut broken = Vec::new();
    for module in library(root()).iter().filter(|module| !module.is_test()) {
        let Some((_, known)) = MAP.iter().find(|(top, _)| *top == module.top()) else {
            if !["", "main"].contains(&module.top()) {
                broken.push(format!("`{}` is not on the map", module.name()));
            }
            continue;
        };
        for name in module.names().iter().filter(|name| name[0] == "crate" && name.len() > 1) {
            let named = name[1..].join("::");
            let own = name[1] == module.top();
            if !own && !known.iter().any(|known| below(&named, known)) {
                broken.push(format!("`{}` must not know `{named}`", module.name()));
            }
        }
    }
    none(broken);
}

/// The map has no cycle: everybody knows only rows above their own.
#[test]
fn the_map_is_in_the_order_of_its_layers() {
    for (row, (top, known)) in MAP.iter().enumerate() {
        for known in *known {
            let name = known.split("::").next().expect("split gives at least one part");
            assert!(
                MAP[..row].iter().any(|(above, _)| *above == name),
                "`{top}` knows `{name}`, which is not above it"
            );
        }
    }
}

/// I2, I10: no clock, file, process, socket, thread or environment outside the doors.
#[test]
fn only_doors_touch_the_world() {
    const WORLD: &[&str] = &[
        "std::fs",
        "std::env",
        "std::process",
        "std::net",
        "std::os",
        "std::thread",
        "std::time::SystemTime",
        "std::time::Instant",
        "tokio",
        "rustix",
        "signal_hook",
        "getrandom",
    ];
    // An exit code is a number, and so is an error's; nothing else behind these paths is.
    const HARMLESS: &[&str] = &["std::process::ExitCode", "std::process::ExitStatus", "rustix::io::Errno"];
    let mut broken = Vec::new();
    for module in library(root()).iter().filter(|module| !module.is_test() && !is_door(module)) {
        for name in module.names() {
            let name = name.join("::");
            if WORLD.iter().any(|world| below(&name, world)) && !HARMLESS.contains(&name.as_str()) {
                broken.push(format!("`{}` is no door and names `{name}`", module.name()));
            }
        }
    }
    none(broken);
}

/// The lints of `clippy.toml` see through types; who switches them off must be a door or declare one.
#[test]
fn only_doors_switch_the_lints_of_the_world_off() {
    let mut broken = Vec::new();
    for module in library(root()) {
        let lines: Vec<&str> = module.text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("clippy::disallowed_")) {
            let declared = lines[at..].iter().take(4).find_map(|line| {
                let name =
                    line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ").strip_prefix("mod ")?;
                Some(name.trim_end_matches(';').to_owned())
            });
            let parent = module.name();
            let child = declared.map(|name| if parent.is_empty() { name } else { format!("{parent}::{name}") });
            let opens = child.is_some_and(|child| DOORS.iter().any(|(door, _)| *door == child));
            let is_switch_on = module.top().is_empty() && line.contains("not(test)");
            if !is_door(&module) && !opens && !is_switch_on {
                broken.push(format!("{}:{}: {}", module.file.display(), at + 1, line.trim()));
            }
        }
    }
    none(broken);
}

/// The manifest switches them off for tests; without this line they would be off for everybody.
#[test]
fn the_lints_of_the_world_are_on_in_the_library() {
    let switch = "#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]";
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    assert!(lib.lines().any(|line| line == switch), "src/lib.rs must say {switch}");
}

#[test]
fn bincode_and_tmux_have_one_place_each_and_unsafe_has_none() {
    let mut broken = Vec::new();
    for module in library(root()) {
        let name = module.name();
        if module.has_word("unsafe") {
            broken.push(format!("`{name}` says unsafe"));
        }
        if !below(&name, BINCODE) && module.has_word("bincode") {
            broken.push(format!("`{name}` names bincode"));
        }
        if !below(&name, TMUX) && !module.is_test() && module.text.contains("Command::new(\"tmux\")") {
            broken.push(format!("`{name}` starts tmux"));
        }
    }
    none(broken);
}

#[test]
fn no_file_is_too_long_and_no_module_has_a_name_that_says_nothing() {
    let mut broken = Vec::new();
    for file in rust_files(&root().join("src")).into_iter().chain(rust_files(&root().join("tests"))) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        if lines > LINES_MAX {
            broken.push(format!("{} has {lines} lines, at most {LINES_MAX}", file.display()));
        }
        let says_nothing = |part: &std::ffi::OsStr| NO_MODULES.iter().any(|name| part.to_str() == Some(*name));
        if file.with_extension("").strip_prefix(root()).unwrap().iter().any(says_nothing) {
            broken.push(format!("{} has a name that says nothing", file.display()));
        }
    }
    none(broken);
}

/// Cargo runs what lies directly in `tests/`; a file deeper down is run only if a target names it.
#[test]
fn no_test_file_is_forgotten() {
    let tests = root().join("tests");
    let targets: Vec<PathBuf> = rust_files(&tests).into_iter().filter(|file| is_target(&tests, file)).collect();
    let mut reached = targets.clone();
    let mut at = 0;
    while at < reached.len() {
        let declared = submodules(&reached[at], targets.contains(&reached[at]));
        reached.extend(declared.into_iter().filter(|file| !targets.contains(file)));
        at += 1;
    }
    let forgotten = rust_files(&tests).into_iter().filter(|file| !reached.contains(file));
    none(forgotten.map(|file| format!("{} belongs to no test target", file.display())).collect());
}

fn is_target(tests: &Path, file: &Path) -> bool {
    let parent = file.parent().expect("a file has a folder");
    parent == tests || (file.ends_with("main.rs") && parent.parent() == Some(tests))
}

/// Files that `file` declares with `mod name;`, a `#[path]` before it included.
fn submodules(file: &Path, is_root: bool) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).unwrap();
    let folder = file.parent().expect("a file has a folder");
    let inside = if is_root || file.ends_with("mod.rs") { folder.to_owned() } else { file.with_extension("") };
    let mut path = None;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(named) = line.strip_prefix("#[path = \"") {
            path = named.strip_suffix("\"]").map(|named| folder.join(named));
        } else if let Some(name) =
            line.trim_start_matches("pub ").strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'))
        {
            let candidates = [inside.join(format!("{name}.rs")), inside.join(name).join("mod.rs")];
            let existing = path.take().into_iter().chain(candidates).filter_map(|path| fs::canonicalize(path).ok());
            found.extend(existing);
        }
    }
    found
}

/// Each dependency earns its line, and the codec of the journal never moves by itself.
#[test]
fn every_dependency_is_argued_for() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut broken = Vec::new();
    let (mut inside, mut before) = (false, "");
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && line.contains('=') && !before.starts_with('#') {
            broken.push(format!("no reason above `{line}`"));
        }
        before = line;
    }
    if !manifest.contains("bincode = { version = \"=2.0.1\"") {
        broken.push("bincode must be exactly =2.0.1: 3.0.0 is an empty tombstone".to_owned());
    }
    if manifest.lines().any(|line| line.starts_with("libc")) {
        broken.push("libc by hand: system calls go through rustix".to_owned());
    }
    none(broken);
}

/// The source speaks of itself alone: no path of the machine it was written on.
#[test]
fn no_path_of_a_workplace_is_in_the_source() {
    let places = ["/root/".to_owned(), ["/wo", "rk/"].concat(), ["/home", "/runner"].concat()];
    let mut broken = Vec::new();
    for module in library(root()) {
        for place in &places {
            let lines = module.text.lines().enumerate().filter(|(_, line)| line.contains(place.as_str()));
            broken.extend(lines.map(|(at, line)| format!("{}:{}: {line}", module.file.display(), at + 1)));
        }
    }
    none(broken);
}

/// The laws are only as good as the eyes behind them.
#[test]
fn names_are_seen_in_groups_macros_and_relative_paths_but_not_in_tests_and_text() {
    let text = r#"
        use crate::{journal::{Reader, frame}, model::id::Lsn};
        use super::super::daemon::turn;
        mod inner { use super::beside; }
        macro_rules! made { () => { $crate::cli::main() } }
        fn run() { let _ = std::fs::read("crate::text::of"); } // crate::a::comment
        #[cfg(test)] mod tests { use crate::supervisor::Turn; }
    "#;
    let module = Module::of(vec!["explain".into(), "line".into()], "line.rs".into(), text.to_owned());
    let names: Vec<String> = module.names().iter().map(|name| name.join("::")).collect();
    for seen in [
        "crate::journal::Reader",
        "crate::journal::frame",
        "crate::model::id::Lsn",
        "crate::daemon::turn",
        "crate::explain::line::beside",
        "crate::cli::main",
        "std::fs::read",
    ] {
        assert!(names.contains(&seen.to_owned()), "{seen} is missing in {names:?}");
    }
    let unseen = |part: &str| assert!(!names.iter().any(|name| name.contains(part)), "{part} in {names:?}");
    ["supervisor", "text::of", "comment"].into_iter().for_each(unseen);
}
