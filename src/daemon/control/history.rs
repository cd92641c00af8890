//! What became of a message, read from the journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::History;
use crate::executor::tmux::in_full;
use crate::journal::{Order, Question, ReadError, Reader};
use crate::model::id::{Lsn, MessageId};
use crate::model::record::Record;

/// Reads the journal in `dir` anew for each question. They are rare: a key that is known already, or a caller that could
/// not keep up.
pub fn history(dir: PathBuf) -> History {
    Arc::new(move |message, from| about(&dir, message, from).map_err(|error| in_full(&error)))
}

fn about(dir: &Path, message: MessageId, from: Lsn) -> Result<Vec<Record>, ReadError> {
    Reader::open(dir)?.find(&Question::about_message(message), from, Order::OldestFirst).collect()
}
