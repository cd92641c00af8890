//! The same records where others would keep them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use bincode::config::{Configuration, standard};
use dormouse::journal::Reader;
use dormouse::journal::format::frame::FrameHeader;
use dormouse::journal::format::payload;
use dormouse::model::actor::Actor;
use dormouse::model::event::{Event, KINDS, ReadPayload};
use dormouse::model::id::Lsn;
use dormouse::model::record::{Record, Subject};
use dormouse::model::time::{BootId, Timestamp};
use rusqlite::{Connection, Row};
use serde::de::DeserializeOwned;

/// An SQLite database of the journal's own payloads, and a file of JSON lines.
pub struct Others {
    db: Connection,
    json: PathBuf,
    /// Of each kind, by its number.
    schemas: Vec<u8>,
}

impl Others {
    pub fn write(dir: &Path, journal: &Path) -> Self {
        let json = dir.join("records.json");
        let mut lines = BufWriter::new(File::create(&json).expect("a file"));
        let mut db = Connection::open(dir.join("records.db")).expect("a database");
        db.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE records (lsn INTEGER PRIMARY KEY, time INTEGER, kind INTEGER, payload BLOB);")
            .expect("a table");
        let all = db.transaction().expect("a transaction");
        let mut insert = all.prepare("INSERT INTO records VALUES (?, ?, ?, ?)").expect("a statement");
        let reader = Reader::open(journal).expect("a journal");
        for record in reader.records(Lsn(1)) {
            let record = record.expect("a record");
            let mut bytes = Vec::new();
            payload::encode(&record, &mut bytes).expect("a payload");
            let row = (record.lsn.0 as i64, record.at.wall_us as i64, record.event.kind().number, bytes);
            insert.execute(row).expect("a row");
            serde_json::to_writer(&mut lines, &record).expect("a line");
            lines.write_all(b"\n").expect("a line");
        }
        drop(insert);
        all.commit().expect("a commit");
        db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
        lines.flush().expect("a flush");
        let mut schemas = vec![0; KINDS.iter().map(|kind| usize::from(kind.number) + 1).max().unwrap_or(0)];
        KINDS.iter().for_each(|kind| schemas[usize::from(kind.number)] = kind.schema);
        Self { db, json, schemas }
    }

    /// As who keeps structs in a table reads them: by the crate whose encoding it is.
    pub fn sqlite(&self) -> u64 {
        self.scan(|row| {
            let payload = row.get_ref(3).expect("a payload").as_blob().expect("bytes");
            let mut rest = payload;
            let (awake_ms, boot, subject, cause, actor): (u64, BootId, Subject, Option<Lsn>, Actor) = next(&mut rest);
            let kind: u16 = row.get(2).expect("a kind");
            let event = Event::read(kind, self.schemas[usize::from(kind)], Bincode(rest)).expect("a known kind");
            let Ok(event) = event;
            let (lsn, wall_us): (i64, i64) = (row.get(0).expect("an lsn"), row.get(1).expect("a time"));
            let at = Timestamp { wall_us: wall_us as u64, awake_ms, boot };
            Record { lsn: Lsn(lsn as u64), at, subject, cause, actor, event }
        })
    }

    /// The same rows by dormouse's own reader of payloads.
    pub fn sqlite_with_our_reader(&self) -> u64 {
        self.scan(|row| {
            let (lsn, time): (i64, i64) = (row.get(0).expect("an lsn"), row.get(1).expect("a time"));
            let payload = row.get_ref(3).expect("a payload").as_blob().expect("bytes");
            let kind: u16 = row.get(2).expect("a kind");
            let header = FrameHeader {
                length: payload.len() as u32,
                lsn: Lsn(lsn as u64),
                time_us: time as u64,
                kind,
                schema: self.schemas[usize::from(kind)],
                flags: 0,
                behind: 1,
            };
            payload::decode(&header, payload).expect("a record")
        })
    }

    fn scan(&self, decode: impl Fn(&Row<'_>) -> Record) -> u64 {
        let mut select =
            self.db.prepare_cached("SELECT lsn, time, kind, payload FROM records ORDER BY lsn").expect("a statement");
        let mut rows = select.query(()).expect("rows");
        let mut sum = 0_u64;
        while let Some(row) = rows.next().expect("a row") {
            sum = sum.wrapping_add(std::hint::black_box(decode(row)).at.wall_us);
        }
        sum
    }

    pub fn json(&self) -> u64 {
        let mut lines = BufReader::with_capacity(256 << 10, File::open(&self.json).expect("the file"));
        let (mut line, mut sum) = (String::new(), 0_u64);
        while lines.read_line(&mut line).expect("a line") != 0 {
            let record: Record = serde_json::from_str(&line).expect("a record");
            sum = sum.wrapping_add(record.at.wall_us);
            line.clear();
        }
        sum
    }
}

/// Payloads by serde and the crate that their encoding comes from.
struct Bincode<'a>(&'a [u8]);

impl ReadPayload for Bincode<'_> {
    type Error = std::convert::Infallible;

    fn read<T: DeserializeOwned>(mut self) -> Result<T, Self::Error> {
        Ok(next(&mut self.0))
    }
}

/// The value at the beginning of `rest`, which is behind it then.
fn next<T: DeserializeOwned>(rest: &mut &[u8]) -> T {
    const CODEC: Configuration = standard();
    let (value, used) = bincode::serde::borrow_decode_from_slice(rest, CODEC).expect("a value");
    *rest = &rest[used..];
    value
}
