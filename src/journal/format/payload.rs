//! Payload bytes of records, as [`codec`] writes and reads them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::CONTROL_KINDS_AT;
use super::codec::{self, Malformed, Unwritable};
use super::frame::FrameHeader;
use crate::model::actor::Actor;
use crate::model::event::{Event, KINDS, ReadPayload, WritePayload, place_of};
use crate::model::id::Lsn;
use crate::model::record::{Record, Subject};
use crate::model::time::{BootId, Timestamp};

/// Longest payload that any writer may write or reader must take: bounds what a lying length can make us allocate.
pub const PAYLOAD_BYTES_LIMIT: usize = 64 << 20;

/// What stands before every event: the part of a record that the frame's head does not hold. Frozen.
#[derive(Deserialize)]
struct Preface {
    awake_ms: u64,
    boot: BootId,
    subject: Subject,
    cause: Option<Lsn>,
    actor: Actor,
}

impl Preface {
    #[inline]
    fn before(self, frame: &FrameHeader, event: Event) -> Record {
        Record {
            lsn: frame.lsn,
            at: Timestamp { wall_us: frame.time_us, awake_ms: self.awake_ms, boot: self.boot },
            subject: self.subject,
            cause: self.cause,
            actor: self.actor,
            event,
        }
    }
}

/// A [`Preface`] that is written, without a copy of anything.
#[derive(Serialize)]
struct PrefaceOf<'a> {
    awake_ms: u64,
    boot: BootId,
    subject: &'a Subject,
    cause: Option<Lsn>,
    actor: &'a Actor,
}

/// A payload that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("the payload cannot be encoded")]
pub struct EncodeError(#[from] Unwritable);

/// A payload that its kind does not explain.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("the payload does not decode")]
    Codec(#[from] Malformed),
    #[error("the payload has {found} bytes, its event uses {used}")]
    Length { found: usize, used: usize },
    #[error("kind {kind} with schema {schema} is not known to this build")]
    Unknown { kind: u16, schema: u8, payload: Vec<u8> },
}

/// Appends the payload of `record` to `out`.
pub fn encode(record: &Record, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let preface = PrefaceOf {
        awake_ms: record.at.awake_ms,
        boot: record.at.boot,
        subject: &record.subject,
        cause: record.cause,
        actor: &record.actor,
    };
    codec::write(&preface, out)?;
    record.event.write(Encoder(out))?;
    Ok(())
}

/// The record in a frame whose checksum is right.
pub fn decode(frame: &FrameHeader, payload: &[u8]) -> Result<Record, DecodeError> {
    decode_into(frame, payload, &mut |record| record)
}

/// The same, given to `take` where it is made: a record is long, and need not be moved on its way.
#[inline(always)]
pub fn decode_into<T>(
    frame: &FrameHeader,
    payload: &[u8],
    take: &mut impl FnMut(Record) -> T,
) -> Result<T, DecodeError> {
    if frame.kind >= CONTROL_KINDS_AT {
        return Err(unknown(frame, payload));
    }
    let (preface, used) = preface(frame, payload)?;
    match Event::read(frame.kind, frame.schema, Decoder { payload, used }) {
        Some(event) => Ok(take(preface.before(frame, event?))),
        None => Err(unknown(frame, payload)),
    }
}

/// What the record in a frame whose checksum is right is about, and whose act it is. What happened is passed over.
pub fn decode_preface(frame: &FrameHeader, payload: &[u8]) -> Result<(Subject, Actor), DecodeError> {
    if !is_known(frame) {
        return Err(unknown(frame, payload));
    }
    preface(frame, payload).map(|(preface, _)| (preface.subject, preface.actor))
}

#[inline]
fn preface(frame: &FrameHeader, payload: &[u8]) -> Result<(Preface, usize), DecodeError> {
    // Only the payloads of known kinds are known to begin like this.
    codec::read(payload).map_err(|error| if is_known(frame) { error.into() } else { unknown(frame, payload) })
}

fn is_known(frame: &FrameHeader) -> bool {
    place_of(frame.kind).is_some_and(|place| frame.schema <= KINDS[place].schema)
}

#[cold]
fn unknown(frame: &FrameHeader, payload: &[u8]) -> DecodeError {
    DecodeError::Unknown { kind: frame.kind, schema: frame.schema, payload: payload.to_vec() }
}

struct Encoder<'a>(&'a mut Vec<u8>);

impl WritePayload for Encoder<'_> {
    type Output = Result<(), Unwritable>;

    #[inline]
    fn write<T: Serialize>(self, payload: &T) -> Self::Output {
        codec::write(payload, self.0)
    }
}

struct Decoder<'a> {
    payload: &'a [u8],
    used: usize,
}

