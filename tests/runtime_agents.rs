//! What the embedded runtimes make of screens and records of the real programs, as these were recorded (C14, C24, C27).

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dormouse::model::message::TextPrint;
use dormouse::model::name::Runtime;
use dormouse::runtime::placeholders::Values;
use dormouse::runtime::screen::{read, seen};
use dormouse::runtime::spec::TitleSays;
use dormouse::runtime::transcript::{RecordSearch, holds_since, mark};
use dormouse::runtime::{Runtimes, Spec};

/// What a screen means for a session.
#[derive(Debug, PartialEq, Eq)]
enum Means {
    /// The box is open and empty.
    Open,
    /// The box holds the paste of a message.
    Landed,
    /// A paste in the box, and a turn that runs.
    LandedWorking,
    Working,
    Waiting(String),
    /// Which dialog, whether what is to be confirmed is selected, and the consent it takes.
    Dialog(String, bool, Option<String>),
    Fatal,
    NoBox,
}

fn waiting(on: &str) -> Means {
    Means::Waiting(on.to_owned())
}

fn dialog(name: &str, selected: bool, consent: &str) -> Means {
    Means::Dialog(name.to_owned(), selected, Some(consent.to_owned()).filter(|consent| !consent.is_empty()))
}

fn spec(name: &str) -> Arc<Spec> {
    let none = tempfile::tempdir().unwrap();
    Runtimes::load(none.path()).unwrap().get(&Runtime::new(name).unwrap()).unwrap()
}

/// As `runtime check --screen` words it.
fn meaning(spec: &Spec, screen: &str) -> Means {
    let reading = read(spec, screen);
    if reading.fatal.is_some() {
        return Means::Fatal;
    }
    if let Some(seen) = reading.dialog {
        return Means::Dialog(seen.dialog.name.clone(), seen.selected, seen.dialog.consent.clone());
    }
    match (reading.waiting, reading.box_open, reading.working, reading.landed, reading.box_empty) {
        (Some(on), ..) => Means::Waiting(on),
        (None, Some(true), false, Some(false), Some(true)) => Means::Open,
        (None, Some(true), false, Some(true), Some(false)) => Means::Landed,
        (None, Some(true), true, Some(true), Some(false)) => Means::LandedWorking,
        (None, Some(true), true, Some(false), Some(true)) => Means::Working,
        (None, Some(false), false, ..) => Means::NoBox,
        other => panic!("{other:?} on\n{screen}"),
    }
}

/// Every recorded screen of `program`, and none besides, means what `wanted` says.
#[track_caller]
fn check(name: &str, program: &str, wanted: &[(&str, Means)]) {
    let spec = spec(name);
    assert_eq!(format!("{name}-{}", spec.seen_on.as_deref().unwrap()), program, "recorded on the version it names");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(program);
    let files: BTreeSet<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, wanted.iter().map(|(screen, _)| format!("{screen}.txt")).collect());
    for (screen, means) in wanted {
        let text = fs::read_to_string(folder.join(format!("{screen}.txt"))).unwrap();
        assert_eq!(&meaning(&spec, &text), means, "{screen}: {:#?}", seen(&spec, &text));
    }
}

