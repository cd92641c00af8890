//! Boots observed, not timed: dialogs, fatal screens, deadlines, programs that end or never start.

mod executor_world;

use dormouse::model::effect::{StartSession, Task};
use dormouse::model::event::{DialogAnswered, Event, Fact, LaunchFailed, WakePhase};
use dormouse::model::id::Lsn;
use dormouse::model::record::Draft;
use dormouse::model::session::{Ending, WakeMode};

use dormouse::observe::clock;
use executor_world::{World, agent, session};

fn order(world: &World, identity: &str, consents: &[&str], boot_deadline_ms: u64) -> Task {
    Task::StartSession(Box::new(StartSession {
        session: session(identity, 3),
        folder: world.folder.clone(),
        mode: WakeMode::Fresh,
        args: Vec::new(),
        consents: consents.iter().map(ToString::to_string).collect(),
        roster: Vec::new(),
        worker: false,
        woken: clock::now(),
        boot_deadline_ms,
    }))
}

/// The start's failure, and what came before it.
async fn failure(world: &mut World) -> (LaunchFailed, Vec<Fact>) {
    let mut before = Vec::new();
    loop {
        let Event::Fact(fact) = world.next().await.event else { panic!("an executor concludes nothing") };
        match fact {
            Fact::LaunchFailed(failed) => return (failed, before),
            Fact::BoxOpened(_) => panic!("it opened after {before:?}"),
            fact => before.push(fact),
        }
    }
}

/// Dialog, key, consent and the line that was recognised, of each key pressed.
fn answers(before: &[Draft]) -> Vec<(&str, &str, Option<&str>, &str)> {
    before
        .iter()
        .filter_map(|draft| match &draft.event {
            Event::Fact(Fact::DialogAnswered(DialogAnswered { dialog, key, consent, saw })) => {
                Some((dialog.as_str(), key.as_str(), consent.as_deref(), saw.as_str()))
            }
            _ => None,
        })
        .collect()
}

/// C24: the refusing answer is preselected; one key per observation, and only what is seen selected is confirmed.
#[tokio::test]
async fn c24_a_dialog_is_answered_one_key_per_observation() {
    let mut world = World::new(&[("agent", &agent("dialog"))], "text");
    let task = order(&world, "agent-ada", &["trust_folder"], 20_000);
    world.run(Lsn(3), task);
    let ((), before) = world.until(|fact| matches!(fact, Fact::BoxOpened(_)).then_some(())).await;
    let answers = answers(&before);
    let consent = Some("trust_folder");
    let wanted =
        [("folder-trust", "Down", consent, "Do you trust this folder?"), ("folder-trust", "Enter", consent, "❯ Yes")];
    assert_eq!(answers, wanted);
    world.end(&session("agent-ada", 3)).await;
}

/// C24: a key that falls between two drawings of a dialog would confirm what the second one preselects.
#[tokio::test]
async fn c24_a_dialog_that_is_drawn_twice_is_answered_once_it_stands_still() {
    let file = agent("dialog twice").replace("consent = ", "settle = \"400ms\"\nconsent = ");
    let mut world = World::new(&[("agent", &file)], "text");
    let task = order(&world, "agent-ada", &["trust_folder"], 20_000);
    world.run(Lsn(3), task);
    let ((), before) = world.until(|fact| matches!(fact, Fact::BoxOpened(_)).then_some(())).await;
    let keys: Vec<_> = answers(&before).into_iter().map(|(_, key, ..)| key).collect();
    assert_eq!(keys, ["Down", "Enter"]);
    world.end(&session("agent-ada", 3)).await;
}

/// C24: what the user did not grant is not answered on their behalf.
#[tokio::test]
async fn c24_without_consent_a_dialog_is_left_standing() {
    let mut world = World::new(&[("agent", &agent("dialog"))], "text");
    let task = order(&world, "agent-ada", &["bypass_permissions"], 20_000);
    world.run(Lsn(3), task);
    let (failed, before) = failure(&mut world).await;
    assert_eq!((failed.phase, failed.left_session), (WakePhase::Boot, true));
    assert!(failed.why.contains("folder-trust") && failed.why.contains("trust_folder"), "{}", failed.why);
    assert!(failed.screen.unwrap().contains("❯ No"));
    assert!(!before.iter().any(|fact| matches!(fact, Fact::DialogAnswered(_))));
    world.end(&session("agent-ada", 3)).await;
}

/// C24: a login screen ends the boot at once, saying so.
#[tokio::test]
async fn c24_a_login_screen_fails_at_once() {
    let mut world = World::new(&[("agent", &agent("login"))], "text");
    let task = order(&world, "agent-ada", &[], 600_000);
    world.run(Lsn(3), task);
    let (failed, _) = failure(&mut world).await;
    assert_eq!(failed.why, "not signed in");
    world.end(&session("agent-ada", 3)).await;
}

