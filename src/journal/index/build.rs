//! Making the index of a sealed segment: one walk over its records.

use std::collections::{BTreeMap, BTreeSet};

use super::super::format::index::{Index, Names};
use super::super::format::payload;
use super::super::format::seal::{Digest, Seal};
use super::super::format::{BLOCK_BYTES, frame::FrameHeader};
use super::super::lookup::Trouble;
use super::super::question::{concerned, messages};
use super::super::scan::Scan;
use super::super::window::Window;
use crate::model::id::MessageId;
use crate::model::name::Identity;
use crate::model::record::Record;

/// What came of a walk.
pub(super) enum Built {
    Index(Index),
    /// The caller has lost interest.
    Stopped,
}

/// Records between two looks at whether to go on.
const RECORDS_AT_ONCE: u32 = 1024;

/// Walks over the segment of `scan` and collects where things begin. Every record has to decode, or nobody could say
/// what it is about: a look-up would miss it where a walk stumbles over it.
pub(super) fn build<W: Window>(scan: &mut Scan<W>, mut go_on: impl FnMut() -> bool) -> Result<Built, Trouble> {
    let mut places = Places::default();
    let mut left = 0;
    loop {
        if left == 0 {
            if !go_on() {
                return Ok(Built::Stopped);
            }
            left = RECORDS_AT_ONCE;
        }
        left -= 1;
        let (at, next) = (scan.at, scan.next);
        match scan.step() {
            Ok(Some(frame)) if frame.header.is_control() => {}
            Ok(Some(frame)) => {
                let record = payload::decode(&frame.header, frame.payload)
                    .map_err(|error| Trouble::decode(frame.offset, &frame.header, error))?;
                places.add((frame.offset / BLOCK_BYTES) as u32, &frame.header, &record);
            }
            // Behind the seal.
            Ok(None) => break,
            Err(fault) => return Err(Trouble::fault(at, next, fault)),
        }
    }
    let head = scan.seal.as_ref().map_or([0; 32], Seal::head);
    Ok(Built::Index(places.finish(head)))
}

#[derive(Default)]
struct Places {
    kinds: BTreeMap<u16, Vec<u32>>,
    peers: BTreeMap<Identity, Vec<u32>>,
    messages: BTreeSet<(MessageId, u32)>,
    earliest_us: Option<u64>,
    latest_us: u64,
}

impl Places {
    fn add(&mut self, block: u32, header: &FrameHeader, record: &Record) {
        note(self.kinds.entry(header.kind).or_default(), block);
        for peer in concerned(record) {
            // Nearly always known: no copy of a name for each record.
            match self.peers.get_mut(peer) {
                Some(blocks) => note(blocks, block),
                None => drop(self.peers.insert(peer.clone(), vec![block])),
            }
        }
        self.messages.extend(messages(record).map(|message| (message, block)));
        self.earliest_us = Some(self.earliest_us.map_or(header.time_us, |earliest| earliest.min(header.time_us)));
        self.latest_us = self.latest_us.max(header.time_us);
    }

    fn finish(self, head: Digest) -> Index {
        let peers = self.peers.into_iter().map(|(peer, blocks)| (peer.to_string(), blocks)).collect();
        Index {
            head,
            times_us: self.earliest_us.unwrap_or(u64::MAX)..=self.latest_us,
            names: Names { kinds: self.kinds, peers },
            messages: self.messages.into_iter().collect(),
        }
    }
}

fn note(blocks: &mut Vec<u32>, block: u32) {
    if blocks.last() != Some(&block) {
        blocks.push(block);
    }
}
