//! Verbs of operators and agents, with the real programs: what their terminals and models see of them.

use std::fs;
use std::process::{Child, Command, Stdio};

use dormouse::model::event::{Armed, Decision, Event, Fact, TurnSeen};
use dormouse::model::id::{Generation, MessageId};
use dormouse::model::session::{ArmedBy, WakeBranch, WakeMode};
use serde_json::json;

use crate::alike::{Prompts, begins_anew, restarts};
use crate::daemon_fixture::until;
use crate::model::{Answer, Asked};
use crate::place::Place;
use crate::tools::{peer, place};
use crate::{anthropic, claude, codex, openai};

/// `peek` prints the screen that the program has drawn.
#[track_caller]
fn is_peeked_at(place: &Place) {
    let message = place.send("ada", "what do you see?");
    assert_eq!(place.delivered(message), place.proof);
    until("the answer on the screen", || place.world.ok(&["peek", "ada"]).contains("Done."));
    assert!(place.world.ok(&["peek", "ada"]).contains("what do you see?"));
}

#[test]
fn claude_is_peeked_at() {
    is_peeked_at(&claude::settled(&[]));
}

#[test]
fn codex_is_peeked_at() {
    is_peeked_at(&codex::settled(&[]));
}

fn says_done(asked: &Asked) -> Option<Answer> {
    asked.prompt().filter(|prompt| prompt.contains("[from ")).map(|_| Answer::Tool("done", json!({})))
}

/// C36, C55: a worker that has nothing to say says so, and is reaped by that.
#[track_caller]
fn is_done_by_its_own_word(runtime: &str) {
    let place = place();
    peer(&place, "worker", runtime, &["--ephemeral"]);
    place.model.thinks(says_done);
    let message = place.send("worker", "nothing to it");
    let by = place.world.await_record("its word", |record| match &record.event {
        Event::Decision(Decision::Armed(Armed { by })) => Some(*by),
        _ => None,
    });
    assert!(matches!(by, ArmedBy::Done), "{by:?}");
    is_task_done(&place, message);
    place.world.audit_is_clean();
}

fn is_task_done(place: &Place, message: MessageId) {
    place.world.await_record("the task's end", |record| {
        let is_done = matches!(record.event, Event::Decision(Decision::TaskDone(_)));
        (is_done && record.subject.message == Some(message)).then_some(())
    });
}

#[test]
fn c36_a_claude_worker_is_done_by_its_own_word() {
    is_done_by_its_own_word("claude");
}

#[test]
fn c36_a_codex_worker_is_done_by_its_own_word() {
    is_done_by_its_own_word("codex");
}

/// C55: called from a tool of its own, it is known whose call it is.
#[test]
fn c55_claude_asks_for_a_fresh_session() {
    let place =
        claude::settled(&["--arg", "--permission-mode", "--arg", "manual", "--arg", "--allowedTools", "--arg", "Bash"]);
    place.model.answers([Answer::Bash(format!("{} self fresh", env!("CARGO_BIN_EXE_dormouse")))]);
    let message = place.send("ada", "start over next time");
    assert_eq!(place.delivered(message), place.proof);
    let generation = place.world.await_record("the call", |record| {
        matches!(record.event, Event::Fact(Fact::FreshCalled(_))).then(|| record.subject.generation.unwrap())
    });
    let woken = |event: &Event| matches!(event, Event::Decision(Decision::WakeDecided(_)));
    let wake = place.world.records().into_iter().find(|record| woken(&record.event)).unwrap();
    assert_eq!(generation, Generation(wake.lsn));
}

/// C54, C55, C17: marked for a refresh, made new at once, or asked for by the agent itself: the next session begins anew.
#[test]
fn c54_claude_begins_anew_where_it_was_asked_to() {
    begins_anew_where_it_was_asked_to("claude");
}

#[test]
fn c54_codex_begins_anew_where_it_was_asked_to() {
    begins_anew_where_it_was_asked_to("codex");
}

#[track_caller]
fn begins_anew_where_it_was_asked_to(runtime: &str) {
    let (place, prompts): (fn(&[&str]) -> Place, Prompts) = match runtime {
        "claude" => (claude::settled, anthropic::prompts),
        _ => (codex::settled, openai::prompts),
    };
    let refresh = |place: &Place| {
        place.world.ok(&["refresh", "ada"]);
        restarts(place);
    };
    begins_anew(&place(&[]), prompts, refresh, WakeBranch::RefreshMark);
    let new = |place: &Place| drop(place.world.ok(&["new", "ada"]));
    begins_anew(&place(&[]), prompts, new, WakeBranch::New);
}

