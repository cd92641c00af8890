//! Telling history that was removed from history that was lost (`journal-format.md`, section 8).

use super::{Damage, DamageKind, hex};
use crate::journal::format::payload;
use crate::journal::format::seal::Digest;
use crate::journal::format::segment_name;
use crate::journal::scan::Frame;
use crate::model::event::{Event, Fact, HistoryRemoved, KINDS};
use crate::model::id::Lsn;

/// What a journal that does not begin with its first record says about that.
#[derive(Default)]
pub(super) struct Retention {
    /// The first record that a segment holds.
    first: Option<Lsn>,
    /// What the first segment's seal chains to.
    previous: Option<Digest>,
    first_is_sealed: bool,
    removals: Vec<HistoryRemoved>,
}

impl Retention {
    /// A segment begins with `first_lsn`.
    pub(super) fn begins(&mut self, first_lsn: Lsn) {
        if self.first.is_none() {
            self.first = Some(first_lsn);
        } else if self.previous.is_none() {
            self.first_is_sealed = true;
        }
    }

    /// Everything so far has been removed meanwhile.
    pub(super) fn begin_anew(&mut self) {
        (self.first, self.previous, self.first_is_sealed) = (None, None, false);
    }

    /// That the journal begins with `first_lsn` is judged at the end, once the newest removal is known.
    pub(super) fn explains_start(&self, first_lsn: Lsn) -> bool {
        self.first == Some(first_lsn)
    }

    /// The seal of the segment that began last says `previous`.
    pub(super) fn chained_to(&mut self, previous: Digest) {
        if !self.first_is_sealed {
            self.previous.get_or_insert(previous);
        }
    }

    pub(super) fn passed(&mut self, frame: &Frame<'_>) {
        let is_removal = |name| KINDS.iter().any(|kind| kind.number == frame.header.kind && kind.name == name);
        if frame.header.kind < 40
            && is_removal("history_removed")
            && let Ok(record) = payload::decode(&frame.header, frame.payload)
            && let Event::Fact(Fact::HistoryRemoved(removed)) = record.event
        {
            self.removals.push(removed);
        }
    }

    /// Heads of removed segments, with the first record that each removal kept.
    pub(super) fn removed(&self) -> Vec<(String, Lsn)> {
        self.removals.iter().map(|removed| (removed.head.clone(), removed.first_kept)).collect()
    }

    /// What is missing before the first segment and was never removed.
    pub(super) fn judge(&self) -> Option<Damage> {
        let first = self.first.filter(|first| *first > Lsn(1))?;
        let newest = self.removals.last();
        let (lsn, what) = match newest {
            Some(removed) if removed.first_kept > first => return None,
            Some(removed) if removed.first_kept == first => {
                let previous = self.previous.as_ref().map(hex)?;
                if previous == removed.head {
                    return None;
                }
                let what = format!(
                    "what stood before record {first} is not what was removed: its head was {}, and this segment \
                     follows {previous}",
                    removed.head
                );
                (first, what)
            }
            Some(removed) => {
                let (from, to) = (removed.first_kept, Lsn(first.0 - 1));
                (from, format!("records {from} to {to} are missing: the newest removal kept them"))
            }
            None => {
                (Lsn(1), format!("records 1 to {} are missing, and no record says that they were removed", first.0 - 1))
            }
        };
        Some(Damage { kind: DamageKind::Missing, segment: segment_name(lsn), offset: 0, lsn, what })
    }
}
