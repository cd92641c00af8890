//! What the loop is told, and what it answers.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{broadcast, oneshot};

use crate::executor::report::Report;
use crate::model::effect::SessionName;
use crate::model::id::{Lsn, MessageId};
use crate::model::record::{Draft, Record};
use crate::model::request::Request;
use crate::model::state::State;
use crate::model::time::Timestamp;

/// What the loop is told.
pub enum Input {
    Ask(Ask),
    /// What one caller asks at once: one turn takes up all of it, in this order.
    AskAll(Vec<Ask>),
    Report(Box<Report>),
    /// What a session's program said by a hook: facts, answered once they are durable.
    Heard {
        drafts: Vec<Draft>,
        answer: oneshot::Sender<Answer>,
    },
    /// Run on the state between two turns (reads only), with the time it is then.
    Read(Question),
    /// The screen of a live session, or why it cannot be had.
    Peek {
        session: SessionName,
        answer: oneshot::Sender<Result<String, String>>,
    },
    /// Something lies in this session's spool (C61a).
    Spooled {
        session: SessionName,
    },
    Reload,
    Stop {
        why: String,
    },
}

/// A request, and where its answer goes.
#[derive(Debug)]
pub struct Ask {
    pub request: Request,
    pub answer: oneshot::Sender<Answer>,
}

impl Ask {
    pub fn new(request: Request) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, answered) = oneshot::channel();
        (Self { request, answer }, answered)
    }
}

/// A look at the state, at the time it is.
///
/// While the journal cannot be written there is no state, and the question is told why (C63).
pub type Question = Box<dyn FnOnce(Result<(&State, Timestamp), &str>) + Send>;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The records this request led to in its turn, its own fact first. Durable.
    Done(Vec<Record>),
    /// An idempotency key already stood for this message (C8).
    Known { message: MessageId, accepted: Lsn, queue_depth: u32 },
    /// Refused; what was journaled says why.
    Refused { rule: String, why: String, hint: Option<String> },
    /// The journal cannot be written (C63). In doubt: it failed under this very request, and only a fresh look at the disk
    /// will tell whether it holds it.
    JournalRefuses { why: String, in_doubt: bool },
}

/// The way to the loop, and what comes out of it.
#[derive(Clone, Debug)]
pub struct Loop {
    pub inputs: std::sync::mpsc::Sender<Input>,
    /// Every committed record, for those who wait for one.
    pub records: broadcast::Sender<Arc<Record>>,
    /// The loop hears: it is not reading its journal.
    pub hears: Arc<AtomicBool>,
}

impl Loop {
    /// Whether what is asked now is answered before the journal is read. A journal that cannot be written is an answer.
    pub fn serves(&self) -> bool {
        self.hears.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Ask(ask) => f.debug_tuple("Ask").field(&ask.request).finish(),
            Input::AskAll(asks) => f.debug_tuple("AskAll").field(asks).finish(),
            Input::Report(report) => f.debug_tuple("Report").field(report).finish(),
            Input::Heard { drafts, .. } => f.debug_tuple("Heard").field(drafts).finish(),
            Input::Read(_) => f.write_str("Read"),
            Input::Peek { session, .. } => f.debug_tuple("Peek").field(session).finish(),
            Input::Spooled { session } => f.debug_struct("Spooled").field("session", session).finish(),
            Input::Reload => f.write_str("Reload"),
            Input::Stop { why } => f.debug_tuple("Stop").field(why).finish(),
        }
    }
}
