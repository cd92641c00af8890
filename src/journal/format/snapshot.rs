//! Snapshots: a header, and the state as of one record. What the state's bytes mean is not this module's business.

use super::{HEADER_BYTES, MAJOR, MINOR, SNAPSHOT_MAGIC, array, snapshot_layout as at, u16_in, u32_in, u64_in};
use crate::model::event::SnapshotTaken;
use crate::model::id::Lsn;

/// A snapshot's file, whole. Its header is right; whether it may be believed, a `snapshot_taken` record says.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Of the journal that it belongs to.
    pub journal: [u8; 16],
    /// The last record folded into the state.
    pub through: Lsn,
    /// Number and salt of the segment that holds that record.
    pub number: u64,
    pub salt: [u8; 16],
    pub state_schema: u16,
    file: Vec<u8>,
}

/// Why the bytes of a file are no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    #[error("it has {bytes} bytes, a snapshot's header alone has {HEADER_BYTES}")]
    Short { bytes: u64 },
    #[error("it begins with {found:02x?}, expected {SNAPSHOT_MAGIC:02x?}")]
    Magic { found: [u8; 8] },
    #[error("its header has checksum {found:#010x}, expected {expected:#010x}")]
    Checksum { found: u32, expected: u32 },
    #[error("it has format version {major}.{minor}, newer than this build's {MAJOR}.{MINOR}")]
    Newer { major: u16, minor: u16 },
    #[error("its field {field} holds {found}, expected {expected}")]
    Value { field: &'static str, found: u64, expected: u64 },
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("through", &self.through).field("bytes", &self.file.len()).finish()
    }
}

impl Snapshot {
    /// The snapshot of `state`, as it was after record `through` in the segment with this number and salt.
    pub fn of(journal: [u8; 16], through: Lsn, (number, salt): (u64, [u8; 16]), schema: u16, state: &[u8]) -> Self {
        let mut file = vec![0; HEADER_BYTES];
        file[at::MAGIC].copy_from_slice(&SNAPSHOT_MAGIC);
        file[at::MAJOR].copy_from_slice(&MAJOR.to_le_bytes());
        file[at::MINOR].copy_from_slice(&MINOR.to_le_bytes());
        file[at::HEADER_LENGTH].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
        file[at::JOURNAL].copy_from_slice(&journal);
        file[at::THROUGH].copy_from_slice(&through.0.to_le_bytes());
        file[at::NUMBER].copy_from_slice(&number.to_le_bytes());
        file[at::SALT].copy_from_slice(&salt);
        file[at::STATE_LENGTH].copy_from_slice(&(state.len() as u64).to_le_bytes());
        file[at::STATE_SCHEMA].copy_from_slice(&schema.to_le_bytes());
        let crc = crc32fast::hash(&file[..at::CRC.start]);
        file[at::CRC].copy_from_slice(&crc.to_le_bytes());
        file.extend_from_slice(state);
        Self { journal, through, number, salt, state_schema: schema, file }
    }

    /// Reads the bytes of the file that is named after record `through`.
    ///
    /// # Errors
    ///
    /// Whatever the header alone shows. Rot in the state shows against the record's digest.
    pub fn read(through: Lsn, file: Vec<u8>) -> Result<Self, SnapshotFault> {
        if file.len() < HEADER_BYTES {
            return Err(SnapshotFault::Short { bytes: file.len() as u64 });
        }
        let magic = array(&file, at::MAGIC);
        if magic != SNAPSHOT_MAGIC {
            return Err(SnapshotFault::Magic { found: magic });
        }
        let (found, expected) = (u32_in(&file, at::CRC), crc32fast::hash(&file[..at::CRC.start]));
        if found != expected {
            return Err(SnapshotFault::Checksum { found, expected });
        }
        let (major, minor) = (u16_in(&file, at::MAJOR), u16_in(&file, at::MINOR));
        if major > MAJOR {
            return Err(SnapshotFault::Newer { major, minor });
        }
        for (field, found, expected) in [
            ("major", u64::from(major), u64::from(MAJOR)),
            ("header_length", u64::from(u32_in(&file, at::HEADER_LENGTH)), HEADER_BYTES as u64),
            ("through", u64_in(&file, at::THROUGH), through.0),
            ("state_length", u64_in(&file, at::STATE_LENGTH), (file.len() - HEADER_BYTES) as u64),
        ] {
            if found != expected {
                return Err(SnapshotFault::Value { field, found, expected });
            }
        }
        Ok(Self {
            journal: array(&file, at::JOURNAL),
            through,
            number: u64_in(&file, at::NUMBER),
            salt: array(&file, at::SALT),
            state_schema: u16_in(&file, at::STATE_SCHEMA),
            file,
        })
    }

