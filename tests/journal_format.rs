//! `journal-format.md` and the code say the same.

use std::collections::BTreeMap;

use dormouse::journal::format::{self, Field, payload::PAYLOAD_BYTES_LIMIT};
use dormouse::journal::recovery::table::{
    Behind, First, Group, Later, Segment, Size, Tail, TrailerSeen, Verdict, verdict,
};
use dormouse::model::event::{Class, KINDS};
use dormouse::model::id::Lsn;

const DOCUMENT: &str = include_str!("../journal-format.md");

/// Cells of every table row in the section under the heading `### NAME` or `## NAME`, code marks taken off.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let lines = DOCUMENT.lines().skip_while(|line| line.trim_start_matches('#').trim() != heading).skip(1);
    let section = lines.take_while(|line| !line.starts_with('#'));
    let cells =
        |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
    section.filter(|line| line.starts_with('|')).map(cells).collect()
}

fn fields(heading: &str) -> Vec<(String, usize, usize)> {
    let field = |row: &Vec<String>| Some((row[0].to_uppercase(), row.get(1)?.parse().ok()?, row.get(2)?.parse().ok()?));
    rows(heading).iter().filter_map(field).collect()
}

#[test]
fn the_document_lists_every_field_at_its_place() {
    let layouts: [(&str, &[Field]); 9] = [
        ("header", format::header_layout::FIELDS),
        ("snapshot", format::snapshot_layout::FIELDS),
        ("frame", format::frame_layout::FIELDS),
        ("mark", format::mark_layout::FIELDS),
        ("note", format::note_layout::FIELDS),
        ("seal", format::seal_layout::FIELDS),
        ("block", format::block_layout::FIELDS),
        ("trailer", format::trailer_layout::FIELDS),
        ("index", format::index_layout::FIELDS),
    ];
    for (heading, layout) in layouts {
        let in_code: Vec<_> = layout.iter().map(|&(name, at, bytes)| (name.to_owned(), at, bytes)).collect();
        assert_eq!(fields(heading), in_code, "table `{heading}`");
        let mut end = 0;
        for (name, at, bytes) in in_code {
            assert_eq!(at, end, "{heading}.{name} begins where the field before ends");
            end = at + bytes;
        }
    }
}

