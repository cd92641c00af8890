//! History that was removed in order is no loss, and history that is merely gone is.

use std::fs;
use std::path::Path;

use dormouse::journal::salvage::salvage;
use dormouse::journal::{DamageKind, DigestPrefix, DirStorage, Journal, Options, Since, head, verify};
use dormouse::model::event::{HistoryRemoved, RetentionReason};
use dormouse::model::id::Lsn;
use tempfile::TempDir;

use crate::journal_disk::{record, salts};
use crate::world::{Copy, SEGMENT_BYTES, places, tiny};

/// Three segments of which the first is removed, once a record has said so; `first_kept` and `head` are its words.
fn removed(first_kept: u64, head: impl FnOnce(&str) -> String) -> (TempDir, DigestPrefix) {
    let copy = Copy::of(&tiny(1));
    let noted = dormouse::journal::head(copy.path()).unwrap().says.unwrap().digest;
    let dir = tempfile::tempdir().unwrap();
    fs::copy(copy.file(0), dir.path().join(&copy.segments[0].0)).unwrap();
    append(dir.path(), |lsn| vec![record(lsn, "kept"), record(lsn + 1, "kept too")]);
    append(dir.path(), |lsn| {
        let because = RetentionReason::Size { bytes: 2, bytes_max: 1 };
        let (first_kept, segments, bytes) = (Lsn(first_kept), 1, SEGMENT_BYTES);
        let event = HistoryRemoved { first_kept, segments, bytes, head: head(&noted), because };
        vec![dormouse::model::record::Record { event: event.into(), ..record(lsn, "") }]
    });
    fs::remove_file(dir.path().join(&copy.segments[0].0)).unwrap();
    (dir, noted.parse().unwrap())
}

fn append(dir: &Path, records: impl FnOnce(u64) -> Vec<dormouse::model::record::Record>) {
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    let mut journal = Journal::open(DirStorage::open(dir).unwrap(), options, 5, salts(), |_| {}).unwrap().0;
    let _ = journal.append(&[records(journal.next_lsn().0)], ()).unwrap();
    journal.close().unwrap();
}

#[test]
fn a_removal_that_a_record_names_is_no_damage_and_stays_none_in_a_salvage() {
    let (dir, noted) = removed(4, str::to_owned);
    let found = verify(dir.path()).unwrap();
    assert_eq!((found.damage.as_slice(), found.first_lsn, found.last_lsn), (&[][..], Lsn(4), Lsn(6)));
    assert_eq!(found.since(&noted), Since::Removed { first_kept: Lsn(4) });
    let newest = head(dir.path()).unwrap().says.unwrap().digest.parse().unwrap();
    assert!(matches!(found.since(&newest), Since::Unchanged { last_lsn: Lsn(6), .. }));
    let to = tempfile::tempdir().unwrap();
    let salvaged = salvage(dir.path(), DirStorage::open(to.path()).unwrap(), 5, salts()).unwrap();
    assert_eq!((salvaged.kept, salvaged.lost, salvaged.first_lsn), (3, 0, Lsn(4)));
    assert_eq!(verify(to.path()).unwrap().damage, []);
}

#[test]
fn a_beginning_that_no_removal_explains_is_missing() {
    let (dir, _) = removed(4, |_| "0".repeat(64));
    let found = verify(dir.path()).unwrap();
    let [damage] = &found.damage[..] else { panic!("{:?}", found.damage) };
    assert_eq!((damage.kind, damage.lsn), (DamageKind::Missing, Lsn(4)), "another head was removed: {damage:?}");
    let (dir, _) = removed(2, str::to_owned);
    let found = verify(dir.path()).unwrap();
    let file = "00000000000000000002.jnl";
    assert_eq!(places(&found.damage), [(DamageKind::Missing, file, 0, 2)], "records 2 and 3 were kept then");
    let copy = Copy::of(&tiny(2));
    fs::remove_file(copy.file(0)).unwrap();
    let found = verify(copy.path()).unwrap();
    assert_eq!(places(&found.damage), [(DamageKind::Missing, copy.segments[0].0.as_str(), 0, 1)]);
    let to = tempfile::tempdir().unwrap();
    let salvaged = salvage(copy.path(), DirStorage::open(to.path()).unwrap(), 5, salts()).unwrap();
    assert_eq!((salvaged.kept, salvaged.lost, salvaged.first_lsn), (3, 3, Lsn(1)));
    assert_eq!(verify(to.path()).unwrap().damage, []);
}
