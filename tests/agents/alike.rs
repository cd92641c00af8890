//! What both programs must be able to bear.

use dormouse::model::delivery::Gate;
use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::id::MessageId;
use dormouse::model::session::{ReapReason, WakeBranch, WakeMode};

use crate::daemon_fixture::until;
use crate::model::{Answer, Asked};
use crate::place::Place;

/// The texts that a user has said in the conversation which a request sends, in order.
pub type Prompts = fn(&Asked) -> Vec<String>;

/// A built-in runtime's file whose turns are told by one source alone, and without the texts that hand over its hooks.
pub fn told_by(source: &str, built_in: &str, without: &[&str]) -> String {
    let sources = built_in.lines().find(|line| line.starts_with("source = ")).expect("it names its sources");
    without.iter().fold(built_in.replace(sources, &format!("source = [\"{source}\"]")), |text, part| {
        assert!(text.contains(part), "the file has no {part}");
        text.replace(part, "")
    })
}

/// How often `message` stands in a conversation, as the model was told it.
pub fn times(place: &Place, prompts: Prompts, message: MessageId) -> usize {
    let names = format!("message {message}, attempt ");
    let told = |asked: &Asked| prompts(asked).iter().filter(|said| said.contains(&names)).count();
    place.model.asked().iter().map(told).max().unwrap_or(0)
}

/// C17: a parked conversation goes on, with all that was said in it.
#[track_caller]
pub fn resumes(place: &mut Place, prompts: Prompts) {
    goes_on_after(place, prompts, |place| {
        place.world.ok(&["stop", "ada"]);
        is_gone(place);
        place.world.ok(&["start", "ada"]);
    });
}

/// C17, C47: so does one whose session had been idle for too long. The settings have to say when that is.
#[track_caller]
pub fn resumes_when_idle(place: &mut Place, prompts: Prompts) {
    goes_on_after(place, prompts, |place| {
        place.world.await_record("the reap", |record| match &record.event {
            Event::Decision(Decision::Reaped(reaped)) => {
                assert!(matches!(reaped.reason, ReapReason::Idle { .. }), "{reaped:?}");
                Some(())
            }
            _ => None,
        });
        is_gone(place);
    });
}

/// C17, C60: and so does one that was parked by a daemon that never saw the end of it.
#[track_caller]
pub fn resumes_after_a_kill(place: &mut Place, prompts: Prompts) {
    goes_on_after(place, prompts, |place| {
        place.world.ok(&["stop", "ada"]);
        place.world.kill();
        place.world.start();
        is_gone(place);
        place.world.ok(&["start", "ada"]);
        place.world.kill();
        place.world.start();
    });
}

/// C17, C29: a wake that fails before it is there has spent nothing of it.
#[track_caller]
pub fn resumes_though_a_boot_fails(place: &mut Place, program: &str, prompts: Prompts) {
    let first = place.send_with("ada", "remember the mouse", &["--topic", "mice"]);
    assert_eq!(place.delivered(first), place.proof);
    place.asked(1);
    place.world.ok(&["stop", "ada"]);
    is_gone(place);
    place.world.ok(&["start", "ada"]);
    let broken = place.breaks(program, "out of order");
    let second = place.send_with("ada", "which animal?", &["--topic", "mice"]);
    let (failed, _) = place.wake_failed();
    drop(broken);
    assert!(failed.why.contains("exited with code 1"), "{}", failed.why);
    place.prompt(second, prompts);
    remembers(place, first, prompts, &[false, true, true]);
}

fn is_gone(place: &Place) {
    place
        .world
        .await_record("the end", |record| matches!(record.event, Event::Fact(Fact::SessionGone(_))).then_some(()));
}

#[track_caller]
fn goes_on_after(place: &mut Place, prompts: Prompts, park: impl FnOnce(&mut Place)) {
    let first = place.send_with("ada", "remember the mouse", &["--topic", "mice"]);
    assert_eq!(place.delivered(first), place.proof);
    place.asked(1);
    park(place);
    let second = place.send_with("ada", "which animal?", &["--topic", "mice"]);
    assert_eq!(place.delivered(second), place.proof);
    place.prompt(second, prompts);
    remembers(place, first, prompts, &[false, true]);
}

/// The wakes were resumed or not, as said, and what the model was asked last has `first` in it.
#[track_caller]
fn remembers(place: &Place, first: MessageId, prompts: Prompts, wakes_resumed: &[bool]) {
    let resumed = |event: &Event| match event {
        Event::Decision(Decision::WakeDecided(it)) => Some(it.mode != WakeMode::Fresh),
        _ => None,
    };
    let wakes: Vec<bool> = place.world.records().iter().filter_map(|record| resumed(&record.event)).collect();
    assert_eq!(wakes, wakes_resumed);
    let said = prompts(place.model.asked().last().unwrap());
    let remembered = said.iter().filter(|said| said.contains(&first.to_string())).count();
    assert_eq!(remembered, 1, "the conversation goes on: {said:?}");
    place.world.audit_is_clean();
}

