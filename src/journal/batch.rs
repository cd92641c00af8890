//! From records to frames: encoded first, bound to their places once it is known which segment takes them.

use std::ops::Range;

use super::append_error::AppendError;
use super::format::FLAG_MORE;
use super::format::frame::{self, FrameHeader, Seed};
use super::format::payload::{self, PAYLOAD_BYTES_LIMIT};
use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::mutant::{Bug, bug};

/// Room for frames that is kept from one batch to the next; what a larger one took is given back.
const KEPT_BYTES: usize = 1 << 20;

/// The frames of one batch in one piece, each group behind the one before.
#[derive(Debug, Default)]
pub(super) struct Batch {
    frames: Vec<u8>,
    groups: Vec<Group>,
}

/// An atomic group, encoded.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Its frames among those of the batch.
    at: Range<usize>,
    /// The wall clock of its first record.
    pub time_us: u64,
}

impl Group {
    /// Bytes of its frames.
    pub(super) fn bytes(&self) -> u64 {
        self.at.len() as u64
    }
}

impl Batch {
    /// Takes up `groups`, whose records begin with `next`, in place of what it held. Everything that can be wrong with
    /// the records themselves is found here, before a byte is written.
    pub(super) fn encode(&mut self, groups: &[Vec<Record>], next: Lsn, bytes_max: u32) -> Result<(), AppendError> {
        let bytes_max = (bytes_max as usize).min(PAYLOAD_BYTES_LIMIT);
        self.frames.clear();
        self.frames.shrink_to(KEPT_BYTES);
        self.groups.clear();
        let mut lsn = next;
        for group in groups.iter().filter(|group| !group.is_empty()) {
            let start = self.frames.len();
            for (index, record) in group.iter().enumerate() {
                assert_eq!(record.lsn, lsn, "records take consecutive lsns");
                let flags = if index + 1 < group.len() && !bug(Bug::GroupsTornApart) { FLAG_MORE } else { 0 };
                encode_record(record, flags, bytes_max, &mut self.frames)?;
                lsn = lsn.next();
            }
            self.groups.push(Group { at: start..self.frames.len(), time_us: group[0].at.wall_us });
        }
        Ok(())
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The frames of these groups for byte `tail` of a segment and on, with each record's place. `durable` is on the disk.
    pub(super) fn place(
        &mut self,
        groups: Range<usize>,
        seed: &Seed,
        tail: u64,
        durable: Lsn,
    ) -> (&[u8], Vec<(u64, Lsn)>) {
        let groups = &self.groups[groups];
        let (Some(first), Some(last)) = (groups.first(), groups.last()) else { return (&[], Vec::new()) };
        let frames = &mut self.frames[first.at.start..last.at.end];
        let (mut places, mut at) = (Vec::with_capacity(groups.len()), 0);
        while at < frames.len() {
            let (offset, header) = (tail + at as u64, FrameHeader::parse(&frames[at..]));
            let behind = u32::try_from(header.lsn.0 - durable.0).unwrap_or(u32::MAX);
            frame::claim(&mut frames[at..], behind);
            places.push((offset, header.lsn));
            at += header.frame_bytes() as usize;
        }
        // In a walk of its own: a checksum over bytes that were stored a moment ago waits for the store.
        let mut rest = &mut *frames;
        for &(offset, _) in &places {
            let (frame, behind) = rest.split_at_mut(FrameHeader::parse(rest).frame_bytes() as usize);
            frame::stamp(frame, seed, offset);
            rest = behind;
        }
        (frames, places)
    }
}

fn encode_record(record: &Record, flags: u8, bytes_max: usize, out: &mut Vec<u8>) -> Result<(), AppendError> {
    let (lsn, kind, start) = (record.lsn, record.event.kind(), out.len());
    frame::begin(out);
    payload::encode(record, out).map_err(|source| AppendError::Encode { lsn, kind: kind.name, source })?;
    let length = out.len() - start - frame::FRAME_HEAD;
    if length > bytes_max {
        return Err(AppendError::TooLong { lsn, bytes: length, bytes_max });
    }
    let header = FrameHeader {
        length: length as u32,
        lsn,
        time_us: record.at.wall_us,
        kind: kind.number,
        schema: kind.schema,
        flags,
        behind: 0,
    };
    frame::end(out, start, &header);
    Ok(())
}

/// How many of the first `groups` fit into `room`.
pub(super) fn fitting(groups: &[Group], room: u64) -> usize {
    let mut taken = 0;
    let fit = groups.iter().take_while(|group| {
        taken += group.bytes();
        taken <= room
    });
    fit.count()
}
