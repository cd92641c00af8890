//! Moments at which no daemon is known to have run.

use super::context::Context;
use super::history::History;
use super::present::Sought;
use super::render;
use super::when::{When, zone};
use crate::explain::layout;
use crate::explain::phrase::date_time;
use crate::explain::why::Source as _;
use crate::journal::Question;
use crate::model::event::{Event, Fact};
use crate::model::record::Record;
use crate::model::state::State;

/// The newest record there was at `at`, or there is, if no daemon is known to have run then: the next thing that was heard is
/// the start of another, or nothing was heard any more and nobody serves now. One that was killed had no time to say so; the
/// moment of a record is one at which a daemon wrote it.
pub fn nobody_serves(history: &History, context: &Context, Sought { at, is_home, whole }: Sought) -> Option<Record> {
    // The newest record is not the one that is told of, and has its own daemon.
    if !whole {
        return None;
    }
    let reading = history.reading();
    let wall_us = match at {
        Some(When::Lsn(_)) => return None,
        Some(When::Wall(wall_us)) => Some(wall_us),
        None => None,
    };
    let last = reading.newest(&Question { until_us: wall_us, ..Question::default() })?;
    if wall_us.is_some_and(|wall_us| wall_us <= last.at.wall_us) {
        return None;
    }
    let is_silent = match reading.record(last.lsn.next()) {
        Some(next) => matches!(next.event, Event::Fact(Fact::DaemonStarted(_))),
        // A copy may end before its daemon did, and nobody can ask that one: of later moments nothing is known.
        None if !is_home => at.is_some(),
        None => !context.is_served(),
    };
    is_silent.then_some(last)
}

/// What the records could not say of the daemon that made them.
pub fn stands_still(state: &mut State) {
    if let Some(daemon) = &mut state.daemon {
        daemon.running = false;
    }
}

/// What was so when `last` was made may not have been so any more.
pub fn sentence(last: &Record) -> String {
    let made = date_time(last.at, &zone());
    let says = format!(
        "No daemon is known to have run at that moment: this is as of record {}, made at {made}, and nothing of it came by \
         itself since",
        last.lsn
    );
    layout::fold("", &says, render::columns()) + "\n"
}