/// C28: a box that does not open fails the wake, with the last lines of the screen.
#[tokio::test]
async fn c28_a_box_that_does_not_open_in_time_fails_the_boot() {
    let mut world = World::new(&[("agent", &agent("mute"))], "text");
    let task = order(&world, "agent-ada", &[], 700);
    world.run(Lsn(3), task);
    let (failed, _) = failure(&mut world).await;
    assert_eq!((failed.phase, failed.screen.as_deref(), failed.left_session), (WakePhase::Boot, Some("loading"), true));
    assert!(failed.why.contains("700 ms"), "{}", failed.why);
    world.end(&session("agent-ada", 3)).await;
}

/// C28: a runtime's own limit counts before the settings'.
#[tokio::test]
async fn c28_a_runtime_may_have_a_boot_deadline_of_its_own() {
    let file = format!("{}\n[limits]\nboot_deadline = \"300ms\"\n", agent("mute"));
    let mut world = World::new(&[("agent", &file)], "text");
    let task = order(&world, "agent-ada", &[], 600_000);
    world.run(Lsn(3), task);
    let (failed, _) = failure(&mut world).await;
    assert!(failed.why.contains("300 ms"), "{}", failed.why);
    world.end(&session("agent-ada", 3)).await;
}

/// C44: a program that ends while it boots is an end, told once, and no failure of tmux.
#[tokio::test]
async fn c44_a_program_that_ends_while_it_boots_is_gone() {
    let file = "argv = [\"sh\", \"-c\", \"sleep 0.1; exit 3\"]\n[proof]\nkeys = true\n";
    let mut world = World::new(&[("short", file)], "text");
    let task = order(&world, "short-ada", &[], 20_000);
    world.run(Lsn(3), task);
    let (gone, before) =
        world.until(|fact| if let Fact::SessionGone(gone) = fact { Some(gone.clone()) } else { None }).await;
    assert_eq!(gone.ending, Ending::Code { code: 3 });
    assert!(matches!(before.as_slice(), [started] if matches!(started.event, Event::Fact(Fact::SessionStarted(_)))));
}

/// C28: what it said before it ended is what its owner can tell the reason by, and it is told ahead of the end.
#[tokio::test]
async fn c28_a_program_that_ends_while_it_boots_leaves_its_last_words() {
    let file = "argv = [\"sh\", \"-c\", \"sleep 0.1; echo error: no such model: x; exit 3\"]\n[proof]\nkeys = true\n";
    let mut world = World::new(&[("short", file)], "text");
    let task = order(&world, "short-ada", &[], 20_000);
    world.run(Lsn(3), task);
    let (failed, before) = failure(&mut world).await;
    assert!(matches!(before.as_slice(), [Fact::SessionStarted(_)]), "{before:?}");
    assert_eq!((failed.phase, failed.left_session), (WakePhase::Boot, false));
    assert_eq!(failed.screen.as_deref(), Some("error: no such model: x"));
    assert_eq!(failed.why, "the program exited with code 3");
    let Event::Fact(Fact::SessionGone(gone)) = world.next().await.event else { panic!("its end comes behind it") };
    assert_eq!(gone.ending, Ending::Code { code: 3 });
}

/// C49: what could not be started leaves nothing, and says which program and why.
#[tokio::test]
async fn c49_a_program_that_cannot_be_started_leaves_nothing() {
    let file = "argv = [\"no-such-program\", \"x\"]\n[proof]\nkeys = true\n";
    let mut world = World::new(&[("absent", file)], "text");
    let task = order(&world, "absent-ada", &[], 20_000);
    world.run(Lsn(3), task);
    let (failed, before) = failure(&mut world).await;
    assert_eq!((failed.phase, failed.left_session), (WakePhase::Boot, false));
    assert!(failed.why.contains("no-such-program"), "{}", failed.why);
    assert_eq!(before, []);
}

/// C43: without tmux nothing was started, and the failure says what was missing.
#[tokio::test]
async fn c43_a_missing_tmux_fails_the_launch_and_leaves_nothing() {
    let mut world = World::with_tmux("/nonexistent/tmux", &[("agent", &agent(""))], "text");
    let task = order(&world, "agent-ada", &[], 20_000);
    world.run(Lsn(3), task);
    let (failed, _) = failure(&mut world).await;
    assert_eq!((failed.phase, failed.left_session), (WakePhase::Launch, false));
    assert!(failed.why.contains("/nonexistent/tmux"), "{}", failed.why);
}

/// C21: a daemon that is a user's service keeps its sessions out of its own control group, and they are the same sessions.
#[tokio::test]
async fn c21_a_session_is_started_by_way_of_a_scope() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let (fake, asked) = (dir.path().join("systemd-run"), dir.path().join("asked"));
    let text = format!("#!/bin/sh\necho \"$*\" >> {}\nshift 5\nexec \"$@\"\n", asked.display());
    std::fs::write(&fake, text).unwrap();
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut world = World::with_programs("tmux", Some(fake), &[("agent", &agent(""))], "text");
    world.start(&session("agent-ada", 3));
    world.until(|fact| matches!(fact, Fact::BoxOpened(_)).then_some(())).await;
    let asked = std::fs::read_to_string(asked).unwrap();
    assert!(asked.lines().count() == 1 && asked.contains("new-session"), "the server's first client alone: {asked}");
}