/// C55: called from a tool of its own, the agent's own word makes the next session a fresh one.
#[track_caller]
fn begins_anew_by_its_own_word(place: &Place, command: fn(String) -> Answer, prompts: Prompts) {
    place.model.answers([Answer::Text("Noted."), command(format!("{} self fresh", env!("CARGO_BIN_EXE_dormouse")))]);
    let ask = |place: &Place| {
        let message = place.send_with("ada", "start over next time", &["--topic", "mice"]);
        place.delivered(message);
        place.world.await_record("the mark", |record| {
            matches!(record.event, Event::Decision(Decision::RefreshMarked(_))).then_some(())
        });
        until("its turn's end", || ["ended", "idle"].contains(&place.turn_in_ls().0.as_str()));
        restarts(place);
    };
    begins_anew(place, prompts, ask, WakeBranch::RefreshMark);
}

const MAY_RUN: [&str; 6] = ["--arg", "--permission-mode", "--arg", "manual", "--arg", "--allowedTools=Bash"];
const ALL_RUNS: [&str; 2] = ["--arg", "--dangerously-bypass-approvals-and-sandbox"];

#[test]
fn c55_claude_begins_anew_by_its_own_word() {
    begins_anew_by_its_own_word(&claude::settled(&MAY_RUN), Answer::Bash, anthropic::prompts);
}

#[test]
fn c55_codex_begins_anew_by_its_own_word() {
    begins_anew_by_its_own_word(&codex::settled(&ALL_RUNS), Answer::Run, openai::prompts);
}

/// C36, C55: a worker may say by the verb what it can say by the tool.
#[track_caller]
fn is_done_by_the_verb(place: &Place, command: fn(String) -> Answer) {
    place.model.answers([command(format!("{} self done", env!("CARGO_BIN_EXE_dormouse")))]);
    let message = place.send("ada", "nothing to it");
    is_task_done(place, message);
    place.world.audit_is_clean();
}

#[test]
fn c55_a_claude_worker_is_done_by_the_verb() {
    is_done_by_the_verb(&claude::settled(&[&["--ephemeral"], &MAY_RUN[..]].concat()), Answer::Bash);
}

#[test]
fn c55_a_codex_worker_is_done_by_the_verb() {
    is_done_by_the_verb(&codex::settled(&[&["--ephemeral"], &ALL_RUNS[..]].concat()), Answer::Run);
}

/// C17.2: a parked conversation is gone on with by whoever attaches, without a message.
#[track_caller]
fn is_attached_to(place: &Place, prompts: Prompts) {
    let first = place.send("ada", "remember the mouse");
    place.delivered(first);
    place.asked(1);
    restarts(place);
    let _person = Person::runs(place, "ada", "attach ada");
    let resumed = place.world.await_record("the wake", |record| match &record.event {
        Event::Decision(Decision::WakeDecided(it)) if it.branch == WakeBranch::Attach => Some(it.mode.clone()),
        _ => None,
    });
    assert!(resumed != WakeMode::Fresh, "{resumed:?}");
    until("the person", || place.attached() > 0);
    let second = place.send("ada", "which animal?");
    place.delivered(second);
    place.prompt(second, prompts);
    let said = prompts(place.model.asked().last().unwrap());
    assert!(said.iter().any(|said| said.contains("remember the mouse")), "{said:?}");
}

#[test]
fn c17_claude_is_attached_to() {
    is_attached_to(&claude::settled(&[]), anthropic::prompts);
}

#[test]
fn c17_codex_is_attached_to() {
    is_attached_to(&codex::settled(&[]), openai::prompts);
}

/// C17, C56: a person may begin another conversation by hand; from then on that is the one whose record counts, and that is resumed.
#[test]
fn c56_claude_is_compacted_and_resumed_in_the_conversation_that_a_person_began() {
    let place = claude::settled(&[]);
    let first = place.send("ada", "remember the mouse");
    assert_eq!(place.delivered(first), place.proof);
    place.asked(1);
    until("the answer on the screen", || place.screen().contains("Done."));
    place.types("/clear");
    place.press("Enter");
    place.world.await_record("the other conversation's name", |record| {
        matches!(record.event, Event::Fact(Fact::ConversationNamed(_))).then_some(())
    });
    for text in ["the cat is called Tom", "the dog is called Rex"] {
        let message = place.send_with("ada", text, &["--topic", "pets"]);
        assert_eq!(place.delivered(message), place.proof);
    }
    place.world.ok(&["compact", "ada"]);
    restarts(&place);
    let last = place.send_with("ada", "what is the cat called?", &["--topic", "pets"]);
    place.delivered(last);
    place.prompt(last, anthropic::prompts);
    let told = place.model.asked().last().unwrap().body.to_string();
    assert!(!told.contains("remember the mouse"), "{told}");
    place.world.audit_is_clean();
}

