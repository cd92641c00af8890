//! Indexes of sealed segments: where a question need not look.
//!
//! Derived, and made again at any time: one that is missing, of other bytes than the segment's, damaged or of another
//! version is as good as none. Readers only read them; [`Indexer`] makes them, beside the writer.

mod build;
#[allow(clippy::disallowed_methods, reason = "a door: index files, beside the writer")]
mod file;

use std::collections::BTreeSet;

pub use file::{IndexError, Indexer};

use super::format::index::{Blocks, Names};
use super::question::Question;
use crate::model::event::KINDS;
use crate::model::name::Identity;

pub(super) use file::IndexFile;

/// The blocks that hold what is asked for; none at all where the index cannot be read: everything is read then.
pub(super) fn blocks(index: &IndexFile, question: &Question) -> Option<Blocks> {
    let times = index.times_us();
    let after = question.since_us.is_some_and(|since| *times.end() < since);
    let before = question.until_us.is_some_and(|until| *times.start() > until);
    if after || before {
        return Some(Vec::new());
    }
    let mut parts: Vec<BTreeSet<u32>> = Vec::new();
    if let Some(message) = question.message {
        parts.push(index.blocks_of(message)?.into_iter().collect());
    }
    let peers = [&question.subjects, &question.concerned].into_iter().flatten();
    if peers.clone().next().is_some() || !question.kinds.is_empty() {
        let names = index.names()?;
        parts.extend(peers.map(|peers| of_peers(&names, peers)));
        if !question.kinds.is_empty() {
            parts.push(of_kinds(&names, &question.kinds));
        }
    }
    let first = parts.pop();
    // Asked for by time alone: the index knows no more than that it is worth a look.
    let first = first?;
    Some(first.into_iter().filter(|block| parts.iter().all(|part| part.contains(block))).collect())
}

fn of_peers(names: &Names, peers: &[Identity]) -> BTreeSet<u32> {
    peers.iter().filter_map(|peer| names.peers.get(&peer.to_string())).flatten().copied().collect()
}

fn of_kinds(names: &Names, kinds: &[&str]) -> BTreeSet<u32> {
    let numbers = KINDS.iter().filter(|kind| kinds.contains(&kind.name)).map(|kind| kind.number);
    numbers.filter_map(|number| names.kinds.get(&number)).flatten().copied().collect()
}
