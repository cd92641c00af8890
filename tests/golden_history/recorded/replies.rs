//! Peers that ask each other, and what they hear.

use super::add;
use crate::script::check;
use crate::world::{World, ephemeral};

/// A question is answered by its name, another one never, and a worker says nothing.
pub fn asked(world: &mut World) {
    for name in ["mia", "ned"] {
        add(world, name, |_| {});
    }
    add(world, "oda", ephemeral);
    check(
        world,
        "0ms  send m1 to mia => wake_decided[fresh first_wake]
         10ms  up mia => delivery_decided, delivered, session_ready
         10ms  turn mia ended =>
         20ms  question n1 from mia to ned => wake_decided[fresh first_wake]
         30ms  up ned => delivery_decided, delivered, session_ready
         30ms  turn ned ended =>
         40ms  question n2 from mia to ned => delivery_decided
         41ms  begun n2 ned =>
         42ms  proven n2 ned => delivered
         50ms  reply m2 from ned to mia answers n1 => delivery_decided
         51ms  begun m2 mia =>
         52ms  proven m2 mia => delivered
         60ms  question o1 from mia to oda => wake_decided[fresh ephemeral]
         70ms  up oda => delivery_decided, delivered, session_ready
         80ms  gone oda exit:0 => session_finished, task_done[without_a_word], report_made, delivery_decided
         90ms  gone ned signal:9 => session_died, report_made",
    );
}
