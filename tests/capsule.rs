//! A capsule: what a bug report needs in one file, and every verb that reads a journal reads it.

mod cli_support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use cli_support::{Daemon, err, out, program, team};
use serde_json::Value;
use tempfile::TempDir;

fn fleet() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v3-fleet")
}

struct Made {
    dir: TempDir,
    file: PathBuf,
    manifest: Value,
}

/// A capsule of ada from record 330 on, where she sleeps.
fn made(args: &[&str]) -> Made {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ada.capsule");
    let (fleet, path) = (fleet(), file.to_str().unwrap().to_owned());
    let journal = fleet.to_str().unwrap();
    let base = ["capsule", "demo-ada", "--journal", journal, "-o", &path, "--json"];
    let since: &[&str] = if args.contains(&"--since") { &[] } else { &["--since", "330"] };
    let run = at_home(&dir, &[&base[..], since, args].concat());
    assert!(run.status.success(), "{}", err(&run));
    Made { manifest: serde_json::from_str(&out(&run)).unwrap(), dir, file }
}

fn at_home(dir: &TempDir, args: &[&str]) -> Output {
    program(args).env("DORMOUSE_HOME", dir.path().join("home")).output().unwrap()
}

impl Made {
    fn run(&self, args: &[&str]) -> Output {
        at_home(&self.dir, &[args, &["--journal", self.file.to_str().unwrap()]].concat())
    }

    fn ok(&self, args: &[&str]) -> String {
        let run = self.run(args);
        assert!(run.status.success(), "{args:?}: {} {}", out(&run), err(&run));
        out(&run)
    }

    fn records(&self) -> BTreeMap<u64, Value> {
        lines(&self.ok(&["log", "--json"]))
    }
}

fn lines(text: &str) -> BTreeMap<u64, Value> {
    let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.map(|record| (record["lsn"].as_u64().unwrap(), record)).collect()
}

fn of_the_fleet(args: &[&str]) -> String {
    let run = program(&[args, &["--journal", fleet().to_str().unwrap()]].concat()).output().unwrap();
    assert!(run.status.success(), "{}", err(&run));
    out(&run)
}

#[test]
fn every_verb_that_reads_a_journal_reads_a_capsule() {
    let made = made(&[]);
    let verified: Value = serde_json::from_str(&made.ok(&["journal", "verify", "--json"])).unwrap();
    assert_eq!((&verified["damage"], &verified["torn_tail"]), (&serde_json::json!([]), &Value::Null));
    let audit: Value = serde_json::from_str(&made.ok(&["audit", "--json"])).unwrap();
    assert_eq!(audit["violations"], serde_json::json!([]));
    assert_eq!(audit["first_lsn"], made.manifest["slice"]["first_lsn"]);
    // The decisions come out the same without the texts, from the state that the capsule begins with.
    assert!(made.ok(&["replay", "--verify"]).contains("come out as they are recorded"));
    // Ada's present phase has the same reasons in both.
    let chain = |text: &str| {
        let why: Value = serde_json::from_str(text).unwrap();
        assert_eq!(why["recomputed"]["differs"], serde_json::json!([]));
        why["chain"].as_array().unwrap().iter().map(|it| it["because"].clone()).collect::<Vec<_>>()
    };
    let why = ["why", "demo-ada", "--json"];
    assert_eq!(chain(&made.ok(&why)), chain(&of_the_fleet(&why)));
    assert_eq!(
        made.ok(&["whynot", "demo-ada", "reaped"]),
        of_the_fleet(&["whynot", "demo-ada", "reaped"]),
        "asked of the same state"
    );
    made.ok(&["bisect", "--holds", "phase(demo-ada) == live"]);
    for format in ["jsonl", "html", "perfetto"] {
        assert!(!made.ok(&["journal", "export", "--format", format]).is_empty());
    }
    made.ok(&["journal", "stat"]);
    made.ok(&["journal", "head"]);
    let moment: Value = serde_json::from_str(&made.ok(&["replay", "--json"])).unwrap();
    let original: Value = serde_json::from_str(&of_the_fleet(&["replay", "--json"])).unwrap();
    assert_eq!(moment["peers"], original["peers"], "the same state");
    // What came before is said to be left out, never lost.
    let early = made.run(&["replay", "--at", "12"]);
    assert!(err(&early).contains("records before"), "{}", err(&early));
    assert!(err(&early).contains("were left out of this capsule"), "{}", err(&early));
}

