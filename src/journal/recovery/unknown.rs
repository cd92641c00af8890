//! Who wrote what this build does not know.

use std::cell::RefCell;

use super::OpenError;
use crate::model::event::{Event, Fact};
use crate::model::record::Record;

/// The version that the last `daemon_started` so far names.
#[derive(Default)]
pub(super) struct Writer(RefCell<Option<String>>);

impl Writer {
    pub(super) fn see(&self, record: &Record) {
        if let Event::Fact(Fact::DaemonStarted(started)) = &record.event {
            self.0.replace(Some(started.version.clone()));
        }
    }

    /// Says in `error` who wrote the record that is not known.
    pub(super) fn named_in(&self, mut error: OpenError) -> OpenError {
        if let OpenError::UnknownKind { writer, .. } = &mut error {
            *writer = self.0.take();
        }
        error
    }
}

/// The end of the error's sentence.
pub(super) fn by(writer: Option<&str>) -> String {
    writer.map_or_else(String::new, |version| format!("; it was written by dormouse {version}"))
}
