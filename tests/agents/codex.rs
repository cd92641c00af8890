//! Codex, as it is.

use std::fs;
use std::process::Command;

use dormouse::model::delivery::{Gate, Proof};
use dormouse::model::event::WakePhase;
use dormouse::model::id::MessageId;

use crate::alike;
use crate::anthropic::texts;
use crate::daemon_fixture::until;
use crate::model::{Answer, Asked};
use crate::openai::prompts;
use crate::place::{Place, is_whole, long, nasty};

/// A home that names the made-up model as its provider; the daemon serves, and `ada` is a peer with `args`.
pub fn settled(args: &[&str]) -> Place {
    team(&["ada"], args)
}

/// As [`settled`], with these settings.
pub fn settled_with(config: &str, args: &[&str]) -> Place {
    at_home(Place::with(config), &["ada"], args)
}

/// As [`settled`], of which only its record tells of deliveries, and `source` of turns.
pub fn settled_told_by(source: &str) -> Place {
    let built_in = include_str!("../../src/runtime/builtin/codex.toml");
    let place = Place::new();
    let hooks = "[hooks]\nformat = \"codex\"\nconsent = \"hook_trust\"\n";
    let without = ["hook = true\n", hooks, "trust = \"{codex_home}/config.toml\"\n"];
    place.world.add_runtime("codex", &alike::told_by(source, built_in, &without));
    at_home(place, &["ada"], &[])
}

/// As [`settled`], with a peer of each name.
pub fn team(names: &[&str], args: &[&str]) -> Place {
    at_home(Place::new(), names, args)
}

fn at_home(mut place: Place, names: &[&str], args: &[&str]) -> Place {
    let config = format!(
        "model = \"gpt-5.1-codex\"\nmodel_provider = \"made_up\"\ncheck_for_update_on_startup = false\n\
         [model_providers.made_up]\nname = \"made up\"\nbase_url = \"{}/v1\"\nwire_api = \"responses\"\n\
         env_key = \"MADE_UP_KEY\"\n",
        place.model.url
    );
    let home = place.home.join(".codex");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("config.toml"), config).unwrap();
    place.world.set_env("MADE_UP_KEY", "made-up");
    place.world.start();
    for name in names {
        place.world.add_peer(name, &[&["--runtime", "codex"], args].concat());
    }
    place
}

/// What the model is told before anything that a user says.
fn system(asked: &Asked) -> String {
    let input = asked.body["input"].as_array().into_iter().flatten();
    let said =
        input.take_while(|item| item["role"] == "developer").flat_map(|item| texts(&item["content"], "input_text"));
    asked.body["instructions"].as_str().map(str::to_owned).into_iter().chain(said).collect::<Vec<_>>().join("\n")
}

/// Under version control, Codex asks whether the folder is trusted.
pub fn under_version_control(place: &Place) {
    let git = Command::new("git").args(["init", "--quiet"]).arg(place.world.path("ada")).status().unwrap();
    assert!(git.success());
}

/// Under version control, and beside ours there is one hook that the program has to be told to trust.
fn with_hooks_of_the_users(place: &Place) {
    under_version_control(place);
    let hooks = r#"{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"/bin/true","timeout":3}]}]}}"#;
    fs::write(place.home.join(".codex/hooks.json"), hooks).unwrap();
}

fn whole(place: &Place, message: MessageId, body: &str) {
    is_whole(&place.prompt(message, prompts), body, str::to_owned);
}

/// C24: folder and hooks, each by its own consent.
#[test]
fn c24_codexs_dialogs_are_each_answered_by_its_own_consent() {
    let place = settled(&["--consent", "trust_folder,hook_trust"]);
    with_hooks_of_the_users(&place);
    let message = place.send("ada", "hello");
    assert_eq!(place.delivered(message), Proof::Hook);
    whole(&place, message, "hello");
    let wanted = [("folder-trust", "Enter"), ("hook-trust", "Down"), ("hook-trust", "Enter")];
    assert_eq!(place.answered(), wanted.map(|(dialog, key)| (dialog.to_owned(), key.to_owned())));
    place.world.audit_is_clean();
}

/// C24: the answer that accepts is preselected, and is not given without consent.
#[test]
fn c24_codex_without_consent_stops_at_the_dialog() {
    let place = settled(&[]);
    under_version_control(&place);
    place.send("ada", "hello");
    let (failed, _) = place.wake_failed();
    assert_eq!(failed.phase, WakePhase::Boot);
    assert!(failed.why.contains("`folder-trust`") && failed.why.contains("`trust_folder`"), "{}", failed.why);
    assert_eq!(place.answered(), []);
    assert!(place.model.asked().is_empty());
}

/// C24: so with the user's own hooks, which ours would be asked about beside.
#[test]
fn c24_codex_without_trust_in_hooks_stops_at_the_dialog() {
    let place = settled(&["--consent", "trust_folder"]);
    with_hooks_of_the_users(&place);
    place.send("ada", "hello");
    let (failed, _) = place.wake_failed();
    assert!(failed.why.contains("`hook-trust`") && failed.why.contains("`hook_trust`"), "{}", failed.why);
    assert!(place.model.asked().is_empty());
}

/// C24: who is not signed in is told so within seconds.
#[test]
fn c24_codex_that_is_not_signed_in_fails_at_once() {
    let place = settled(&[]);
    fs::remove_file(place.home.join(".codex/config.toml")).unwrap();
    place.send("ada", "hello");
    let (failed, after_ms) = place.wake_failed();
    assert!(failed.why.contains("not signed in"), "{}", failed.why);
    assert!(after_ms < 5_000, "{after_ms} ms");
}

