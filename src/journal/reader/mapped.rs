//! Checking a sealed segment where it lies. To copy its bytes first takes twice as long as the checking.
//!
//! A sealed segment never changes and is never cut short: it is removed as a whole, and a map outlives that. Even so a load
//! from a page that cannot be had (behind the end of a file that a stranger has cut short, on a sector that cannot be read)
//! would end the process. So each piece is asked for, which answers with an error where a load would not, and looked at in
//! the same breath. Everything that hands out records, and may be left lying between two of them, copies.

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;

use memmap2::{Advice, Mmap};

use super::super::format::BLOCK_BYTES;
use super::super::format::seal::Seal;

/// Asked for at a time: enough that asking costs nothing next to looking, which takes some 30 us.
const PIECE_BYTES: usize = 1 << 20;

/// Whether every block of the segment in `file` is what was sealed. Where the answer is no, reading it will tell what is
/// wrong, and where. Takes every processor there is.
#[expect(unsafe_code, reason = "there is no safe way to map a file; see above")]
pub(super) fn is_as_sealed(file: &File, seal: &Seal) -> bool {
    // SAFETY: nobody writes a sealed segment, no page is touched that was not asked for, and of its bytes, plain numbers,
    // any is as good as any other.
    let Ok(map) = (unsafe { Mmap::map(file) }) else { return false };
    let end = seal.end as usize;
    if end > map.len() || seal.blocks.len() != end.div_ceil(BLOCK_BYTES as usize) {
        return false;
    }
    let (next, pieces) = (AtomicUsize::new(0), end.div_ceil(PIECE_BYTES));
    let work = || {
        let taken = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed)).take_while(|piece| *piece < pieces);
        let wrong = taken.filter(|&piece| !piece_is_as_sealed(&map, seal, piece)).count();
        wrong == 0
    };
    let others = available_parallelism().map_or(0, |all| all.get() - 1).min(pieces.saturating_sub(1));
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
        let own = work();
        others.into_iter().all(|other| other.join().unwrap_or(false)) && own
    })
}

fn piece_is_as_sealed(map: &Mmap, seal: &Seal, piece: usize) -> bool {
    let from = piece * PIECE_BYTES;
    let to = (from + PIECE_BYTES).min(seal.end as usize);
    let blocks = &seal.blocks[from / BLOCK_BYTES as usize..];
    map.advise_range(Advice::PopulateRead, from, to - from).is_ok()
        && map[from..to]
            .chunks(BLOCK_BYTES as usize)
            .zip(blocks)
            .all(|(bytes, block)| crc32fast::hash(bytes) == block.crc)
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
        for at in [0, 4095, 4096, 65_535, 65_536, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, last] {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            let other = dir.path().join("changed");
            std::fs::write(&other, changed).unwrap();
            assert!(!is_as_sealed(&File::open(&other).unwrap(), &seal), "{at}");
        }
    }

    /// A load there would be the end of the process.
    #[test]
    fn a_segment_that_was_cut_short_is_no_signal() {
        let dir = tempfile::tempdir().unwrap();
        let (path, seal) = segment(dir.path());
        let file = File::options().read(true).write(true).open(&path).unwrap();
        for kept in [seal.end - 1, PIECE_BYTES as u64 + 5, PIECE_BYTES as u64, 4096, 1, 0] {
            file.set_len(kept).unwrap();
            assert!(!is_as_sealed(&file, &seal), "{kept}");
        }
    }
}
