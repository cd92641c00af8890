//! Runtime files: what parses, what is refused and where the error points.

use std::path::{Path, PathBuf};

use dormouse::model::event::RuntimeKind;
use dormouse::model::name::Runtime;
use dormouse::model::session::WakeMode;
use dormouse::runtime::placeholders::{PlaceholderError, Secret, Values};
use dormouse::runtime::spec::{Normalise, TitleSays, TranscriptFormat, TurnSource, WhileBusy};
use dormouse::runtime::{KeyProblem, RuntimeFileError, Runtimes, Spec, parse};

const SMALLEST: &str = r#"argv = ["sh", "-c", "exec cat >> inbox.txt"]
[input]
bracketed_paste = false
submit = ""
[proof]
transcript = "{cwd}/inbox.txt"
"#;

/// A file that uses every key there is.
const WHOLE: &str = r#"
kind = "tui"
seen_on = "2.1.330"
argv = ["claude", "--session-id", "{session_uuid}", "--mcp", "{mcp_url}"]
resume_argv = ["claude", "--resume", "{resume_ref}"]
version_argv = ["claude", "--version"]
unset = ["CLAUDECODE", "CLAUDE_CODE_SESSION_ID"]
env = { KEY = "{home}/value" }

[input]
bracketed_paste = true
screen = '(?m)^─{20,}.*\n❯\s'
empty = '(?m)^❯\s*$'
clear = ["C-u"]
landed = '(?m)^❯ \[Pasted text'
submit = "Enter"
while_busy = "deliver"
normalise = ["tabs_to_4_spaces", "trim_end"]
prefix = "[from {sender}] "

[proof]
hook = true
transcript = "{home}/.claude/projects/*/{session_uuid}.jsonl"
format = "claude"
screen = 'thinking'
keys = false

[turn]
source = ["hooks", "status_file", "transcript", "terminal", "title", "screen"]
title_working = '^busy'
title_waiting = '^asks'
title_idle = '.'
working = '(?m)esc to interrupt'
waiting = '(?m)Do you want to (proceed|create|make this edit)'

[[dialog]]
name = "folder-trust"
screen = 'Quick safety check'
select = '(?m)^\s*❯ Yes'
step = "Down"
confirm = "Enter"
settle = "400ms"
consent = "trust_folder"

[[dialog]]
name = "notice"
screen = 'Press Enter to continue'

[[fatal]]
screen = 'Select login method'
says = "not signed in: run `claude` once and log in"

[limits]
boot_deadline = "4m"
ready_deadline = "1m30s"

[verbs]
exit = ["C-d", "C-d"]
"#;

fn runtime(name: &str) -> Runtime {
    Runtime::new(name).unwrap()
}

fn read(text: &str) -> Result<Spec, RuntimeFileError> {
    parse(&runtime("mine"), text, Path::new("mine.toml"))
}

/// The line of `text` that begins with `start`, from 1.
fn line_of(text: &str, start: &str) -> usize {
    1 + text.lines().position(|line| line.starts_with(start)).unwrap()
}

