//! Lives of sessions: started once, watched, ended with their tree, found again, cleared away.

mod executor_world;

use std::process::Command;
use std::time::Duration;

use dormouse::model::delivery::{DeliveryOutcome, Proof, RecordMark, Settlement};
use dormouse::model::effect::{DeliverMessage, Liveness, SessionName, Task};
use dormouse::model::event::{DeliverySettled, Event, Fact, SessionGone, TurnSeen};
use dormouse::model::id::{Lsn, MessageId};
use dormouse::model::profile::Managed;
use dormouse::model::session::{Ending, Source};
use dormouse::shim::files::Terminal;

use executor_world::{Person, World, agent, deliver, delivery, session, until};

const CAT: &str = r#"
argv = ["sh", "-c", "exec cat >> inbox.txt"]
[input]
bracketed_paste = false
submit = ""
[proof]
transcript = "{cwd}/inbox.txt"
"#;

fn cat() -> World {
    World::new(&[("cat", CAT)], "text")
}

async fn gone(world: &mut World) -> SessionGone {
    world.until(|fact| if let Fact::SessionGone(gone) = fact { Some(gone.clone()) } else { None }).await.0
}

async fn silence(world: &mut World) {
    tokio::time::timeout(Duration::from_millis(200), world.next()).await.expect_err("nothing more is told");
}

/// C16: starting what has been started finds it, and starts nothing.
#[tokio::test]
async fn c16_a_start_that_is_repeated_finds_the_session_it_made() {
    let mut world = cat();
    let name = world.open("cat-ada", 3).await;
    let born = std::fs::read(world.home.session(&name).born()).unwrap();
    let secret = std::fs::read(world.home.session(&name).secret()).unwrap();
    world.start(&name);
    world.until(|fact| matches!(fact, Fact::BoxOpened(_)).then_some(())).await;
    assert_eq!(std::fs::read(world.home.session(&name).born()).unwrap(), born);
    assert_eq!(std::fs::read(world.home.session(&name).secret()).unwrap(), secret);
    assert_eq!(world.tmux(&name, &["list-panes", "-a", "-F", "#{window_width}x#{window_height}"]), "200x50\n");
    world.end(&name).await;
}

/// C21: exactly this environment, secrets in no command line.
#[tokio::test]
async fn c21_the_environment_is_ours_and_nothing_of_tmux() {
    let file = "argv = [\"sh\", \"-c\", \"env > env.txt; exec cat\"]\n[input]\nbracketed_paste = false\n[proof]\nkeys = true\n";
    let mut world = World::new(&[("shell", file)], "text");
    let name = world.open("shell-ada", 3).await;
    let env = std::fs::read_to_string(world.folder.join("env.txt")).unwrap();
    let value = |key: &str| env.lines().find_map(|line| line.strip_prefix(&format!("{key}="))).map(str::to_owned);
    let files = world.home.session(&name);
    assert_eq!(value("DORMOUSE_SESSION"), Some(files.secret().display().to_string()));
    assert_eq!(value("DORMOUSE_HOME"), Some(world.home.state.display().to_string()));
    assert_eq!(value("PEER_IDENTITY").as_deref(), Some("shell-ada"));
    assert_eq!((value("TMUX"), value("TMUX_PANE")), (None, None));
    let secret = std::fs::read_to_string(files.secret()).unwrap();
    assert!(secret.len() == 64 && !env.contains(&secret));
    for private in [files.secret(), files.launch()] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o600, "{}", private.display());
    }
    world.end(&name).await;
}

/// C44: an end of its own is told once, with its exit code, and after what became of the delivery.
#[tokio::test]
async fn c44_a_worker_that_takes_its_task_and_exits_has_taken_it() {
    let file = r#"
argv = ["sh", "-c", "head -n 3 >> inbox.txt; exit 7"]
[input]
bracketed_paste = false
submit = ""
[proof]
transcript = "{cwd}/inbox.txt"
"#;
    let mut world = World::new(&[("worker", file)], "text");
    let name = world.open("worker-ada", 3).await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    assert_eq!(gone(&mut world).await.ending, Ending::Code { code: 7 });
    silence(&mut world).await;
}

