//! Journals of format version 1 that must be read for ever, and the newest of them written the same (I4). Where a kind has
//! got another schema, the same records lie in a folder more.

use std::fs;
use std::path::{Path, PathBuf};

use dormouse::journal::{DirStorage, Journal, Options, Reader, verify};
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::delivery::RecordMark;
use dormouse::model::event::*;
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::message::TextPrint;
use dormouse::model::name::Identity;
use dormouse::model::profile::{Intelligence, Managed, Profile, Registration, WakePolicy};
use dormouse::model::record::{Record, Subject};
use dormouse::model::session::{Ending, ReapReason, Source, WakeBranch, WakeMode, WakeReason};
use dormouse::model::time::{BootId, Timestamp};

/// The last one is written today; `v1` has messages without `named` and `reply_asked`.
const GOLDEN: [&str; 2] = ["v1", "v2"];

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn at(lsn: u64) -> Timestamp {
    Timestamp { wall_us: 1_767_225_600_000_000 + lsn * 1_234_567, awake_ms: 70_000 + lsn * 250, boot: BootId(u64::MAX) }
}

fn ada() -> Identity {
    "claude-ada".parse().unwrap()
}

fn registration() -> Registration {
    let profile = Profile {
        personality: ada().personality,
        default_runtime: ada().runtime,
        runtimes: vec![ada().runtime, "codex".parse().unwrap()],
        description: "Reads what others write — slowly.".to_owned(),
        intelligence: Intelligence::Artificial,
        initial_prompt: Some("You are Ada.\n".to_owned()),
        wake_policy: WakePolicy::Ephemeral,
        converses_with_people: false,
        resume_on_death: true,
        remarks: vec![],
    };
    let managed = Managed { by: "systemd".to_owned(), socket: "/run/tmux.sock".into(), target: "ada".to_owned() };
    Registration {
        folder: "/srv/ada".into(),
        profile,
        consents: vec!["trust".to_owned()],
        args: vec![],
        managed: Some(managed),
    }
}

fn accepted(text: &str) -> MessageAccepted {
    MessageAccepted {
        to: Recipient::Peer(ada()),
        from: Sender::Unverified { name: "cron".to_owned(), uid: 1000 },
        topic: Some("ночь".to_owned()),
        text: text.to_owned(),
        replaced: 2,
        key: Some("job-7".to_owned()),
        progress: false,
        answers: None,
        policy: WakePolicy::Ephemeral,
        queue_depth: 251,
        reason: None,
        named: false,
        reply_asked: false,
    }
}

fn woken(message: MessageId) -> WakeDecided {
    WakeDecided {
        mode: WakeMode::Resumed { resume_ref: "0190-ab".to_owned() },
        branch: WakeBranch::TopicKnown,
        reason: WakeReason::Message,
        message: Some(message),
        prompt: None,
        attempt: 1,
        possible_duplicate: false,
        booting: 1,
        boots_max: 4,
        park: Some(Lsn(2)),
    }
}

/// A record without its lsn: subject, cause, actor, event.
type Line = (Subject, Option<u64>, Actor, Event);

const MESSAGE: MessageId = MessageId(0x0192_2f4d_5c6b_7a89_0102_0304_0506_0708);
const GENERATION: Generation = Generation(Lsn(4));

fn user() -> Actor {
    Actor::User { uid: 1000, pid: 70_000, program: "dormouse".to_owned() }
}

/// From the daemon's start to a paste.
fn beginning() -> Vec<Vec<Line>> {
    let (peer, live) = (Subject::peer(&ada()), Subject::session(&ada(), GENERATION));
    let daemon = DaemonStarted { version: "0.1.0".to_owned(), pid: 77, tmux: Some("tmux 3.3a".to_owned()) };
    let registered = PeerRegistered { registration: registration(), reason: Some("first".to_owned()) };
    let started = SessionStarted {
        pid: 4711,
        start_ticks: u64::MAX,
        socket: "/run/4.sock".into(),
        resume_ref: None,
        took_ms: 65_536,
    };
    let mark = RecordMark { path: "/home/ada/t.jsonl".into(), offset: 70_000 };
    let begun = DeliveryBegun { attempt: 1, mark: Some(mark), bytes: 300, print: TextPrint::of("") };
    vec![
        vec![(Subject::NONE, None, Actor::Dormouse, daemon.into())],
        vec![(peer.clone(), None, user(), registered.into())],
        vec![
            (peer.with_message(MESSAGE), None, user(), accepted("a\u{1b}[201~b\n").into()),
            (live.clone(), Some(3), Actor::Dormouse, woken(MESSAGE).into()),
        ],
        vec![(live.clone(), Some(4), Actor::Dormouse, started.into())],
        vec![(live.with_message(MESSAGE), Some(4), Actor::Dormouse, begun.into())],
    ]
}

