//! Verbs that read the journal and need no daemon: `log`, `why`, `audit`, `journal`, `ls --at`, `queue show`.

mod cli_support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use cli_support::{NOW, accepted, ada, err, out, program, record, team};
use dormouse::home::Home;
use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::delivery::Proof;
use dormouse::model::event::{
    DaemonStarted, DaemonStopped, Delivered, PeerRegistered, RefreshMarked, RefreshRequested,
};
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::record::{Record, Subject};
use serde_json::Value;
use tempfile::TempDir;

const ID: MessageId = MessageId(1);

fn writer(home: &Path) -> Journal<DirStorage> {
    let storage = DirStorage::open(&Home::under(home).journal()).unwrap();
    Journal::open(storage, Options::default(), NOW.wall_us, || [7; 16], |_| ()).unwrap().0
}

/// A message and a refresh, then whatever is added.
fn history(more: Vec<Record>) -> (TempDir, Journal<DirStorage>) {
    let home = tempfile::tempdir().unwrap();
    let mut journal = writer(home.path());
    let registration = team(&[("demo-ada", None)]).peers.values().next().unwrap().registration.clone();
    let user = Sender::User { name: "eve".to_owned(), uid: 1000 };
    let mut marked = record(5, Subject::peer(&ada()), RefreshMarked {});
    marked.cause = Some(Lsn(4));
    let mut records = vec![
        record(1, Subject::NONE, DaemonStarted { version: "0".to_owned(), pid: 1, tmux: None }),
        record(2, Subject::peer(&ada()), PeerRegistered { registration, reason: None }),
        accepted(3, ID, user, "two\nlines \u{1b}[31m", None),
        record(4, Subject::peer(&ada()), RefreshRequested { reason: Some("a new brief".to_owned()) }),
        marked,
    ];
    records.extend(more);
    let _ = journal.append(&[records], ()).unwrap();
    (home, journal)
}

fn run(home: &TempDir, args: &[&str]) -> Output {
    program(args).env("DORMOUSE_HOME", home.path()).output().unwrap()
}

fn lsns(output: &Output) -> Vec<u64> {
    let lines = out(output);
    let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.map(|record| record["lsn"].as_u64().unwrap()).collect()
}

#[test]
fn log_prints_the_records_that_are_asked_for() {
    let (home, _journal) = history(Vec::new());
    for (args, expected) in [
        (&[][..], &[1, 2, 3, 4, 5][..]),
        (&["--peer", "ada"], &[2, 3, 4, 5]),
        (&["--peer", "demo-a", "--since", "4"], &[4, 5]),
        (&["--kind", "message_accepted", "--kind", "daemon_started"], &[1, 3]),
        (&["--since", "2", "--until", "3"], &[2, 3]),
        (&["--since", "2100-01-01T00:00:00Z"], &[]),
    ] {
        let output = run(&home, &[&["log", "--json"], args].concat());
        assert_eq!(lsns(&output), expected, "{args:?}: {}", err(&output));
    }
    let text = out(&run(&home, &["log"]));
    assert!(text.lines().count() == 5 && !text.contains('\u{1b}'), "{text}");
    assert_eq!(run(&home, &["log", "--kind", "message_excepted"]).status.code(), Some(2));
    assert_eq!(run(&home, &["log", "--peer", "bob"]).status.code(), Some(3));
}

/// C64: what a peer says to a person is about no peer, and is the peer's own act all the same.
#[test]
fn c64_log_of_a_peer_holds_what_it_said() {
    let from = Sender::Session { peer: ada(), generation: Generation(Lsn(5)) };
    let mut answer = accepted(6, MessageId(2), from, "done", Some(ID));
    answer.subject.peer = None;
    answer.actor = Actor::Session { peer: ada(), generation: Generation(Lsn(5)) };
    let (home, _journal) = history(vec![answer, record(7, Subject::NONE, DaemonStopped { why: "SIGTERM".to_owned() })]);
    assert_eq!(lsns(&run(&home, &["log", "--json", "--peer", "ada"])), [2, 3, 4, 5, 6]);
}

