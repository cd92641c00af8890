//! `journal-format.md` and the code say the same.

use std::collections::BTreeMap;

use dormouse::journal::format::{self, Field, payload::PAYLOAD_BYTES_LIMIT};
use dormouse::model::event::{Class, KINDS};

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
