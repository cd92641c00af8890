//! Each way a journal can be damaged has a name.

use std::fs;

use dormouse::journal::format::frame::{self, FrameHeader, Seed};
use dormouse::journal::format::header::SegmentHeader;
use dormouse::journal::format::seal::{Seal, Sealer, Trailer};
use dormouse::journal::{DamageKind, DigestPrefix, Since, head, verify};

use crate::world::{Copy, SEGMENT_BYTES, closed, places, records, saved, tiny};

/// Where the frames of a segment stand.
fn frames(bytes: &[u8]) -> Vec<(usize, FrameHeader)> {
    let mut found = Vec::new();
    let mut at = 4096;
    while at < bytes.len() - 4096 {
        let header = FrameHeader::parse(&bytes[at..]);
        if header.length == 0 {
            break;
        }
        found.push((at, header));
        at += header.frame_bytes() as usize;
    }
    found
}

fn seed(bytes: &[u8]) -> Seed {
    Seed::new(&SegmentHeader::read(&bytes[..4096]).0.unwrap().salt)
}

/// Writes the frame at `at` anew with `change` made to its payload: its checksum is right.
fn edit(bytes: &mut [u8], at: usize, change: impl FnOnce(&mut Vec<u8>)) {
    let header = FrameHeader::parse(&bytes[at..]);
    let mut payload = bytes[at + 32..at + 32 + header.length as usize].to_vec();
    change(&mut payload);
    let mut new = Vec::new();
    frame::push(&mut new, &seed(bytes), at as u64, &header, &payload);
    bytes[at..at + new.len()].copy_from_slice(&new);
}

/// Writes seal and trailer anew for the frames that stand there: the segment is right in itself.
fn seal_anew(bytes: &mut [u8]) {
    let (seal_at, header) = *frames(bytes).last().unwrap();
    let old = Seal::decode(&bytes[seal_at + 32..seal_at + 32 + header.length as usize]).unwrap();
    let mut sealer = Sealer::new(old.first_lsn);
    sealer.feed(&bytes[..4096]);
    for (at, header) in frames(bytes).into_iter().filter(|(at, _)| *at < seal_at) {
        sealer.frame(&header, &bytes[at..at + header.frame_bytes() as usize]);
    }
    let seal = sealer.finish(old.previous);
    edit(bytes, seal_at, |payload| *payload = seal.encode());
    let at = bytes.len() - 4096;
    let seal_length = header.frame_bytes() as u32;
    let trailer = Trailer { seal_at: seal_at as u64, seal_length, last_lsn: seal.last_lsn, head: seal.head() };
    let trailer = trailer.encode(&seed(bytes), at as u64);
    bytes[at..at + trailer.len()].copy_from_slice(&trailer);
}

fn change_a_letter(payload: &mut [u8]) {
    let at = payload.windows(5).position(|text| text == b"alone").unwrap();
    payload[at..at + 5].copy_from_slice(b"never");
}

#[test]
fn an_edited_record_with_a_right_checksum_contradicts_its_seal() {
    let copy = Copy::of(&tiny(3));
    copy.change(1, |bytes| edit(bytes, 4096, |payload| change_a_letter(payload)));
    let found = verify(copy.path()).unwrap();
    assert_eq!(places(&found.damage), [(DamageKind::Edit, copy.segments[1].0.as_str(), 0, 7)]);
}

/// Whoever rewrites seal and trailer too breaks the chain to the next seal.
#[test]
fn an_edited_segment_that_is_right_in_itself_breaks_the_chain() {
    let copy = Copy::of(&tiny(3));
    copy.change(1, |bytes| {
        edit(bytes, 4096, |payload| change_a_letter(payload));
        seal_anew(bytes);
    });
    let found = verify(copy.path()).unwrap();
    let [damage] = &found.damage[..] else { panic!("{:?}", found.damage) };
    assert_eq!((damage.kind, &damage.segment), (DamageKind::Edit, &copy.segments[2].0), "{damage:?}");
    assert_eq!((damage.offset, damage.lsn.0 - 1), (frames(&copy.segments[2].1).last().unwrap().0 as u64, 9));
}

#[test]
fn a_missing_segment_is_named_and_the_others_are_saved() {
    let copy = Copy::of(&tiny(3));
    let expected = records(copy.path());
    fs::remove_file(copy.file(1)).unwrap();
    let found = verify(copy.path()).unwrap();
    assert_eq!(places(&found.damage), [(DamageKind::Missing, copy.segments[1].0.as_str(), 0, 4)]);
    let (salvaged, records) = saved(copy.path());
    assert_eq!((salvaged.kept, salvaged.lost), (6, 3));
    assert!(crate::flips::all_but_the_lost(&records, &expected, 3));
}