#[test]
fn c24_c27_claudes_screens_are_read_for_what_they_are() {
    let wanted = [
        ("api-key", dialog("api-key", false, "api_key")),
        ("api-key-selected", dialog("api-key", true, "api_key")),
        ("auto-mode", dialog("auto-mode", false, "")),
        ("auto-mode-selected", dialog("auto-mode", true, "")),
        ("box-bypass", Means::Open),
        ("box-empty", Means::Open),
        ("box-empty-manual", Means::Open),
        ("busy-pasted", Means::LandedWorking),
        ("bypass", dialog("bypass-permissions", false, "bypass_permissions")),
        ("bypass-selected", dialog("bypass-permissions", true, "bypass_permissions")),
        ("done", Means::Open),
        ("error", Means::Open),
        ("error-401", Means::Working),
        ("error-retrying", Means::Working),
        ("interrupted", Means::Open),
        ("login", Means::Fatal),
        ("no-login", Means::Fatal),
        ("offline", Means::NoBox),
        ("pasted", Means::Landed),
        ("pasted-inline", Means::Landed),
        ("permission-bash", waiting("Do you want to proceed?")),
        ("project-mcp", dialog("project-mcp", false, "project_mcp")),
        ("project-mcp-selected", dialog("project-mcp", true, "project_mcp")),
        ("project-mcp-stepped", dialog("project-mcp", false, "project_mcp")),
        ("security", dialog("security-notes", true, "")),
        ("theme", dialog("theme", true, "")),
        ("trust-folder", dialog("folder-trust", false, "trust_folder")),
        ("trust-folder-selected", dialog("folder-trust", true, "trust_folder")),
        ("working", Means::Working),
    ];
    check("claude", "claude-2.1.330", &wanted);
}

/// C46b: titles as they were seen. Claude's at rest stands over its questions, too.
#[test]
fn c46b_their_titles_are_read_for_what_they_say() {
    let read = |name: &str, title: &str| spec(name).turn.title.read(title);
    for (title, says) in [
        ("✳ Claude Code", Some(TitleSays::Idle)),
        ("◐ Claude Code", Some(TitleSays::Working)),
        ("◑ Made up", Some(TitleSays::Working)),
        ("Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA", None),
        ("", None),
    ] {
        assert_eq!(read("claude", title), says, "{title}");
    }
    for (title, says) in [
        ("ada", Some(TitleSays::Idle)),
        ("Made up | ada", Some(TitleSays::Idle)),
        ("⠋ Made up | ada", Some(TitleSays::Working)),
        ("[ ! ] Action Required | ada", Some(TitleSays::Waiting)),
        ("[ . ] Action Required | ada", Some(TitleSays::Waiting)),
    ] {
        assert_eq!(read("codex", title), says, "{title}");
    }
}

#[test]
fn c24_c27_codexs_screens_are_read_for_what_they_are() {
    let wanted = [
        ("box-empty", Means::Open),
        ("done", Means::Open),
        ("error", Means::Open),
        ("error-retrying", Means::Working),
        ("hook-trust", dialog("hook-trust", false, "hook_trust")),
        ("hook-trust-selected", dialog("hook-trust", true, "hook_trust")),
        ("interrupted", Means::Open),
        ("login", Means::Fatal),
        ("pasted", Means::Landed),
        ("pasted-inline", Means::Landed),
        ("permission-bash", waiting("Would you like to run the following command?")),
        ("resumed", Means::Open),
        ("trust-folder", dialog("folder-trust", true, "trust_folder")),
        ("working", Means::Working),
    ];
    check("codex", "codex-0.169.0", &wanted);
}

/// What `make agents` installs is what the patterns were recorded on.
#[test]
fn the_real_programs_are_tested_in_the_version_the_files_name() {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agents/package.json");
    let packages: serde_json::Value = serde_json::from_str(&fs::read_to_string(packages).unwrap()).unwrap();
    for (name, package) in [("claude", "@anthropic-ai/claude-code"), ("codex", "@openai/codex")] {
        assert_eq!(packages["dependencies"][package].as_str(), spec(name).seen_on.as_deref(), "{package}");
    }
}

/// C27: what a message or a model says is indented, and cannot be taken for what the program asks or does.
#[test]
fn c27_words_of_a_conversation_are_no_dialog_and_no_turn() {
    let said = "  Do you want to proceed?\n   ❯ 1. Yes\n  foo · esc to interrupt\n  ✻ Thinking… (3s)\n  Quick safety check: x\n  \
                ❯ Yes, I trust this folder\n  Would you like to run the following command?\n  • Working (3s\n  › 1. Yes\n";
    for (name, program, opening) in [("claude", "claude-2.1.330", "❯ hello\n"), ("codex", "codex-0.169.0", "› hello\n")]
    {
        let screens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(program);
        let open = fs::read_to_string(screens.join("box-empty.txt")).unwrap();
        assert_eq!(meaning(&spec(name), &format!("{opening}{said}\n{open}")), Means::Open, "{name}");
    }
}

