//! What makes records durable, here and elsewhere.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

use dormouse::journal::format::{frame, payload};
use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::event::{MessageAccepted, Recipient};
use dormouse::model::id::{Lsn, MessageId};
use dormouse::model::profile::WakePolicy;
use dormouse::model::record::{Record, Subject};
use dormouse::model::time::{BootId, Timestamp};

/// All of them, the floor first, dormouse second, and a floor of another kind third; each in a folder of its own in `place`.
pub fn all(place: &Path) -> Vec<Box<dyn Engine>> {
    let of = |name: &str| {
        let path = place.join(name);
        std::fs::create_dir(&path).expect("a folder");
        path
    };
    vec![
        Box::new(Raw::written(&of("written"))),
        Box::new(Dormouse::open(&of("dormouse"))),
        Box::new(Raw::reserved(&of("reserved"))),
        Box::new(RaftEngine::open(&of("raft-engine"))),
        Box::new(OkayWal::open(&of("okaywal"))),
        Box::new(Sqlite::open(&of("sqlite"))),
        Box::new(JsonLines::open(&of("json"))),
    ]
}

/// Something that makes records durable.
pub trait Engine {
    fn name(&self) -> &'static str;

    /// Appends so many records as one durable batch; nanoseconds. What a caller has ready before it calls (records for
    /// dormouse and JSON, encoded payloads for the others) is made outside of the time.
    fn append(&mut self, records: usize) -> u64;
}

/// A message of a hundred bytes, as the daemon records it.
fn record(lsn: u64) -> Record {
    let event = MessageAccepted {
        to: Recipient::Peer("claude-ada".parse().expect("a name")),
        from: Sender::Unverified { name: "cron".to_owned(), uid: 1000 },
        topic: None,
        text: "x".repeat(100),
        replaced: 0,
        key: None,
        progress: false,
        answers: None,
        policy: WakePolicy::Persistent,
        queue_depth: 1,
        reason: None,
        named: false,
        reply_asked: false,
    };
    let at = Timestamp { wall_us: 1_800_000_000_000_000 + lsn, awake_ms: lsn, boot: BootId(7) };
    let subject = Subject::peer(&"claude-ada".parse().expect("a name")).with_message(MessageId(u128::from(lsn)));
    Record { lsn: Lsn(lsn), at, subject, cause: None, actor: Actor::Dormouse, event: event.into() }
}

fn encoded(lsn: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    payload::encode(&record(lsn), &mut bytes).expect("a payload");
    bytes
}

fn timed(work: impl FnOnce()) -> u64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_nanos() as u64
}

/// One write and one fdatasync of as many bytes as the frames have, over bytes that were written before, or into room
/// that is only reserved: the file system has to note then that it is written.
struct Raw {
    name: &'static str,
    file: File,
    at: u64,
}

impl Raw {
    const CAPACITY: u64 = 64 << 20;

    fn written(dir: &Path) -> Self {
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(dir.join("file")).expect("a file");
        for at in (0..Self::CAPACITY).step_by(4096) {
            file.write_all_at(&[0; 4096], at).expect("a write");
        }
        file.sync_all().expect("a file");
        Self { name: "raw write + fdatasync", file, at: 0 }
    }

    fn reserved(dir: &Path) -> Self {
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(dir.join("file")).expect("a file");
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, Self::CAPACITY).expect("room");
        file.sync_all().expect("a file");
        Self { name: "raw, into reserved room", file, at: 0 }
    }
}

impl Engine for Raw {
    fn name(&self) -> &'static str {
        self.name
    }

    fn append(&mut self, records: usize) -> u64 {
        let bytes = vec![7; records * frame::frame_bytes(encoded(1).len()) as usize];
        if self.at + bytes.len() as u64 > Self::CAPACITY {
            self.at = 0;
        }
        let took = timed(|| {
            self.file.write_all_at(&bytes, self.at).and_then(|()| self.file.sync_data()).expect("a durable write");
        });
        self.at += bytes.len() as u64;
        took
    }
}

struct Dormouse(Journal<DirStorage>);

impl Dormouse {
    fn open(dir: &Path) -> Self {
        let mut salt = 0_u128;
        let random = move || {
            salt += 1;
            salt.to_le_bytes()
        };
        let storage = DirStorage::open(dir).expect("a folder");
        let (journal, _) = Journal::open(storage, Options::default(), 1, random, |_| {}).expect("a journal");
        Self(journal)
    }
}

impl Engine for Dormouse {
    fn name(&self) -> &'static str {
        "dormouse"
    }

    fn append(&mut self, records: usize) -> u64 {
        let first = self.0.next_lsn().0;
        let groups: Vec<Vec<Record>> = (0..records as u64).map(|index| vec![record(first + index)]).collect();
        timed(|| drop(self.0.append(&groups, ()).expect("an append")))
    }
}