    /// The bytes behind the header.
    pub fn state(&self) -> &[u8] {
        &self.file[HEADER_BYTES..]
    }

    /// Of the file, header and state.
    pub fn bytes(&self) -> &[u8] {
        &self.file
    }

    /// What the record says that proves this very file.
    pub fn taken(&self) -> SnapshotTaken {
        SnapshotTaken {
            through: self.through,
            bytes: self.file.len() as u64,
            digest: blake3::hash(&self.file).to_hex().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot::of([1; 16], Lsn(77), (3, [4; 16]), 1, b"{\"lsn\":77}")
    }

    #[test]
    fn a_snapshot_reads_as_it_was_written() {
        let read = Snapshot::read(Lsn(77), snapshot().bytes().to_vec()).unwrap();
        assert_eq!(read, snapshot());
        assert_eq!((read.state(), read.taken().bytes), (&b"{\"lsn\":77}"[..], 138));
    }

    /// Each bit of the header is covered by its checksum, and each bit of the state by the digest in the record.
    #[test]
    fn no_flipped_bit_of_a_snapshot_goes_unseen() {
        let whole = snapshot();
        for bit in 0..whole.bytes().len() * 8 {
            let mut rotten = whole.bytes().to_vec();
            rotten[bit / 8] ^= 1 << (bit % 8);
            let read = Snapshot::read(Lsn(77), rotten);
            if bit / 8 < HEADER_BYTES {
                assert!(read.is_err(), "bit {bit} of the header");
            } else {
                assert_ne!(read.unwrap().taken(), whole.taken(), "bit {bit} of the state");
            }
        }
    }

    #[test]
    fn a_snapshot_cut_short_or_grown_is_named_with_the_length_it_has() {
        let whole = snapshot();
        for length in 0..whole.bytes().len() {
            let fault = Snapshot::read(Lsn(77), whole.bytes()[..length].to_vec()).unwrap_err();
            let expected = match length {
                0..HEADER_BYTES => SnapshotFault::Short { bytes: length as u64 },
                _ => {
                    SnapshotFault::Value { field: "state_length", found: 10, expected: (length - HEADER_BYTES) as u64 }
                }
            };
            assert_eq!(fault, expected);
        }
        let grown = [whole.bytes(), b"x"].concat();
        assert!(matches!(Snapshot::read(Lsn(77), grown), Err(SnapshotFault::Value { field: "state_length", .. })));
    }

    #[test]
    fn a_snapshot_under_another_name_or_of_a_newer_format_is_refused() {
        let other = Snapshot::read(Lsn(78), snapshot().bytes().to_vec());
        assert_eq!(other, Err(SnapshotFault::Value { field: "through", found: 77, expected: 78 }));
        let mut newer = snapshot().bytes().to_vec();
        newer[at::MAJOR].copy_from_slice(&2u16.to_le_bytes());
        let crc = crc32fast::hash(&newer[..at::CRC.start]);
        newer[at::CRC].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(Snapshot::read(Lsn(77), newer), Err(SnapshotFault::Newer { major: 2, minor: 0 }));
    }
}
