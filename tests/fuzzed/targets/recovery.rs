//! A folder after any accident, opened for writing.
//!
//! An input is a history (batches, marks, ends, rotations) and what then befell the files. Checksums are supplied where
//! the accident asks for it, for no fuzzer guesses those.

use std::fs;
use std::path::Path;

use dormouse::journal::format::FRAMES_AT;
use dormouse::journal::format::frame::{FrameHeader, Seed, checksums};
use dormouse::journal::format::header::SegmentHeader;
use dormouse::journal::{Damage, Fault, OpenError, Reader, Storage, Verification, verify};
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;

use super::{Input, fresh_folder};
use crate::journal_disk::{SimDisk, groups};

const SEGMENT_BYTES: u64 = 3 * 4096;
const SECTOR: usize = 512;
const BATCHES_MAX: usize = 24;

type Files = Vec<(String, Vec<u8>)>;

pub fn run(bytes: &[u8]) {
    let mut input = Input(bytes);
    let (mut files, written) = history(&mut input);
    let mut accidents = Accidents::default();
    while !input.is_empty() && !files.is_empty() {
        accidents.befall(&mut files, &mut input);
    }
    let folder = fresh_folder();
    for (name, bytes) in &files {
        fs::write(folder.join(name), bytes).expect("the temporary folder takes files");
    }
    // Whatever befell the others, whoever wrote them has left this one: without any the folder is no journal.
    fs::write(folder.join("LOCK"), []).expect("the temporary folder takes files");
    let verified = verify(folder).expect("the folder is there");
    let disk = SimDisk::with_files(&files);
    match disk.open(SEGMENT_BYTES) {
        Err(error) => refused(&error, &verified, &accidents),
        Ok((journal, recovered, records)) => {
            // Opening checks every frame; against an edit whose checksum fits there are only the seals, which verifying
            // compares.
            if !accidents.forged {
                assert_eq!(damage(&verified), [], "opened although damaged; {recovered:?}");
            }
            assert_eq!(recovered.records, verified.records, "the verifier has seen others");
            assert_eq!(records.len() as u64, verified.records);
            if !accidents.forged {
                assert_eq!(records[..], written[..records.len()], "never anything but what was written");
            }
            if !accidents.any {
                assert_eq!(records, written, "nothing has happened, and a record is gone");
            }
            assert_eq!(readable(folder), records, "a reader sees what recovery sees");
            drop(journal);
            again(&disk, &records, accidents.forged);
        }
    }
}

/// What stands on the disk after a history of some batches, and its records.
fn history(input: &mut Input<'_>) -> (Files, Vec<Record>) {
    let disk = SimDisk::default();
    let mut written = Vec::new();
    let (mut journal, _, _) = disk.open(SEGMENT_BYTES).expect("an empty disk");
    for _ in 0..usize::from(input.u8()) % BATCHES_MAX {
        let what = input.u8();
        match what % 8 {
            0 => journal.mark().expect("the disk is sound"),
            1 => {
                journal.close().expect("the disk is sound");
                disk.unlock();
                journal = disk.open(SEGMENT_BYTES).expect("it was closed").0;
            }
            2 => {
                drop(journal);
                disk.unlock();
                journal = disk.open(SEGMENT_BYTES).expect("a crash between two batches").0;
            }
            sizes => {
                let sizes = [&[1][..], &[2, 1], &[1, 1, 1], &[4], &[1, 3]][usize::from(sizes) - 3];
                let batch = groups(journal.next_lsn().0, sizes);
                let _ = journal.append(&batch, ()).expect("the disk is sound");
                written.extend(batch.into_iter().flatten());
            }
        }
    }
    if input.u8().is_multiple_of(2) {
        journal.close().expect("the disk is sound");
    }
    (disk.segments(), written)
}

/// What befell the files.
#[derive(Default)]
struct Accidents {
    any: bool,
    /// A checksum was made to fit: that is an edit, and not told from what was written.
    forged: bool,
}

impl Accidents {
    fn befall(&mut self, files: &mut Files, input: &mut Input<'_>) {
        self.any = true;
        let what = input.u8();
        let chosen = usize::from(input.u8()) % files.len();
        let place = usize::from(input.u16());
        let length = files[chosen].1.len().max(1);
        match what % 8 {
            0 | 1 => {
                let change = input.u8() | 1;
                if let Some(byte) = files[chosen].1.get_mut(place % length) {
                    *byte ^= change;
                }
            }
            2 => zero(&mut files[chosen].1, place % length / SECTOR * SECTOR, SECTOR),
            3 => zero(&mut files[chosen].1, place % length, length),
            4 => copy_sector(files, chosen, place, usize::from(input.u16())),
            5 => files[chosen].1.resize(place % (2 * SEGMENT_BYTES as usize), 0),
            6 => drop(files.remove(chosen)),
            _ => self.forge(&mut files[chosen].1, place, input),
        }
    }

