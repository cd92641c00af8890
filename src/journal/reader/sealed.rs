//! Checking a sealed segment with every processor there is.
//!
//! Its bytes are copied, a few blocks at a time, into a buffer that stays close to the processor. To map them saves the copy and
//! costs more: every page has to be asked for before it is touched, for a load from one that cannot be had (behind the end
//! of a file that a stranger has cut short, on a sector that cannot be read) would end the process, and what was written
//! in small pieces has pages of 4 KiB.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{available_parallelism, scope};

use super::super::format::BLOCK_BYTES;
use super::super::format::seal::{Block, Seal};

/// Copied and looked at by turns: enough that asking costs nothing next to it, and half of what a processor keeps to itself.
const PIECE_BLOCKS: usize = 4;

/// Whether every block of the segment in `file` is what was sealed. Where the answer is no, reading it will tell what is
/// wrong, and where.
pub(super) fn is_as_sealed(file: &File, seal: &Seal) -> bool {
    if seal.blocks.len() as u64 != seal.end.div_ceil(BLOCK_BYTES) {
        return false;
    }
    let pieces = seal.blocks.chunks(PIECE_BLOCKS);
    let others = available_parallelism().map_or(0, |all| all.get() - 1).min(pieces.len().saturating_sub(1));
    let (next, right) = (AtomicU64::new(0), AtomicBool::new(true));
    let work = || {
        let mut buffer = vec![0; PIECE_BLOCKS * BLOCK_BYTES as usize];
        while right.load(Ordering::Relaxed) {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            let Some(blocks) = pieces.clone().nth(piece as usize) else { return };
            let from = piece * buffer.len() as u64;
            let length = buffer.len().min((seal.end - from) as usize);
            if !are_as_sealed(file, from, &mut buffer[..length], blocks) {
                right.store(false, Ordering::Relaxed);
            }
        }
    };
    scope(|scope| {
        (0..others).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    right.into_inner()
}

fn are_as_sealed(file: &File, from: u64, buffer: &mut [u8], blocks: &[Block]) -> bool {
    file.read_exact_at(buffer, from).is_ok()
        && buffer.chunks(BLOCK_BYTES as usize).zip(blocks).all(|(bytes, block)| crc32fast::hash(bytes) == block.crc)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::journal::format::segment_name;
    use crate::journal::lookup;
    use crate::journal::reader::Reader;
    use crate::journal::{DirStorage, Journal, Options};
    use crate::model::actor::Actor;
    use crate::model::event::DaemonStopped;
    use crate::model::id::Lsn;
    use crate::model::record::{Record, Subject};
    use crate::model::time::{BootId, Timestamp};

    const PIECE_BYTES: u64 = PIECE_BLOCKS as u64 * BLOCK_BYTES;

    /// A sealed segment of more than one piece, and its seal.
    fn segment(dir: &std::path::Path) -> (PathBuf, Seal) {
        let options = Options { segment_bytes: 4 << 20, ..Options::default() };
        let storage = DirStorage::open(dir).unwrap();
        let mut journal = Journal::open(storage, options, 5, || [7; 16], |_| {}).unwrap().0;
        let records = (1..=50).map(|lsn| {
            let at = Timestamp { wall_us: lsn, awake_ms: lsn, boot: BootId(1) };
            let event = DaemonStopped { why: "x".repeat(30_000) }.into();
            Record { lsn: Lsn(lsn), at, subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event }
        });
        let _ = journal.append(&[records.collect()], ()).unwrap();
        journal.close().unwrap();
        let name = segment_name(Lsn(1));
        // Another segment behind it, so that the reader takes this one for a sealed one.
        let storage = DirStorage::open(dir).unwrap();
        drop(Journal::open(storage, options, 5, || [8; 16], |_| {}).unwrap());
        let reader = Reader::open(dir).unwrap();
        let mut scan = reader.sealed_scan(Lsn(1), super::super::Pages::Few).unwrap().1;
        (dir.join(name), lookup::seal(&mut scan).unwrap())
    }

    #[test]
    fn one_bit_anywhere_before_the_seal_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let (path, seal) = segment(dir.path());
        assert!(is_as_sealed(&File::open(&path).unwrap(), &seal));
        let bytes = std::fs::read(&path).unwrap();
        let last = seal.end as usize - 1;
        for at in [
            0,
            4095,
            4096,
            65_535,
            65_536,
            PIECE_BYTES as usize - 1,
            PIECE_BYTES as usize,
            PIECE_BYTES as usize + 1,
            last,
        ] {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let other = dir.path().join("changed");
            std::fs::write(&other, changed).unwrap();
            assert!(!is_as_sealed(&File::open(&other).unwrap(), &seal), "{at}");
        }
    }

    #[test]
    fn a_segment_that_was_cut_short_is_not_as_it_was_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, seal) = segment(dir.path());
        let file = File::options().read(true).write(true).open(&path).unwrap();
        for kept in [seal.end - 1, PIECE_BYTES + 5, PIECE_BYTES, 4096, 1, 0] {
            file.set_len(kept).unwrap();
            assert!(!is_as_sealed(&file, &seal), "{kept}");
        }
    }
}
