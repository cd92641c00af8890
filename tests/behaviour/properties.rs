//! What holds whatever happens: random facts and requests, in any order, at any time.

use dormouse::journal::Snapshot;
use dormouse::model::event::{Decision, Event};
use dormouse::model::state::{SCHEMA, State};
use dormouse::policy::deadline::next_deadline;
use dormouse::policy::decide;
use dormouse::reducer::{apply, invariant};
use dormouse::supervisor::snapshot;
use proptest::prelude::*;

use crate::happening::{fleet, happens};
use crate::world::World;

/// One thing, so many milliseconds after the one before.
fn happen(world: &mut World, (what, who, ms): (u8, u8, u32)) {
    world.pass(u64::from(ms));
    happens(world, what, who);
}

/// What a start would make of a snapshot of `state`.
fn from_snapshot(state: &State) -> State {
    let json = snapshot::encode(state).unwrap();
    snapshot::decode(&Snapshot::of([1; 16], state.lsn, (1, [2; 16]), SCHEMA, &json)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// I3: folding the records again gives the live state, and a snapshot gives it back after each of them; I2: every
    /// decision decided again comes out the same.
    #[test]
    fn i3_replay_equals_live_and_decisions_come_out_the_same(
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), 0u32..700_000), 1..120)
    ) {
        let mut world = fleet();
        for step in steps {
            happen(&mut world, step);
            prop_assert_eq!(invariant::check(&world.state), []);
        }
        let mut again = State::default();
        let mut expected = Vec::new();
        for record in &world.records {
            prop_assert_eq!(&from_snapshot(&again), &again, "before {:?}", record);
            if let Event::Decision(_) = record.event {
                let place = expected.iter().position(|event| *event == record.event);
                prop_assert!(place.is_some(), "{:?} was not decided again", record.event);
                expected.remove(place.unwrap());
            }
            apply(&mut again, record);
            expected.extend(decide(&again, record).into_iter().map(|draft| draft.event));
        }
        prop_assert_eq!(&again, &world.state);
        prop_assert_eq!(&from_snapshot(&again), &again);
    }

    /// C16: at most one live session per identity, ever; C35: one task per ephemeral session.
    #[test]
    fn c16_one_session_at_a_time_and_one_task_each(
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), 0u32..700_000), 1..120)
    ) {
        let mut world = fleet();
        for step in steps {
            happen(&mut world, step);
        }
        let mut live = std::collections::BTreeSet::new();
        let mut tasks = std::collections::BTreeSet::new();
        for record in &world.records {
            let peer = record.subject.peer.clone();
            match &record.event {
                Event::Decision(Decision::WakeDecided(_)) => prop_assert!(live.insert(peer), "two at once"),
                Event::Decision(
                    Decision::SessionDied(_) | Decision::SessionFinished(_) | Decision::SessionEnded(_),
                ) => {
                    live.remove(&peer);
                }
                Event::Decision(Decision::WakeFailed(failed)) if !failed.left_session => {
                    live.remove(&peer);
                }
                Event::Decision(Decision::Delivered(_)) if peer != Some(world.identity("bob")) => {
                    prop_assert!(tasks.insert(record.subject.generation), "two tasks in one session");
                }
                _ => {}
            }
        }
    }

    /// `next_deadline`: after its fact has been applied the next one is later; otherwise the loop spins.
    #[test]
    fn deadlines_move_on_once_they_have_passed(
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), 0u32..700_000), 1..60)
    ) {
        let mut world = fleet();
        for step in steps {
            happen(&mut world, step);
            if let Some(deadline) = next_deadline(&world.state) {
                prop_assert!(deadline.at.awake_ms >= world.state.now.unwrap().awake_ms || deadline.at.awake_ms <= world.now.awake_ms);
            }
            world.pass(0);
            if let Some(deadline) = next_deadline(&world.state) {
                prop_assert!(deadline.at.awake_ms > world.now.awake_ms, "{:?} is due and stays due", deadline);
            }
        }
    }
}