    /// Changes a byte of a frame, and its checksum with it.
    fn forge(&mut self, file: &mut [u8], nth: usize, input: &mut Input<'_>) {
        let (byte, change) = (usize::from(input.u16()), input.u8());
        let (Some(header), _) = SegmentHeader::read(&file[..file.len().min(FRAMES_AT as usize)]) else { return };
        let mut at = FRAMES_AT as usize;
        for _ in 0..nth % 32 {
            let Some(head) = file.get(at..at + 32) else { return };
            at += FrameHeader::parse(head).frame_bytes() as usize;
        }
        let Some(head) = file.get(at..at + 32) else { return };
        let length = FrameHeader::parse(head).frame_bytes() as usize;
        let Some(frame) = file.get_mut(at..at + length) else { return };
        frame[4 + byte % (length - 4)] ^= change;
        let (_, right) = checksums(frame, &Seed::new(&header.salt), at as u64);
        frame[..4].copy_from_slice(&right.to_le_bytes());
        self.forged = true;
    }
}

fn zero(file: &mut [u8], from: usize, length: usize) {
    let end = file.len().min(from.saturating_add(length));
    file[from.min(end)..end].fill(0);
}

fn copy_sector(files: &mut Files, from: usize, place: usize, to: usize) {
    let sector = place % files[from].1.len().max(1) / SECTOR * SECTOR;
    let Some(bytes) = files[from].1.get(sector..sector + SECTOR).map(<[u8]>::to_vec) else { return };
    let chosen = to / 64 % files.len();
    let file = &mut files[chosen].1;
    if let Some(target) = file.get_mut(to % 64 * SECTOR..(to % 64 + 1) * SECTOR) {
        target.copy_from_slice(&bytes);
    }
}

/// A refusal has its reason in what the verifier sees, or in a record that somebody forged.
fn refused(error: &OpenError, verified: &Verification, accidents: &Accidents) {
    assert!(accidents.any, "nothing has happened: {error}");
    match error {
        OpenError::UnknownKind { .. } | OpenError::Undecodable { .. } => assert!(accidents.forged, "{error}"),
        error if error.is_damage() || matches!(error, OpenError::Newer { .. }) => {
            assert_ne!(verified.damage, [], "refused although whole: {error}");
        }
        other => panic!("a sound disk gave {other}"),
    }
}

/// What the verifier objects to, but for stray bytes between a seal and its trailer: no record can stand there, so opening
/// does not read them.
fn damage(verified: &Verification) -> Vec<Damage> {
    let stray = Fault::NotZero.to_string();
    verified.damage.iter().filter(|damage| damage.what != stray).cloned().collect()
}

fn readable(folder: &Path) -> Vec<Record> {
    let reader = Reader::open(folder).expect("the verifier found no damage");
    reader.records(Lsn(1)).collect::<Result<_, _>>().expect("the verifier found no damage")
}

/// Opening once more gives the same, and leaves a whole journal behind.
fn again(disk: &SimDisk, records: &[Record], forged: bool) {
    disk.unlock();
    let (_, recovered, found) = disk.open(SEGMENT_BYTES).expect("what was opened once opens again");
    assert_eq!((recovered.torn, &found[..]), (None, records));
    let folder = fresh_folder();
    for (name, bytes) in disk.segments() {
        fs::write(folder.join(name), bytes).expect("the temporary folder takes files");
    }
    let verified = verify(folder).expect("the folder is there");
    assert!(forged || damage(&verified).is_empty(), "{:?}", verified.damage);
    assert_eq!(verified.torn_tail, None);
    assert_eq!(verified.records, records.len() as u64);
}

pub fn seeds() -> Vec<Vec<u8>> {
    let batches = [12, 3, 4, 0, 5, 6, 1, 7, 3, 2, 4, 6, 5];
    let with = |rest: &[u8]| [&batches, rest].concat();
    vec![
        with(&[0]),
        with(&[1]),
        with(&[1, 0, 2, 0x40, 0x10, 0x80]),
        with(&[1, 2, 3, 0, 0x12]),
        with(&[1, 3, 3, 0, 0x12]),
        with(&[0, 4, 0, 0, 0x10, 9, 0]),
        with(&[0, 5, 1, 0, 0x20]),
        with(&[0, 6, 1, 0, 0]),
        with(&[1, 7, 2, 3, 0, 20, 0, 0x55]),
    ]
}
