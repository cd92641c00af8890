//! Walking over a long last segment with every processor: opening a journal takes as long as that does.
//!
//! Nobody knows where its records lie before they were walked over. But a frame's checksum is salted with its place and its
//! segment, so that one that is found somewhere in the middle is one of ours, and behind the end of its group others can go
//! on. What they find counts once whoever walks from the beginning arrives at that very place with that very lsn.

use std::io;
use std::sync::Arc;
use std::thread;

use super::super::format::FRAME_ALIGN;
use super::super::recovery::tail::valid_behind;
use super::super::scan::{Fault, Scan};
use super::super::window::{Copied, Window};
use super::FileScan;
use super::places::Place;
use crate::model::id::Lsn;

/// One place is remembered for so many bytes of the last segment.
const STRIDE_BYTES: u64 = 64 << 10;
/// A walk over less is done before another thread has begun.
const BYTES_MIN: u64 = 2 << 20;
/// The last threads bring little, and a journal is opened beside a daemon that works.
const THREADS_MAX: u64 = 4;
/// So far from a place a frame is looked for. In a longer one nobody begins.
const PROBE_BYTES: u64 = 64 << 10;

/// What one walk has passed: from where a group begins to where it ended.
pub(super) struct Stretch {
    pub begins: (u64, Lsn),
    pub places: Vec<Place>,
    /// Where a group begins as well, shortly before its end: whoever goes on from here sees all that is remembered of one.
    pub sure: (u64, Lsn),
}

/// Walks on with `scan` to `until`, or behind the seal, remembering places.
pub(super) fn walk(scan: &mut FileScan, places: &mut Vec<Place>, until: u64) -> Result<(), Fault> {
    while scan.at < until {
        let (offset, lsn) = (scan.at, scan.next);
        if !scan.pass()? {
            return Ok(());
        }
        // A control frame is no record.
        if scan.next == lsn {
            continue;
        }
        if places.last().is_none_or(|last| offset - last.offset >= STRIDE_BYTES) {
            places.push(Place::new(offset, lsn));
        }
        let header = scan.passed(offset)?.header;
        if let Some(place) = places.last_mut() {
            place.note((header.kind, header.schema), header.time_us);
        }
    }
    Ok(())
}

/// A walk that is to come: a reading that stands where a group begins, and how far it goes.
pub(super) struct Ahead {
    scan: FileScan,
    until: u64,
}

/// Runs `own`, which walks on from where the walks `ahead` were counted from, and those at once; what they come to is given
/// to it in order.
pub(super) fn beside<T>(ahead: Vec<Ahead>, own: impl FnOnce(&mut dyn Iterator<Item = Stretch>) -> T) -> T {
    thread::scope(|scope| {
        let others: Vec<_> = ahead.into_iter().map(|ahead| scope.spawn(move || stretch(ahead))).collect();
        own(&mut others.into_iter().map_while(|other| other.join().ok()))
    })
}

fn stretch(Ahead { mut scan, until }: Ahead) -> Stretch {
    let begins = (scan.whole_at, scan.whole_next);
    let (mut places, mut sure) = (Vec::new(), begins);
    loop {
        let (at, whole) = (scan.at, (scan.whole_at, scan.whole_next));
        let walked = walk(&mut scan, &mut places, (at + STRIDE_BYTES).min(until));
        if walked.is_err() || scan.at == at {
            break;
        }
        sure = whole;
    }
    let known = places.partition_point(|place| place.offset < sure.0);
    places.truncate(known);
    Stretch { begins, places, sure }
}

/// Walks that others may take, so that the bytes before, between and behind where they begin are about as many. None where
/// little is written before `scan`, which costs one question.
pub(super) fn ahead(scan: &FileScan) -> Vec<Ahead> {
    let (from, limit) = (scan.at, scan.limit());
    // Behind what is written there is room, which is not to be read: the system would take it for written.
    let is_written = |offset: u64| offset < limit && scan.window.written_from(offset) < limit;
    if !is_written(from + BYTES_MIN) {
        return Vec::new();
    }
    let threads = thread::available_parallelism().map_or(1, |all| all.get() as u64).min(THREADS_MAX);
    let begins = |offset: u64| {
        let mut probe = again(scan).ok().filter(|_| is_written(offset))?;
        probe.jump((scan.whole_at, scan.whole_next));
        group_behind(&mut probe, offset.next_multiple_of(FRAME_ALIGN as u64))?;
        Some(probe)
    };
    let (mut known, mut end) = (from, limit);
    while threads > 1 && end - known > BYTES_MIN / 4 {
        let middle = known + (end - known) / 2;
        match begins(middle) {
            Some(_) => known = middle,
            None => end = middle,
        }
    }
    if known - from < BYTES_MIN {
        return Vec::new();
    }
    let mut scans: Vec<_> =
        (1..threads).filter_map(|number| begins(from + number * (known - from) / threads)).collect();
    scans.dedup_by_key(|scan| scan.at);
    let untils: Vec<u64> = scans.iter().skip(1).map(|scan| scan.at).chain([u64::MAX]).collect();
    scans.into_iter().zip(untils).map(|(scan, until)| Ahead { scan, until }).collect()
}