/// The line, key and message of the error that `text` is refused with.
fn refused(text: &str) -> (usize, String, String) {
    let error = read(text).expect_err("it must be refused");
    match &error {
        RuntimeFileError::Key { line, key, .. } => (*line, key.clone(), error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_smallest_file_parses_with_the_documented_defaults() {
    let spec = read(SMALLEST).unwrap();
    assert_eq!(spec.kind, RuntimeKind::Tui);
    assert_eq!(spec.argv, ["sh", "-c", "exec cat >> inbox.txt"]);
    assert!(spec.resume_argv.is_none());
    assert!(!spec.input.bracketed_paste);
    assert_eq!(spec.input.submit, "");
    assert_eq!(spec.input.while_busy, WhileBusy::Wait);
    assert_eq!(spec.input.prefix, "[from {sender}] ");
    assert!(spec.input.screen.is_none() && spec.input.empty.is_none() && spec.input.landed.is_none());
    assert_eq!(spec.proof.transcript.as_deref(), Some("{cwd}/inbox.txt"));
    assert_eq!(spec.proof.format, TranscriptFormat::Text);
    assert!(spec.turn.source.is_empty());

    let plain = read("argv = ['cat']\n[proof]\nkeys = true").unwrap();
    assert!(plain.input.bracketed_paste);
    assert_eq!(plain.input.submit, "Enter");
    let router = read("kind = 'router'\nargv = ['cat']\n[proof]\nkeys = true").unwrap();
    assert_eq!((router.kind, router.input.submit.as_str()), (RuntimeKind::Router, "C-j"));
}

#[test]
fn a_file_with_every_key_parses() {
    let spec = read(WHOLE).unwrap();
    assert_eq!(spec.seen_on.as_deref(), Some("2.1.330"));
    assert_eq!(spec.unset, ["CLAUDECODE", "CLAUDE_CODE_SESSION_ID"]);
    assert_eq!(spec.input.normalise, [Normalise::TabsTo4Spaces, Normalise::TrimEnd]);
    assert_eq!(spec.input.while_busy, WhileBusy::Deliver);
    assert_eq!(spec.proof.format, TranscriptFormat::Claude);
    assert_eq!(spec.turn.source.len(), 6);
    assert_eq!(spec.turn.source[3], TurnSource::Terminal);
    let [trust, notice] = &spec.dialogs[..] else { panic!("{:?}", spec.dialogs) };
    assert_eq!((trust.name.as_str(), trust.consent.as_deref()), ("folder-trust", Some("trust_folder")));
    assert_eq!((notice.step.as_str(), notice.confirm.as_str()), ("Down", "Enter"));
    assert!(notice.select.is_none() && notice.consent.is_none());
    assert_eq!((trust.settle_ms, notice.settle_ms), (400, 0));
    assert_eq!(spec.limits.boot_deadline_ms, Some(240_000));
    assert_eq!(spec.limits.ready_deadline_ms, Some(90_000));
    assert_eq!(spec.input.normalised("a\tb \n"), "a    b");
}

#[test]
fn an_error_names_file_line_and_key() {
    let (line, key, says) = refused(&SMALLEST.replace("submit", "sumbit"));
    assert_eq!((line, key.as_str()), (4, "input.sumbit"), "{says}");
    assert!(says.starts_with("mine.toml:4: `input.sumbit`: unknown field"), "{says}");

    let (line, key, says) = refused(&SMALLEST.replace("false", "'no'"));
    assert_eq!((line, key.as_str()), (3, "input.bracketed_paste"), "{says}");

    let (line, key, says) = refused(&WHOLE.replace("name = \"notice\"", "name = \"folder-trust\""));
    assert_eq!((line, key.as_str()), (line_of(WHOLE, "name = \"notice\""), "dialog[1].name"), "{says}");
    let (line, key, says) = refused(&WHOLE.replace("screen = 'Press Enter to continue'", ""));
    assert_eq!((line, key.as_str()), (line_of(WHOLE, "name = \"notice\"") - 1, "dialog[1]"), "{says}");

    let (_, key, says) = refused(&WHOLE.replace("says = ", "sais = "));
    assert_eq!(key, "fatal[0].sais", "{says}");
    let (line, key, says) = refused("argv = ['cat', 5]\n[proof]\nkeys = true");
    assert_eq!((line, key.as_str()), (1, "argv[1]"), "{says}");
}

#[test]
fn a_format_is_known_and_has_a_transcript() {
    let (line, key, says) = refused(&WHOLE.replace("format = \"claude\"", "format = \"cloud\""));
    assert_eq!((line, key.as_str()), (line_of(WHOLE, "format = "), "proof.format"));
    assert!(says.ends_with("expected `text`, `claude` or `codex`, found `cloud`"), "{says}");
    let (line, key, says) = refused("argv = ['cat']\n[proof]\nkeys = true\nformat = 'codex'");
    assert_eq!((line, key.as_str()), (4, "proof.format"), "{says}");
    let (line, key, says) = refused(
        "argv = ['cat']\n[proof]\nkeys = true\n[sign_in]\nsays = 'log in'\nconfig = { path = '{home}/it', format = 'ini' }",
    );
    assert_eq!((line, key.as_str()), (6, "sign_in.config.format"), "{says}");
    assert!(says.ends_with("expected `codex`, found `ini`"), "{says}");
}

/// C46b: a title is asked from what needs a person down to rest, and one that never tells of an end tells nothing.
#[test]
fn c46b_a_title_is_read_by_its_patterns() {
    let title = read(WHOLE).unwrap().turn.title;
    let read_as = ["busy, asks", "asks", "anything", ""].map(|text| title.read(text));
    assert_eq!(read_as, [Some(TitleSays::Working), Some(TitleSays::Waiting), Some(TitleSays::Idle), None]);
    let (_, key, says) = refused(&WHOLE.replace("title_idle = '.'\n", ""));
    assert_eq!(key, "turn.source[4]");
    assert!(says.contains("`title_idle`"), "{says}");
}

/// C27: keys that leave a program go into its box, so that has to be known.
#[test]
fn c27_keys_that_leave_a_program_need_a_box() {
    assert_eq!(read(WHOLE).unwrap().verbs.exit, ["C-d", "C-d"]);
    let (_, key, says) = refused("argv = ['cat']\n[proof]\nkeys = true\n[verbs]\nexit = ['C-d']");
    assert_eq!(key, "verbs.exit[0]");
    assert!(says.contains("`screen` in [input]"), "{says}");
    assert_eq!(refused(&WHOLE.replace("exit = [\"C-d\"", "exit = [\"\"")).1, "verbs.exit[0]");
}

#[test]
fn a_time_to_settle_is_a_duration() {
    let (line, key, says) = refused(&WHOLE.replace("settle = \"400ms\"", "settle = \"soon\""));
    assert_eq!((line, key.as_str()), (line_of(WHOLE, "settle = "), "dialog[0].settle"), "{says}");
}

#[test]
fn a_bad_pattern_is_refused_with_its_key_and_line() {
    let (line, key, says) = refused(&WHOLE.replace("'thinking'", "'(thin'"));
    assert_eq!((line, key.as_str()), (line_of(WHOLE, "screen = 'thinking'"), "proof.screen"));
    assert_eq!(says, format!("mine.toml:{line}: `proof.screen`: no pattern: unclosed group"));
    let (_, key, _) = refused(&WHOLE.replace(r"'(?m)^\s*❯ Yes'", "'*'"));
    assert_eq!(key, "dialog[0].select");
    let (_, key, _) = refused(&WHOLE.replace("/*/", "/***/"));
    assert_eq!(key, "proof.transcript");
}

#[test]
fn an_unknown_placeholder_is_refused() {
    for (found, key) in [
        (SMALLEST.replace("exec cat", "exec {cat}"), "argv[2]"),
        (SMALLEST.replace("{cwd}", "{folder}"), "proof.transcript"),
        (WHOLE.replace("{home}/value", "{house}"), "env.KEY"),
        (WHOLE.replace("{resume_ref}", "{resume}"), "resume_argv[2]"),
        (WHOLE.replace("{session_uuid}\", \"--mcp", "{resume_ref}\", \"--mcp"), "argv[2]"),
    ] {
        assert_eq!(refused(&found).1, key);
    }
}

/// C62: arguments can be read by everybody on the machine, an environment by its owner.
#[test]
fn c62_a_sessions_secret_may_stand_in_the_environment_alone() {
    for (found, key) in [
        (SMALLEST.replace("exec cat", "exec cat # {session_secret}"), "argv[2]"),
        (SMALLEST.replace("{cwd}", "{session_secret}"), "proof.transcript"),
        (WHOLE.replace("{resume_ref}", "{session_secret}"), "resume_argv[2]"),
    ] {
        let (_, found, says) = refused(&found);
        assert_eq!(found, key);
        assert!(says.contains("may stand in `env` alone"), "{says}");
    }
    let spec = read(&WHOLE.replace("{home}/value", "Bearer {session_secret}")).unwrap();
    assert_eq!(spec.environment(&values(), secret()).unwrap()["KEY"], "Bearer 5ec7e7");
    assert!(!format!("{:?}", secret()).contains("5ec7e7"), "no diagnostics show it");
    let literal = read(&SMALLEST.replace("exec cat", "exec cat # {{session_secret}}")).unwrap();
    assert!(literal.argv[2].contains("{{session_secret}}"));
}

/// C14: without any proof no message could ever be called delivered.
#[test]
fn c14_a_file_without_any_proof_is_refused() {
    for text in ["argv = ['cat']", "argv = ['cat']\n[proof]", "argv = ['cat']\n[proof]\nhook = false\nkeys = false"] {
        assert!(matches!(read(text), Err(RuntimeFileError::NoProof { .. })), "{text}");
    }
}

/// C27: the text never starts with a character the program gives a meaning to, nor with a sender's own words.
#[test]
fn c27_a_prefix_that_is_a_command_is_refused() {
    let with = |prefix: &str| read(&format!("argv = ['cat']\n[input]\nprefix = {prefix}\n[proof]\nkeys = true"));
    for prefix in ["'!{sender} '", "'/from {sender} '", "'  /x'", "'{sender}: '", r#""a\nb""#, "'{who}: '"] {
        let error = with(prefix).expect_err(prefix);
        assert!(matches!(&error, RuntimeFileError::Key { line: 3, key, .. } if key == "input.prefix"), "{error}");
    }
    assert_eq!(with("'peer {sender}: '").unwrap().input.prefix, "peer {sender}: ");
}

#[test]
fn what_is_no_toml_or_lacks_its_program_is_refused() {
    assert!(matches!(read("argv = [\n"), Err(RuntimeFileError::Syntax { .. })));
    let error = read("[proof]\nkeys = true").unwrap_err();
    assert_eq!(error.to_string(), "mine.toml:1: missing field `argv`");
    assert_eq!(refused("argv = []\n[proof]\nkeys = true").1, "argv");
    let error = read("argv = ['cat']\n[proof]\nkeys = true\n[limits]\nboot_deadline = 'soon'").unwrap_err();
    let problem = matches!(&error, RuntimeFileError::Key { line: 5, problem: KeyProblem::Duration(_), .. });
    assert!(problem, "{error}");
}

fn values() -> Values {
    Values {
        cwd: "/work".into(),
        home: "/home/ada".into(),
        dormouse: "/bin/dormouse".into(),
        session_uuid: "u-1".to_owned(),
        personality: "ada".to_owned(),
        mcp_url: Some("http://127.0.0.1:1/mcp".to_owned()),
        ..Values::default()
    }
}

fn secret() -> Secret {
    Secret("5ec7e7".to_owned())
}

#[test]
fn a_program_is_filled_in_and_the_peers_arguments_follow_as_they_are() {
    let spec = read(WHOLE).unwrap();
    let extra = ["--model".to_owned(), "{cwd}".to_owned()];
    let fresh = spec.program(&WakeMode::Fresh, &values(), &extra).unwrap();
    assert_eq!(fresh, ["claude", "--session-id", "u-1", "--mcp", "http://127.0.0.1:1/mcp", "--model", "{cwd}"]);
    let resumed = spec.program(&WakeMode::Resumed { resume_ref: "r-9".to_owned() }, &values(), &[]).unwrap();
    assert_eq!(resumed, ["claude", "--resume", "r-9"]);
    assert_eq!(spec.environment(&values(), secret()).unwrap()["KEY"], "/home/ada/value");

    let no_value = Values { mcp_url: None, ..values() };
    assert!(matches!(
        spec.program(&WakeMode::Fresh, &no_value, &[]),
        Err(PlaceholderError::NoValue { name, .. }) if name == "mcp_url"
    ));
    assert!(matches!(
        read(SMALLEST).unwrap().program(&WakeMode::Resumed { resume_ref: "r".to_owned() }, &values(), &[]),
        Err(PlaceholderError::CannotResume { .. })
    ));
}

#[test]
fn braces_that_are_no_placeholders_are_left_alone() {
    let text = r#"argv = ["sh", "-c", "echo ${cwd} {{cwd}} {print $1} {} '{{.Name}}' {personality}"]
[proof]
keys = true"#;
    let argv = read(text).unwrap().program(&WakeMode::Fresh, &values(), &[]).unwrap();
    assert_eq!(argv[2], "echo ${cwd} {cwd} {print $1} {} '{{.Name}}' ada");
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_not_utf8_is_refused_not_mangled() {
    use std::os::unix::ffi::OsStrExt;
    let spec = read("argv = ['cat', '{cwd}']\n[proof]\nkeys = true").unwrap();
    let cwd = PathBuf::from(std::ffi::OsStr::from_bytes(b"/work/\xff"));
    let error = spec.program(&WakeMode::Fresh, &Values { cwd, ..values() }, &[]).unwrap_err();
    assert!(matches!(error, PlaceholderError::NotUnicode { .. }), "{error}");
}

#[test]
fn some_runtimes_are_built_in_and_a_users_file_replaces_one() {
    let dir = tempfile::tempdir().unwrap();
    let missing = Runtimes::load(&dir.path().join("none")).unwrap();
    let demo = missing.get(&runtime("demo")).unwrap();
    assert_eq!(demo.turn.source, [TurnSource::Terminal]);
    assert!(missing.text(&runtime("demo")).unwrap().contains("demo-agent"));
    assert_eq!(missing.file(&runtime("demo")), None);

    std::fs::write(dir.path().join("demo.toml"), SMALLEST).unwrap();
    std::fs::write(dir.path().join("mine.toml"), WHOLE).unwrap();
    std::fs::write(dir.path().join("mine.toml~"), "not read").unwrap();
    std::fs::write(dir.path().join(".mine.toml"), "not read").unwrap();
    let runtimes = Runtimes::load(dir.path()).unwrap();
    assert_eq!(runtimes.names().map(Runtime::as_str).collect::<Vec<_>>(), ["claude", "codex", "demo", "mine"]);
    assert_eq!(runtimes.get(&runtime("demo")).unwrap().argv[0], "sh");
    assert_eq!(runtimes.text(&runtime("demo")), Some(SMALLEST));
    assert_eq!(runtimes.file(&runtime("demo")), Some(dir.path().join("demo.toml").as_path()));
    assert!(runtimes.get(&runtime("other")).is_none());

    std::fs::write(dir.path().join("Bad-Name.toml"), SMALLEST).unwrap();
    assert!(matches!(Runtimes::load(dir.path()), Err(RuntimeFileError::Name { .. })));
}

/// C3a, C51: read again, a file that is not in order leaves its runtime as it was, and all others are read.
#[test]
fn c51_runtimes_that_are_read_again_keep_the_last_good_form_of_each() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    put("mine.toml", SMALLEST);
    let first = Runtimes::load(dir.path()).unwrap();
    for name in ["mine.toml", "codex.toml", "new.toml", "Bad-Name.toml"] {
        put(name, "argv = [\"cat\"]\nargh = 1\n");
    }
    put("demo.toml", SMALLEST);
    let (again, broken) = first.again(dir.path()).unwrap();
    let files: Vec<_> = broken.iter().map(|broken| broken.file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(files, ["Bad-Name.toml", "codex.toml", "mine.toml", "new.toml"]);
    assert!(broken[2].error.to_string().contains("mine.toml:2: `argh`"), "{}", broken[2].error);
    assert_eq!(broken.iter().map(|broken| broken.kept).collect::<Vec<_>>(), [false, true, true, false]);
    assert_eq!(again.names().map(Runtime::as_str).collect::<Vec<_>>(), ["claude", "codex", "demo", "mine"]);
    assert_eq!(again.text(&runtime("mine")), Some(SMALLEST));
    assert_eq!(again.get(&runtime("demo")).unwrap().argv[0], "sh", "which is in order");
    assert_eq!(again.file(&runtime("codex")), None, "as it was before there was a file");

    std::fs::remove_file(dir.path().join("mine.toml")).unwrap();
    let (gone, _) = again.again(dir.path()).unwrap();
    assert!(gone.get(&runtime("mine")).is_none(), "a file that is taken away is not one that broke");
}

/// C46a: a runtime whose turns only its screen shows has them judged.
#[test]
fn c46a_only_sources_beyond_the_screen_tell_turns() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("looks.toml"), format!("{SMALLEST}[turn]\nsource = ['screen']\n")).unwrap();
    let traits = Runtimes::load(dir.path()).unwrap().traits();
    let told: Vec<_> = traits.iter().map(|row| (row.name.as_str(), row.tells_turns, row.can_resume)).collect();
    assert_eq!(told, [("claude", true, true), ("codex", true, true), ("demo", true, true), ("looks", false, false)]);
}