#[test]
fn the_document_lists_every_constant() {
    let in_document: BTreeMap<String, u64> =
        rows("1. The folder").iter().filter_map(|row| Some((row[0].clone(), row.get(1)?.parse().ok()?))).collect();
    let in_code = BTreeMap::from(
        [
            ("MAJOR", u64::from(format::MAJOR)),
            ("MINOR", u64::from(format::MINOR)),
            ("HEADER_BYTES", format::HEADER_BYTES as u64),
            ("HEADER_COPY_AT", format::HEADER_COPY_AT),
            ("FRAMES_AT", format::FRAMES_AT),
            ("TRAILER_ROOM", format::TRAILER_ROOM),
            ("TRAILER_BYTES", format::TRAILER_BYTES as u64),
            ("FRAME_HEADER_BYTES", format::FRAME_HEADER_BYTES as u64),
            ("FRAME_ALIGN", format::FRAME_ALIGN as u64),
            ("BLOCK_BYTES", format::BLOCK_BYTES),
            ("SEAL_FIXED_BYTES", format::SEAL_FIXED_BYTES as u64),
            ("SEAL_BLOCK_BYTES", format::SEAL_BLOCK_BYTES as u64),
            ("INDEX_HEADER_BYTES", format::INDEX_HEADER_BYTES as u64),
            ("INDEX_MESSAGE_BYTES", format::INDEX_MESSAGE_BYTES as u64),
            ("SECTOR_BYTES", format::SECTOR_BYTES),
            ("PAYLOAD_BYTES_LIMIT", PAYLOAD_BYTES_LIMIT as u64),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    assert_eq!(in_document, in_code);
}

#[test]
fn the_document_lists_every_kind_with_number_name_and_class() {
    let rows = rows("7. Kinds");
    let control: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((u16::from_str_radix(row[0].strip_prefix("0x")?, 16).ok()?, row[1].clone())))
        .collect();
    let in_code: Vec<_> = format::CONTROL_KINDS.iter().map(|&(kind, name)| (kind, name.to_owned())).collect();
    assert_eq!(control, in_code);
    let records: Vec<_> =
        rows.iter().filter_map(|row| Some((row[0].parse::<u16>().ok()?, row[1].clone(), row[2].clone()))).collect();
    let class = |class| if class == Class::Fact { "fact" } else { "decision" };
    let in_code: Vec<_> =
        KINDS.iter().map(|kind| (kind.number, kind.name.to_owned(), class(kind.class).to_owned())).collect();
    assert_eq!(records, in_code);
}

/// Every combination of what is known about a tail.
fn all_tails() -> Vec<Tail> {
    let next_batch = Later::NextBatch { at: 8192, durable: Lsn(9) };
    let mut behind = vec![Behind::Zeros];
    for first in [First::Blank, First::Impossible, First::Holed, First::OneBit, First::Full] {
        behind.extend([Later::Nothing, Later::SameBatch, next_batch].map(|later| Behind::Bytes { first, later }));
    }
    let mut tails = Vec::new();
    for segment in [Segment::Last, Segment::Followed] {
        for size in [Size::Right, Size::Wrong] {
            for trailer in [TrailerSeen::Nothing, TrailerSeen::Something] {
                for group in [Group::Whole, Group::Open] {
                    tails.extend(behind.iter().map(|&behind| Tail { segment, size, trailer, group, behind }));
                }
            }
        }
    }
    tails
}

/// A cell of the document's table holds for `tail`. Empty cells hold for all.
fn holds(column: usize, cell: &str, tail: &Tail) -> bool {
    let (first, later) = match tail.behind {
        Behind::Zeros => (None, Later::Nothing),
        Behind::Bytes { first, later } => (Some(first), later),
    };
    match (column, cell) {
        (_, "") | (3, "anything") => true,
        (0, "has a successor") => tail.segment == Segment::Followed,
        (0, "is the last") => tail.segment == Segment::Last,
        (1, "right") => tail.size == Size::Right,
        (1, "not its capacity") => tail.size == Size::Wrong,
        (2, "there") => tail.trailer == TrailerSeen::Something,
        (2, "zero") => tail.trailer == TrailerSeen::Nothing,
        (3, "zeros to the end") => first.is_none(),
        (3, "a head that no writer could have written") => first == Some(First::Impossible),
        (3, "a possible head, no sector of its frame zero") => first == Some(First::Full),
        (3, "a possible head, a sector's part zero, right but for one bit") => first == Some(First::OneBit),
        (3, "a head with a sector's part all zero") => first == Some(First::Blank),
        (3, "a possible head, a sector's part zero, and more wrong than one bit") => first == Some(First::Holed),
        (4, "none") => later == Later::Nothing,
        (4, "none, or none such") => !matches!(later, Later::NextBatch { .. }),
        (4, "one claims `lsn - behind` >= *e*") => matches!(later, Later::NextBatch { .. }),
        (5, "whole") => tail.group == Group::Whole,
        (5, "open") => tail.group == Group::Open,
        other => panic!("the table says {other:?}, which this test does not know"),
    }
}

/// I8: for every combination one row of the document holds and no other, it has a reason, and it is what the code does.
#[test]
fn i8_the_documents_table_of_tails_is_the_codes() {
    let rows: Vec<_> = rows("tails").into_iter().skip(2).collect();
    assert!(rows.iter().all(|row| row.len() == 8 && !row[7].is_empty()), "{rows:?}");
    let mut used = vec![0; rows.len()];
    for tail in all_tails() {
        let fits = |row: &Vec<String>| (0..6).all(|column| holds(column, &row[column], &tail));
        let fitting: Vec<usize> = (0..rows.len()).filter(|&index| fits(&rows[index])).collect();
        let [index] = fitting[..] else { panic!("{tail:?} fits the rows {fitting:?}") };
        used[index] += 1;
        let expected = match verdict(tail) {
            Verdict::Clean => "clean",
            Verdict::Torn => "torn",
            Verdict::Rot(_) => "rot",
        };
        assert_eq!(rows[index][6], expected, "{tail:?}");
    }
    assert!(used.iter().all(|&times| times > 0), "a row that never holds: {used:?}");
}
