//! The same records where others would keep them.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use dormouse::journal::Reader;
use dormouse::journal::format::frame::FrameHeader;
use dormouse::journal::format::payload;
use dormouse::model::id::Lsn;
use dormouse::model::record::Record;
use rusqlite::Connection;

/// An SQLite database of the journal's own payloads, and a file of JSON lines.
pub struct Others {
    db: Connection,
    json: PathBuf,
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
        Self { db, json }
    }

    pub fn sqlite(&self) -> u64 {
        let mut select =
            self.db.prepare_cached("SELECT lsn, time, kind, payload FROM records ORDER BY lsn").expect("a statement");
        let mut rows = select.query(()).expect("rows");
        let mut sum = 0_u64;
        while let Some(row) = rows.next().expect("a row") {
            let (lsn, time): (i64, i64) = (row.get(0).expect("an lsn"), row.get(1).expect("a time"));
            let payload = row.get_ref(3).expect("a payload").as_blob().expect("bytes");
            let kind = row.get(2).expect("a kind");
            let length = payload.len() as u32;
            let header = FrameHeader {
                length,
                lsn: Lsn(lsn as u64),
                time_us: time as u64,
                kind,
                schema: 1,
                flags: 0,
                behind: 1,
            };
            let record = payload::decode(&header, payload).expect("a record");
            sum = sum.wrapping_add(std::hint::black_box(record).at.wall_us);
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