/// C49: whatever it was at, nothing of it is left once it has been ended.
#[track_caller]
pub fn is_ended_whole(place: &Place) {
    place.model.answers([Answer::Held("never heard")]);
    let message = place.send("ada", "think");
    assert_eq!(place.delivered(message), place.proof);
    place.asked(1);
    assert!(!place.alive().is_empty(), "it is at work");
    place.world.ok(&["stop", "ada"]);
    place
        .world
        .await_record("the end", |record| matches!(record.event, Event::Fact(Fact::SessionGone(_))).then_some(()));
    until("nothing to be left", || place.alive().is_empty());
    place.model.release();
    place.asked(1);
}

/// C27, C32: what somebody has left in the box is neither submitted nor cleared.
#[track_caller]
pub fn leaves_a_persons_text_alone(place: &Place, prompts: Prompts) {
    let first = place.send("ada", "hello");
    assert_eq!(place.delivered(first), place.proof);
    place.asked(1);
    place.types("half a thought");
    let second = place.send("ada", "are you there?");
    place.held_for(second, |gate| *gate == Gate::BoxNotEmpty);
    place.asked(1);
    // As many times as the text has lines.
    place.press("C-u");
    assert_eq!(place.delivered(second), place.proof);
    place.prompt(second, prompts);
    let all = place.model.asked().iter().flat_map(prompts).collect::<Vec<_>>().join("\n");
    assert!(!all.contains("half a thought"));
}

/// C14: a home elsewhere is where the record is looked for. `variable` names it.
#[track_caller]
pub fn is_proven_in_a_home_elsewhere(place: &mut Place, variable: &str, of_home: &str) {
    let elsewhere = place.world.path("elsewhere");
    std::fs::rename(place.home.join(of_home), &elsewhere).unwrap();
    place.world.terminate();
    place.world.set_env(variable, &elsewhere);
    place.world.start();
    let message = place.send("ada", "hello");
    assert_eq!(place.delivered(message), place.proof);
}

/// Who it is, who else there is, and behind that what its folder says, beside what the program says itself: in `system`, which
/// the model is told before anything that a user says.
pub fn is_told_its_doctrine(place: &Place, system: fn(&Asked) -> String) {
    std::fs::write(place.world.path("ada").join("PEER.md"), "Never say \"walnut\".\nSay 'hazel' $HOME instead.\n")
        .unwrap();
    let bob = place.world.path("bob");
    std::fs::create_dir_all(&bob).unwrap();
    place.world.ok(&["add", bob.to_str().unwrap(), "--runtime", "demo", "--description", "counts nuts"]);
    let message = place.send("ada", "hello");
    place.delivered(message);
    place.asked(1);
    let told = system(&place.model.asked().remove(0));
    let mut rest = told.as_str();
    for next in [
        "You are `ada`",
        "the tool `send_to_peer`",
        "- bob (demo): counts nuts",
        "Never say \"walnut\"",
        "Say 'hazel' $HOME instead.",
    ] {
        let (_, behind) =
            rest.split_once(next).unwrap_or_else(|| panic!("no `{next}` behind what comes before it: {told}"));
        rest = behind;
    }
}

/// C17, C54: what an operator or the agent has asked for is what the next wake is, and the model hears nothing of before.
#[track_caller]
pub fn begins_anew(place: &Place, prompts: Prompts, ask: impl Fn(&Place), branch: WakeBranch) {
    let first = place.send_with("ada", "remember the mouse", &["--topic", "mice"]);
    assert_eq!(place.delivered(first), place.proof);
    place.asked(1);
    ask(place);
    let second = place.send_with("ada", "which animal?", &["--topic", "mice"]);
    place.delivered(second);
    place.prompt(second, prompts);
    let mut wakes = place.world.records().into_iter().filter_map(|record| match record.event {
        Event::Decision(Decision::WakeDecided(it)) => Some((it.branch, it.mode == WakeMode::Fresh)),
        _ => None,
    });
    assert_eq!(wakes.next_back(), Some((branch, true)));
    let said = prompts(place.model.asked().last().unwrap());
    assert!(!said.iter().any(|said| said.contains("remember the mouse")), "{said:?}");
    place.world.audit_is_clean();
}

/// Its session ends, and the next message wakes it.
pub fn restarts(place: &Place) {
    place.world.ok(&["stop", "ada"]);
    is_gone(place);
    place.world.ok(&["start", "ada"]);
}

/// C56: one key ends the turn, and the next message arrives, though a program that had not begun to answer puts the first
/// one back into its box.
pub fn is_interrupted(place: &Place) {
    place.model.answers([Answer::Held("never said")]);
    let first = place.send("ada", "think");
    place.delivered(first);
    place.asked(1);
    place.world.ok(&["interrupt", "ada"]);
    let second = place.send("ada", "and now?");
    place.delivered(second);
    place.asked(2);
    place.world.audit_is_clean();
}

/// C56: its own record says that it was done; a parked one is resumed first, and goes on with what is left.
pub fn is_compacted(place: &Place) {
    let talk = || {
        for text in ["the cat is called Tom", "the dog is called Rex"] {
            let message = place.send_with("ada", text, &["--topic", "pets"]);
            place.delivered(message);
        }
    };
    talk();
    place.world.ok(&["compact", "ada"]);
    talk();
    place.world.ok(&["stop", "ada"]);
    until("its end", || place.world.json(&["ls"])[0]["session"].is_null());
    place.world.ok(&["start", "ada"]);
    place.world.ok(&["compact", "ada"]);
    talk();
    place.world.audit_is_clean();
}
