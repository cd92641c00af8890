//! The end of a journal that was not closed, and journals cut short anywhere.

use dormouse::journal::{DamageKind, OpenError, verify};
use dormouse::model::record::Record;

use crate::journal_disk::SimDisk;
use crate::world::{Copy, SEGMENT_BYTES, closed, open_tail, records, saved};

/// Opens `files` for writing, as a daemon would: the records and whether a tail was set aside, or where it was refused.
fn opened(files: &[(String, Vec<u8>)]) -> Result<(Vec<Record>, bool), OpenError> {
    let (journal, recovered, records) = SimDisk::with_files(files).open(SEGMENT_BYTES)?;
    drop(journal);
    Ok((records, recovered.torn.is_some()))
}

/// A refusal says segment, offset and lsn.
fn names_its_place(error: &OpenError, segment: &str) -> bool {
    match error {
        OpenError::Damaged { segment: found, .. } | OpenError::Gap { segment: found, .. } => found.ends_with(segment),
        _ => false,
    }
}

/// P2, P3: whichever bit of an unsealed tail flips, all that was acknowledged is recovered, or the place is refused.
/// No MARK stands behind the last batch here: nothing but the bytes themselves can tell.
#[test]
fn every_flipped_bit_of_an_open_tail_is_recovered_whole_or_refused() {
    let files = open_tail();
    let (name, bytes) = files.last().unwrap().clone();
    let (expected, torn) = opened(&files).unwrap();
    assert!(!torn && expected.len() == 6);
    let end = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 64;
    let last = files.len() - 1;
    let (mut refused, mut recovered) = (0, 0);
    // The zeros of the header page are those of a closed journal, and tested there.
    let in_page = |at: usize| (128..2048).contains(&at) || (2176..4096).contains(&at);
    for at in (0..end).filter(|&at| !in_page(at) || at % 97 == 0).chain(bytes.len() - 4096..bytes.len() - 4000) {
        for bit in 0..8 {
            let mut files = files.clone();
            files[last].1[at] ^= 1 << bit;
            match opened(&files) {
                Ok((records, _)) => {
                    assert!(records == expected, "bit {bit} of byte {at}: {} records", records.len());
                    recovered += 1;
                }
                Err(error) => {
                    assert!(names_its_place(&error, &name), "bit {bit} of byte {at}: {error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 1000 && recovered > 0, "{refused} refused, {recovered} recovered");
}

/// A file that ends early never lost anything by a crash: its length was settled before its name.
#[test]
fn a_segment_cut_short_at_any_byte_is_refused_and_named() {
    let files = closed(3);
    let whole = Copy::of(&files);
    let expected = records(whole.path());
    for (index, (name, bytes)) in files.iter().enumerate() {
        let file = whole.handle(index);
        for length in (0..bytes.len()).rev() {
            let mut cut = files.clone();
            cut[index].1.truncate(length);
            let error = opened(&cut).map(|_| ()).unwrap_err();
            assert!(names_its_place(&error, name), "{length} bytes of {name}: {error}");
            if length % 61 != 0 {
                continue;
            }
            file.set_len(length as u64).unwrap();
            let found = verify(whole.path()).unwrap();
            let place = format!("{length} bytes of {name}: {:?}", found.damage);
            let [damage] = &found.damage[..] else { panic!("{place}") };
            assert_eq!((damage.kind, &damage.segment), (DamageKind::Truncated, name), "{place}");
            assert_eq!(damage.offset, length as u64, "{place}");
            let (salvaged, records) = saved(whole.path());
            let same = records.iter().zip(&expected).filter(|(found, expected)| found == expected).count() as u64;
            assert_eq!(salvaged.kept, same, "{place}");
        }
        std::fs::write(whole.file(index), bytes).unwrap();
    }
}
