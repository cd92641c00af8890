//! Claude Code, as it is.

use std::fs;

use dormouse::model::delivery::{DeliveryOutcome, Gate, Proof};
use dormouse::model::event::{
    Decision, DeliveryEnded, DeliveryWaiting, Event, Fact, TurnObserved, TurnSeen, WakePhase,
};
use dormouse::model::id::MessageId;
use serde_json::json;

use crate::alike;
use crate::anthropic::{prompts, texts};
use crate::model::{Answer, Asked};
use crate::place::{Place, is_whole, long, nasty};

/// What every message to Claude becomes.
pub fn normalise(text: &str) -> String {
    text.replace('\t', "    ")
}

/// A home that nobody has been through the first run in, and a token that needs no login.
pub fn virgin() -> Place {
    signed_in(Place::new())
}

fn signed_in(mut place: Place) -> Place {
    place.proof = Proof::Hook;
    let url = place.model.url.clone();
    place.world.set_env("ANTHROPIC_BASE_URL", url);
    place.world.set_env("ANTHROPIC_AUTH_TOKEN", "made-up");
    place
}

/// As [`place`], by somebody who has been through the first run and trusts the folder; the daemon serves, and `ada` is
/// a peer with `args`.
pub fn settled(args: &[&str]) -> Place {
    team(&["ada"], args)
}

/// As [`settled`], with these settings.
pub fn settled_with(config: &str, args: &[&str]) -> Place {
    at_home(signed_in(Place::with(config)), &["ada"], args)
}

/// As [`settled`], of which only its record tells of deliveries, and `source` of turns.
pub fn settled_told_by(source: &str) -> Place {
    let built_in = include_str!("../../src/runtime/builtin/claude.toml");
    let mut place = virgin();
    place.proof = Proof::TranscriptExact;
    let without = [
        "hook = true\n",
        "\"--settings\", \"{settings_file}\", ",
        "[hooks]\nformat = \"claude\"\n",
        "status_file = { path = \"{claude_config_dir}/sessions/{pid}.json\", format = \"claude\" }\n",
    ];
    place.world.add_runtime("claude", &alike::told_by(source, built_in, &without));
    at_home(place, &["ada"], &[])
}

/// As [`settled`], with a peer of each name.
pub fn team(names: &[&str], args: &[&str]) -> Place {
    at_home(virgin(), names, args)
}

fn at_home(mut place: Place, names: &[&str], args: &[&str]) -> Place {
    place.world.start();
    let trusted = |name: &&str| {
        let folder = place.world.add_peer(name, &[&["--runtime", "claude"], args].concat());
        (folder.to_str().unwrap().to_owned(), json!({ "hasTrustDialogAccepted": true }))
    };
    let projects: serde_json::Map<_, _> = names.iter().map(trusted).collect();
    let state = json!({ "hasCompletedOnboarding": true, "projects": projects });
    fs::write(place.home.join(".claude.json"), state.to_string()).unwrap();
    place
}

fn whole(place: &Place, message: MessageId, body: &str) {
    is_whole(&place.prompt(message, prompts), body, normalise);
}

/// What the model is told before anything that a user says.
fn system(asked: &Asked) -> String {
    texts(&asked.body["system"], "text").join("\n")
}

fn keys(wanted: &[(&str, &str)]) -> Vec<(String, String)> {
    wanted.iter().map(|(dialog, key)| ((*dialog).to_owned(), (*key).to_owned())).collect()
}

/// C24: everything that stands before the box of a virgin home is answered, as far as consent goes.
#[test]
fn c24_claude_comes_up_from_a_virgin_home_with_consent() {
    let mut place = virgin();
    place.world.start();
    place.world.add_peer("ada", &["--runtime", "claude", "--consent", "trust_folder"]);
    let message = place.send("ada", "hello");
    assert_eq!(place.delivered(message), Proof::Hook);
    whole(&place, message, "hello");
    let wanted = [("theme", "Enter"), ("security-notes", "Enter"), ("folder-trust", "Down"), ("folder-trust", "Enter")];
    assert_eq!(place.answered(), keys(&wanted));
    place.world.audit_is_clean();
}

