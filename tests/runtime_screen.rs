//! What patterns see on a screen (C24, C27).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dormouse::model::name::Runtime;
use dormouse::runtime::screen::{read, seen};
use dormouse::runtime::{Runtimes, Spec, parse};

fn demo() -> Arc<Spec> {
    let none = tempfile::tempdir().unwrap();
    Runtimes::load(none.path()).unwrap().get(&Runtime::new("demo").unwrap()).unwrap()
}

fn agent() -> Spec {
    let text = r#"
argv = ["agent"]
[input]
screen = '(?m)^─{20,}.*\n❯(\s|$)'
empty = '(?m)^❯[ \u{a0}]*$'
landed = '(?m)^❯ \[Pasted text'
[proof]
keys = true
[turn]
working = 'esc to interrupt'
waiting = '(?m)Do you want to (proceed|create)'
[[dialog]]
name = "theme"
screen = 'Choose the text style'
[[dialog]]
name = "trust"
screen = 'Quick safety check'
select = '(?m)^\s*❯ Yes'
consent = "trust_folder"
[[fatal]]
screen = 'Select login method'
says = "not signed in"
"#;
    parse(&Runtime::new("agent").unwrap(), text, Path::new("agent.toml")).unwrap()
}

const RULE: &str = "────────────────────────────────────────";

fn with_box(above: &str, contents: &str) -> String {
    format!("{above}\n{RULE}\n❯{contents}\n{RULE}\n  status line\n\n\n")
}

/// C27: nothing is typed unless the box is known to be open and empty; tmux drops the blank behind the mark.
#[test]
fn c27_the_demo_agents_box_is_seen_with_and_without_trailing_blanks() {
    let spec = demo();
    for contents in ["", " ", "      "] {
        let screen = with_box("❯ an older message\n● done", contents);
        let reading = read(&spec, &screen);
        assert_eq!((reading.box_open, reading.box_empty, reading.landed), (Some(true), Some(true), Some(false)));
    }
    let screen = with_box("", " [pasted 12 lines]");
    let reading = read(&spec, &screen);
    assert_eq!((reading.box_open, reading.box_empty, reading.landed), (Some(true), Some(false), Some(true)));
    let screen = with_box("", " half a thou");
    let reading = read(&spec, &screen);
    assert_eq!((reading.box_open, reading.box_empty, reading.landed), (Some(true), Some(false), Some(false)));
}

/// C27: what an older message looked like says nothing of the box.
#[test]
fn c27_older_lines_above_the_box_do_not_count_as_its_contents() {
    let spec = demo();
    let screen = with_box("❯ [pasted 3 lines]\n❯\n● done", " half a thou");
    let reading = read(&spec, &screen);
    assert_eq!((reading.box_empty, reading.landed), (Some(false), Some(false)));
}

#[test]
fn without_a_box_it_is_neither_empty_nor_has_anything_landed() {
    let spec = demo();
    let reading = read(&spec, "❯\n[pasted 3 lines]\nstarting");
    assert_eq!((reading.box_open, reading.box_empty, reading.landed), (Some(false), Some(false), Some(false)));
    let plain =
        parse(&Runtime::new("cat").unwrap(), "argv=['cat']\n[proof]\nkeys=true", Path::new("cat.toml")).unwrap();
    let reading = read(&plain, "anything");
    assert_eq!((reading.box_open, reading.box_empty, reading.landed), (None, None, None));
}

/// C24: only what is seen selected is confirmed, and a dialog that preselects refusal is not.
#[test]
fn c24_a_dialog_is_confirmed_only_when_the_selection_is_seen() {
    let spec = agent();
    let refusing = "Accessing workspace:\n Quick safety check: is this yours?\n\n ❯ No, exit\n   Yes, I trust it\n";
    let seen = read(&spec, refusing).dialog.expect("the dialog");
    assert_eq!((seen.dialog.name.as_str(), seen.selected), ("trust", false));
    assert_eq!(seen.line, " Quick safety check: is this yours?");
    let accepting = refusing.replace("❯ No", "  No").replace("  Yes", "❯ Yes");
    let seen = read(&spec, &accepting).dialog.expect("the dialog");
    assert_eq!((seen.selected, seen.line.trim()), (true, "❯ Yes, I trust it"));
}

/// C24: a selection above the dialog is an older one, or a line somebody wrote.
#[test]
fn c24_a_selection_above_the_dialog_is_not_this_ones() {
    let screen = "❯ Yes, do that\n● done\n Quick safety check\n ❯ No, exit\n   Yes, I trust it\n";
    assert!(!read(&agent(), screen).dialog.expect("the dialog").selected);
}

