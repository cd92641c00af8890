//! Looking at a journal as bytes: every one of them, or only the labels. Nothing here writes.

mod fault;
mod labels;
mod quarantine;
mod retention;
mod since;
mod verify;
mod walk;
mod witness;

use std::path::Path;

use super::format::seal::Digest;
use super::reader::ReadError;
use super::scan::Frame;
use crate::model::id::Lsn;

pub use labels::{Labelled, head, stat};
pub use quarantine::{NoteSays, SetAside, quarantine};
pub use since::{DigestPrefix, NotADigest, Since};
pub(super) use verify::Verifier;

/// A segment as its labels or its bytes show it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SegmentReport {
    /// File name.
    pub segment: String,
    pub first_lsn: Lsn,
    /// One less than `first_lsn` in a segment without records.
    pub last_lsn: Lsn,
    /// Of the file.
    pub bytes: u64,
    pub sealed: bool,
}

/// What has happened to a place that no crash explains. `journal-format.md`, section 10, says how each is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DamageKind {
    /// A checksum is wrong, or bytes that must be zero are not.
    Rot,
    /// Every checksum is right, and yet two places contradict each other: somebody wrote this.
    Edit,
    /// A file is shorter than its header says, or lost its end.
    Truncated,
    /// Records that no file holds, and no retention accounts for.
    Missing,
    /// A segment of another journal, or one that does not follow the segment before it.
    Foreign,
    /// A segment whose records another one holds.
    Duplicate,
    /// Written in a version or an encoding that this build does not read.
    Version,
    /// The device gives an error instead of bytes.
    Unreadable,
}

impl DamageKind {
    /// As JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            DamageKind::Rot => "rot",
            DamageKind::Edit => "edit",
            DamageKind::Truncated => "truncated",
            DamageKind::Missing => "missing",
            DamageKind::Foreign => "foreign",
            DamageKind::Duplicate => "duplicate",
            DamageKind::Version => "version",
            DamageKind::Unreadable => "unreadable",
        }
    }
}

/// A place that no crash explains.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Damage {
    pub kind: DamageKind,
    /// File name.
    pub segment: String,
    pub offset: u64,
    /// The record that belongs there, or the next one after it.
    pub lsn: Lsn,
    pub what: String,
}

/// The rest of a batch that was being written: no damage.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TornBytes {
    /// File name.
    pub segment: String,
    pub offset: u64,
    pub lsn: Lsn,
    pub bytes: u64,
}

/// What every byte of a journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verification {
    pub segments: Vec<SegmentReport>,
    /// Records with a right checksum, in whole groups.
    pub records: u64,
    /// Zero if there is none.
    pub first_lsn: Lsn,
    pub last_lsn: Lsn,
    pub damage: Vec<Damage>,
    pub torn_tail: Option<TornBytes>,
    /// So many of `damage` are files that belong to another history.
    #[serde(skip)]
    strangers: usize,
    /// Every seal that could be read, in order.
    #[serde(skip)]
    seals: Vec<SealSeen>,
    /// Heads of segments that retention has removed, with the first record it kept.
    #[serde(skip)]
    removed: Vec<(String, Lsn)>,
}

impl Verification {
    /// Where the journal's records begin, whether they can be read or not, and the head before: behind what was removed,
    /// else with the first of all.
    pub(super) fn start(&self) -> (Lsn, Digest) {
        let first = self.segments.first().map_or(Lsn(1), |segment| segment.first_lsn);
        let previous = self.seals.first().map_or([0; 32], |seal| seal.previous);
        match self.removed.last() {
            _ if first <= Lsn(1) => (Lsn(1), [0; 32]),
            None => (Lsn(1), [0; 32]),
            Some((_, kept)) if *kept > first => (first, previous),
            Some((head, kept)) => (*kept, blake3::Hash::from_hex(head).map_or(previous, |head| *head.as_bytes())),
        }
    }
}

/// A seal on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct SealSeen {
    segment: String,
    last_lsn: Lsn,
    head: Digest,
    previous: Digest,
    /// How much damage had been found when its segment was done.
    damage_before: usize,
}

/// The newest seal: whoever has noted its digest can tell later that nothing before it has changed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Head {
    /// File name.
    pub segment: String,
    pub last_lsn: Lsn,
    /// BLAKE3, hexadecimal.
    pub digest: String,
}

/// Checks every byte of the journal in `dir`. Sound beside a live writer; writes nothing.
///
/// Costs a walk over all bytes, about a second a gigabyte.
///
/// # Errors
///
/// Only if there is nothing to check: no such folder, or a file that cannot be opened. Damage is a finding.
pub fn verify(dir: &Path) -> Result<Verification, ReadError> {
    verify::Verifier::new(dir, &mut Deaf).run()
}

/// As [`verify`], and `watch` is told of each record whose checksum is right, on the way.
///
/// # Errors
///
/// As for [`verify`].
pub fn verify_watched(dir: &Path, watch: &mut dyn FnMut(Lsn)) -> Result<Verification, ReadError> {
    verify::Verifier::new(dir, &mut Watched { listener: &mut Deaf, watch }).run()
}

/// Who wants to know what a verification passes on its way.
pub(super) trait Listener {
    /// A record whose checksum is right, in the order of lsns; `at_end` of its atomic group.
    fn record(&mut self, frame: &Frame<'_>);

    /// A group that was begun is torn: its records were acknowledged to nobody.
    fn torn(&mut self) {}

    /// Bytes were lost here. Records before it that belong to an unfinished group stand for themselves.
    fn damage(&mut self, _: &Damage) {}

    /// All records before `next` were in the journal once, whether or not they could be read.
    fn known(&mut self, _next: Lsn) {}
}

/// Who listens, and somebody who only wants to know how far it has come.
pub(super) struct Watched<'a, L> {
    pub listener: &'a mut L,
    pub watch: &'a mut dyn FnMut(Lsn),
}

impl<L: Listener> Listener for Watched<'_, L> {
    fn record(&mut self, frame: &Frame<'_>) {
        (self.watch)(frame.header.lsn);
        self.listener.record(frame);
    }

    fn torn(&mut self) {
        self.listener.torn();
    }

    fn damage(&mut self, damage: &Damage) {
        self.listener.damage(damage);
    }

    fn known(&mut self, next: Lsn) {
        self.listener.known(next);
    }
}

/// Nobody.
struct Deaf;

impl Listener for Deaf {
    fn record(&mut self, _: &Frame<'_>) {}
}

pub(super) fn hex(digest: &Digest) -> String {
    blake3::Hash::from(*digest).to_hex().to_string()
}
