//! The door to tmux against real servers, and against a tmux that fails.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use dormouse::executor::tmux::{Pane, Pasted, Queue, Server, Tmux, TmuxError};
use dormouse::home::Home;

/// A server of its own, gone at the end.
struct Own {
    server: Server,
    dir: tempfile::TempDir,
}

impl Own {
    fn new(program: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::under(dir.path());
        std::fs::create_dir_all(home.clients()).unwrap();
        let server = Tmux::new(PathBuf::from(program), &home).server(dir.path().join("s.sock"));
        Self { server, dir }
    }

    async fn pane(&self, command: &str) -> Pane {
        let session = Queue::of(["start-server"]).then(["set-option", "-g", "remain-on-exit", "on"]).then([
            "new-session",
            "-d",
            "-s",
            "own",
            "-x",
            "80",
            "-y",
            "24",
            "--",
            "sh",
            "-c",
            command,
        ]);
        self.server.run(&session).await.unwrap();
        Pane::find(self.server.clone(), "=own:").await.unwrap()
    }

    fn clients(&self) -> usize {
        std::fs::read_dir(Home::under(self.dir.path()).clients()).unwrap().count()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let socket = self.server.socket();
        let _ = std::process::Command::new("tmux").arg("-S").arg(socket).arg("kill-server").output();
    }
}