/// From a long answer to a quarantine.
fn end() -> Vec<Vec<Line>> {
    let (peer, live) = (Subject::peer(&ada()), Subject::session(&ada(), GENERATION));
    let session = Actor::Session { peer: ada(), generation: GENERATION };
    let idle = ReapReason::Idle { idle_ms: 3_600_001, idle_ms_max: 3_600_000, last_sign: at(9), source: Source::Hook };
    let lost = Ending::TerminalLost { then: Some(Box::new(Ending::Signal { signal: 9 })) };
    let gone = SessionGone { ending: lost, lived_ms: 0, strays: 250, found_at_start: true };
    let quarantined = Quarantined { deaths: vec![Lsn(8), Lsn(10)], window_ms: 300_000, until: at(12) };
    let long = accepted(&"long ".repeat(1800));
    vec![
        vec![(peer.clone().with_message(MessageId(1)), None, session.clone(), long.into())],
        vec![(live.clone(), None, session, DoneCalled { reason: None }.into())],
        vec![
            (Subject::NONE, None, Actor::Dormouse, DeadlinePassed { deadline: DeadlineKind::Look }.into()),
            (live.clone(), Some(9), Actor::Dormouse, Reaped { reason: idle }.into()),
        ],
        vec![(live, Some(10), Actor::Dormouse, gone.into())],
        vec![(peer, Some(11), user(), quarantined.into())],
    ]
}

/// Groups of records: every sort of actor, subject, option, list, nested enum and integer width.
fn groups() -> Vec<Vec<Record>> {
    let mut lsn = 0;
    let mut record = |(subject, cause, actor, event): Line| {
        lsn += 1;
        Record { lsn: Lsn(lsn), at: at(lsn), subject, cause: cause.map(Lsn), actor, event }
    };
    let script = beginning().into_iter().chain(end());
    script.map(|group| group.into_iter().map(&mut record).collect()).collect()
}

/// Writes the golden journal to `dir`: small segments, one of a size of its own, marks, an end in order.
fn write(dir: &Path) {
    let mut salt = 0;
    let random = move || {
        salt += 1;
        [salt; 16]
    };
    let options = Options { segment_bytes: 12 << 10, ..Options::default() };
    let (mut journal, _) =
        Journal::open(DirStorage::open(dir).unwrap(), options, at(0).wall_us, random, |_| {}).unwrap();
    for (index, group) in groups().into_iter().enumerate() {
        let _ = journal.append(&[group], ()).unwrap();
        if index % 3 == 2 {
            journal.mark().unwrap();
        }
    }
    journal.close().unwrap();
    fs::write(dir.join("records.json"), rendering(dir)).unwrap();
}

fn rendering(dir: &Path) -> String {
    let reader = Reader::open(dir).unwrap();
    let records: Vec<Record> = reader.records(Lsn(1)).collect::<Result<_, _>>().unwrap();
    serde_json::to_string_pretty(&records).unwrap() + "\n"
}

/// Segments and rendering by name.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jnl") || path.ends_with("records.json"))
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// I4: what any version wrote is read, every byte checked, every record as it was.
#[test]
fn the_golden_journals_decode_to_their_rendering() {
    for name in GOLDEN {
        let expected = fs::read_to_string(golden(name).join("records.json")).unwrap();
        assert!(rendering(&golden(name)) == expected, "{name} is read otherwise now:\n{}", rendering(&golden(name)));
        let found = verify(&golden(name)).unwrap();
        assert_eq!((found.damage, found.torn_tail, found.records), (vec![], None, 12));
        assert!(found.segments.len() == 2 && found.segments.iter().all(|segment| segment.sealed));
    }
}

/// The same records give the same bytes: neither the format nor a published payload has changed.
///
/// A new journal is left in the test's own folder, for looking at the difference.
#[test]
fn the_golden_journal_is_written_the_same_byte_for_byte() {
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).join("journal-golden");
    let _ = fs::remove_dir_all(&ours);
    write(&ours);
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let (written, committed) = (files(&ours), files(&golden(GOLDEN[1])));
    assert_eq!(names(&written), names(&committed), "see {}", ours.display());
    for ((name, written), (_, committed)) in written.iter().zip(&committed) {
        let differs = written.iter().zip(committed).position(|(a, b)| a != b);
        assert!(written == committed, "{name} differs at byte {differs:?}; what is written now: {}", ours.display());
    }
}
