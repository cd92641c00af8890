//! A segment's bytes, read by everything that reads segments.
//!
//! The first byte chooses: the rest is a whole file as it stands; or frames, to which header, places and checksums are
//! supplied, for no fuzzer guesses those.

use std::fs;
use std::path::Path;

use dormouse::journal::format::frame::{FRAME_HEAD, FrameHeader, Seed, frame_bytes, push};
use dormouse::journal::format::header::SegmentHeader;
use dormouse::journal::format::{FRAMES_AT, TRAILER_ROOM, payload, segment_name};
use dormouse::journal::{ReadError, Reader, head, stat, verify};
use dormouse::model::id::Lsn;

use super::{Input, fresh_folder, golden_journals};

const CAPACITY: u64 = 3 * 4096;
const SALT: [u8; 16] = [7; 16];

pub fn run(bytes: &[u8]) {
    let mut input = Input(bytes);
    let file = match input.u8() % 4 {
        0 => input.0.to_vec(),
        lsns => segment(&mut input, lsns == 1),
    };
    let folder = fresh_folder();
    fs::write(folder.join(segment_name(Lsn(1))), file).expect("the temporary folder takes files");
    agree(folder);
}

/// A whole segment of the frames that `input` describes: kind, schema, flags, behind, and its payload. With
/// `honest_lsns` each has the lsn that belongs to its place.
fn segment(input: &mut Input<'_>, honest_lsns: bool) -> Vec<u8> {
    let header = SegmentHeader {
        journal: [1; 16],
        salt: SALT,
        number: 1,
        first_lsn: Lsn(1),
        created_us: 0,
        capacity: CAPACITY,
        previous_salt: [0; 16],
    };
    let (mut file, seed, mut next) = (header.page(), Seed::new(&SALT), 1);
    while !input.is_empty() {
        let (kind, schema, flags, behind) = (input.u16(), input.u8(), input.u8(), input.u8());
        let lsn = if honest_lsns { next } else { input.number::<8>() };
        let length = usize::from(input.u16());
        let payload = input.bytes(length);
        let at = file.len() as u64;
        if at + frame_bytes(payload.len()) > CAPACITY - TRAILER_ROOM {
            break;
        }
        let frame = FrameHeader {
            length: payload.len() as u32,
            lsn: Lsn(if honest_lsns && kind >= 0xFF00 { next - 1 } else { lsn }),
            time_us: 5,
            kind,
            schema,
            flags,
            behind: u32::from(behind),
        };
        next += u64::from(kind < 0xFF00);
        push(&mut file, &seed, at, &frame, payload);
    }
    file.resize(CAPACITY as usize, 0);
    file
}

/// Whoever reads this folder comes to the same records.
fn agree(folder: &Path) {
    let verified = verify(folder).expect("there is a segment to verify");
    let _ = (stat(folder), head(folder));
    let Ok(reader) = Reader::open(folder) else {
        assert_ne!(verified.damage, [], "a journal that is whole can be read");
        return;
    };
    let mut whole = true;
    let mut read = 0;
    for record in reader.records(Lsn(1)) {
        match record {
            Ok(record) => {
                let alone = reader.record(record.lsn).expect("a record that was read is found by its lsn");
                assert_eq!(alone.as_ref(), Some(&record));
                let mut again = Vec::new();
                payload::encode(&record, &mut again).expect("what was decoded can be encoded");
            }
            Err(ReadError::Unknown { .. } | ReadError::Undecodable { .. }) => {}
            Err(_) => {
                whole = false;
                break;
            }
        }
        read += 1;
    }
    assert!(!whole || read >= verified.records || !verified.damage.is_empty(), "the reader lost records");
    assert!(read <= verified.records, "the verifier has not seen every record that the reader shows");
    assert!(whole || !verified.damage.is_empty(), "damage that the verifier does not see");
}

/// The golden segments whole, and their frames.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for journal in golden_journals() {
        let entries = fs::read_dir(&journal).expect("a golden journal");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "jnl"));
        files.sort();
        for (index, file) in files.iter().enumerate() {
            let bytes = fs::read(file).expect("a golden segment");
            seeds.push([&[1], &frames(&bytes)[..]].concat());
            if index == 0 && bytes.len() < 16 << 10 {
                seeds.push([&[0], &bytes[..]].concat());
            }
        }
    }
    seeds
}

/// The frames of a segment as [`segment`] reads them, as long as they are.
fn frames(file: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), FRAMES_AT as usize);
    while at + FRAME_HEAD <= file.len() && out.len() < 3000 {
        let header = FrameHeader::parse(&file[at..]);
        if header.length == 0 || header.frame_bytes() > (file.len() - at) as u64 {
            break;
        }
        out.extend_from_slice(&header.kind.to_le_bytes());
        out.extend_from_slice(&[header.schema, header.flags, header.behind as u8]);
        out.extend_from_slice(&(header.length as u16).to_le_bytes());
        out.extend_from_slice(&file[at + FRAME_HEAD..][..header.length as usize]);
        at += header.frame_bytes() as usize;
    }
    out
}