impl ReadPayload for Decoder<'_> {
    type Error = DecodeError;

    fn read<T: DeserializeOwned>(self) -> Result<T, DecodeError> {
        let (event, used) = codec::read(&self.payload[self.used..])?;
        let (found, used) = (self.payload.len(), self.used + used);
        if used == found { Ok(event) } else { Err(DecodeError::Length { found, used }) }
    }
}

#[cfg(test)]
mod tests {
    use bincode::config::{Configuration, Limit, LittleEndian, Varint};

    use super::*;
    use crate::model::event::evolved::{self, Judged, JudgedV1, Kept, Noted, NotedV1, NotedV2};

    const CODEC: Configuration<LittleEndian, Varint, Limit<PAYLOAD_BYTES_LIMIT>> =
        bincode::config::standard().with_limit::<PAYLOAD_BYTES_LIMIT>();

    fn bytes(payload: &impl Serialize) -> Vec<u8> {
        let mut bytes = Vec::new();
        Encoder(&mut bytes).write(payload).unwrap();
        bytes
    }

    fn read(kind: u16, schema: u8, payload: &[u8]) -> Option<Result<evolved::Event, DecodeError>> {
        evolved::Event::read(kind, schema, Decoder { payload, used: 0 })
    }

    /// What any version wrote is read as what it means today.
    #[test]
    fn a_payload_of_an_older_schema_is_read_as_the_newest() {
        let (one, two) = (NotedV1 { text: "a".into() }, NotedV2 { volume: 200, text: "b".into() });
        let newest = Noted { volume: 300, texts: vec!["c".into(), "d".into()] };
        for (schema, payload, expected) in [
            (1, bytes(&one), Noted { volume: 1, texts: vec!["a".into()] }),
            (2, bytes(&two), Noted { volume: 200, texts: vec!["b".into()] }),
            (3, bytes(&newest), newest),
        ] {
            assert_eq!(read(1, schema, &payload).unwrap().unwrap(), expected.into(), "schema {schema}");
        }
        assert_eq!(read(1001, 1, &bytes(&JudgedV1 {})).unwrap().unwrap(), Judged { why: None }.into());
        assert_eq!(read(2, 1, &bytes(&Kept {})).unwrap().unwrap(), Kept {}.into());
    }

    #[test]
    fn what_is_written_has_the_newest_schema() {
        let event = evolved::Event::from(Noted { volume: 1, texts: Vec::new() });
        assert_eq!(event.kind().schema, 3);
        let mut written = Vec::new();
        event.write(Encoder(&mut written)).unwrap();
        assert_eq!(written, bytes(&Noted { volume: 1, texts: Vec::new() }));
        let schemas: Vec<_> = evolved::KINDS.iter().map(|kind| (kind.number, kind.schema)).collect();
        assert_eq!(schemas, [(1, 3), (2, 1), (1001, 2)]);
    }

    /// The right kind in a schema of tomorrow is as unknown as a kind of tomorrow.
    #[test]
    fn a_newer_schema_is_unknown_and_an_old_payload_is_used_whole() {
        for (kind, schema) in [(1, 4), (1, 0), (2, 2), (1001, 3), (9, 1)] {
            assert!(read(kind, schema, &[0]).is_none(), "kind {kind}, schema {schema}");
        }
        let mut longer = bytes(&NotedV1 { text: "a".into() });
        longer.push(0);
        assert!(matches!(read(1, 1, &longer).unwrap(), Err(DecodeError::Length { found: 3, used: 2 })));
    }

