//! How executor and observers speak to the loop.

use tokio::sync::{mpsc, oneshot};

use crate::model::record::Draft;

/// Something the world says: a fact, to be journaled before it is used.
#[derive(Debug)]
pub struct Report {
    pub draft: Draft,
    /// Told once the fact is durable; dropped if the journal refuses it. What must not happen before its record is on
    /// disk (a paste, C14) waits for this.
    pub durable: Option<oneshot::Sender<()>>,
}

/// The loop's ear. Closed: the daemon is ending.
pub type Reports = mpsc::UnboundedSender<Report>;

impl From<Draft> for Report {
    fn from(draft: Draft) -> Self {
        Self { draft, durable: None }
    }
}