/// C44, C52a: a session that dies under a delivery cuts it off.
#[tokio::test]
async fn c44_a_death_cuts_the_delivery_off() {
    let mut world = World::new(&[("agent", &agent("").replace("inbox.txt", "elsewhere.txt"))], "text");
    let name = world.open("agent-ada", 3).await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    world.until(|fact| matches!(fact, Fact::DeliveryBegun(_)).then_some(())).await;
    until("the Enter", || world.folder.join("keys.txt").exists()).await;
    let born: dormouse::shim::files::Born =
        serde_json::from_slice(&std::fs::read(world.home.session(&name).born()).unwrap()).unwrap();
    Command::new("kill").args(["-9", &born.program_pid.to_string()]).status().unwrap();
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::CutOff { typed: true });
    assert_eq!(gone(&mut world).await.ending, Ending::Signal { signal: 9 });
    silence(&mut world).await;
}

/// C14: not a byte before the attempt is on disk.
#[tokio::test]
async fn c14_nothing_is_typed_before_the_attempt_is_durable() {
    let mut world = cat();
    let name = world.open("cat-ada", 3).await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    let refused = world.next_undurable().await;
    assert!(matches!(refused.event, Event::Fact(Fact::DeliveryBegun(_))), "{refused:?}");
    silence(&mut world).await;
    assert_eq!(std::fs::read_to_string(world.folder.join("inbox.txt")).unwrap(), "");
    world.end(&name).await;
}

/// C49, C23: the whole tree, the server and its socket; then the folder.
#[tokio::test]
async fn c49_an_end_takes_strays_server_and_socket_along() {
    let file = r#"
argv = ["sh", "-c", "setsid sleep 1000 & echo $! > stray; exec cat"]
[input]
bracketed_paste = false
[proof]
keys = true
"#;
    let mut world = World::new(&[("stray", file)], "text");
    let name = world.open("stray-ada", 3).await;
    let stray = world.folder.join("stray");
    let process = || std::path::Path::new("/proc").join(std::fs::read_to_string(&stray).unwrap_or_default().trim());
    // Before it is a program of its own it ends with the shell that began it, and is no stray.
    until("the stray", || std::fs::read_to_string(process().join("comm")).is_ok_and(|name| name == "sleep\n")).await;
    let ended = world.end(&name).await;
    assert_eq!((ended.ending, ended.strays), (Ending::Signal { signal: 15 }, 1));
    assert!(!process().exists());
    assert!(!world.home.tmux_socket(&name).exists());
    world.run(Lsn(10), Task::ClearSession { session: name.clone() });
    let dir = world.home.session(&name).dir().to_owned();
    until("the folder's end", || !dir.exists()).await;
    silence(&mut world).await;
}

/// C52a: an end before the start is heard of leaves nothing running.
#[tokio::test]
async fn c52a_an_end_that_overtakes_the_start_wins() {
    let mut world = cat();
    let name = session("cat-ada", 3);
    world.start(&name);
    world.run(Lsn(9), Task::EndSession { session: name.clone() });
    let ended = gone(&mut world).await;
    assert!(matches!(ended.ending, Ending::NeverStarted | Ending::Signal { .. }), "{ended:?}");
    assert!(!world.home.tmux_socket(&name).exists());
}

/// C60: a later daemon finds the session alive, hears of its end, and delivers into it.
#[tokio::test]
async fn c60_a_live_session_is_adopted() {
    let mut world = cat();
    let name = world.open("cat-ada", 3).await;
    world.executor.cancel_all();
    let found = world.executor.survey(std::slice::from_ref(&name));
    assert!(matches!(found[0].liveness, Liveness::Alive { .. }), "{found:?}");
    world.executor.adopt(&name, Terminal::default());
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    world.tmux(&name, &["kill-server"]);
    let ending = gone(&mut world).await.ending;
    assert!(matches!(ending, Ending::TerminalLost { .. }), "{ending:?}");
}

/// C60: a session no state knows is ended, with an event; a known one is left alone.
#[tokio::test]
async fn c60_orphans_are_ended_and_known_sessions_are_not() {
    let mut world = cat();
    let known = world.open("cat-ada", 3).await;
    let orphan = world.open("cat-bob", 4).await;
    world.executor.cancel_all();
    world.executor.end_orphans(std::slice::from_ref(&known)).await;
    let draft = world.next().await;
    assert!(matches!(&draft.event, Event::Fact(Fact::OrphanEnded(_))), "{draft:?}");
    assert_eq!(draft.subject.peer.as_ref(), Some(&orphan.peer));
    assert!(!world.home.session(&orphan).dir().exists() && !world.home.tmux_socket(&orphan).exists());
    assert!(matches!(world.executor.survey(std::slice::from_ref(&known))[0].liveness, Liveness::Alive { .. }));
    world.end(&known).await;
}

