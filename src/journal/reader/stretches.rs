//! Walking over a long last segment with every processor: opening a journal takes as long as that does.
//!
//! Nobody knows where its records lie before they were walked over. But a frame's checksum is salted with its place and its
//! segment, so that one that is found somewhere in the middle is one of ours, and behind the end of its group others can go
//! on. What they find counts once whoever walks from the beginning arrives at that very place with that very lsn.

use std::fs::File;
use std::sync::Arc;
use std::thread;

use super::super::format::FRAME_ALIGN;
use super::super::recovery::tail::valid_behind;
use super::super::scan::{Fault, Scan};
use super::super::window::Copied;
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

/// Runs `own`, which walks on from where `scan` is, and other walks at once, which are joined by what `own` is given, in
/// order. There are none where `scan` has little before it.
pub(super) fn beside<T>(scan: &FileScan, own: impl FnOnce(&mut dyn Iterator<Item = Stretch>) -> T) -> T {
    let begins = cuts(scan).unwrap_or_default();
    thread::scope(|scope| {
        let untils = begins.iter().skip(1).map(|(offset, _)| *offset).chain([u64::MAX]);
        let others: Vec<_> = begins
            .iter()
            .zip(untils)
            .map(|(&begins, until)| scope.spawn(move || stretch(scan, begins, until)))
            .collect();
        own(&mut others.into_iter().map_while(|other| other.join().ok().flatten()))
    })
}

fn stretch(scan: &FileScan, begins: (u64, Lsn), until: u64) -> Option<Stretch> {
    let (mut scan, mut places, mut sure) = (again(scan)?, Vec::new(), begins);
    scan.jump(begins);
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
    Some(Stretch { begins, places, sure })
}

/// Where groups begin, so that the bytes before, between and behind are about as many.
fn cuts(scan: &FileScan) -> Option<Vec<(u64, Lsn)>> {
    let threads = thread::available_parallelism().map_or(1, |all| all.get() as u64).min(THREADS_MAX);
    let from = scan.at;
    let mut end = scan.limit();
    if threads == 1 || end.saturating_sub(from) < BYTES_MIN {
        return None;
    }
    let (mut probe, start) = (again(scan)?, (scan.at, scan.next));
    let mut begins = |offset: u64| {
        probe.jump(start);
        group_behind(&mut probe, offset.next_multiple_of(FRAME_ALIGN as u64))
    };
    // Behind what is written there is room, in which nothing is found.
    let mut known = from;
    while end - known > BYTES_MIN / 4 {
        let middle = known + (end - known) / 2;
        match begins(middle) {
            Some(_) => known = middle,
            None => end = middle,
        }
    }
    let part = (known - from) / threads;
    if known - from < BYTES_MIN {
        return None;
    }
    let mut cuts: Vec<_> = (1..threads).filter_map(|number| begins(from + number * part)).collect();
    cuts.dedup();
    Some(cuts)
}

/// The beginning of the first group behind `offset` of which a frame is found nearby.
fn group_behind(scan: &mut FileScan, offset: u64) -> Option<(u64, Lsn)> {
    let places = (offset..(offset + PROBE_BYTES).min(scan.limit())).step_by(FRAME_ALIGN);
    let found = places.map(|at| Some((at, valid_behind(scan, at).ok()?)));
    let (at, header) = found.map_while(|found| found).find_map(|(at, header)| Some((at, header?)))?;
    scan.jump((at, if header.is_control() { header.lsn.next() } else { header.lsn }));
    while scan.whole_at == at {
        if !scan.pass().ok()? {
            return None;
        }
    }
    Some((scan.whole_at, scan.whole_next))
}

/// A second reading of the same segment, from the same place.
pub(super) fn again(scan: &FileScan) -> Option<FileScan> {
    let file: Arc<File> = Arc::clone(scan.window.file());
    let mut again = Scan::new(Copied::new(file).ok()?, scan.header);
    again.jump((scan.whole_at, scan.whole_next));
    Some(again)
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
        let from = again(&last.scan).unwrap();
        let mut joined = 0;
        if !alone {
            beside(&from, |others| last.walk_with(&mut others.inspect(|_| joined += 1)));
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