/// Has `scan` stand where the first group behind `offset` begins of which a frame is found nearby.
fn group_behind(scan: &mut FileScan, offset: u64) -> Option<()> {
    let places = (offset..(offset + PROBE_BYTES).min(scan.limit())).step_by(FRAME_ALIGN);
    let found = places.map(|at| Some((at, valid_behind(scan, at).ok()?)));
    let (at, header) = found.map_while(|found| found).find_map(|(at, header)| Some((at, header?)))?;
    scan.jump((at, header.record()));
    while scan.whole_at == at {
        if !scan.pass().ok()? {
            return None;
        }
    }
    Some(())
}

/// A second reading of the same segment, from its first frame on.
pub(super) fn again(scan: &FileScan) -> io::Result<FileScan> {
    Ok(Scan::new(Copied::new(Arc::clone(scan.window.file()))?, scan.header))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::last::Last;
    use super::*;
    use crate::journal::format::segment_name;
    use crate::journal::{DirStorage, Journal, Options};
    use crate::model::actor::Actor;
    use crate::model::event::DaemonStopped;
    use crate::model::record::{Record, Subject};
    use crate::model::time::{BootId, Timestamp};

    /// An unsealed segment of 8 MiB or so, in groups of one record and of three.
    fn segment(dir: &Path) -> Vec<u8> {
        let options = Options { segment_bytes: 16 << 20, ..Options::default() };
        let storage = DirStorage::open(dir).unwrap();
        let mut journal = Journal::open(storage, options, 5, || [7; 16], |_| {}).unwrap().0;
        let record = |lsn: u64| {
            let at = Timestamp { wall_us: lsn, awake_ms: lsn, boot: BootId(1) };
            let event = DaemonStopped { why: "x".repeat(1_000 + lsn as usize % 977) }.into();
            Record { lsn: Lsn(lsn), at, subject: Subject::NONE, cause: None, actor: Actor::Dormouse, event }
        };
        for first in (1..=5_600).step_by(56) {
            let mut groups: Vec<Vec<Record>> = (first..first + 26).map(|lsn| vec![record(lsn)]).collect();
            groups.extend((first + 26..first + 56).step_by(3).map(|lsn| (lsn..lsn + 3).map(record).collect()));
            let _ = journal.append(&groups, ()).unwrap();
        }
        drop(journal);
        std::fs::read(dir.join(segment_name(Lsn(1)))).unwrap()
    }

    /// Where a reader's last frame and its last whole group end, how its walk ended, and how many stretches were joined.
    fn seen(bytes: &[u8], alone: bool) -> ([(u64, Lsn); 2], Result<(), Fault>, usize) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(segment_name(Lsn(1))), bytes).unwrap();
        let mut last = Last::open(dir.path(), Lsn(1)).unwrap();
        let mut joined = 0;
        if !alone {
            beside(ahead(&last.scan), |others| last.walk_with(&mut others.inspect(|_| joined += 1)));
        }
        let ended = last.walk();
        let Scan { at, next, whole_at, whole_next, .. } = last.scan;
        ([(at, next), (whole_at, whole_next)], ended, joined)
    }

    /// Wherever it is damaged, or ends: the same place, and the same fault.
    #[test]
    fn what_many_walk_over_is_what_one_walks_over() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = segment(dir.path());
        let is_alike = |bytes: &[u8], what: &str| {
            let (places, ended, joined) = seen(bytes, false);
            assert_eq!((places, ended, 0), seen(bytes, true), "{what}");
            joined
        };
        let all = thread::available_parallelism().unwrap().get().min(THREADS_MAX as usize);
        assert_eq!(is_alike(&bytes, "whole"), all - 1);
        let end = bytes.iter().rposition(|&byte| byte != 0).unwrap();
        for percent in [1, 20, 40, 49, 50, 51, 60, 75, 99] {
            let at = end * percent / 100;
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            is_alike(&flipped, &format!("a bit at {percent} %"));
            let mut torn = bytes.clone();
            torn[at..].fill(0);
            is_alike(&torn, &format!("torn at {percent} %"));
        }
    }
}