#[test]
fn only_the_texts_of_messages_and_others_screens_are_left_out() {
    let (made, original) = (made(&[]), lines(&of_the_fleet(&["log", "--json"])));
    let kept = made.records();
    let added: BTreeSet<u64> =
        made.manifest["slice"]["added"].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
    assert_eq!(kept.keys().next_back(), added.last());
    let left_out = made.manifest["bodies"]["left_out"].as_array().unwrap();
    let left_out: BTreeMap<u64, &Value> = left_out.iter().map(|it| (it["lsn"].as_u64().unwrap(), it)).collect();
    let mut accepted = 0;
    for (lsn, record) in kept.iter().filter(|(lsn, _)| !added.contains(lsn)) {
        let mut expected = original[lsn].clone();
        if record["kind"] == "message_accepted" {
            accepted += 1;
            let (text, filling) =
                (expected["data"]["text"].as_str().unwrap(), record["data"]["text"].as_str().unwrap());
            assert_eq!(left_out[lsn]["bytes"], text.len());
            assert_eq!(left_out[lsn]["blake3"], blake3::hash(text.as_bytes()).to_string());
            assert_eq!(filling.len(), text.len());
            assert!("[left out] ".repeat(9).starts_with(filling), "{filling}");
            expected["data"]["text"] = record["data"]["text"].clone();
        }
        let mut record = record.clone();
        if record["peer"] != "demo-ada" {
            without_screens(&mut record["data"]);
            without_screens(&mut expected["data"]);
        }
        assert_eq!(record, expected);
    }
    assert_eq!(accepted, left_out.len());
    assert!(accepted > 20);
}

/// What a screen showed is as long as it was, and nothing else.
fn without_screens(value: &mut Value) {
    for (name, value) in value.as_object_mut().into_iter().flatten() {
        match name.as_str() {
            "screen" | "saw" if value.is_string() => *value = value.as_str().unwrap().len().into(),
            _ => without_screens(value),
        }
    }
}

/// `--bodies` keeps those that the peer has sent or got, and no others.
#[test]
fn bodies_of_the_peer_are_kept_when_asked_for() {
    let (made, original) = (made(&["--bodies"]), lines(&of_the_fleet(&["log", "--json"])));
    let (mut own, mut others) = (0, 0);
    for (lsn, record) in made.records().iter().filter(|(_, record)| record["kind"] == "message_accepted") {
        let concerns = |it: &Value| it["peer"] == "demo-ada" || it["data"]["from"].to_string().contains("demo-ada");
        let same = record["data"]["text"] == original[lsn]["data"]["text"];
        assert_eq!(same, concerns(&original[lsn]), "{record}");
        if same { own += 1 } else { others += 1 }
    }
    assert!(own > 0 && others > 0, "{own} and {others}");
}

#[test]
fn the_manifest_says_what_the_capsule_was_made_of() {
    let made = made(&[]);
    let manifest = &made.manifest;
    let head: Value = serde_json::from_str(&of_the_fleet(&["journal", "head", "--json"])).unwrap();
    assert_eq!(manifest["original"]["head"], head);
    assert_eq!((&manifest["capsule"], &manifest["peer"]), (&serde_json::json!(1), &serde_json::json!("demo-ada")));
    // The one that ran when the slice begins was started before.
    assert_eq!(manifest["daemons"].as_array().unwrap().len(), 3);
    assert_eq!(manifest["settings"]["settings"]["boots_max"], 5);
    assert_eq!(manifest["settings"]["given"][0]["name"], "boots_max");
    assert_eq!(manifest["unread"], serde_json::json!([]));
    // Any tar unpacks it, and the manifest is what was printed.
    let run = std::process::Command::new("tar").arg("-xOf").arg(&made.file).arg("manifest.json").output().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&run.stdout).unwrap(), *manifest);
    assert_eq!(
        fs::metadata(&made.file).map(|it| std::os::unix::fs::PermissionsExt::mode(&it.permissions()) & 0o777).unwrap(),
        0o600
    );
}

