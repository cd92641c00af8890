//! A journal that a newer dormouse has written: what readers show of it, and that the daemon refuses it (never damage).

mod cli_support;

use std::fs;
use std::path::{Path, PathBuf};

use cli_support::{NOW, ada, err, out, program, record};
use dormouse::home::Home;
use dormouse::journal::format::frame::{FrameHeader, Seed, push};
use dormouse::journal::format::header::SegmentHeader;
use dormouse::journal::format::{FRAMES_AT, HEADER_BYTES, HEADER_COPY_AT, header_layout, segment_name};
use dormouse::journal::{DirStorage, Journal, OpenError, Options, ReadError, Reader, verify};
use dormouse::model::event::{DaemonStarted, RefreshRequested};
use dormouse::model::id::Lsn;
use dormouse::model::record::Subject;
use tempfile::TempDir;

fn open(dir: &Path) -> Result<Journal<DirStorage>, OpenError> {
    let options = Options { segment_bytes: 1 << 16, ..Options::default() };
    Ok(Journal::open(DirStorage::open(dir).unwrap(), options, NOW.wall_us, || [7; 16], |_| ())?.0)
}

fn segment(home: &TempDir) -> PathBuf {
    Home::under(home.path()).journal().join(segment_name(Lsn(1)))
}

/// Two records of dormouse 9.9.0, and behind them a frame of `kind` whose `lsn` and checksum are right.
fn with_frame(kind: u16, schema: u8, lsn: u64) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let mut journal = open(&Home::under(home.path()).journal()).unwrap();
    let started = DaemonStarted { version: "9.9.0".to_owned(), pid: 1, tmux: None };
    let refreshed = RefreshRequested { reason: None };
    let records = vec![record(1, Subject::NONE, started), record(2, Subject::peer(&ada()), refreshed)];
    let _ = journal.append(&[records], ()).unwrap();
    drop(journal);
    let mut bytes = fs::read(segment(&home)).unwrap();
    let (header, fault) = SegmentHeader::read(&bytes[..FRAMES_AT as usize]);
    assert_eq!(fault, None);
    let mut at = FRAMES_AT as usize;
    while FrameHeader::parse(&bytes[at..]).length > 0 {
        at += FrameHeader::parse(&bytes[at..]).frame_bytes() as usize;
    }
    let payload = b"\x01new";
    let behind = u32::from(kind < 0xFF00);
    let frame = FrameHeader { length: 4, lsn: Lsn(lsn), time_us: NOW.wall_us, kind, schema, flags: 0, behind };
    let mut out = Vec::new();
    push(&mut out, &Seed::new(&header.unwrap().salt), at as u64, &frame, payload);
    bytes[at..at + out.len()].copy_from_slice(&out);
    fs::write(segment(&home), bytes).unwrap();
    home
}

/// The same version twice, in a header whose checksum is right.
fn with_version(field: std::ops::Range<usize>, version: u16) -> TempDir {
    let home = with_frame(0xFF42, 1, 2);
    let mut bytes = fs::read(segment(&home)).unwrap();
    bytes[field].copy_from_slice(&version.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..header_layout::CRC.start]);
    bytes[header_layout::CRC].copy_from_slice(&crc.to_le_bytes());
    let header = bytes[..HEADER_BYTES].to_vec();
    bytes[HEADER_COPY_AT as usize..][..HEADER_BYTES].copy_from_slice(&header);
    fs::write(segment(&home), bytes).unwrap();
    home
}

fn run(home: &TempDir, args: &[&str]) -> std::process::Output {
    program(args).env("DORMOUSE_HOME", home.path()).output().unwrap()
}

#[test]
fn readers_show_an_unknown_record_as_such_and_go_on() {
    for (kind, schema) in [(2000, 1), (3, 9)] {
        let home = with_frame(kind, schema, 3);
        let log = run(&home, &["log"]);
        let line = format!("     3  kind {kind}, schema {schema}: not known to this build; its payload: 016e6577");
        assert_eq!((log.status.code(), out(&log).lines().last()), (Some(0), Some(&line[..])), "{}", err(&log));
        for args in [&["log", "--json"][..], &["journal", "export"]] {
            let json = run(&home, args);
            let expected = format!(r#"{{"lsn":3,"unknown":{{"kind":{kind},"schema":{schema},"payload":"016e6577"}}}}"#);
            assert_eq!((json.status.code(), out(&json).lines().last()), (Some(0), Some(&expected[..])));
            assert_eq!(out(&json).lines().count(), 3);
        }
        for args in [&["why", "2", "--json"][..], &["log", "--peer", "ada"]] {
            let known = run(&home, args);
            let shown = out(&known).contains("refresh_requested");
            assert_eq!((known.status.code(), shown), (Some(0), true), "{args:?}: {}", err(&known));
        }
        let audit = run(&home, &["audit", "--json"]);
        let found: serde_json::Value = serde_json::from_str(&out(&audit)).unwrap();
        assert_eq!((audit.status.code(), &found["not_judged_from"]), (Some(3), &3.into()), "{found}");
        assert_eq!((&found["records"], &found["damage"]), (&2.into(), &serde_json::json!([])), "{found}");
        let why = run(&home, &["why", "3"]);
        assert_eq!(why.status.code(), Some(3), "{}", err(&why));
        assert!(err(&why).contains(&format!("kind {kind}, schema {schema}")), "{}", err(&why));
    }
}

/// A state folded without it would be a lie; it is no damage either.
#[test]
fn the_daemon_refuses_an_unknown_record_and_names_the_version_it_needs() {
    let home = with_frame(2000, 1, 3);
    let before = fs::read(segment(&home)).unwrap();
    let daemon = run(&home, &["daemon"]);
    assert_eq!(daemon.status.code(), Some(3), "{}", err(&daemon));
    let said = err(&daemon);
    for part in [
        "record 3 at byte ",
        "is of kind 2000, schema 1, which this build does not know; it was written by dormouse 9.9.0",
        "install dormouse 9.9.0 or newer",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(fs::read(segment(&home)).unwrap() == before, "a refusal changes nothing");
    assert_eq!(verify(&Home::under(home.path()).journal()).unwrap().damage, []);
}

#[test]
fn an_unknown_control_frame_and_a_greater_minor_change_nothing() {
    for home in [with_frame(0xFF42, 1, 2), with_version(header_layout::MINOR, 7)] {
        let dir = Home::under(home.path()).journal();
        let read: Vec<_> = Reader::open(&dir).unwrap().records(Lsn(1)).map(|record| record.unwrap().lsn).collect();
        assert_eq!(read, [Lsn(1), Lsn(2)]);
        assert_eq!(verify(&dir).unwrap().damage, []);
        assert_eq!(open(&dir).unwrap().next_lsn(), Lsn(3));
    }
}

#[test]
fn a_greater_major_is_refused_by_everybody_and_is_no_damage() {
    let home = with_version(header_layout::MAJOR, 2);
    let dir = Home::under(home.path()).journal();
    assert!(matches!(Reader::open(&dir).unwrap_err(), ReadError::Newer { major: 2, minor: 0, .. }));
    assert!(matches!(open(&dir).err().unwrap(), OpenError::Newer { major: 2, minor: 0, .. }));
    for args in [&["log"][..], &["daemon"]] {
        let refused = run(&home, args);
        assert_eq!(refused.status.code(), Some(3), "{args:?}: {}", err(&refused));
        assert!(err(&refused).contains("format version 2.0, newer than this build's 1.0"), "{}", err(&refused));
    }
}