    /// The crate that defined these bytes, as a reader: [`codec`] must take from them the same, and refuse the same.
    struct Bincode<'a> {
        payload: &'a [u8],
        used: usize,
    }

    impl ReadPayload for Bincode<'_> {
        type Error = ();

        fn read<T: DeserializeOwned>(self) -> Result<T, ()> {
            let read = bincode::serde::borrow_decode_from_slice(&self.payload[self.used..], CODEC);
            let (event, used) = read.map_err(drop)?;
            if self.used + used == self.payload.len() { Ok(event) } else { Err(()) }
        }
    }

    fn as_bincode_reads_it(frame: &FrameHeader, payload: &[u8]) -> Option<Record> {
        let (preface, used): (Preface, usize) = bincode::serde::borrow_decode_from_slice(payload, CODEC).ok()?;
        let event = Event::read(frame.kind, frame.schema, Bincode { payload, used })?.ok()?;
        Some(preface.before(frame, event))
    }

    fn as_codec_writes_it(record: &Record) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(record, &mut bytes).unwrap();
        bytes
    }

    /// It as a writer.
    struct BincodeInto<'a>(&'a mut Vec<u8>);

    impl WritePayload for BincodeInto<'_> {
        type Output = ();

        fn write<T: Serialize>(self, payload: &T) {
            self.0.extend(bincode::serde::encode_to_vec(payload, CODEC).unwrap());
        }
    }

    fn as_bincode_writes_it(record: &Record) -> Vec<u8> {
        let preface = (record.at.awake_ms, record.at.boot, &record.subject, record.cause, &record.actor);
        let mut bytes = bincode::serde::encode_to_vec(preface, CODEC).unwrap();
        record.event.write(BincodeInto(&mut bytes));
        bytes
    }

    /// Every payload that was ever published, and each of them with a byte that is another, without its end, and with a
    /// byte too many.
    #[test]
    fn payloads_whole_and_damaged_are_read_and_written_as_bincode_does() {
        let (mut whole, mut damaged) = (0, 0);
        for line in include_str!("../../../tests/golden/payloads.jsonl").lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let number = |field: &str| line[field].as_u64().unwrap();
            let (kind, schema) = (number("kind") as u16, number("schema") as u8);
            let digits = line["payload"].as_str().unwrap();
            let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            let payload: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
            let mut same = |payload: &[u8]| {
                let length = payload.len() as u32;
                let frame = FrameHeader { length, lsn: Lsn(7), time_us: 9, kind, schema, flags: 0, behind: 1 };
                let (ours, theirs) = (decode(&frame, payload), as_bincode_reads_it(&frame, payload));
                assert_eq!(ours.as_ref().ok(), theirs.as_ref(), "kind {kind}: {payload:?}: {ours:?}");
                if let Some(record) = theirs {
                    whole += 1;
                    assert_eq!(as_codec_writes_it(&record), as_bincode_writes_it(&record), "{record:?}");
                } else {
                    damaged += 1;
                }
            };
            same(&payload);
            same(&[&payload[..], &[0]].concat());
            for at in 0..payload.len() {
                same(&payload[..at]);
                let mut other = payload.clone();
                for byte in [0, 1, 2, 0x80, 250, 251, 252, 253, 254, 255] {
                    other[at] = byte;
                    same(&other);
                }
            }
        }
        assert!(whole > 10_000 && damaged > 10_000, "{whole} could be read, {damaged} could not");
    }

    /// Integers of every length, also where a shorter one would do, and values that the type cannot hold.
    #[test]
    fn integers_are_read_as_bincode_reads_them() {
        fn same<T: DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
            let theirs = bincode::serde::borrow_decode_from_slice::<T, _>(bytes, CODEC).ok();
            assert_eq!(codec::read::<T>(bytes).ok(), theirs, "{}: {bytes:?}", std::any::type_name::<T>());
        }
        for first in 0..=u8::MAX {
            for rest in [[0; 16], [0xff; 16], [0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]] {
                for length in 0..=rest.len() {
                    let bytes = [&[first], &rest[..length]].concat();
                    same::<u8>(&bytes);
                    same::<u16>(&bytes);
                    same::<u32>(&bytes);
                    same::<u64>(&bytes);
                    same::<u128>(&bytes);
                    same::<i16>(&bytes);
                    same::<i32>(&bytes);
                    same::<i64>(&bytes);
                    same::<Option<bool>>(&bytes);
                    same::<Vec<u32>>(&bytes);
                    same::<String>(&bytes);
                }
            }
        }
    }

    /// Around every place where one more byte is needed, below zero too, and in whatever a value may be wrapped.
    #[test]
    fn values_are_written_as_bincode_writes_them() {
        fn same<T: Serialize + std::fmt::Debug>(value: T) {
            let theirs = bincode::serde::encode_to_vec(&value, CODEC).unwrap();
            assert_eq!(bytes(&value), theirs, "{}: {value:?}", std::any::type_name::<T>());
        }
        let edges = [0, 1, 250, 251, 252, 255, 256].into_iter().chain((3..128).map(|bits| 1_u128 << bits));
        for edge in edges.flat_map(|edge| [edge.wrapping_sub(1), edge, edge + 1]) {
            same((edge as u8, edge as u16, edge as u32, edge as u64, edge));
            same((edge as i16, edge as i32, edge as i64, -(edge as i16 / 2), -(edge as i32 / 2), -(edge as i64 / 2)));
        }
        for length in [0, 1, 7, 250, 251, 70_000] {
            same("ü".repeat(length));
            same((vec![300_u16; length], vec![Some("a"); length], vec![(); length]));
        }
        same((true, false, Some(None::<u8>), [1_u32, 300], (), Ok::<u8, String>(1), Err::<u8, _>("b")));
    }

    /// What no reader of this version could read is refused.
    #[test]
    fn a_value_without_an_encoding_is_not_written() {
        use std::os::unix::ffi::OsStrExt as _;
        let mut out = Vec::new();
        assert!(codec::write(&1.5, &mut out).is_err());
        assert!(codec::write(&'c', &mut out).is_err());
        assert!(codec::write(&std::collections::BTreeMap::from([(1, 2)]), &mut out).is_err());
        let no_text = std::path::Path::new(std::ffi::OsStr::from_bytes(b"\xff"));
        assert!(codec::write(no_text, &mut out).unwrap_err().to_string().contains("UTF-8"));
    }
}