/// C34: a delivery in doubt is settled by the runtime's own record, behind the mark.
#[tokio::test]
async fn c34_a_delivery_in_doubt_is_settled_by_the_record() {
    let mut world = cat();
    let name = world.open("cat-ada", 3).await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    world.delivery_ends().await;
    let inbox = world.folder.join("inbox.txt");
    until("all of it", || std::fs::read_to_string(&inbox).unwrap().ends_with("]\n")).await;
    let end = std::fs::metadata(&inbox).unwrap().len();
    for (message, attempt, offset, wanted) in [
        (1, 1, 0, Settlement::Found),
        (1, 2, 0, Settlement::Absent),
        (2, 1, 0, Settlement::Absent),
        (1, 1, end, Settlement::Absent),
    ] {
        let mark = Some(RecordMark { path: inbox.clone(), offset });
        let task =
            Task::SettleDelivery { session: name.clone(), message: MessageId(message), attempt, mark, print: None };
        world.run(Lsn(8), task);
        let settled = |fact: &Fact| match fact {
            Fact::DeliverySettled(DeliverySettled { settlement }) => Some(settlement.clone()),
            _ => None,
        };
        assert_eq!(world.until(settled).await.0, wanted, "{message} {attempt} {offset}");
    }
    world.end(&name).await;
}

/// C34: a program that clears a line at a time is asked as often as its box holds something of ours.
#[tokio::test]
async fn c34_what_is_left_of_a_paste_is_cleared_to_its_last_line() {
    let mut world = World::new(&[("agent", &agent("lines"))], "text");
    let name = world.open("agent-ada", 3).await;
    let screen = || world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]);
    world.tmux(&name, &["set-buffer", "one\ntwo\nthree", ";", "paste-buffer", "-pr", "-t", "=agent-ada:"]);
    until("the paste", || screen().contains("❯ [pasted 3 lines]")).await;
    let mark = Some(RecordMark { path: world.folder.join("inbox.txt"), offset: 0 });
    let task = Task::SettleDelivery { session: name.clone(), message: MessageId(1), attempt: 1, mark, print: None };
    world.run(Lsn(8), task);
    let settled = |fact: &Fact| matches!(fact, Fact::DeliverySettled(_)).then_some(());
    world.until(settled).await;
    let screen = || world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]);
    until("an empty box", || screen().trim_end().ends_with('❯')).await;
    world.end(&name).await;
}

/// C34: the daemon before was killed with its paste on the way, and this one is here before the program has drawn it.
#[tokio::test]
async fn c34_what_is_pasted_and_not_yet_shown_is_cleared_once_it_is() {
    let mut world = World::new(&[("agent", &agent("lags"))], "text");
    let name = world.open("agent-ada", 3).await;
    world.tmux(&name, &["set-buffer", "one\ntwo", ";", "paste-buffer", "-pr", "-t", "=agent-ada:"]);
    assert_eq!(settled(&mut world, &name).await, Settlement::Absent);
    until("the paste", || world.folder.join("shown.txt").exists()).await;
    let screen = || world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]);
    until("an empty box", || screen().trim_end().ends_with('❯')).await;
    world.end(&name).await;
}

/// C34: as above, with Enter pressed: what the program has not yet written down has arrived all the same.
#[tokio::test]
async fn c34_what_is_submitted_and_not_yet_written_down_has_arrived() {
    let mut world = World::new(&[("agent", &agent("lags"))], "text");
    let name = world.open("agent-ada", 3).await;
    let line = format!("message {}, attempt 1, then", MessageId(1));
    world.tmux(&name, &["set-buffer", &line, ";", "paste-buffer", "-pr", "-t", "=agent-ada:"]);
    let screen = || world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]);
    until("the paste", || screen().contains("❯ [pasted 1 lines]")).await;
    world.tmux(&name, &["send-keys", "-t", "=agent-ada:", "Enter"]);
    assert_eq!(settled(&mut world, &name).await, Settlement::Found);
    world.end(&name).await;
}

/// How the first attempt at message 1, of which nothing was recorded before, is settled.
async fn settled(world: &mut World, name: &SessionName) -> Settlement {
    let mark = Some(RecordMark { path: world.folder.join("inbox.txt"), offset: 0 });
    let task = Task::SettleDelivery { session: name.clone(), message: MessageId(1), attempt: 1, mark, print: None };
    world.run(Lsn(8), task);
    let settled = |fact: &Fact| match fact {
        Fact::DeliverySettled(DeliverySettled { settlement }) => Some(settlement.clone()),
        _ => None,
    };
    world.until(settled).await.0
}

