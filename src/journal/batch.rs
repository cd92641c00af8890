//! From records to frames: encoded first, placed once it is known which segment takes them.

use super::append_error::AppendError;
use super::format::FLAG_MORE;
use super::format::frame::{FrameHeader, Seed, push};
use super::format::payload::{self, PAYLOAD_BYTES_LIMIT};
use crate::model::id::Lsn;
use crate::model::record::Record;

/// An atomic group, encoded but without places.
#[derive(Debug)]
pub(super) struct Group {
    records: Vec<(FrameHeader, Vec<u8>)>,
    /// Bytes of its frames.
    pub bytes: u64,
}

impl Group {
    /// The wall clock of its first record.
    pub(super) fn time_us(&self) -> u64 {
        self.records.first().map_or(0, |(header, _)| header.time_us)
    }
}

/// Encodes `groups`, whose records begin with `next`. Everything that can be wrong with the records themselves is
/// found here, before a byte is written.
pub(super) fn encode(groups: &[Vec<Record>], next: Lsn, bytes_max: u32) -> Result<Vec<Group>, AppendError> {
    let bytes_max = (bytes_max as usize).min(PAYLOAD_BYTES_LIMIT);
    let mut lsn = next;
    let mut encoded = Vec::with_capacity(groups.len());
    for group in groups.iter().filter(|group| !group.is_empty()) {
        let mut out = Group { records: Vec::with_capacity(group.len()), bytes: 0 };
        for (index, record) in group.iter().enumerate() {
            assert_eq!(record.lsn, lsn, "records take consecutive lsns");
            let flags = if index + 1 < group.len() { FLAG_MORE } else { 0 };
            let (header, payload) = encode_record(record, flags, bytes_max)?;
            out.bytes += header.frame_bytes();
            out.records.push((header, payload));
            lsn = lsn.next();
        }
        encoded.push(out);
    }
    Ok(encoded)
}

fn encode_record(record: &Record, flags: u8, bytes_max: usize) -> Result<(FrameHeader, Vec<u8>), AppendError> {
    let (lsn, kind) = (record.lsn, record.event.kind());
    let mut payload = Vec::with_capacity(256);
    payload::encode(record, &mut payload).map_err(|source| AppendError::Encode { lsn, kind: kind.name, source })?;
    if payload.len() > bytes_max {
        return Err(AppendError::TooLong { lsn, bytes: payload.len(), bytes_max });
    }
    let header = FrameHeader {
        length: payload.len() as u32,
        lsn,
        time_us: record.at.wall_us,
        kind: kind.number,
        schema: kind.schema,
        flags,
        behind: 0,
    };
    Ok((header, payload))
}

/// The frames of `groups` for byte `tail` of a segment and on, with each record's place. `durable` is on the disk.
pub(super) fn place(groups: &[Group], seed: &Seed, tail: u64, durable: Lsn) -> (Vec<u8>, Vec<(u64, Lsn)>) {
    let mut frames = Vec::with_capacity(groups.iter().map(|group| group.bytes as usize).sum());
    let mut places = Vec::new();
    for (header, payload) in groups.iter().flat_map(|group| &group.records) {
        let offset = tail + frames.len() as u64;
        let behind = u32::try_from(header.lsn.0 - durable.0).unwrap_or(u32::MAX);
        places.push((offset, header.lsn));
        push(&mut frames, seed, offset, &FrameHeader { behind, ..*header }, payload);
    }
    debug_assert_eq!(frames.len() as u64, groups.iter().map(|group| group.bytes).sum::<u64>());
    (frames, places)
}

/// How many of the first `groups` fit into `room`.
pub(super) fn fitting(groups: &[Group], room: u64) -> usize {
    let mut taken = 0;
    let fit = groups.iter().take_while(|group| {
        taken += group.bytes;
        taken <= room
    });
    fit.count()
}
