//! `whatif`, and what `audit` counts, of a recorded fleet, from the command line.

mod cli_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use cli_support::{err, out, program};
use serde_json::Value;
use tempfile::TempDir;

/// A copy of a recorded history.
fn fleet() -> (TempDir, PathBuf) {
    history("v1-fleet")
}

fn history(name: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    fs::create_dir(&journal).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    for file in fs::read_dir(golden).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), journal.join(file.file_name())).unwrap();
    }
    (dir, journal)
}

/// In the middle of its first segment.
fn damage(journal: &Path) {
    let mut segments: Vec<PathBuf> = fs::read_dir(journal).unwrap().map(|it| it.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|ext| ext == "jnl"));
    segments.sort();
    let mut bytes = fs::read(&segments[0]).unwrap();
    let middle = bytes.iter().rposition(|byte| *byte != 0).unwrap() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&segments[0], bytes).unwrap();
}

fn whatif(journal: &Path, args: &[&str]) -> Output {
    program(&["whatif", "--journal", journal.to_str().unwrap()]).args(args).output().unwrap()
}

#[track_caller]
fn json(journal: &Path, args: &[&str]) -> Value {
    let output = whatif(journal, &[args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// I2: the recorded fleet comes out the same under the settings that held.
#[test]
fn i2_without_other_settings_nothing_differs() {
    let (_dir, journal) = history("v3-fleet");
    let text = out(&whatif(&journal, &[]));
    assert!(text.starts_with("Records 1 to ") && text.ends_with(": every one would have been the same\n"), "{text}");
    let said = json(&journal, &[]);
    assert_eq!((&said["differences"], &said["by_rules"]), (&0.into(), &0.into()));
    assert_eq!(said["total"]["recorded"], said["total"]["whatif"]);
    assert_eq!(said["total"]["whatif"]["modelled"], false);
}

#[test]
fn other_settings_are_shown_next_to_those_that_held() {
    let (dir, journal) = fleet();
    let text = out(&whatif(&journal, &["--set", "idle=1m", "--set", "segment_bytes=1MiB", "--set", "mcp_port=7"]));
    assert!(text.starts_with("idle = 1m (was 1h"), "{text}");
    assert!(
        text.contains("segment_bytes = 1MiB (was 64MiB); without effect: it is about the journal's files\n"),
        "{text}"
    );
    assert!(text.contains("mcp_port = 7 (was not recorded); without effect: no rule looks at it\n"), "{text}");
    assert!(text.contains("→ ~") && text.contains("rests on modelled time"), "{text}");

    // The defaults from before the first daemon had read its file held for nothing.
    let text = out(&whatif(&journal, &["--set", "boots_max=9"]));
    assert!(text.starts_with("boots_max = 9 (was 3, then 5)"), "{text}");

    let said = json(&journal, &["--set", "idle=1m"]);
    assert_eq!(said["settings"][0]["name"], "idle");
    let reaps = |world: &str| said["total"][world]["reaps"]["idle"].as_u64().unwrap_or_default();
    assert!(reaps("whatif") > reaps("recorded"), "{said}");
    assert_eq!(said["total"]["whatif"]["modelled"], true);
    let listed = said["listed"].as_array().unwrap();
    assert!(listed.len() == 20 || listed.len() as u64 == said["differences"].as_u64().unwrap());
    assert!(listed.iter().all(|it| it["modelled"] == it["record"]["lsn"].is_null()), "{said}");

    // A file says the same, and a flag stands above it.
    let policy = dir.path().join("policy.toml");
    fs::write(&policy, "idle = \"1m\"\n").unwrap();
    let policy = policy.to_str().unwrap();
    assert_eq!(json(&journal, &["--policy", policy]), said);
    assert_eq!(json(&journal, &["--policy", policy, "--set", "idle=1h"])["settings"][0]["whatif"], "1h");
    let all = json(&journal, &["--set", "idle=1m", "--all"]);
    assert_eq!(all["listed"].as_array().unwrap().len() as u64, all["differences"].as_u64().unwrap());
}

#[test]
fn a_setting_that_is_none_is_an_error_as_anywhere() {
    let (_dir, journal) = fleet();
    for (given, why) in
        [("idel=1m", "`idel` is no setting"), ("idle=soon", "`soon` is no duration"), ("idle", "expected NAME=VALUE")]
    {
        let output = whatif(&journal, &["--set", given]);
        assert!(!output.status.success() && err(&output).contains(why), "{given}: {output:?}");
    }
}

/// I2: wherever `--until` stands, what follows from the last fact belongs to it.
#[test]
fn i2_no_decision_is_missed_for_being_behind_until() {
    let (_dir, journal) = history("v3-fleet");
    for until in (100..140).map(|lsn: u32| lsn.to_string()) {
        let said = json(&journal, &["--until", &until]);
        assert_eq!((&said["differences"], &said["by_rules"]), (&0.into(), &0.into()), "{until}");
    }
}

/// What lies before `--since` is told by the record alone, and what lies behind `--until` by nothing.
#[test]
fn a_part_of_a_history_is_decided_by_itself() {
    let (_dir, journal) = fleet();
    let part = json(&journal, &["--since", "300", "--until", "600"]);
    assert_eq!((&part["first_lsn"], &part["last_lsn"]), (&301.into(), &600.into()));
    assert_eq!(part["differences"], 0);
}

/// What cannot be read is said, and the rest is answered for.
#[test]
fn damage_ends_the_answer_and_says_where() {
    let (_dir, journal) = fleet();
    damage(&journal);
    let output = whatif(&journal, &["--set", "idle=1m"]);
    let (text, said) = (out(&output), err(&output));
    assert_eq!(output.status.code(), Some(5), "{text}{said}");
    let (_, cut) = text.split_once("\nfrom record ").expect("a line that says where");
    let (next, _) = cut.split_once(" on nothing is judged: it cannot be read\n").expect("and why");
    let last = next.parse::<u64>().unwrap() - 1;
    assert!(said.contains(".jnl") && said.contains(&format!("record {last}")), "{said}");
}

/// `audit` tells a person what there was of everything, and says of what, where it could not read all.
#[test]
fn the_audit_tells_what_there_was_of_everything() {
    let (_dir, journal) = fleet();
    let audit = || program(&["audit", "--journal", journal.to_str().unwrap()]).output().unwrap();
    let text = out(&audit());
    let (_, counted) = text.split_once("\nevery byte and every promise holds\n\n").expect("a verdict");
    let counted: String = counted.lines().map(|line| format!("{}\n", line.trim())).collect();
    assert_eq!(counted, COUNTED);
    damage(&journal);
    let (code, text) = (audit().status.code(), out(&audit()));
    assert!(code == Some(5) && text.contains("\n\nOf what could be read, up to record "), "{text}");
    assert!(text.contains("\nwakes: "), "{text}");
}

const COUNTED: &str = "\
TIMES  P50   P90        P99          MAX
accepted to delivered  40     1 s   5 min 6 s  10 min 18 s  10 min 18 s
wake to ready          35     1 s   4 s        25 s         25 s
reap to end            15     1 s   2 s        27 s         27 s
boot of demo           33     5 ms  5 ms       5 ms         5 ms
boot of plain          3      5 ms  5 ms       5 ms         5 ms
boot of relay          1      5 ms  5 ms       5 ms         5 ms
wakes: 18 first_wake, 15 ephemeral, 6 died, 3 new, 3 no_topic, 2 refresh_mark, 2 topic_new, 1 folder_launch, 1 attach, \
1 resume_on_death, 1 human_conversation, 1 topic_known, 1 compact; 13 failed
reaps: 4 stopped, 2 done, 2 replaced, 2 unarmed, 2 wake_failed, 1 idle, 1 removed, 1 unneeded
reaps in vain: 1 woken again within 10 min of an idle reap
deaths: 9 machine down, 6 signal 9, 2 code 1, 2 code 2, 2 not known, 2 signal 11, 1 terminal lost
refusals: 1 C15, 1 C4, 1 C52, 1 C6
turns: 16 known to have ended, 2 judged
possible duplicates: 8 marked
no daemon: 8 h 1 min
sessions not known: 8 h 1 min in 2 questions that could not be answered
";

/// C50a: nobody knows how long a session has lived on after the last record before the machine went down, and the hours in which
/// it was off are nobody's.
#[test]
fn c50a_a_session_that_went_down_with_the_machine_is_not_counted_while_that_was_off() {
    let (_dir, journal) = history("v3-fleet");
    let said = json(&journal, &["--set", "idle=10m"]);
    let cid = said["peers"].as_array().unwrap().iter().find(|peer| peer["peer"] == "plain-cid").unwrap();
    for world in ["recorded", "whatif"] {
        let lived_ms = cid[world]["session_ms"].as_u64().unwrap();
        assert!((60_000..1_800_000).contains(&lived_ms), "{world}: {lived_ms}");
    }
    let all = out(&whatif(&journal, &["--set", "idle=10m", "--all"]));
    assert!(all.contains("went down with the machine after at least"), "{all}");
    assert!(!all.contains("after at least 8 h"), "{all}");
}