struct RaftEngine {
    engine: raft_engine::Engine,
    next: u64,
}

impl RaftEngine {
    fn open(dir: &Path) -> Self {
        let config =
            raft_engine::Config { dir: dir.to_str().expect("a path").to_owned(), ..raft_engine::Config::default() };
        Self { engine: raft_engine::Engine::open(config).expect("an engine"), next: 1 }
    }
}

impl Engine for RaftEngine {
    fn name(&self) -> &'static str {
        "raft-engine"
    }

    fn append(&mut self, records: usize) -> u64 {
        let payloads: Vec<Vec<u8>> = (0..records as u64).map(|index| encoded(self.next + index)).collect();
        let first = self.next;
        self.next += records as u64;
        timed(|| {
            let mut batch = raft_engine::LogBatch::default();
            for (lsn, payload) in (first..).zip(payloads) {
                batch.put(1, lsn.to_be_bytes().to_vec(), payload).expect("a put");
            }
            self.engine.write(&mut batch, true).expect("a durable write");
        })
    }
}

#[derive(Debug)]
struct Keep;

impl okaywal::LogManager for Keep {
    fn recover(&mut self, _: &mut okaywal::Entry<'_>) -> std::io::Result<()> {
        Ok(())
    }

    fn checkpoint_to(
        &mut self,
        _: okaywal::EntryId,
        _: &mut okaywal::SegmentReader,
        _: &okaywal::WriteAheadLog,
    ) -> std::io::Result<()> {
        Ok(())
    }
}

struct OkayWal {
    log: okaywal::WriteAheadLog,
    next: u64,
}

impl OkayWal {
    fn open(dir: &Path) -> Self {
        let log = okaywal::Configuration::default_for(dir).preallocate_bytes(64 << 20).checkpoint_after_bytes(60 << 20);
        Self { log: log.open(Keep).expect("a log"), next: 1 }
    }
}

impl Engine for OkayWal {
    fn name(&self) -> &'static str {
        "okaywal"
    }

    fn append(&mut self, records: usize) -> u64 {
        let payloads: Vec<Vec<u8>> = (0..records as u64).map(|index| encoded(self.next + index)).collect();
        self.next += records as u64;
        timed(|| {
            let mut entry = self.log.begin_entry().expect("an entry");
            for payload in &payloads {
                entry.write_chunk(payload).expect("a chunk");
            }
            entry.commit().expect("a durable entry");
        })
    }
}

struct Sqlite {
    connection: rusqlite::Connection,
    next: u64,
}

impl Sqlite {
    fn open(dir: &Path) -> Self {
        let connection = rusqlite::Connection::open(dir.join("db")).expect("a database");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                 CREATE TABLE record (lsn INTEGER PRIMARY KEY, payload BLOB NOT NULL);",
            )
            .expect("a table");
        Self { connection, next: 1 }
    }
}

impl Engine for Sqlite {
    fn name(&self) -> &'static str {
        "SQLite (WAL, FULL)"
    }

    fn append(&mut self, records: usize) -> u64 {
        let payloads: Vec<Vec<u8>> = (0..records as u64).map(|index| encoded(self.next + index)).collect();
        let first = self.next as i64;
        self.next += records as u64;
        timed(|| {
            let transaction = self.connection.transaction().expect("a transaction");
            {
                let mut insert = transaction.prepare_cached("INSERT INTO record VALUES (?1, ?2)").expect("a statement");
                for (lsn, payload) in (first..).zip(&payloads) {
                    insert.execute(rusqlite::params![lsn, payload]).expect("a row");
                }
            }
            transaction.commit().expect("a durable transaction");
        })
    }
}

struct JsonLines {
    file: File,
    next: u64,
}

impl JsonLines {
    fn open(dir: &Path) -> Self {
        let file = OpenOptions::new().create(true).append(true).open(dir.join("log.jsonl")).expect("a file");
        Self { file, next: 1 }
    }
}

impl Engine for JsonLines {
    fn name(&self) -> &'static str {
        "JSON lines + fdatasync"
    }

    fn append(&mut self, records: usize) -> u64 {
        let batch: Vec<Record> = (0..records as u64).map(|index| record(self.next + index)).collect();
        self.next += records as u64;
        timed(|| {
            let mut lines = Vec::new();
            for record in &batch {
                serde_json::to_writer(&mut lines, record).expect("a line");
                lines.push(b'\n');
            }
            self.file.write_all(&lines).and_then(|()| self.file.sync_data()).expect("a durable write");
        })
    }
}
