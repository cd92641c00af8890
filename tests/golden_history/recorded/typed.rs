//! What operators have typed into a session.

use super::add;
use crate::script::check;
use crate::world::World;

/// One that is interrupted, compacted, and resumed to be compacted.
pub fn verbs(world: &mut World) {
    add(world, "lee", |_| {});
    check(
        world,
        "0ms  send z1 to lee => wake_decided[fresh first_wake]
         10ms  up lee => delivery_decided, delivered, session_ready
         10ms  turn lee running =>
         20ms  interrupt lee => verb_decided
         20ms  turn lee idle =>
         30ms  verb-ended interrupt lee =>
         40ms  compact lee => verb_decided
         50ms  verb-ended compact lee =>
         60ms  stop lee => stop_set, parked, reaped[stopped]
         60ms  start lee => stop_cleared
         70ms  gone lee signal:15 => session_ended
         80ms  compact lee => wake_decided[resumed compact]
         90ms  up lee => session_ready, verb_decided
         100ms gone lee signal:9 => session_died, verb_given_up",
    );
}