#[test]
fn a_segment_of_another_journal_or_of_another_history_is_foreign() {
    let copy = Copy::of(&tiny(3));
    let mut header = SegmentHeader::read(&copy.segments[1].1[..4096]).0.unwrap();
    header.journal = [9; 16];
    copy.change(1, |bytes| bytes[..4096].copy_from_slice(&header.page()));
    let found = verify(copy.path()).unwrap();
    let (second, third) = (copy.segments[1].0.as_str(), 4);
    assert_eq!(
        places(&found.damage),
        [(DamageKind::Foreign, second, 0, 4), (DamageKind::Missing, second, 0, third)],
        "it stands in the place of ours"
    );

    let copy = Copy::of(&tiny(3));
    let mut header = SegmentHeader::read(&copy.segments[1].1[..4096]).0.unwrap();
    header.number = 7;
    copy.change(1, |bytes| bytes[..4096].copy_from_slice(&header.page()));
    let found = verify(copy.path()).unwrap();
    assert!(places(&found.damage).contains(&(DamageKind::Foreign, second, 0, 4)), "{:?}", found.damage);
}

#[test]
fn a_second_copy_of_a_segment_is_a_duplicate_and_changes_nothing_else() {
    let copy = Copy::of(&tiny(3));
    let name = "00000000000000000005.jnl";
    fs::copy(copy.file(0), copy.path().join(name)).unwrap();
    let found = verify(copy.path()).unwrap();
    assert_eq!(places(&found.damage), [(DamageKind::Duplicate, name, 0, 5)]);
    assert_eq!((found.records, saved(copy.path()).0.lost), (9, 0));
}

#[test]
fn a_newer_version_is_not_called_rot() {
    let copy = Copy::of(&tiny(2));
    copy.change(1, |bytes| {
        for start in [0, 2048] {
            bytes[start + 8] = 2;
            bytes[start + 100] = 1;
        }
    });
    let found = verify(copy.path()).unwrap();
    assert_eq!(places(&found.damage), [(DamageKind::Version, copy.segments[1].0.as_str(), 0, 4)]);
}

/// Both copies of a header lie in one page. The next segment's header repeats what its checksums need.
#[test]
fn a_lost_header_page_costs_no_record_if_a_segment_follows() {
    let copy = Copy::of(&tiny(3));
    let expected = records(copy.path());
    copy.change(1, |bytes| bytes[..4096].fill(0));
    let found = verify(copy.path()).unwrap();
    assert_eq!(places(&found.damage), [(DamageKind::Rot, copy.segments[1].0.as_str(), 0, 4)]);
    let (salvaged, records) = saved(copy.path());
    assert_eq!((salvaged.kept, salvaged.lost), (9, 0));
    assert_eq!(records, expected);
}

#[test]
fn an_end_that_turned_to_zeros_is_a_truncation() {
    let copy = Copy::of(&tiny(3));
    copy.change(1, |bytes| bytes[4096..].fill(0));
    let found = verify(copy.path()).unwrap();
    assert_eq!(places(&found.damage), [(DamageKind::Truncated, copy.segments[1].0.as_str(), 4096, 4)]);
    assert_eq!((saved(copy.path()).0.kept, saved(copy.path()).0.lost), (6, 3));
}

/// Nothing before a head that was noted can change unseen; what came later does not matter to it.
#[test]
fn a_noted_head_proves_that_nothing_before_it_has_changed() {
    let copy = Copy::of(&tiny(2));
    let noted: DigestPrefix = head(copy.path()).unwrap().says.unwrap().digest[..16].to_uppercase().parse().unwrap();
    let longer = Copy::of(&tiny(3));
    let last = longer.segments[1].0.clone();
    let unchanged = Since::Unchanged { segment: last, last_lsn: dormouse::model::id::Lsn(6) };
    assert_eq!(verify(longer.path()).unwrap().since(&noted), unchanged);
    longer.change(2, |bytes| bytes[4200] ^= 1);
    assert_eq!(verify(longer.path()).unwrap().since(&noted), unchanged, "that is behind it");
    longer.change(0, |bytes| edit(bytes, 4096, |payload| change_a_letter(payload)));
    assert!(matches!(verify(longer.path()).unwrap().since(&noted), Since::Changed { .. }));
    longer.change(0, |bytes| {
        edit(bytes, 4096, |payload| change_a_letter(payload));
        seal_anew(bytes);
    });
    assert!(matches!(verify(longer.path()).unwrap().since(&noted), Since::Changed { .. }), "the chain is broken");
    let other: DigestPrefix = "0123456789abcdef".parse().unwrap();
    assert_eq!(verify(copy.path()).unwrap().since(&other), Since::Unknown);
    assert!("0123456789abcde".parse::<DigestPrefix>().is_err() && "0123456789abcdeg".parse::<DigestPrefix>().is_err());
    assert_eq!(SEGMENT_BYTES, closed(1)[0].1.len() as u64);
}