/// C25, C26, C14: cold and warm, short and long, byte for byte, once, and nothing of it executed. `proof` shows it.
#[track_caller]
fn nasty_ones_arrive_whole(args: &[&str], proof: Proof) {
    let place = settled(args);
    for (times, body) in [nasty(), "short".to_owned(), long(), nasty(), long()].into_iter().enumerate() {
        if times == 4 {
            // The longest as the first words of a session, too.
            place.world.ok(&["refresh", "ada"]);
            place.world.ok(&["stop", "ada"]);
            place.world.ok(&["start", "ada"]);
        }
        let message = place.send("ada", &body);
        assert_eq!(place.delivered(message), proof);
        whole(&place, message, &body);
    }
    place.nothing_was_executed();
    assert_eq!(place.model.asked().len(), 5, "a request for each message, and none besides");
    place.world.audit_is_clean();
}

#[test]
fn c26_a_nasty_message_reaches_codex_whole_and_nothing_is_executed() {
    nasty_ones_arrive_whole(&[], Proof::TranscriptExact);
}

/// C14: nor is the hook told anything else than what was typed.
#[test]
fn c26_a_nasty_message_reaches_codex_with_its_hooks_whole_and_nothing_is_executed() {
    nasty_ones_arrive_whole(&["--consent", "hook_trust"], Proof::Hook);
}

/// C27: with a permission dialog open a paste would be lost and its Enter approve the call.
#[test]
fn c27_a_message_waits_while_codex_asks_for_permission() {
    let place = settled(&["--arg", "--ask-for-approval", "--arg", "on-request"]);
    let made = place.world.path("ada").join("made");
    place.model.answers([Answer::Bash(format!("touch {}", made.display()))]);
    let first = place.send("ada", "do it");
    assert_eq!(place.delivered(first), Proof::TranscriptExact);
    let second = place.send("ada", "and another thing");
    place.held_for(second, |gate| matches!(gate, Gate::NeedsPerson { .. }));
    assert!(!made.exists(), "the call was approved");
    place.asked(1);

    place.press("Escape");
    assert_eq!(place.delivered(second), Proof::TranscriptExact);
    whole(&place, second, "and another thing");
    assert!(!made.exists());
}

/// C33a: an Enter would cut the running turn off.
#[test]
fn c33a_a_message_waits_for_the_end_of_codexs_turn() {
    let place = settled(&[]);
    place.model.answers([Answer::Held("at last")]);
    let first = place.send("ada", "think");
    assert_eq!(place.delivered(first), Proof::TranscriptExact);
    let second = place.send("ada", "are you there?");
    place.held_for(second, |gate| *gate == Gate::TurnRunning);
    place.asked(1);
    place.model.release();
    assert_eq!(place.delivered(second), Proof::TranscriptExact);
    whole(&place, second, "are you there?");
}

#[test]
fn c17_a_parked_conversation_of_codex_is_resumed() {
    alike::resumes(&mut settled(&[]), prompts);
}

#[test]
fn c17_a_boot_of_codex_that_fails_loses_no_conversation() {
    alike::resumes_though_a_boot_fails(&mut settled(&[]), "codex", prompts);
}

#[test]
fn c47_a_conversation_of_codex_that_was_idle_is_resumed() {
    alike::resumes_when_idle(&mut settled_with("idle = \"3s\"\n", &[]), prompts);
}

#[test]
fn c49_nothing_of_codex_outlives_its_session_not_even_a_turn() {
    alike::is_ended_whole(&settled(&[]));
}

#[test]
fn c27_what_a_person_left_in_codexs_box_is_left_alone() {
    alike::leaves_a_persons_text_alone(&settled(&[]), prompts);
}

/// C14: both keep their conversations in one place, and each message is found in that of its own peer.
#[test]
fn c14_two_peers_share_codexs_home() {
    let place = settled(&[]);
    place.world.add_peer("bob", &["--runtime", "codex"]);
    for _ in 0..2 {
        let messages = ["ada", "bob"].map(|peer| place.send(peer, "hello"));
        for message in messages {
            assert_eq!(place.delivered(message), Proof::TranscriptExact);
        }
    }
    until("each to be answered", || place.model.asked().len() >= 4);
    assert_eq!(place.model.asked().len(), 4);
}

#[test]
fn c14_codexs_home_may_be_elsewhere() {
    alike::is_proven_in_a_home_elsewhere(&mut settled(&[]), "CODEX_HOME", ".codex");
}

#[test]
fn a_peer_of_codex_is_told_its_doctrine() {
    alike::is_told_its_doctrine(&settled(&[]), system);
}

#[test]
fn c56_a_turn_of_codex_is_interrupted() {
    alike::is_interrupted(&settled(&[]));
}

#[test]
fn c56_a_conversation_of_codex_is_compacted() {
    alike::is_compacted(&settled(&[]));
}

/// Linux starts no program of which one argument has 128 KiB: what does not fit stands in a file, and Codex is told in which.
#[test]
fn codex_is_told_where_the_rest_of_a_long_doctrine_stands() {
    let place = settled(&[]);
    // Each is shown by three bytes.
    fs::write(place.world.path("ada").join("PEER.md"), "\u{1}".repeat(48 << 10)).unwrap();
    let message = place.send("ada", "hello");
    place.delivered(message);
    place.asked(1);
    let asked = place.model.asked().remove(0).body.to_string();
    let (_, note) =
        asked.split_once("[what follows did not fit here: read it, before anything else, in ").expect("a word on it");
    let (file, _) = note.split_once(']').unwrap();
    let whole = fs::read_to_string(file).unwrap();
    assert_eq!(whole.matches('\u{2401}').count(), 48 << 10);
}
