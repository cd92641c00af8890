//! Subjects and moments: what held then, and what became of one session.

use std::collections::BTreeSet;

use dormouse::explain::why::{Answer, Reach, Subject, TooFar, Until};
use dormouse::model::event::{Decision, Event};
use dormouse::model::id::{Generation, Lsn};
use dormouse::model::record::Record;
use dormouse::model::state::State;
use dormouse::reducer::apply;

use crate::{asked, recorded};

fn first_line(answer: &Answer) -> (Lsn, &'static str) {
    let (record, _) = answer.chain.first().expect("something is known");
    (record.lsn, record.event.kind().name)
}

/// What held at a moment is explained by the records up to it alone.
#[test]
fn a_peer_is_explained_as_it_was_at_a_moment() {
    let records = recorded();
    let ada = || Subject::Peer("demo-ada".parse().unwrap());
    let stopped = records.iter().find(|it| it.event.kind().name == "stop_set").unwrap();
    assert_eq!(stopped.subject.peer.as_ref().unwrap().to_string(), "demo-ada");
    let by_lsn = asked(&records, ada(), Until { last: Some(stopped.lsn), wall_us: None });
    assert!(first_line(&by_lsn).0 <= stopped.lsn && first_line(&by_lsn).0 >= Lsn(stopped.lsn.0 - 1), "{by_lsn:?}");
    let before = asked(&records, ada(), Until { last: Some(Lsn(stopped.lsn.0 - 1)), wall_us: None });
    assert!(before.chain.iter().all(|(it, _)| it.lsn < stopped.lsn));
    let by_clock = asked(&records, ada(), Until { last: None, wall_us: Some(stopped.at.wall_us) });
    assert!(by_clock.chain.iter().all(|(it, _)| it.at.wall_us <= stopped.at.wall_us));
    assert_ne!(first_line(&by_clock), first_line(&asked(&records, ada(), Until::default())));
    let never = asked(&records, ada(), Until { last: Some(Lsn(1)), wall_us: None });
    assert_eq!(never.chain, []);
}

/// C16: one session of one peer, from its wake to its end, and nothing of the one before or behind.
#[test]
fn c16_a_session_is_explained_from_its_end_to_its_wake() {
    let records = recorded();
    let ended: Vec<&Record> = records.iter().filter(|it| it.event.kind().name == "session_ended").collect();
    assert!(ended.len() > 5);
    for end in ended {
        let (peer, generation) = (end.subject.peer.clone().unwrap(), end.subject.generation.unwrap());
        let subject = Subject::Session(peer.clone(), generation);
        assert_eq!(subject.to_string(), format!("{peer}@{}", generation.0));
        let answer = asked(&records, subject, Until::default());
        assert_eq!(first_line(&answer), (end.lsn, "session_ended"));
        let wakes = answer.chain.iter().filter(|(it, _)| it.event.kind().name == "wake_decided");
        let wakes: BTreeSet<Lsn> = wakes.map(|(it, _)| it.lsn).collect();
        assert!(wakes.contains(&generation.0), "{wakes:?}");
        let of_others = |it: &Record| {
            it.subject.peer.as_ref() == Some(&peer)
                && it.lsn > generation.0
                && it.subject.generation.is_some_and(|it| it != generation)
        };
        assert!(!answer.chain.iter().any(|(it, _)| of_others(it)));
    }
    let nobody = Subject::Session("demo-ada".parse().unwrap(), Generation(Lsn(9999)));
    assert_eq!(asked(&records, nobody, Until::default()).chain, []);
}

fn told(records: &[Record], through: usize) -> State {
    let mut state = State::default();
    records[..through].iter().for_each(|record| drop(apply(&mut state, record)));
    state
}

/// From a state that a snapshot tells, only what came behind it is folded; what lies before it is said not to be proved
/// where nothing leads there.
#[test]
fn what_is_decided_again_begins_at_the_nearest_state_that_is_told() {
    let records = recorded();
    let is_reap = |it: &&Record| matches!(it.event, Event::Decision(Decision::Reaped(_)));
    let reaps: Vec<&Record> = records.iter().filter(is_reap).collect();
    let (early, late) = (reaps[0], reaps[reaps.len() - 1]);
    // Right before the fact that a group begins with.
    let middle = records.iter().position(|it| it.lsn > early.lsn && matches!(it.event, Event::Fact(_))).unwrap();
    let kept = &records[middle..];
    let state = [told(&records, middle)];
    let answer = |subject| Answer::of(kept, Subject::Record(subject), Until::default(), &state, Reach::Near);
    let proved = answer(late.lsn).recomputed;
    assert!(proved.same.contains(&late.lsn) && proved.differ.is_empty(), "{proved:?}");
    // The same without a snapshot: nobody can say.
    let alone = Answer::of(kept, Subject::Record(late.lsn), Until::default(), &[], Reach::Any).recomputed;
    assert_eq!(alone.too_far.get(&late.lsn), Some(&TooFar::Unreadable));
    let says = alone.sentences();
    assert!(
        says[0].ends_with(
            "not recomputed: not every record before, or decided on at the same moment, can be read any more."
        ),
        "{says:?}"
    );
}