/// I4: a capsule is cut out of a copy; nothing of the journal changes, and nothing is left behind.
#[test]
fn i4_the_journal_is_only_read() {
    let contents = || -> BTreeMap<_, _> {
        let files = fs::read_dir(fleet()).unwrap().map(|it| it.unwrap().path());
        files.map(|path| (path.clone(), blake3::hash(&fs::read(path).unwrap()))).collect()
    };
    let before = contents();
    let made = made(&[]);
    assert_eq!(contents(), before);
    let left: Vec<_> = fs::read_dir(made.dir.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["ada.capsule"]);
}

/// A slice begins with the session that lived then, so that its wake is among its reasons.
#[test]
fn a_capsule_begins_with_the_session_that_lived_then() {
    let first = |since: &str| made(&["--since", since]).manifest["slice"]["first_lsn"].as_u64().unwrap();
    let records = lines(&of_the_fleet(&["log", "--peer", "demo-ada", "--kind", "wake_decided", "--json"]));
    let generation = *records.keys().next().unwrap();
    let began = first(&(generation + 5).to_string());
    assert!(began <= generation && generation - began < 5, "{began} for {generation}");
    assert_eq!(made(&["--since", "1"]).manifest["slice"]["added"], serde_json::json!([]), "nothing was left out");
}

/// C64: what explains a peer stands partly before the slice, and comes along: settings with where they came from, what nobody
/// knew, the links of the chain.
#[test]
fn c64_why_says_of_a_capsules_peer_what_the_journal_says() {
    let explained = |text: &str| {
        let mut why: Value = serde_json::from_str(text).unwrap();
        // Decisions before the slice cannot be made again without the records before them.
        assert_eq!(why["recomputed"]["differs"], serde_json::json!([]));
        why["recomputed"] = Value::Null;
        // Texts are left out.
        for step in why["chain"].as_array_mut().unwrap().iter_mut().filter(|step| step["kind"] == "message_accepted") {
            step["data"]["text"] = Value::Null;
        }
        why
    };
    for peer in ["demo-ada", "demo-k2", "demo-k3", "demo-bob", "plain-cid", "demo-hal", "demo-mia"] {
        for since in ["12", "330", "800", "1h"] {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("it.capsule");
            let (fleet, path) = (fleet(), file.to_str().unwrap());
            let args = ["capsule", peer, "--since", since, "--journal", fleet.to_str().unwrap(), "-o", path];
            let made = at_home(&dir, &args);
            assert!(made.status.success(), "{peer} since {since}: {}", err(&made));
            let why = at_home(&dir, &["why", peer, "--json", "--journal", path]);
            assert!(why.status.success(), "{peer} since {since}: {}", err(&why));
            let original = of_the_fleet(&["why", peer, "--json"]);
            assert_eq!(explained(&out(&why)), explained(&original), "{peer} since {since}");
        }
    }
}

/// Where nothing was recorded of the peer since then, its last session is what a report needs.
#[test]
fn a_capsule_of_a_quiet_peer_reaches_back_to_what_was_recorded_of_it_last() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bob.capsule");
    let (fleet, path) = (fleet(), path.to_str().unwrap());
    let said = at_home(&dir, &["capsule", "demo-bob", "--journal", fleet.to_str().unwrap(), "-o", path]);
    assert!(said.status.success(), "{}", err(&said));
    assert!(out(&said).contains("of demo-bob nothing is recorded since then"), "{}", out(&said));
    let records = lines(&out(&at_home(&dir, &["log", "--json", "--journal", path])));
    assert!(records.values().any(|record| record["peer"] == "demo-bob"), "{records:?}");
    let late = at_home(&dir, &["capsule", "demo-bob", "--since", "9999", "--journal", fleet.to_str().unwrap()]);
    assert_eq!(late.status.code(), Some(3), "{}", err(&late));
    assert!(err(&late).contains("there is no record 9999"), "{}", err(&late));
}

