//! A person's terminal, a tmux of the test's own: `attach` and `run` in it (C17, C57).

use std::path::PathBuf;
use std::process::{Command, Output};

use dormouse::model::delivery::Gate;
use dormouse::model::effect::SessionName;
use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::session::{WakeBranch, WakeMode};

use crate::daemon_fixture::{World, text, until};
use crate::events::{count, delivered, kill, send};
use crate::verbs::ended;

/// One pane in which a verb runs, in a folder.
struct Terminal {
    socket: PathBuf,
}

impl Terminal {
    fn open(world: &World, name: &str, folder: &str, args: &[&str]) -> Self {
        let terminal = Self { socket: world.path(&format!("{name}.sock")) };
        let home = format!("DORMOUSE_HOME={}", world.home.config.display());
        let mut argv = vec!["-f", "/dev/null", "set-option", "-g", "remain-on-exit", "on", ";", "new-session", "-d"];
        argv.extend(["-x", "101", "-y", "31", "-c", folder, "--", "env", &home, env!("CARGO_BIN_EXE_dormouse")]);
        argv.extend(args);
        // A server without a session takes no options, so it is started by the same queue.
        argv.splice(2..2, ["start-server", ";"]);
        let opened = terminal.tmux(&argv);
        assert!(opened.status.success(), "{}", text(&opened.stderr));
        terminal
    }

    fn tmux(&self, args: &[&str]) -> Output {
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(&self.socket).args(args);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("DORMOUSE_") || name.starts_with("TMUX") {
                tmux.env_remove(name.as_ref());
            }
        }
        tmux.output().unwrap()
    }

    #[track_caller]
    fn shows(&self, what: &str) {
        let mut last = String::new();
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            until(what, || {
                last = text(&self.tmux(&["capture-pane", "-p"]).stdout);
                last.contains(what)
            });
        }));
        assert!(seen.is_ok(), "never shown: {what}\n{last}");
    }

    fn press(&self, keys: &[&str]) {
        let pressed = self.tmux(&[&["send-keys"], keys].concat());
        assert!(pressed.status.success(), "{}", text(&pressed.stderr));
    }

    /// The verb has ended, with this exit code.
    #[track_caller]
    fn has_ended(&self, code: &str) {
        let format = "#{pane_dead} #{pane_dead_status}";
        let mut ended = String::new();
        until("the end of the verb", || {
            ended = text(&self.tmux(&["display-message", "-p", format]).stdout).trim().to_owned();
            ended.starts_with('1')
        });
        // tmux 3.3 may lose the status, never the death.
        assert!(
            ended == "1" || ended == format!("1 {code}"),
            "{ended}: {}",
            text(&self.tmux(&["capture-pane", "-p"]).stdout)
        );
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]);
    }
}

fn window(world: &World, session: &SessionName) -> String {
    let mut tmux = Command::new("tmux");
    tmux.arg("-S").arg(world.home.tmux_socket(session)).args(["display-message", "-p", "#{window_width}"]);
    text(&tmux.output().unwrap().stdout).trim().to_owned()
}

/// C57: joined from inside tmux, typed into, left running; the window follows the person and goes back.
#[test]
fn c57_attach_joins_a_live_session_and_leaves_it_running() {
    let world = World::started("");
    world.add_peer("ada", &["--runtime", "demo"]);
    let session = delivered(&world, send(&world, "ada", "good morning"), 1);
    let terminal = Terminal::open(&world, "person", "/", &["attach", "ada"]);
    terminal.shows("demo agent · idle");
    until("a window as wide as the person's", || window(&world, &session) == "101");
    // C32: a person's unsent text holds a delivery.
    terminal.press(&["-l", "half a thought"]);
    terminal.shows("half a thought");
    let held = send(&world, "ada", "demo: work 1ms\nbehind the person");
    let gate = world.await_record("a delivery that waits for the person", |record| match &record.event {
        Event::Fact(Fact::DeliveryWaiting(waiting)) if record.subject.message == Some(held) => {
            Some(waiting.gate.clone())
        }
        _ => None,
    });
    assert!(matches!(gate, Gate::PersonTyping { .. }), "{gate:?}");
    terminal.press(&["Enter"]);
    assert_eq!(delivered(&world, held, 1), session);
    terminal.press(&["C-b", "d"]);
    terminal.has_ended("0");
    until("a window of the size it had", || window(&world, &session) == "200");
    assert_eq!(world.json(&["ls"])[0]["phase"], "live");
    assert_eq!(count(&world, "wake_decided"), 1);
    world.audit_is_clean();
}

/// C17: nothing to resume is an error, never a silent fresh start; what was parked is resumed.
#[test]
fn c17_attach_resumes_a_parked_session_and_starts_none() {
    let world = World::started("idle = \"300ms\"\n");
    world.add_peer("ada", &["--runtime", "demo"]);
    let terminal = Terminal::open(&world, "first", "/", &["attach", "ada"]);
    terminal.shows("hint: `dormouse new demo-ada`");
    terminal.has_ended("3");
    assert_eq!(count(&world, "wake_decided"), 0);
    let session = delivered(&world, send(&world, "ada", "good morning"), 1);
    ended(&world, &session);
    // From here on it may stay (C3a).
    std::fs::write(world.home.config_file(), "").unwrap();
    kill(world.daemon_pid(), rustix::process::Signal::HUP);
    world.await_record("the new settings", |record| match &record.event {
        Event::Fact(Fact::SettingsChanged(changed)) if changed.settings.idle_ms == 3_600_000 => Some(()),
        _ => None,
    });
    let terminal = Terminal::open(&world, "second", "/", &["attach", "ada"]);
    terminal.shows("demo agent · idle");
    let wake = world.await_record("the wake for it", |record| match &record.event {
        Event::Decision(Decision::WakeDecided(wake)) if wake.branch == WakeBranch::Attach => Some(wake.clone()),
        _ => None,
    });
    assert!(matches!(wake.mode, WakeMode::Resumed { .. }), "{wake:?}");
    world.audit_is_clean();
}

/// C17: a folder launch is fresh and consumes nothing.
#[test]
fn c17_run_starts_a_fresh_session_in_its_folder() {
    let world = World::started("");
    let folder = world.add_peer("ada", &["--runtime", "demo"]);
    let terminal = Terminal::open(&world, "person", folder.to_str().unwrap(), &["run"]);
    terminal.shows("demo agent · idle");
    let wake = world.await_record("the wake for it", |record| match &record.event {
        Event::Decision(Decision::WakeDecided(wake)) => Some(wake.clone()),
        _ => None,
    });
    assert_eq!((wake.mode, wake.branch), (WakeMode::Fresh, WakeBranch::FolderLaunch));
    let elsewhere = Terminal::open(&world, "elsewhere", "/", &["run"]);
    elsewhere.shows("hint: `dormouse add`");
    elsewhere.has_ended("3");
    // Without a terminal nothing is started.
    let output = world.command(&["run"]).current_dir(&folder).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    world.audit_is_clean();
}
