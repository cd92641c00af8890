//! The writer that the other tests start and end: this very test, with a folder given to it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use dormouse::journal::{DirStorage, Journal, OpenError, Options, verify};
use dormouse::model::actor::Actor;
use dormouse::model::event::{DaemonStopped, Event, Fact};
use dormouse::model::id::Lsn;
use dormouse::model::record::{Record, Subject};
use dormouse::model::time::{BootId, Timestamp};
use dormouse::observe::clock;

/// Where it writes, and how many batches.
const DIR: &str = "DORMOUSE_TEST_WRITER_DIR";
const BATCHES: &str = "DORMOUSE_TEST_WRITER_BATCHES";
/// A failure that goes on and on is the test's mistake.
const FAILURES_MAX: usize = 6;

pub const SEGMENT_BYTES: u64 = 16 << 10;

/// Appends and says what is durable, opens again after a failure as the daemon does, ends in order.
#[test]
fn a_writer_in_a_process_of_its_own_says_only_what_is_durable() {
    let batches = std::env::var(BATCHES).map_or(40, |batches| batches.parse().unwrap());
    if let Some(dir) = std::env::var_os(DIR) {
        // Looked at by whoever gave it.
        write(Path::new(&dir), batches);
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("journal");
    let said = write(&dir, batches);
    assert_eq!(said.0, batches as u64 * RECORDS);
    assert_eq!(Found::in_journal(&dir).last(), said);
    assert_eq!(verify(&dir).unwrap().damage, []);
}

/// The command that runs it on `dir`. Its standard output has a line `durable LSN` for each batch, `failed WHY` for
/// each failure, and `done`.
pub fn command(dir: &Path, batches: usize, front: &[&str]) -> Command {
    let own = std::env::current_exe().unwrap();
    let own = own.to_str().unwrap();
    let test = "writer::a_writer_in_a_process_of_its_own_says_only_what_is_durable";
    let words = [front, &[own, "--exact", test, "--nocapture", "--test-threads=1"]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env(DIR, dir).env(BATCHES, batches.to_string());
    command
}

fn say(line: &str) {
    // One write each, so that a kill leaves whole lines.
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
}

/// Returns the last lsn it called durable.
fn write(dir: &Path, batches: usize) -> Lsn {
    let (mut durable, mut failures) = (Lsn::ZERO, 0);
    let mut failed = |error: &dyn std::error::Error| {
        let why = error.source().map_or_else(String::new, |source| format!(": {source}"));
        say(&format!("failed {error}{why}"));
        failures += 1;
        assert!(failures <= FAILURES_MAX, "{error}{why}");
    };
    let mut journal = None;
    let mut batch = 0;
    while batch < batches {
        let Some(open) = &mut journal else {
            match open_journal(dir, drop) {
                Ok(opened) => journal = Some(opened),
                Err(error) => failed(&error),
            }
            continue;
        };
        match open.append(&groups(open.next_lsn(), batch), open.next_lsn()) {
            Ok(first) => {
                durable = Lsn(first.into_inner().0 + RECORDS - 1);
                say(&format!("durable {durable}"));
                batch += 1;
                if batch % 3 == 0
                    && let Err(error) = open.mark()
                {
                    failed(&error);
                    journal = None;
                }
            }
            Err(error) => {
                failed(&error);
                if !error.left_journal_usable() {
                    journal = None;
                }
            }
        }
    }
    if let Some(Err(error)) = journal.map(Journal::close) {
        failed(&error);
    }
    say("done");
    durable
}

fn open_journal(dir: &Path, fold: impl FnMut(Record)) -> Result<Journal<DirStorage>, OpenError> {
    let storage = DirStorage::open(dir).map_err(|source| OpenError::NotWritable { path: dir.to_owned(), source })?;
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    // Another in each life.
    let mut salt = u128::from(clock::now().wall_us);
    let salts = move || {
        salt = salt.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(1);
        salt.to_le_bytes()
    };
    Journal::open(storage, options, 1_000_000, salts, fold).map(|(journal, _)| journal)
}

/// Records of a batch: three, in two groups.
const RECORDS: u64 = 3;

/// What a record says behind its lsn if another one of its group follows.
const MORE: &str = "more ";

/// The batch that is long enough to go out to the disk as it is written, and needs a segment of its own size.
const LONG: usize = 5;

fn groups(first: Lsn, batch: usize) -> Vec<Vec<Record>> {
    let width = if batch == LONG { 40_000 } else { 400 * (batch % 4) };
    let record = |lsn: u64, more: &str| Record {
        lsn: Lsn(lsn),
        at: Timestamp { wall_us: 1_700_000_000_000_000 + lsn, awake_ms: lsn, boot: BootId(1) },
        subject: Subject::NONE,
        cause: None,
        actor: Actor::Dormouse,
        event: DaemonStopped { why: format!("{lsn}:{more}{batch:0>width$}") }.into(),
    };
    vec![vec![record(first.0, MORE), record(first.0 + 1, "")], vec![record(first.0 + 2, "")]]
}

/// What a writer said, as its standard output.
#[derive(Debug)]
pub struct Said {
    pub durable: Lsn,
    pub failed: Vec<String>,
    pub done: bool,
}

impl Said {
    pub fn of(output: &[u8]) -> Self {
        let text = String::from_utf8_lossy(output);
        let all = |word: &str| -> Vec<String> {
            text.lines().filter_map(|line| line.strip_prefix(word)).map(str::to_owned).collect()
        };
        Self {
            durable: Lsn(all("durable ").last().map_or(0, |lsn| lsn.parse().unwrap())),
            failed: all("failed "),
            done: text.lines().any(|line| line == "done"),
        }
    }
}

/// A journal as it was found, opened and gone on with.
#[derive(Debug)]
pub struct Found {
    texts: BTreeMap<Lsn, String>,
}

impl Found {
    fn in_journal(dir: &Path) -> Self {
        let mut texts = BTreeMap::new();
        let fold = |record: Record| match record.event {
            Event::Fact(Fact::DaemonStopped(stopped)) => drop(texts.insert(record.lsn, stopped.why)),
            other => panic!("never written: {other:?}"),
        };
        let journal = open_journal(dir, fold).unwrap_or_else(|error| panic!("it opens: {error:?}"));
        assert_eq!(journal.next_lsn().0, texts.len() as u64 + 1);
        journal.close().unwrap();
        Self { texts }
    }

    fn last(&self) -> Lsn {
        self.texts.last_key_value().map_or(Lsn::ZERO, |(lsn, _)| *lsn)
    }

    /// Opens what a writer has left: all it called durable is there, each record is its own, groups are whole, and every
    /// byte is in order.
    pub fn after(dir: &Path, said: &Said) {
        let found = Self::in_journal(dir);
        assert!(found.last() >= said.durable, "{} of {:?}", found.last(), said);
        for (lsn, text) in &found.texts {
            let own = text.strip_prefix(&format!("{lsn}:"));
            assert!(own.is_some(), "record {lsn} says {text}");
            let half = own.is_some_and(|own| own.starts_with(MORE)) && !found.texts.contains_key(&lsn.next());
            assert!(!half, "record {lsn} is half a group: {said:?}");
        }
        let seen = verify(dir).unwrap();
        assert_eq!((seen.damage, seen.torn_tail), (Vec::new(), None), "{said:?}");
    }
}