/// Damage before a slice takes its state away, not its records; damage within ends it, and it is said where one goes on.
#[test]
fn a_capsule_holds_what_stands_behind_the_damage() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    fs::create_dir(&journal).unwrap();
    for file in fs::read_dir(fleet()).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), journal.join(file.file_name())).unwrap();
    }
    let segment = journal.join("00000000000000000328.jnl");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[9_000] ^= 0x10;
    fs::write(&segment, bytes).unwrap();
    let (of, path) = (journal.to_str().unwrap().to_owned(), dir.path().join("k2.capsule"));
    let path = path.to_str().unwrap();
    let made = |since: &str| at_home(&dir, &["capsule", "demo-k2", "--since", since, "--journal", &of, "-o", path]);

    let said = made("700");
    assert_eq!(said.status.code(), Some(5), "{}", err(&said));
    let first = lines(&out(&at_home(&dir, &["log", "--json", "--journal", path]))).keys().next().copied();
    assert!((654..=700).contains(&first.unwrap()), "{first:?}: {}", out(&said));
    assert!(out(&said).contains("cannot be told"), "{}", out(&said));
    let why = at_home(&dir, &["why", "demo-k2", "--journal", path]);
    assert!(out(&why).contains("demo-k2"), "{}{}", out(&why), err(&why));
    assert!(out(&why).contains("cannot be read: nobody can tell what"), "{}", out(&why));
    // Every verb says so, as it would of the journal itself.
    let mentions = |said: &std::process::Output| {
        assert_eq!(said.status.code(), Some(5), "{}", err(said));
        let told = err(said);
        assert!(told.contains("the journal that this one was cut out of could not be read where record "), "{told}");
        assert!(told.contains("00000000000000000328.jnl is damaged at byte"), "{told}");
    };
    mentions(&why);
    let of_capsule = |verb: &[&str]| at_home(&dir, &[verb, &["--journal", path]].concat());
    let verbs = [&["log"][..], &["journal", "export"], &["journal", "export", "--format", "html"], &["why", "700"]];
    verbs.iter().for_each(|verb| mentions(&of_capsule(verb)));
    let untold = [
        &["whynot", "demo-k2", "reaped"][..],
        &["replay"],
        &["replay", "--verify"],
        &["replay", "--step"],
        &["whatif", "--set", "idle=10m"],
        &["bisect", "--holds", "phase(demo-k2) == asleep"],
        &["ls"],
        &["queue"],
        &["queue", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
    ];
    for state in untold {
        let said = of_capsule(state);
        mentions(&said);
        assert_eq!(out(&said), "", "{state:?}");
        assert!(err(&said).contains("nothing that can be read answers this"), "{}", err(&said));
    }
    let audit = of_capsule(&["audit", "--json"]);
    assert_eq!(audit.status.code(), Some(5), "{}", err(&audit));
    let audit: Value = serde_json::from_str(&out(&audit)).unwrap();
    let place = |it: &Value| (it["kind"].clone(), it["segment"].clone(), it["lsn"].as_u64());
    let [damage] = &audit["damage"].as_array().unwrap()[..] else { panic!("{audit}") };
    let (kind, segment, lsn) = place(damage);
    assert_eq!((kind, segment), ("not_copied".into(), "00000000000000000328.jnl".into()));
    assert!((328..654).contains(&lsn.unwrap()), "{damage}");
    assert_eq!(audit["violations"], serde_json::json!([]));
    // Of its own bytes none is damaged.
    let verified = of_capsule(&["journal", "verify"]);
    assert!(verified.status.success() && out(&verified).contains("could not be read"), "{}", out(&verified));
    // A capsule of the capsule knows it as well.
    let second = dir.path().join("second.capsule");
    let second = second.to_str().unwrap();
    let again = at_home(&dir, &["capsule", "demo-k2", "--since", "700", "--journal", path, "-o", second]);
    assert!(err(&again).contains("could not be read where record"), "{}", err(&again));
    let log = at_home(&dir, &["log", "--journal", second]);
    mentions(&log);

    let said = made("380");
    assert!(out(&said).contains("`--since 398` makes another one of what comes behind"), "{}", out(&said));
    assert!(out(&said).contains("no record in it is about demo-k2"), "{}", out(&said));
    // One bad frame takes nothing along of what stands behind it in the same segment.
    for since in ["397", "398", "400"] {
        let said = made(since);
        assert_eq!(said.status.code(), Some(5), "{since}: {}", err(&said));
        assert!(!out(&said).contains("makes another one"), "{since}: {}", out(&said));
        let records = lines(&out(&at_home(&dir, &["log", "--json", "--journal", path])));
        let (first, last) = (*records.keys().next().unwrap(), *records.keys().last().unwrap());
        assert!((398..=400).contains(&first) && last >= 873, "{since}: {first} to {last}");
        assert_eq!(records.len() as u64, last - first + 1, "{since}");
    }
}

