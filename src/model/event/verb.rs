//! Events about what an operator has typed into a session: `interrupt` and `compact` (C56).

use serde::{Deserialize, Serialize};

use crate::model::delivery::{DeliveryStep, Gate};
use crate::model::id::Lsn;
use crate::model::session::{Source, TypedVerb};

/// Observed: what is to be typed waits, for something else than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerbWaiting {
    pub verb: TypedVerb,
    pub gate: Gate,
}

/// Ended: it was typed and seen to have worked, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerbEnded {
    pub verb: TypedVerb,
    pub outcome: VerbOutcome,
    /// From the first look at the screen to the end.
    pub took_ms: u64,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerbOutcome {
    /// The program did it, and this showed it.
    Confirmed { by: Source },
    /// There was nothing to be done: no turn ran any more, or the runtime's file does not say how. Nothing was typed.
    Refused { why: String },
    /// A step failed. `typed`: bytes of it may have reached the program.
    Failed { step: DeliveryStep, why: String, typed: bool },
    /// Typed, and nothing showed in time that it was done; the last lines of the screen.
    Unconfirmed { waited_ms: u64, screen: String },
}

/// Concluded: type it into the live session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerbDecided {
    pub verb: TypedVerb,
    /// The request.
    pub asked: Lsn,
}

/// Concluded: nothing will come of it any more, or nobody can say what has. It is not typed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerbGivenUp {
    pub verb: TypedVerb,
    pub asked: Lsn,
    pub why: String,
}