async fn shows(pane: &Pane, wanted: &str) -> String {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let look = pane.look().await.unwrap();
        if look.screen.contains(wanted) || (wanted.is_empty() && look.dead) {
            return look.screen;
        }
        assert!(tokio::time::Instant::now() < deadline, "never saw `{wanted}`:\n{}", look.screen);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// C27: a paste into a dead pane would end the server of tmux 3.2 and 3.3, and every session on it.
#[tokio::test]
async fn c27_a_dead_pane_is_not_pasted_into() {
    let own = Own::new("tmux");
    let pane = own.pane("exit 7").await;
    shows(&pane, "").await;
    assert_eq!(pane.paste("text", true, None).await.unwrap(), Pasted::Refused);
    assert!(pane.look().await.unwrap().dead, "the server is still there");
    assert_eq!(own.server.run(&Queue::of(["list-buffers"])).await.unwrap(), "", "no buffer is left");
    assert_eq!(own.clients(), 0, "no client's file is left");
}

/// C27: in a tmux mode brackets would be dropped; it is left first.
#[tokio::test]
async fn c27_copy_mode_is_left_before_a_paste() {
    let own = Own::new("tmux");
    let pane = own.pane("stty raw -echo; printf '\\033[?2004hready'; exec cat -v").await;
    shows(&pane, "ready").await;
    own.server.run(&Queue::of(["copy-mode", "-t", "=own:"])).await.unwrap();
    assert!(pane.look().await.unwrap().in_mode);
    assert_eq!(pane.paste("hello", true, None).await.unwrap(), Pasted::Typed);
    shows(&pane, "^[[200~hello^[[201~").await;
    assert!(!pane.look().await.unwrap().in_mode);
}

/// C27: between the last look and the key nothing may have changed.
#[tokio::test]
async fn c27_a_key_is_pressed_only_into_what_was_seen() {
    let own = Own::new("tmux");
    let pane = own.pane("printf 'box [pasted 3 lines] '; exec cat").await;
    shows(&pane, "pasted").await;
    let seen = pane.look().await.unwrap();
    pane.paste("x", false, None).await.unwrap();
    shows(&pane, "x").await;
    assert!(!pane.press_if_unchanged("Enter", Some(&seen), "[pasted 3 lines]").await.unwrap().pressed);
    let seen = pane.look().await.unwrap();
    assert!(!pane.press_if_unchanged("Enter", Some(&seen), "[pasted 4 lines]").await.unwrap().pressed);
    let pressed = pane.press_if_unchanged("Enter", Some(&seen), "[pasted 3 lines]").await.unwrap();
    assert!(pressed.pressed && pressed.screen.contains("[pasted 3 lines] x"), "{pressed:?}");
}

/// C26: every argument arrives as it was given.
#[tokio::test]
async fn c26_arguments_arrive_as_they_were_given() {
    let own = Own::new("tmux");
    let hostile = ["", "$HOME", "'q\"", "a;", ";", "x\\;", "#{pane_id}", "-n", "~", "%1", "new\nline"];
    let out = own.dir.path().join("out");
    let script = format!("printf '<%s>\\n' \"$@\" > {}; exec cat", out.display());
    let queue = Queue::of(["new-session", "-d", "-s", "own", "--", "sh", "-c", &script, "sh"]).with(hostile);
    own.server.run(&queue).await.unwrap();
    let wanted: String = hostile.iter().map(|argument| format!("<{argument}>\n")).collect();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
    while std::fs::read_to_string(&out).unwrap_or_default() != wanted {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", std::fs::read_to_string(&out));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// C43: "answered no".
#[tokio::test]
async fn c43_no_server_and_no_session_are_answers() {
    let own = Own::new("tmux");
    let error = own.server.run(&Queue::of(["has-session", "-t", "=x"])).await.unwrap_err();
    assert!(matches!(error, TmuxError::NoServer { .. }), "{error}");
    let _pane = own.pane("exec cat").await;
    let error = own.server.run(&Queue::of(["has-session", "-t", "=x"])).await.unwrap_err();
    assert!(matches!(error, TmuxError::NoTarget { .. }), "{error}");
    let error = Pane::find(own.server.clone(), "=x:").await.unwrap_err();
    assert!(error.is_answer(), "{error}");
}

/// C43: "could not ask", however it fails.
#[tokio::test]
async fn c43_a_tmux_that_fails_is_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    for (body, wanted) in [("exit 1", "failed"), ("echo boom >&2; exit 3", "boom"), ("kill -9 $$", "failed")] {
        let program = dir.path().join("tmux");
        std::fs::write(&program, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let own = Own::new(program.to_str().unwrap());
        let error = own.server.run(&Queue::of(["has-session", "-t", "=x"])).await.unwrap_err();
        assert!(!error.is_answer() && error.to_string().contains(wanted), "{error}");
    }
    let own = Own::new(dir.path().join("absent").to_str().unwrap());
    let error = own.server.run(&Queue::of(["has-session", "-t", "=x"])).await.unwrap_err();
    assert!(matches!(error, TmuxError::NotStarted { .. }) && !error.is_answer(), "{error}");
    assert_eq!(own.clients(), 0, "no client's file is left");
}

/// C23: a server and its socket go together, and going twice is going once.
#[tokio::test]
async fn c23_killing_a_server_leaves_no_socket() {
    let own = Own::new("tmux");
    let _pane = own.pane("exec cat").await;
    own.server.kill().await.unwrap();
    assert!(!own.server.socket().exists());
    own.server.kill().await.expect("killing what is gone is no error");
}

/// A `systemd-run` that writes down what it is asked, says so on its client's error if it fails, and else becomes the
/// program it is given, as a scope does.
fn systemd_run(dir: &std::path::Path, does: &str) -> PathBuf {
    let file = dir.join("systemd-run");
    let text = format!(
        "#!/bin/sh\necho \"$*\" >> {}/asked\n{does}\nwhile [ \"$1\" != -- ]; do shift; done\nshift\nexec \"$@\"\n",
        dir.display()
    );
    std::fs::write(&file, text).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    file
}

/// The server is started by the client that is put into the scope, and every later client only talks to it.
#[tokio::test]
async fn a_server_is_started_in_a_scope_of_its_own_without_the_managers_variables() {
    let own = Own::new("tmux");
    let home = Home::under(own.dir.path());
    let tmux =
        Tmux::new("tmux".into(), &home).scoped_by(Some(systemd_run(own.dir.path(), "export XDG_RUNTIME_DIR=/x")));
    let server = tmux.server(own.server.socket().to_owned());
    let queue = Queue::of(["start-server"]).then(["new-session", "-d", "-s", "own", "--", "cat"]);
    server.start(&queue).await.unwrap();
    assert!(matches!(server.start(&queue).await, Err(TmuxError::Duplicate { .. })), "tmux's own answer comes through");
    assert_eq!(server.run(&Queue::of(["list-sessions", "-F", "#S"])).await.unwrap(), "own\n");
    let environment = server.run(&Queue::of(["show-environment", "-g"])).await.unwrap();
    assert!(!environment.contains("XDG_RUNTIME_DIR"), "{environment}");
    let asked = std::fs::read_to_string(own.dir.path().join("asked")).unwrap();
    let wanted = "--user --scope --quiet --collect -- env -u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS tmux -u ";
    assert!(asked.lines().count() == 2 && asked.lines().all(|line| line.starts_with(wanted)), "{asked}");
    assert_eq!(own.clients(), 0, "no client's file is left");
}

/// A session in the daemon's own group is better than none; who fails is not asked again.
#[tokio::test]
async fn where_no_scope_can_be_had_a_server_is_started_all_the_same() {
    let own = Own::new("tmux");
    let home = Home::under(own.dir.path());
    let failing = systemd_run(own.dir.path(), "echo 'Failed to connect to bus: No medium found' >&2; exit 1");
    let tmux = Tmux::new("tmux".into(), &home).scoped_by(Some(failing));
    let server = tmux.server(own.server.socket().to_owned());
    let queue = |name: &str| Queue::of(["start-server"]).then(["new-session", "-d", "-s", name, "--", "cat"]);
    for name in ["one", "two"] {
        server.start(&queue(name)).await.unwrap();
    }
    assert_eq!(server.run(&Queue::of(["list-sessions", "-F", "#S"])).await.unwrap(), "one\ntwo\n");
    let asked = std::fs::read_to_string(own.dir.path().join("asked")).unwrap();
    assert_eq!(asked.lines().count(), 1, "{asked}");
}

/// What tmux itself cannot do is no fault of the scope's.
#[tokio::test]
async fn a_tmux_that_fails_in_both_ways_leaves_the_scope_in_use() {
    let own = Own::new("tmux");
    let home = Home::under(own.dir.path());
    let tmux = Tmux::new("tmux".into(), &home).scoped_by(Some(systemd_run(own.dir.path(), ":")));
    let server = tmux.server(own.server.socket().to_owned());
    for _ in 0..2 {
        assert!(server.start(&Queue::of(["no-such-command"])).await.is_err());
    }
    let asked = std::fs::read_to_string(own.dir.path().join("asked")).unwrap();
    assert_eq!(asked.lines().count(), 2, "{asked}");
}