/// C57: the window follows a person's terminal, and goes back when they leave.
#[tokio::test]
async fn c57_the_window_follows_a_person_and_goes_back() {
    let mut world = cat();
    let name = world.open("cat-ada", 3).await;
    let person = Person::begin(&world, &name);
    let size = || world.tmux(&name, &["display-message", "-p", "-t", "=cat-ada:", "#{window_width}x#{window_height}"]);
    until("the person's size", || size() == "90x29\n").await;
    person.leave(&world, &name);
    until("the old size", || size() == "200x50\n").await;
    world.end(&name).await;
}

/// C5: somebody else's session is delivered to, and nothing more.
#[tokio::test]
async fn c5_a_managed_session_is_delivered_to() {
    let file = r#"
kind = "router"
argv = ["never-started"]
[input]
submit = "C-j"
[proof]
keys = true
"#;
    let mut world = World::new(&[("router", file)], "text");
    let theirs = world.folder.join("theirs.sock");
    let tmux =
        |args: &[&str]| Command::new("tmux").arg("-f/dev/null").arg("-S").arg(&theirs).args(args).status().unwrap();
    let inbox = world.folder.join("inbox.txt");
    tmux(&["new-session", "-d", "-s", "their own", &format!("exec cat > {}", inbox.display())]);
    let managed = Managed { by: "launchd".to_owned(), socket: theirs.clone(), target: "=their own:".to_owned() };
    let name = session("router-ada", 0);
    world.run(Lsn(7), deliver(DeliverMessage { managed: Some(managed.clone()), ..delivery(&name, 1) }));
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Keys });
    until("the text", || std::fs::read_to_string(&inbox).is_ok_and(|text| text.ends_with("]\n"))).await;
    tmux(&["kill-server"]);
    world.run(Lsn(8), deliver(DeliverMessage { managed: Some(managed), ..delivery(&name, 2) }));
    let (outcome, _) = world.delivery_ends().await;
    assert!(matches!(outcome, DeliveryOutcome::Failed { typed: false, .. }), "{outcome:?}");
}

/// C46b: the program's own words about its turns become facts, each once.
#[tokio::test]
async fn c46b_turns_are_told_as_the_program_says_them() {
    let says = |state: &str| format!(r"printf '\\033]7501;state={state}\\007'");
    let file = format!(
        r#"
argv = ["sh", "-c", "stty raw -echo; {}; printf '\\033[?2004h'; head -c 1 > /dev/null; {}; head -c 1 > /dev/null; {}; exec cat > /dev/null"]
[proof]
keys = true
[turn]
source = ["terminal"]
"#,
        says("idle"),
        says("working"),
        says("idle")
    );
    let mut world = World::new(&[("teller", &file)], "text");
    let name = world.open("teller-ada", 3).await;
    for wanted in [TurnSeen::Running, TurnSeen::Idle] {
        world.tmux(&name, &["send-keys", "-t", "=teller-ada:", "x"]);
        // What it said as it came up may have been told before the box was open, or may be told now.
        let told = |fact: &Fact| match fact {
            Fact::TurnObserved(seen) if seen.turn == wanted => Some(seen.source),
            _ => None,
        };
        assert_eq!(world.until(told).await.0, Source::Terminal);
    }
    world.end(&name).await;
}

/// C43: a session whose own process was killed is ended with what is left of it, and only then told of.
#[tokio::test]
async fn c43_a_session_without_its_process_is_told_of_once_its_tree_is_gone() {
    let mut world = cat();
    let name = world.open("cat-ada", 3).await;
    let born: dormouse::shim::files::Born =
        serde_json::from_slice(&std::fs::read(world.home.session(&name).born()).unwrap()).unwrap();
    Command::new("kill").args(["-9", &born.pid.to_string()]).status().unwrap();
    let ending = gone(&mut world).await.ending;
    assert!(matches!(ending, Ending::NotKnown { .. }), "{ending:?}");
    // Where nobody reaps orphans, its number stays; and a process that has lost its memory, so that it can do nothing
    // more, counts as running until the kernel is done with it.
    let program_ended =
        || dormouse::shim::process::stat(born.program_pid).unwrap().is_none_or(|program| program.zombie);
    until("the kernel's last work on the program", program_ended).await;
    world.run(Lsn(10), Task::ClearSession { session: name.clone() });
    let socket = world.home.tmux_socket(&name);
    until("the server's end", || !socket.exists()).await;
}

/// C16: clients of an earlier daemon are waited for, and none is left behind by this one.
#[tokio::test]
async fn c16_no_client_is_left_to_wait_for() {
    let mut world = cat();
    let name = world.open("cat-ada", 3).await;
    world.end(&name).await;
    assert_eq!(world.executor.wait_for_clients().await.unwrap(), 0);
}