const LINE: &str = "[from user:ada] message 01JD9ABC, attempt 1, 2026-11-22 14:05:10 +01:00";

struct Record {
    dir: tempfile::TempDir,
    spec: Arc<Spec>,
    values: Values,
    file: PathBuf,
}

impl Record {
    fn of(name: &str, file: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("work");
        fs::create_dir_all(&folder).unwrap();
        let file = dir.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let values = Values {
            cwd: folder,
            claude_config_dir: dir.path().join(".claude"),
            codex_home: dir.path().join(".codex"),
            session_uuid: "u-1".to_owned(),
            ..Values::default()
        };
        Self { spec: spec(name), values, file, dir }
    }

    fn append(&self, text: &str) {
        append(&self.file, text);
    }

    fn holds(&self) -> bool {
        holds_since(&self.spec, &self.values, None, LINE).unwrap()
    }
}

fn append(file: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}

/// C14: a reply, a tool's result, a helper's task and a summary may all quote a message that was never taken.
#[test]
fn c14_of_claudes_record_only_what_the_user_said_is_proof() {
    let record = Record::of("claude", ".claude/projects/-work/u-1.jsonl");
    let quotes = [
        r#"{"type":"assistant","isSidechain":false,"message":{"role":"assistant","content":[{"type":"text","text":"LINE"}]}}"#,
        r#"{"type":"user","isSidechain":false,"message":{"role":"user","content":[{"type":"tool_result","content":"LINE"}]}}"#,
        r#"{"type":"user","isSidechain":true,"message":{"role":"user","content":"LINE"}}"#,
        r#"{"type":"user","isMeta":true,"message":{"role":"user","content":"LINE"}}"#,
        r#"{"type":"user","isCompactSummary":true,"message":{"role":"user","content":"LINE"}}"#,
        r#"{"type":"queue-operation","operation":"enqueue","content":"LINE"}"#,
        r#"{"type":"api-request-blob","message":{"role":"user","content":[{"type":"text","text":"LINE"}]}}"#,
        r#"{"type":"last-prompt","lastPrompt":"LINE"}"#,
        "LINE",
    ];
    for quote in quotes {
        record.append(&format!("{}\n", quote.replace("LINE", LINE)));
        assert!(!record.holds(), "{quote}");
    }
    let said = [
        r#"{"type":"user","promptSource":"typed","isSidechain":false,"message":{"role":"user","content":"LINE\nbody"}}"#,
        r#"{"type":"user","isSidechain":false,"message":{"role":"user","content":[{"type":"text","text":"LINE\nbody"}]}}"#,
    ];
    for entry in said {
        fs::write(&record.file, format!("{}\n", entry.replace("LINE", LINE))).unwrap();
        assert!(record.holds(), "{entry}");
    }
}

/// C14: a line that is not whole yet is read again once it is.
#[test]
fn c14_an_entry_that_is_written_in_pieces_counts_when_it_is_whole() {
    let record = Record::of("claude", ".claude/projects/-work/u-1.jsonl");
    let mut search = RecordSearch::new(&record.spec, &record.values, None, LINE);
    let entry = format!("{{\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":\"{LINE}\\nbo");
    record.append(&entry);
    assert!(!search.found().unwrap(), "torn");
    record.append("dy\"}}");
    assert!(!search.found().unwrap(), "its newline is not there");
    record.append("\n");
    assert!(search.found().unwrap());
}