#[test]
fn log_follows_what_is_yet_to_come() {
    let (home, mut journal) = history(Vec::new());
    let mut command = program(&["log", "-f", "--json", "--since", "5"]);
    let mut child = command.env("DORMOUSE_HOME", home.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["lsn"].clone();
    assert_eq!(next(), 5);
    for lsn in 6..9 {
        let asked = record(lsn, Subject::peer(&ada()), RefreshRequested { reason: None });
        let _ = journal.append(&[vec![asked]], ()).unwrap();
        assert_eq!(next(), lsn);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_copy_of_a_journal_tells_the_same() {
    let (home, journal) = history(Vec::new());
    journal.close().unwrap();
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(Home::under(home.path()).journal()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let of_copy = ["--journal", copy.path().to_str().unwrap()];
    for verb in
        [&["log", "--json"][..], &["why", "5", "--json"], &["ls", "--at", "now", "--json"], &["audit", "--json"]]
    {
        let expected = run(&home, verb);
        let found = run(&elsewhere, &[verb, &of_copy].concat());
        assert_eq!((out(&found), found.status.code()), (out(&expected), Some(0)), "{verb:?}: {}", err(&found));
    }
}

#[test]
fn why_follows_the_causes_of_a_record_a_message_and_a_peer() {
    let (home, _journal) = history(Vec::new());
    let chain = |subject: &str| {
        let said: Value = serde_json::from_str(&out(&run(&home, &["why", subject, "--json"]))).unwrap();
        let chain = said["chain"].as_array().unwrap();
        assert!(chain.iter().all(|record| record["because"].is_string()));
        chain.iter().map(|record| record["lsn"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(chain("5"), [5, 4]);
    assert_eq!(chain(&ID.to_string()), [3]);
    assert_eq!(chain("ada"), [2]);
    assert!(out(&run(&home, &["why", "5"])).contains("a new brief"));
    let unknown = run(&home, &["why", "99"]);
    let says = "error: there is no record 99: the journal ends with record 5\n";
    assert_eq!((unknown.status.code(), err(&unknown).as_str()), (Some(3), says));
}

#[test]
fn ls_shows_a_peer_as_it_was() {
    let (home, _journal) = history(Vec::new());
    let waiting = |at: &str| {
        let rows: Value = serde_json::from_str(&out(&run(&home, &["ls", "--at", at, "--json"]))).unwrap();
        rows.as_array().unwrap().iter().map(|row| row["queue"]["waiting"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((waiting("1"), waiting("2"), waiting("3")), (vec![], vec![0], vec![1]));
}

#[test]
fn queue_show_prints_the_body_and_no_control_character() {
    let (home, _journal) = history(Vec::new());
    let shown = out(&run(&home, &["queue", "show", &ID.to_string()]));
    assert!(shown.ends_with("\n\ntwo\nlines ␛[31m\n"), "{shown:?}");
    let shown: Value = serde_json::from_str(&out(&run(&home, &["queue", "show", &ID.to_string(), "--json"]))).unwrap();
    assert_eq!(shown["data"]["text"], "two\nlines \u{1b}[31m");
    assert_eq!(run(&home, &["queue", "show", &MessageId(2).to_string()]).status.code(), Some(3));
}

#[test]
fn audit_tells_whole_broken_and_damaged_apart_by_its_exit_code() {
    let (home, journal) = history(Vec::new());
    let whole = run(&home, &["audit", "--json"]);
    assert_eq!(whole.status.code(), Some(0), "{}{}", out(&whole), err(&whole));
    drop(journal);

    let delivered = Delivered { attempt: 1, possible_duplicate: false, proof: Proof::Keys, waited_ms: 1 };
    let (broken, _journal) = history(vec![record(6, Subject::peer(&ada()).with_message(ID), delivered)]);
    let output = run(&broken, &["audit"]);
    assert_eq!(output.status.code(), Some(1), "{}", out(&output));
    assert!(out(&output).contains("broken: "), "a delivery that never began");

    let journal = writer(home.path());
    journal.close().unwrap();
    let dir = Home::under(home.path()).journal();
    let mut segments: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|extension| extension == "jnl"));
    segments.sort();
    let mut bytes = std::fs::read(&segments[0]).unwrap();
    let at = bytes.windows(11).position(|window| window == b"a new brief").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&segments[0], bytes).unwrap();
    for args in
        [&["audit"][..], &["journal", "verify"], &["log"], &["audit", "--json"], &["journal", "verify", "--json"]]
    {
        let output = run(&home, args);
        assert_eq!(output.status.code(), Some(5), "{args:?}: {}{}", out(&output), err(&output));
    }
    let said = run(&home, &["log", "--json"]);
    let error: Value = serde_json::from_str(&err(&said)).unwrap();
    assert_eq!(error["error"]["code"], "journal_damaged");
}

#[test]
fn journal_lists_and_exports() {
    let (home, journal) = history(Vec::new());
    assert_eq!(out(&run(&home, &["journal", "head"])), "no segment is sealed yet\n");
    journal.close().unwrap();
    let stat: Value = serde_json::from_str(&out(&run(&home, &["journal", "stat", "--json"]))).unwrap();
    assert_eq!(
        stat[0].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["segment", "first_lsn", "last_lsn", "bytes", "sealed"]
    );
    assert_eq!((&stat[0]["first_lsn"], &stat[0]["last_lsn"], &stat[0]["sealed"]), (&1.into(), &5.into(), &true.into()));
    assert_eq!(lsns(&run(&home, &["journal", "export"])), [1, 2, 3, 4, 5]);
    let head: Value = serde_json::from_str(&out(&run(&home, &["journal", "head", "--json"]))).unwrap();
    assert_eq!(head["digest"].as_str().unwrap().len(), 64);
}

#[test]
fn where_there_is_no_journal_there_is_nothing_to_tell() {
    let home = tempfile::tempdir().unwrap();
    let output = run(&home, &["log"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).starts_with("error: there is no journal at "), "{}", err(&output));
}

/// What cannot be written is named.
#[test]
fn an_export_that_cannot_be_written_says_which_file() {
    let (home, _journal) = history(Vec::new());
    let file = home.path().join("none/page.html");
    let file = file.to_str().unwrap();
    for format in ["jsonl", "html", "perfetto"] {
        let said = run(&home, &["journal", "export", "--format", format, "-o", file]);
        assert_eq!(said.status.code(), Some(1));
        assert_eq!(err(&said), format!("error: cannot write {file}: No such file or directory (os error 2)\n"));
    }
    let full = run(&home, &["journal", "export", "-o", "/dev/full"]);
    assert!(err(&full).starts_with("error: cannot write /dev/full: No space left"), "{}", err(&full));
}
