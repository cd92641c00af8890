//! How a lane speaks to the loop: every report with its subject and the record that asked for it (C64).

use tokio::sync::oneshot;

use super::report::{Report, Reports};
use crate::model::event::Event;
use crate::model::id::{Lsn, MessageId};
use crate::model::record::{Draft, Subject};

/// The loop is gone: the daemon ends, or its journal refuses. Nothing more may be done to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal takes no more records")]
pub struct NotDurable;

/// Reports about one subject, as follows from one record.
#[derive(Clone, Debug)]
pub struct Voice {
    reports: Reports,
    subject: Subject,
    cause: Option<Lsn>,
}

impl Voice {
    pub fn new(reports: Reports, subject: Subject) -> Self {
        Self { reports, subject, cause: None }
    }

    #[must_use]
    pub fn because(&self, cause: Option<Lsn>) -> Self {
        Self { cause, ..self.clone() }
    }

    #[must_use]
    pub fn about(&self, message: MessageId) -> Self {
        Self { subject: self.subject.clone().with_message(message), ..self.clone() }
    }

    pub fn say(&self, event: impl Into<Event>) {
        // Nobody listens any more: the next start looks at the world itself.
        let _ = self.reports.send(self.draft(event).into());
    }

    /// Returns once the event is on disk.
    ///
    /// # Errors
    ///
    /// It is not, and will not be.
    pub async fn say_durably(&self, event: impl Into<Event>) -> Result<(), NotDurable> {
        let (durable, told) = oneshot::channel();
        let report = Report { draft: self.draft(event), durable: Some(durable) };
        self.reports.send(report).map_err(|_| NotDurable)?;
        told.await.map_err(|_| NotDurable)
    }

    fn draft(&self, event: impl Into<Event>) -> Draft {
        Draft::own(self.subject.clone(), self.cause, event)
    }
}
