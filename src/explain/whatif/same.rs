//! Whether two decisions are the same decision.

use crate::model::event::{Decision, Event};
use crate::model::record::{Draft, Record};

/// The same conclusion about the same thing. Figures that a rule only compared, limits above all, may differ: another
/// limit that leads to the same end is no other decision.
pub fn is_same(recorded: &Record, decided: &Draft) -> bool {
    if recorded.subject != decided.subject {
        return false;
    }
    let (Event::Decision(one), Event::Decision(other)) = (&recorded.event, &decided.event) else { return false };
    match (one, other) {
        (Decision::WakeDecided(one), Decision::WakeDecided(other)) => {
            (&one.mode, one.branch, one.reason, one.message, one.prompt, one.possible_duplicate)
                == (&other.mode, other.branch, other.reason, other.message, other.prompt, other.possible_duplicate)
        }
        (Decision::WakeRefused(one), Decision::WakeRefused(other)) => {
            std::mem::discriminant(&one.gate) == std::mem::discriminant(&other.gate)
        }
        (Decision::WakeFailed(one), Decision::WakeFailed(other)) => {
            (one.phase, one.counted, one.left_session, one.retry_in_ms)
                == (other.phase, other.counted, other.left_session, other.retry_in_ms)
        }
        (Decision::DeliveryFailed(one), Decision::DeliveryFailed(other)) => {
            (one.attempt, one.retry_in_ms, one.possible_duplicate)
                == (other.attempt, other.retry_in_ms, other.possible_duplicate)
        }
        (Decision::Reaped(one), Decision::Reaped(other)) => one.reason.word() == other.reason.word(),
        (Decision::SessionDied(one), Decision::SessionDied(other)) => one.counted == other.counted,
        (Decision::Quarantined(one), Decision::Quarantined(other)) => one.until == other.until,
        (Decision::LookDecided(_), Decision::LookDecided(_))
        | (Decision::MessageDead(_), Decision::MessageDead(_))
        | (Decision::ReportMade(_), Decision::ReportMade(_)) => true,
        (one, other) => one == other,
    }
}