/// A peer whose program has all four dialogs to ask that take a consent, with these of them.
fn with_every_dialog(consents: &str) -> Place {
    let mut place = Place::new();
    let url = place.model.url.clone();
    place.world.set_env("ANTHROPIC_BASE_URL", url);
    place.world.set_env("ANTHROPIC_API_KEY", "sk-ant-made-up-made-up-made-up");
    // As root it refuses to go without permissions otherwise.
    place.world.set_env("IS_SANDBOX", "1");
    fs::write(place.home.join(".claude.json"), r#"{"hasCompletedOnboarding":true}"#).unwrap();
    place.world.start();
    let args = ["--runtime", "claude", "--consent", consents, "--arg", "--dangerously-skip-permissions"];
    let folder = place.world.add_peer("ada", &args);
    fs::write(folder.join(".mcp.json"), r#"{"mcpServers":{"peers":{"type":"http","url":"http://127.0.0.1:9/mcp"}}}"#)
        .unwrap();
    place
}

/// C24: the four dialogs that preselect refusal, each answered by its own consent.
#[test]
fn c24_claudes_dialogs_are_each_answered_by_its_own_consent() {
    let place = with_every_dialog("trust_folder,api_key,bypass_permissions,project_mcp");
    let message = place.send("ada", "hello");
    assert_eq!(place.delivered(message), Proof::Hook);
    whole(&place, message, "hello");
    let mut answered = place.answered();
    answered.sort();
    let wanted = [
        ("api-key", "Enter"),
        ("api-key", "Up"),
        ("bypass-permissions", "Down"),
        ("bypass-permissions", "Enter"),
        ("folder-trust", "Down"),
        ("folder-trust", "Enter"),
        ("project-mcp", "Enter"),
        ("project-mcp", "Up"),
    ];
    assert_eq!(answered, keys(&wanted));
}

/// C24: without consent the dialog is left standing, and the failure names both.
#[test]
fn c24_claude_without_consent_stops_at_the_dialog() {
    let mut place = virgin();
    place.world.start();
    place.world.add_peer("ada", &["--runtime", "claude", "--consent", "api_key"]);
    place.send("ada", "hello");
    let (failed, _) = place.wake_failed();
    assert_eq!(failed.phase, WakePhase::Boot);
    assert!(failed.why.contains("`folder-trust`") && failed.why.contains("`trust_folder`"), "{}", failed.why);
    assert!(failed.screen.unwrap().contains("❯ No, exit"));
    assert!(place.answered().iter().all(|(dialog, _)| dialog != "folder-trust"));
    assert!(place.model.asked().is_empty());
}

/// C24: who is not signed in is told so within seconds, not at the end of the boot's four minutes.
#[test]
fn c24_claude_that_is_not_signed_in_fails_at_once() {
    let mut place = settled(&[]);
    place.world.terminate();
    place.world.set_env("ANTHROPIC_AUTH_TOKEN", "");
    place.world.start();
    place.send("ada", "hello");
    // Claude says so beside its box, at times a moment after that is open: then the message is typed, and its turn fails for it.
    let mut decided = None;
    let (why, after_ms) = place.world.await_record("the failure", |record| {
        let after_ms = || record.at.awake_ms - decided.unwrap();
        match &record.event {
            Event::Decision(Decision::WakeFailed(failed)) => Some((failed.why.clone(), after_ms())),
            Event::Fact(Fact::TurnObserved(TurnObserved { turn: TurnSeen::Failed { reason }, .. })) => {
                Some((reason.clone(), after_ms()))
            }
            Event::Decision(Decision::WakeDecided(_)) => {
                decided = Some(record.at.awake_ms);
                None
            }
            _ => None,
        }
    });
    assert!(why.contains("not signed in") || why.contains("authentication_failed"), "{why}");
    assert!(after_ms < 5_000, "{after_ms} ms");
}

/// C24, C28: nor does anybody wait for one that was never signed in. Where no network is, it ends before it has asked how to
/// log in, and what it says of that is kept.
#[test]
fn c24_claude_that_has_never_been_signed_in_fails_at_once() {
    let mut place = Place::new();
    let url = place.model.url.clone();
    place.world.set_env("ANTHROPIC_BASE_URL", url);
    place.world.start();
    place.world.add_peer("ada", &["--runtime", "claude", "--consent", "trust_folder"]);
    place.send("ada", "hello");
    let (failed, after_ms) = place.wake_failed();
    let said = failed.screen.as_deref().unwrap_or_default();
    assert!(said.contains("Unable to connect to Anthropic services"), "{failed:?}");
    assert!(after_ms < 5_000, "{after_ms} ms");
}

/// C24: each dialog that takes a consent is left standing without it, and the failure names it.
#[test]
fn c24_claude_names_the_consent_that_is_missing() {
    let all = ["trust_folder", "api_key", "bypass_permissions", "project_mcp"];
    for (missing, dialog) in all.into_iter().zip(["folder-trust", "api-key", "bypass-permissions", "project-mcp"]) {
        let place = with_every_dialog(&all.iter().copied().filter(|it| *it != missing).collect::<Vec<_>>().join(","));
        place.send("ada", "hello");
        let (failed, _) = place.wake_failed();
        let named = failed.why.contains(&format!("`{dialog}`")) && failed.why.contains(&format!("`{missing}`"));
        assert!(failed.phase == WakePhase::Boot && named, "{missing}: {}", failed.why);
        assert!(place.answered().iter().all(|(answered, _)| answered != dialog), "{missing}: {:?}", place.answered());
    }
}

/// C25, C26, C14: cold and warm, short and long, byte for byte, once, and nothing of it executed.
#[test]
fn c26_a_nasty_message_reaches_claude_whole_and_nothing_is_executed() {
    let place = settled(&["--arg", "--permission-mode", "--arg", "manual"]);
    for (times, body) in [nasty(), "short".to_owned(), long(), nasty(), long()].into_iter().enumerate() {
        if times == 4 {
            // The longest as the first words of a session, too.
            place.world.ok(&["refresh", "ada"]);
            place.world.ok(&["stop", "ada"]);
            place.world.ok(&["start", "ada"]);
        }
        let message = place.send("ada", &body);
        assert_eq!(place.delivered(message), Proof::Hook);
        whole(&place, message, &body);
    }
    place.nothing_was_executed();
    assert_eq!(place.model.asked().len(), 5, "a request for each message, and none besides");
    place.world.audit_is_clean();
}

/// C27: with a permission dialog open a paste would be lost and its Enter approve the call.
#[test]
fn c27_a_message_waits_while_claude_asks_for_permission() {
    let place = settled(&["--arg", "--permission-mode", "--arg", "manual"]);
    let made = place.world.path("ada").join("made");
    place.model.answers([Answer::Bash(format!("touch {}", made.display()))]);
    let first = place.send("ada", "do it");
    assert_eq!(place.delivered(first), Proof::Hook);
    let second = place.send("ada", "and another thing");
    place.held_for(second, |gate| matches!(gate, Gate::NeedsPerson { on } if on.starts_with("Do you want to proceed")));
    assert!(!made.exists(), "the call was approved");
    place.asked(1);

    place.press("Escape");
    assert_eq!(place.delivered(second), Proof::Hook);
    whole(&place, second, "and another thing");
    assert!(!made.exists());
}

/// C33a: what comes while a turn runs is held until the turn has ended.
#[test]
fn c33a_a_message_waits_for_the_end_of_claudes_turn() {
    let place = settled(&[]);
    place.model.answers([Answer::Held("at last")]);
    let first = place.send("ada", "think");
    assert_eq!(place.delivered(first), Proof::Hook);
    let second = place.send("ada", "are you there?");
    place.held_for(second, |gate| *gate == Gate::TurnRunning);
    place.asked(1);
    place.model.release();
    assert_eq!(place.delivered(second), Proof::Hook);
    whole(&place, second, "are you there?");
}

/// C14: an answer that fails is no failure of the delivery.
#[test]
fn c14_a_message_is_delivered_to_claude_though_its_model_refuses() {
    let mut place = settled(&[]);
    place.world.terminate();
    place.world.set_env("CLAUDE_CODE_MAX_RETRIES", "1");
    place.world.start();
    place.model.answers([Answer::Error(500), Answer::Error(529)]);
    let first = place.send("ada", "one");
    assert_eq!(place.delivered(first), Proof::Hook);
    let second = place.send("ada", "two");
    assert_eq!(place.delivered(second), Proof::Hook);
    whole(&place, second, "two");
    let failed = place.world.records().into_iter().filter(|record| {
        let Event::Fact(Fact::DeliveryEnded(DeliveryEnded { outcome, .. })) = &record.event else { return false };
        !matches!(outcome, DeliveryOutcome::Proven { .. })
    });
    assert_eq!(failed.count(), 0);
}

#[test]
fn c17_a_parked_conversation_of_claude_is_resumed() {
    alike::resumes(&mut settled(&[]), prompts);
}

#[test]
fn c17_a_boot_of_claude_that_fails_loses_no_conversation() {
    alike::resumes_though_a_boot_fails(&mut settled(&[]), "claude", prompts);
}

#[test]
fn c47_a_conversation_of_claude_that_was_idle_is_resumed() {
    alike::resumes_when_idle(&mut settled_with("idle = \"3s\"\n", &[]), prompts);
}

#[test]
fn c49_nothing_of_claude_outlives_its_session_not_even_a_turn() {
    alike::is_ended_whole(&settled(&[]));
}

#[test]
fn c27_what_a_person_left_in_claudes_box_is_left_alone() {
    alike::leaves_a_persons_text_alone(&settled(&[]), prompts);
}

#[test]
fn c14_claudes_home_may_be_elsewhere() {
    let mut place = settled(&[]);
    fs::create_dir_all(place.home.join(".claude")).unwrap();
    fs::rename(place.home.join(".claude.json"), place.home.join(".claude/.claude.json")).unwrap();
    alike::is_proven_in_a_home_elsewhere(&mut place, "CLAUDE_CONFIG_DIR", ".claude");
}

/// C27: a dialog that opens only after the box takes the paste. Its Enter would give more leave than anybody has.
#[test]
fn c27_a_dialog_over_claudes_box_fails_the_wake_and_is_not_answered_by_a_message() {
    let place = settled(&[]);
    fs::create_dir_all(place.home.join(".claude")).unwrap();
    let settings = place.home.join(".claude/settings.json");
    fs::write(&settings, r#"{"permissions":{"defaultMode":"default"}}"#).unwrap();
    place.send("ada", "hello");
    // Where its status file tells of the dialog before anything is typed, nothing is: the message waits for whom it asks.
    let failed = place.world.await_record("word of the dialog", |record| match &record.event {
        Event::Fact(Fact::DeliveryWaiting(DeliveryWaiting { gate: Gate::NeedsPerson { on } })) => Some(Err(on.clone())),
        Event::Decision(Decision::WakeFailed(failed)) => Some(Ok(failed.clone())),
        _ => None,
    });
    match failed {
        Ok(failed) => {
            assert_eq!(failed.phase, WakePhase::Deliver);
            assert!(failed.why.contains("`auto-mode`"), "{}", failed.why);
            let (_, after_ms) = place.wake_failed();
            assert!(after_ms < 20_000, "at once, not when the paste should have landed: {after_ms} ms");
        }
        Err(dialog) => assert_eq!(dialog, "auto-mode"),
    }
    assert!(place.model.asked().is_empty());
    assert!(!fs::read_to_string(&settings).unwrap().contains("auto"), "nobody has said yes");
}

#[test]
fn a_peer_of_claude_is_told_its_doctrine() {
    alike::is_told_its_doctrine(&settled(&[]), system);
}

#[test]
fn c56_a_turn_of_claude_is_interrupted() {
    alike::is_interrupted(&settled(&[]));
}

#[test]
fn c56_a_conversation_of_claude_is_compacted() {
    alike::is_compacted(&settled(&[]));
}
