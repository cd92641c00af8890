//! Anything that may honestly happen to a team, in any order: what must hold holds after every record.

use dormouse::explain::whatif::{Policy, Question, Report, WhatIf};
use dormouse::model::record::{Record, groups};
use dormouse::model::settings::Settings;
use dormouse::model::state::State;
use dormouse::policy::deadline::next_deadline;
use dormouse::reducer::{apply, invariant};

use super::Input;
use crate::happening::{fleet, happens};

const STEPS_MAX: usize = 200;

/// Steps of four bytes: what, to whom, and how long after the one before. What makes no sense at that moment is left
/// out. The world itself audits its records at its end.
pub fn run(bytes: &[u8]) {
    let mut world = fleet();
    let mut input = Input(bytes);
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        let (what, who, wait) = (input.u8(), input.u8(), input.u16());
        // Up to 18 hours, the short waits as likely as the long ones.
        world.pass(u64::from(wait & 0xFFF) << (wait >> 12));
        happens(&mut world, what, who);
        assert_eq!(invariant::check(&world.state), []);
        let due = next_deadline(&world.state).is_some_and(|next| next.at.awake_ms + 60_000 < world.now.awake_ms);
        assert!(!due, "a deadline has passed and nobody was told");
    }
    let mut again = State::default();
    for record in &world.records {
        apply(&mut again, record);
    }
    assert_eq!(again, world.state, "folding the journal gives the live state");
    let report = whatif(&world.records, |_| {});
    assert!(report.is_same() && report.by_rules == 0, "the same settings decide the same: {:?}", report.listed);
    whatif(&world.records, |it| (it.idle_ms, it.boots_max, it.crashloop_deaths_max) = (60_000, 1, 1));
}

/// What would have been comes to an end, whatever happened.
fn whatif(records: &[Record], hold: fn(&mut Settings)) -> Report {
    let question = Question { policy: Policy::new(hold), again_within_ms: 600_000, listed_max: 1 };
    let mut whatif = WhatIf::from(State::default(), question);
    groups(records).for_each(|group| whatif.see(group));
    whatif.finish()
}

pub fn seeds() -> Vec<Vec<u8>> {
    let steps = |steps: &[(u8, u8, u16)]| {
        let bytes = |(what, who, wait): &(u8, u8, u16)| [&[*what, *who], &wait.to_le_bytes()[..]].concat();
        steps.iter().flat_map(bytes).collect::<Vec<u8>>()
    };
    vec![
        steps(&[(0, 0, 0), (13, 0, 9), (17, 0, 9), (30, 3, 9), (18, 0, 9), (0, 0, 0x6FFF), (26, 0, 9)]),
        steps(&[(0, 1, 0), (13, 1, 9), (25, 1, 9), (0, 1, 1), (13, 1, 9), (25, 1, 9), (0, 1, 1), (25, 1, 9)]),
        steps(&[
            (0, 2, 0),
            (4, 2, 9),
            (25, 2, 9),
            (5, 2, 9),
            (10, 0, 9),
            (0, 2, 9),
            (11, 2, 9),
            (12, 2, 9),
            (15, 2, 9),
        ]),
        steps(&[(3, 1, 0), (13, 1, 9), (8, 1, 9), (9, 1, 9), (6, 1, 9), (7, 1, 9), (16, 1, 9), (23, 1, 0x6FFF)]),
    ]
}