/// A person's terminal with a verb in it.
pub struct Person(Child);

impl Person {
    pub fn runs(place: &Place, folder: &str, args: &str) -> Self {
        let verb = place.world.command(&[]);
        let line = format!("stty cols 100 rows 30; exec '{}' {args}", env!("CARGO_BIN_EXE_dormouse"));
        let mut script = Command::new("script");
        script.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").current_dir(place.world.path(folder));
        for (name, value) in verb.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        Self(script.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // The end of its input is the end of its terminal, and leaves the session running.
        self.0.stdin.take();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// C17.1, C57: launched from its folder it is fresh, and a person is in it.
#[track_caller]
fn is_launched_from_its_folder(place: &Place) {
    let _person = Person::runs(place, "ada", "run");
    let branch = place.world.await_record("the wake", |record| match &record.event {
        Event::Decision(Decision::WakeDecided(it)) => Some(it.branch),
        _ => None,
    });
    assert_eq!(branch, WakeBranch::FolderLaunch);
    place.world.await_record("its box", |record| matches!(record.event, Event::Fact(Fact::BoxOpened(_))).then_some(()));
    until("the person", || place.attached() > 0);
    let message = place.send("ada", "a person looks on");
    assert_eq!(place.delivered(message), place.proof);
}

#[test]
fn c17_claude_is_launched_from_its_folder() {
    is_launched_from_its_folder(&claude::settled(&[]));
}

#[test]
fn c17_codex_is_launched_from_its_folder() {
    is_launched_from_its_folder(&codex::settled(&[]));
}

/// C1: a profile of iapeer's as it is, its prompt, its doctrine and its policy.
#[test]
fn c1_claude_works_by_a_foreign_profile() {
    let place = claude::settled(&[]);
    let folder = place.world.path("zoe");
    fs::create_dir_all(folder.join(".iapeer")).unwrap();
    let profile = json!({ "personality": "zoe", "default_runtime": "claude", "runtimes": ["claude"],
        "initial_prompt": "Knock before you enter.", "wake_policy": "ephemeral" });
    fs::write(folder.join(".iapeer/peer-profile.json"), profile.to_string()).unwrap();
    fs::write(folder.join("IAPEER.md"), "Never say \"walnut\".\n").unwrap();
    let trusted = json!({ folder.to_str().unwrap(): { "hasTrustDialogAccepted": true } });
    let state = json!({ "hasCompletedOnboarding": true, "projects": trusted });
    fs::write(place.home.join(".claude.json"), state.to_string()).unwrap();
    place.world.ok(&["add", folder.to_str().unwrap()]);
    place.model.thinks(says_done);
    let message = place.send("zoe", "hello");
    assert_eq!(place.delivered(message), place.proof);
    is_task_done(&place, message);
    let asked = place.model.asked().remove(0).body.to_string();
    for told in ["Knock before you enter.", "Never say \\\"walnut\\\"", "You are `zoe`"] {
        assert!(asked.contains(told), "{told}: {asked}");
    }
    assert!(!folder.join(".dormouse").exists(), "no profile of ours beside it");
}

#[test]
fn c46b_why_claudes_turn_failed_is_said() {
    let mut place = claude::settled(&[]);
    place.world.terminate();
    place.world.set_env("CLAUDE_CODE_MAX_RETRIES", "0");
    place.world.start();
    why_a_turn_failed_is_said(&place, &[(429, 1, "rate_limit"), (401, 1, "authentication")]);
}

#[test]
fn c46b_why_codexs_turn_failed_is_said() {
    // Where it is not let in, or for the time being, it tries again some times.
    for refusal in [(400, 1, "made up"), (401, 20, "401 Unauthorized"), (429, 20, "429")] {
        why_a_turn_failed_is_said(&codex::settled(&[]), &[refusal]);
    }
}

/// C46b: a limit and a sign-out are states with their reason.
#[track_caller]
fn why_a_turn_failed_is_said(place: &Place, refusals: &[(u16, usize, &str)]) {
    for &(status, times, reason) in refusals {
        place.model.answers(std::iter::repeat_n(Answer::Error(status), times));
        let message = place.send("ada", "hello");
        assert_eq!(place.delivered(message), place.proof);
        until("the reason in ls", || {
            let (turn, said) = place.turn_in_ls();
            turn == "error" && said.contains(reason)
        });
        let is_said = |event: &Event| match event {
            Event::Fact(Fact::TurnObserved(told)) => {
                matches!(&told.turn, TurnSeen::Failed { reason: said } if said.contains(reason))
            }
            _ => false,
        };
        assert!(place.world.records().iter().any(|record| is_said(&record.event)), "{}", place.world.story());
    }
}