/// C24: the lowest of several dialogs is the one that is open; one above an open box has been answered.
#[test]
fn c24_the_lowest_dialog_wins_and_none_is_seen_above_an_open_box() {
    let spec = agent();
    let both = "Choose the text style\n ❯ Dark\n\nQuick safety check\n ❯ No, exit\n";
    assert_eq!(read(&spec, both).dialog.expect("a dialog").dialog.name, "trust");
    let other = "Quick safety check\n ❯ No, exit\n\nChoose the text style\n ❯ Dark\n";
    let seen = read(&spec, other).dialog.expect("a dialog");
    assert_eq!((seen.dialog.name.as_str(), seen.selected), ("theme", true), "nothing is to be selected in it");
    let screen = with_box(both, " ");
    let reading = read(&spec, &screen);
    assert!(reading.dialog.is_none() && reading.box_open == Some(true), "{reading:?}");
}

/// C24: a login screen ends the boot.
#[test]
fn c24_a_fatal_screen_is_seen_with_what_it_says() {
    let spec = agent();
    assert_eq!(
        read(&spec, "  Select login method:\n ❯ 1.").fatal.map(|fatal| fatal.says.as_str()),
        Some("not signed in")
    );
    assert!(read(&spec, &with_box("Select login method:", " ")).fatal.is_none(), "somebody wrote of it");
}

/// C46: who waits for a person or works is neither idle nor typed into.
#[test]
fn c46_waiting_and_working_are_seen() {
    let spec = agent();
    let reading = read(&spec, "Bash\n  Do you want to proceed?\n ❯ 1. Yes\n");
    assert_eq!(reading.waiting.as_deref(), Some("Do you want to proceed?"));
    assert!(!reading.working);
    assert!(read(&spec, "✻ Thinking… (3s · esc to interrupt)").working);
}

#[test]
fn every_rule_that_matches_is_listed_with_its_line() {
    let spec = agent();
    let screen = "Quick safety check\n\n ❯ Yes\n";
    let rules: Vec<_> =
        seen(&spec, screen).into_iter().map(|found| (found.rule, found.line_number, found.line)).collect();
    let expected = [
        ("dialog.trust.screen".to_owned(), 1, "Quick safety check"),
        // The blank line before it belongs to the match, not to what is recognised.
        ("dialog.trust.select".to_owned(), 3, " ❯ Yes"),
    ];
    assert_eq!(rules, expected);
}

/// A tmux server of the test's own, gone when the test is.
struct Pane {
    _dir: tempfile::TempDir,
    socket: PathBuf,
}

impl Pane {
    fn showing(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pane = Self { socket: dir.path().join("s"), _dir: dir };
        let size = ["-x", "80", "-y", "24"];
        let program = ["sh", "-c", "printf %s \"$1\"; exec cat", "sh", text];
        pane.tmux(&[&["new-session", "-d"][..], &size, &["--"], &program].concat());
        pane
    }

    fn client(&self, args: &[&str]) -> Command {
        let mut client = Command::new("tmux");
        client.args(["-u", "-f", "/dev/null", "-S"]).arg(&self.socket).args(args).env_remove("TMUX");
        client
    }

    fn tmux(&self, args: &[&str]) -> String {
        let out = self.client(args).output().unwrap();
        assert!(out.status.success(), "tmux {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    /// The screen, once `shows` holds of it; tmux has no event for output that it has read.
    fn screen(&self, shows: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let screen = self.tmux(&["capture-pane", "-p"]);
            if shows(&screen) {
                return screen;
            }
            assert!(Instant::now() < deadline, "{screen}");
        }
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        // A second panic would hide the first.
        let _ = self.client(&["kill-server"]).output();
    }
}

/// C27: as a real tmux shows it, with whatever it does to blanks.
#[test]
fn c27_the_demo_agents_box_is_seen_through_tmux() {
    let spec = demo();
    let rule = "─".repeat(79);
    for (contents, empty, landed) in [("", true, false), ("[pasted 1 line]", false, true), ("hal", false, false)] {
        let drawn = format!("❯ [pasted 9 lines]\n● done\n{rule}\n❯ {contents}\n{rule}\n  demo agent · working");
        let screen = Pane::showing(&drawn).screen(|screen| screen.contains("working"));
        let reading = read(&spec, &screen);
        assert_eq!(
            (reading.box_open, reading.box_empty, reading.landed, reading.working),
            (Some(true), Some(empty), Some(landed), true),
            "{screen}"
        );
    }
    let dialog = format!(
        "{rule}\n❯ \n{rule}\n● touch x\n{rule}\n Do you want to proceed? touch x\n ❯ 1. Yes\n   2. No\n Any key"
    );
    let screen = Pane::showing(&dialog).screen(|screen| screen.contains("Any key"));
    assert_eq!(read(&spec, &screen).waiting.as_deref(), Some("Do you want to proceed? touch x"));
}
