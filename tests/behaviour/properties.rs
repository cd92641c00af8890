//! What holds whatever happens: random facts and requests, in any order, at any time.

use dormouse::journal::Snapshot;
use dormouse::model::event::{Decision, Event, HistoryRemoved, RetentionReason, SnapshotTaken};
use dormouse::model::record::Subject;
use dormouse::model::state::{SCHEMA, State};
use dormouse::policy::deadline::next_deadline;
use dormouse::policy::decide;
use dormouse::reducer::{apply, invariant};
use dormouse::supervisor::snapshot;
use proptest::prelude::*;

use crate::script;
use crate::world::{World, ephemeral, on};

/// One thing that may happen to one of three peers; what makes no sense at that moment is left out.
fn happen(world: &mut World, step: (u8, u8, u32)) {
    let (what, who, ms) = step;
    let peer = ["ada", "bob", "eve"][usize::from(who % 3)];
    world.pass(u64::from(ms));
    let has_session = world.state.presences.get(&world.identity(peer)).is_some_and(|p| p.session.is_some());
    let name = format!("m{}", world.records.len());
    let line = match what % 21 {
        0..=2 => format!("send {name} to {peer}"),
        3 => format!("stop {peer}"),
        4 => format!("start {peer}"),
        5 => format!("refresh {peer}"),
        6 => format!("new {peer}"),
        20 => return of_the_journal(world, ms),
        _ if !has_session => return,
        7 => format!("started {peer}"),
        8 => format!("box {peer}"),
        9..=11 => return up(world, peer),
        12 => format!("turn {peer} running"),
        13 => format!("turn {peer} idle"),
        14 => format!("done {peer}"),
        15 => format!("looked {peer} {ms}ms"),
        16 => format!("gone {peer} signal:9"),
        17 => format!("gone {peer} exit:0"),
        18 => format!("launch-failed {peer} boot nothing"),
        _ => format!("look-fails {peer}"),
    };
    script::happens(world, &line);
}

fn up(world: &mut World, peer: &str) {
    if !world.session(peer).is_ending() {
        script::happens(world, &format!("up {peer}"));
    }
}

/// What a start would make of a snapshot of `state`.
fn from_snapshot(state: &State) -> State {
    let json = snapshot::encode(state).unwrap();
    snapshot::decode(&Snapshot::of([1; 16], state.lsn, (1, [2; 16]), SCHEMA, &json)).unwrap()
}

/// The journal's own events, as they come between the others.
fn of_the_journal(world: &mut World, ms: u32) {
    let through = world.state.lsn;
    world.see(Subject::NONE, SnapshotTaken { through, bytes: u64::from(ms), digest: "a5".repeat(32) });
    let because = RetentionReason::Age { age_ms: u64::from(ms), age_ms_max: 1 };
    let removed = HistoryRemoved { first_kept: through, segments: 1, bytes: 9, head: "5a".repeat(32), because };
    world.see(Subject::NONE, removed);
}

fn fleet() -> World {
    let mut world = World::new();
    world.add("ada", ephemeral);
    world.add("bob", |_| {});
    world.add("eve", |registration| {
        on("plain")(registration);
        ephemeral(registration);
    });
    world
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
