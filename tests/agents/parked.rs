//! Which conversation goes on: the one that was parked, whatever was said in its folder since (C17).

use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::record::Record;
use dormouse::model::session::WakeMode;

use crate::alike::Prompts;
use crate::daemon_fixture::until;
use crate::place::{Place, kill_program};
use crate::verbs::Person;
use crate::{anthropic, claude, codex, openai};

/// A launch from the folder consumes nothing: what a person says there is a newer conversation of the same folder and home, which
/// programs that are asked for the last one would take.
#[track_caller]
fn what_was_parked_goes_on(place: &Place, prompts: Prompts) {
    let first = place.send_with("ada", "remember the mouse", &["--topic", "mice"]);
    assert_eq!(place.delivered(first), place.proof);
    place.prompt(first, prompts);
    place.world.ok(&["stop", "ada"]);
    ended(place, 1);
    place.world.ok(&["start", "ada"]);

    let person = Person::runs(place, "ada", "run");
    happens(place, "the box of the launch", 2, |event| matches!(event, Event::Fact(Fact::BoxOpened(_))));
    let between = place.send_with("ada", "remember the cat", &["--topic", "cats"]);
    assert_eq!(place.delivered(between), place.proof);
    place.prompt(between, prompts);
    until("the end of the turn", || place.turn_in_ls().0 == "ended");
    kill_program(*place.started().last().unwrap());
    ended(place, 2);
    drop(person);

    let last = place.send_with("ada", "which animal?", &["--topic", "mice"]);
    assert_eq!(place.delivered(last), place.proof);
    place.prompt(last, prompts);
    let said = prompts(place.model.asked().last().unwrap());
    let stands = |message: &dyn ToString| said.iter().filter(|it| it.contains(&message.to_string())).count();
    assert_eq!((stands(&first), stands(&between), stands(&last)), (1, 0, 1), "{said:?}\n{}", place.world.story());
    let resumed = place.world.records().into_iter().filter_map(|record| match record.event {
        Event::Decision(Decision::WakeDecided(it)) => Some(it.mode != WakeMode::Fresh),
        _ => None,
    });
    assert_eq!(resumed.collect::<Vec<_>>(), [false, false, true]);
    place.world.audit_is_clean();
}

fn ended(place: &Place, times: usize) {
    happens(place, "the end", times, |event| matches!(event, Event::Fact(Fact::SessionGone(_))));
}

fn happens(place: &Place, what: &str, times: usize, wanted: impl Fn(&Event) -> bool) {
    until(what, || place.world.records().iter().filter(|record: &&Record| wanted(&record.event)).count() == times);
}

#[test]
fn c17_claude_goes_on_with_what_was_parked_and_not_with_what_was_said_last() {
    what_was_parked_goes_on(&claude::settled(&[]), anthropic::prompts);
}

#[test]
fn c17_codex_goes_on_with_what_was_parked_and_not_with_what_was_said_last() {
    what_was_parked_goes_on(&codex::settled(&[]), openai::prompts);
}
