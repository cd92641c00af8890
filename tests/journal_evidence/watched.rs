//! How far a long walk has come can be told while it goes on.

use std::path::Path;

use dormouse::journal::salvage::salvage_watched;
use dormouse::journal::{DirStorage, verify, verify_watched};
use dormouse::model::id::Lsn;

use crate::journal_disk::salts;

#[test]
fn whoever_watches_is_told_of_each_record_and_finds_what_others_find() {
    let journal = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v3-fleet");
    let all: Vec<Lsn> = (1..=873).map(Lsn).collect();
    let mut told = Vec::new();
    let found = verify_watched(&journal, &mut |lsn| told.push(lsn)).unwrap();
    assert_eq!((told, found), (all.clone(), verify(&journal).unwrap()));
    let to = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    let storage = DirStorage::open(to.path()).unwrap();
    let salvaged = salvage_watched(&journal, storage, (5, salts()), &mut |lsn| told.push(lsn)).unwrap();
    assert_eq!((salvaged.kept, salvaged.lost), (873, 0));
    assert_eq!(told, [&all[..], &all].concat(), "it is looked at once before anything is written");
}