/// What may show a text is said, and what stands in the place of one is not shown as if it were one.
#[test]
fn a_capsule_says_what_of_it_may_show_texts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("it.capsule");
    let (fleet, path) = (fleet(), path.to_str().unwrap());
    let base = ["--since", "12", "--journal", fleet.to_str().unwrap(), "-o", path];
    let screens = |peer: &str| {
        let text = out(&at_home(&dir, &[&["capsule", peer], &base[..]].concat()));
        let json = at_home(&dir, &[&["capsule", peer, "--json"], &base[..]].concat());
        let manifest: Value = serde_json::from_str(&out(&json)).unwrap();
        (manifest["screens"]["kept"].as_u64().unwrap(), text)
    };
    let (mut with, mut without) = (0, 0);
    for peer in ["demo-ada", "demo-k2", "demo-bob", "demo-k3", "demo-hal", "demo-mia"] {
        let (kept, said) = screens(peer);
        if kept > 0 {
            with += 1
        } else {
            without += 1
        }
        assert_eq!(said.contains("may show texts of messages"), kept > 0, "{peer}: {said}");
    }
    assert!(with > 0 && without > 0, "{with} with, {without} without");
    let accepted = lines(&of_the_fleet(&["log", "--kind", "message_accepted", "--json"]));
    let message = accepted.values().next_back().unwrap()["message"].as_str().unwrap();
    let shown = out(&at_home(&dir, &["queue", "show", message, "--journal", path]));
    assert!(shown.contains("was left out of this capsule"), "{shown}");
    assert!(!shown.contains("[l"), "{shown}");
}

/// The peer of that name here is another one than that of a copy from elsewhere.
#[test]
fn the_screen_of_today_is_only_in_a_capsule_of_the_homes_own_journal() {
    let daemon = Daemon::start(team(&[("demo-ada", Some(7))]), |_| None);
    let file = daemon.dir.path().join("ada.capsule");
    let capsule = |journal: &[&str]| {
        let base = ["capsule", "demo-ada", "--since", "330", "-o", file.to_str().unwrap()];
        let run = daemon.program(&[&base[..], journal].concat()).output().unwrap();
        assert!(run.status.success(), "{}", err(&run));
        let archive = fs::read(&file).unwrap();
        archive.windows(9).any(|window| window == b"screen of")
    };
    assert!(!capsule(&["--journal", fleet().to_str().unwrap()]), "that of a stranger");
    let own = daemon.home.journal();
    fs::create_dir_all(&own).unwrap();
    for entry in fs::read_dir(fleet()).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), own.join(entry.file_name())).unwrap();
    }
    assert!(capsule(&[]), "its own");
    assert!(capsule(&["--journal", &format!("{}/../journal", own.display())]), "its own, by another name");
}