/// C14: a record that names the message shows that it was taken; only an entry that is the whole of it, but for what the
/// program is known to do to a text, shows that nothing was added to it or lost.
#[test]
fn c14_of_an_entry_it_is_said_whether_it_is_the_whole_message() {
    let said = |text: &str| {
        format!("{}\n", serde_json::json!({ "type": "user", "message": { "role": "user", "content": text } }))
    };
    let typed = format!("{LINE}\n\tbody ✓ \u{241b}[201~\n");
    for (program, file, entry) in [
        ("claude", ".claude/projects/-work/u-1.jsonl", &said as &dyn Fn(&str) -> String),
        ("codex", ".codex/sessions/2026/11/22/rollout-2026-11-22T10-00-00-a.jsonl", &|text| codex_says("user", text)),
    ] {
        let record = Record::of(program, file);
        let start = if program == "codex" { codex_meta(&record.values.cwd) } else { String::new() };
        let print = TextPrint::of(&record.spec.input.normalised(&typed));
        let exact = |text: &str, print: Option<TextPrint>| {
            fs::write(&record.file, format!("{start}{}", entry(text))).unwrap();
            let mut search = RecordSearch::new(&record.spec, &record.values, None, LINE);
            assert!(search.found().unwrap(), "{program}: {text}");
            search.is_exact(print)
        };
        let as_the_program_has_it = record.spec.input.normalised(&typed).into_owned();
        assert!(exact(&as_the_program_has_it, Some(print)), "{program}");
        assert!(exact(&typed, Some(print)), "{program}: compared after what it does to a text");
        for other in [format!("so {typed}"), format!("{typed}and more"), LINE.to_owned(), typed.replace('✓', "?")] {
            assert!(!exact(&other, Some(print)), "{program}: {other}");
        }
        assert!(!exact(&typed, None), "{program}: nobody knows what was typed");
    }
}

fn codex_meta(folder: &Path) -> String {
    format!("{{\"type\":\"session_meta\",\"payload\":{{\"id\":\"x\",\"cwd\":{}}}}}\n", serde_json::json!(folder))
}

fn codex_says(role: &str, text: &str) -> String {
    let content = serde_json::json!([{ "type": "input_text", "text": text }]);
    let payload = serde_json::json!({ "type": "message", "role": role, "content": content });
    format!("{}\n", serde_json::json!({ "type": "response_item", "payload": payload }))
}

/// C14: Codex keeps the conversations of all peers in one place, and names a new one's file when it begins: what counts
/// is in this peer's folder, whichever file was the newest before the paste.
#[test]
fn c14_codexs_record_is_found_among_those_of_other_peers() {
    let record = Record::of("codex", ".codex/sessions/2026/11/22/rollout-2026-11-22T10-00-00-a.jsonl");
    record.append(&codex_meta(&record.values.cwd));
    let marked = mark(&record.spec, &record.values).unwrap();
    assert_eq!((&marked.path, marked.offset), (&record.file, fs::metadata(&record.file).unwrap().len()));
    let beside = |name: &str| record.file.with_file_name(format!("rollout-{name}.jsonl"));

    let elsewhere = beside("2026-11-22T11-00-00-b");
    append(&elsewhere, &codex_meta(record.dir.path()));
    append(&elsewhere, &codex_says("user", LINE));
    assert_eq!(mark(&record.spec, &record.values).unwrap().path, record.file, "the other is not this folder's");
    let mut search = RecordSearch::new(&record.spec, &record.values, Some(&marked), LINE);
    assert!(!search.found().unwrap(), "another peer's conversation");

    let new = beside("2026-11-22T12-00-00-c");
    append(&new, &codex_meta(&record.values.cwd));
    append(&new, &codex_says("developer", LINE));
    assert!(!search.found().unwrap(), "the program's own words");
    append(&new, &codex_says("user", &format!("{LINE}\nbody")));
    assert!(search.found().unwrap(), "a conversation that began after the mark");
}
