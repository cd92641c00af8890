//! How programs leave: what they do at rest when their session is ended (C49), what they leave to be resumed (C17), and what
//! they say when they leave by themselves (C28).

use std::fs;

use dormouse::model::event::{Decision, Event, Fact, WakePhase};
use dormouse::model::session::{Ending, WakeMode};
use serde_json::{Value, json};

use crate::daemon_fixture::{text, until};
use crate::place::Place;
use crate::{claude, codex};

/// How it ends once its turn is over, and what its user's own hook is told of that.
#[track_caller]
fn is_ended(place: &Place, hooks: &str) -> (Ending, Value) {
    let told = place.home.join("told.json");
    let hook = json!({ "type": "command", "command": format!("cat > '{}'", told.display()), "timeout": 3 });
    let hooks = place.home.join(hooks);
    fs::create_dir_all(hooks.parent().unwrap()).unwrap();
    fs::write(hooks, json!({ "hooks": { "SessionEnd": [{ "hooks": [hook] }] } }).to_string()).unwrap();
    let message = place.send("ada", "hello");
    place.delivered(message);
    place.asked(1);
    until("the end of the turn", || place.turn_in_ls().0 == "ended");
    place.world.ok(&["stop", "ada"]);
    let ending = place.world.await_record("the end", |record| match &record.event {
        Event::Fact(Fact::SessionGone(gone)) => Some(gone.ending.clone()),
        _ => None,
    });
    place.world.audit_is_clean();
    let told = fs::read(&told).unwrap_or_else(|error| panic!("its hook was told nothing: {error}"));
    (ending, serde_json::from_slice(&told).unwrap())
}

#[test]
fn c49_claude_at_rest_leaves_by_itself() {
    let (ending, told) = is_ended(&claude::settled(&[]), ".claude/settings.json");
    assert_eq!(ending, Ending::Code { code: 0 });
    assert_eq!(told["reason"], "prompt_input_exit", "{told}");
}

/// It stays for five seconds while it cannot reach its maker, which is too long to wait for; a signal alone would have
/// kept its hook from being told.
#[test]
fn c49_codex_at_rest_takes_its_leave_of_its_hooks() {
    let (ending, told) = is_ended(&codex::settled(&["--consent", "hook_trust"]), ".codex/hooks.json");
    assert!(matches!(ending, Ending::Code { code: 0 } | Ending::Signal { signal: 15 }), "{ending:?}");
    assert_eq!(told["hook_event_name"], "SessionEnd", "{told}");
}

/// C17: Claude keeps a conversation from its first message on. One that had none cannot be resumed, by whatever name: asking for
/// that is refused, and the next message begins another one.
#[test]
fn c17_a_claude_to_which_nothing_was_said_is_not_resumed() {
    let place = claude::settled(&[]);
    // Whoever talks with people is resumed wherever that is possible.
    let profile = place.world.path("ada").join(".dormouse/peer-profile.json");
    let mut said: Value = serde_json::from_slice(&fs::read(&profile).unwrap()).unwrap();
    said["interfaces"] = json!({ "telegram": {} });
    fs::write(&profile, said.to_string()).unwrap();
    place.world.ok(&["new", "ada"]);
    place
        .world
        .await_record("its box", |record| is_decided(&record.event, |it| matches!(it, Decision::SessionReady(_))));
    place.world.ok(&["stop", "ada"]);
    place
        .world
        .await_record("its end", |record| is_decided(&record.event, |it| matches!(it, Decision::SessionEnded(_))));
    place.world.ok(&["start", "ada"]);
    let refused = place.world.run(&["compact", "ada"]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(text(&refused.stderr).contains("no conversation to resume: nothing was said"), "{}", text(&refused.stderr));
    let message = place.send("ada", "hello");
    place.delivered(message);
    let is_fresh = |event: &Event| match event {
        Event::Decision(Decision::WakeDecided(decided)) => Some(decided.mode == WakeMode::Fresh),
        _ => None,
    };
    let fresh: Vec<bool> = place.world.records().iter().filter_map(|record| is_fresh(&record.event)).collect();
    assert_eq!(fresh, [true, true], "{}", place.world.story());
    place.world.audit_is_clean();
}

fn is_decided(event: &Event, wanted: impl Fn(&Decision) -> bool) -> Option<()> {
    matches!(event, Event::Decision(decision) if wanted(decision)).then_some(())
}

/// C28, C29: what a program says that will not start is what its owner is told.
#[track_caller]
fn is_heard_to_refuse(place: &Place) {
    place.send("ada", "hello");
    let (failed, _) = place.wake_failed();
    assert_eq!(failed.phase, WakePhase::Boot);
    let screen = failed.screen.unwrap_or_else(|| panic!("no last words\n{}", place.world.story()));
    assert!(screen.contains("--no-such-option") && !screen.contains("Pane is dead"), "{screen}");
    let why = place.world.ok(&["why", "ada"]);
    assert!(why.contains("it said last `"), "{why}");
    place.world.audit_is_clean();
}

#[test]
fn c28_claude_that_does_not_start_is_heard_to_say_why() {
    is_heard_to_refuse(&claude::settled(&["--arg", "--no-such-option"]));
}

#[test]
fn c28_codex_that_does_not_start_is_heard_to_say_why() {
    is_heard_to_refuse(&codex::settled(&["--arg", "--no-such-option"]));
}
