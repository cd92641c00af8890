//! What the whole journal says, to hold what is said of a damaged one against.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::Value;

use crate::cli_support::{err, out};
use crate::places::Journal;
use crate::{records, run};

/// The whole journal, and what it tells of each record.
pub struct Truth {
    pub records: BTreeMap<u64, Value>,
    pub journal: Journal,
}

impl Truth {
    pub fn of(journal: Journal) -> Self {
        let said = run(&journal.path, journal.peer, &["log", "--json"]);
        assert!(said.status.success(), "{}", err(&said));
        Self { records: records(&out(&said)), journal }
    }

    /// `verb` with what it is about by name.
    pub fn named(&self, verb: &[&str]) -> Vec<String> {
        let newest = |kind: &str, field: &str| {
            let of_peer = |it: &&Value| it["kind"] == kind && it["peer"] == self.journal.peer;
            let record = self.records.values().rfind(of_peer).unwrap_or_else(|| panic!("no {kind} of the peer"));
            record[field].to_string().replace('"', "")
        };
        let named = |word: &&str| match *word {
            "PEER@SESSION" => format!("{}@{}", self.journal.peer, newest("wake_decided", "lsn")),
            "MESSAGE" => newest("message_accepted", "message"),
            "WAITING" => {
                let queue = self.says(&["queue", "--json"]);
                let waiting = queue.as_array().unwrap().iter().find(|row| row["state"] == "queued");
                waiting.and_then(|row| row["message"].as_str()).expect("a message waits").to_owned()
            }
            "RECORD" => newest("wake_decided", "lsn"),
            word => word.to_owned(),
        };
        verb.iter().map(named).collect()
    }

    /// Nothing of what `verb` has said of the damaged journal is untrue.
    pub fn holds(&self, verb: &[&str], said: &Output, what: &str) {
        let text = out(said);
        match verb {
            ["log", ..] | ["journal", "export"] => {
                for (lsn, record) in records(&text) {
                    assert_eq!(Some(&record), self.records.get(&lsn), "{what}");
                }
            }
            ["why", ..] if !text.is_empty() => {
                let answer: Value = serde_json::from_str(&text).unwrap();
                for step in answer["chain"].as_array().unwrap() {
                    let recorded = &self.records[&step["lsn"].as_u64().unwrap()];
                    assert_eq!((&step["kind"], &step["data"]), (&recorded["kind"], &recorded["data"]), "{what}");
                }
                assert_eq!(answer["recomputed"]["differs"], serde_json::json!([]), "{what}");
                if !answer["standing"].is_null() {
                    assert_eq!(answer["standing"], self.says(verb)["standing"], "{what}");
                }
            }
            // The state of some moment, and it says of which.
            ["replay", "--json"] if !text.is_empty() => {
                let moment: Value = serde_json::from_str(&text).unwrap();
                self.is_as_of(moment["lsn"].as_u64(), verb, &moment, what);
            }
            ["ls" | "queue" | "whynot", ..] if !text.is_empty() => {
                let answer: Value = serde_json::from_str(&text).unwrap();
                self.is_as_of(as_of(said), verb, &answer, what);
            }
            // The first record after which it stopped holding is the same, or is none of those that it says to have looked at.
            ["bisect", ..] if !text.is_empty() => {
                let (answer, truth): (Value, Value) = (serde_json::from_str(&text).unwrap(), self.says(verb));
                let (found, truth) = (&answer["record"]["lsn"], truth["record"]["lsn"].as_u64());
                let (before, behind) = (answer["left_out"]["last_lsn"].as_u64(), as_of(said));
                let is_left_out = before.is_some_and(|before| truth.is_some_and(|truth| truth <= before));
                let is_behind = behind.is_some_and(|behind| truth.is_none_or(|truth| truth > behind));
                let is_other = found.is_null() && (is_left_out || is_behind);
                assert!(found.as_u64() == truth || is_other, "{what}: {answer} instead of {truth:?}");
            }
            ["replay", "--verify", ..] if !text.is_empty() => {
                let verified: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(verified["divergences"], serde_json::json!([]), "{what}");
            }
            // Under the settings that held, whatever was left.
            ["whatif", ..] if !text.is_empty() => {
                let whatif: Value = serde_json::from_str(&text).unwrap();
                assert_eq!((&whatif["differences"], &whatif["by_rules"]), (&0.into(), &0.into()), "{what}");
            }
            ["audit", ..] => {
                let audit: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(audit["violations"], serde_json::json!([]), "{what}");
            }
            _ => {}
        }
    }

    fn says(&self, verb: &[&str]) -> Value {
        let said = run(&self.journal.path, self.journal.peer, verb);
        assert!(!out(&said).is_empty(), "{verb:?}: {}", err(&said));
        serde_json::from_str(&out(&said)).unwrap()
    }

    /// What was said of the damaged journal is what the whole one says as of record `last`, or of its end.
    fn is_as_of(&self, last: Option<u64>, verb: &[&str], found: &Value, what: &str) {
        let at = last.map(|last| last.to_string());
        let at: Vec<&str> = at.iter().flat_map(|at| ["--at", at]).collect();
        let then = run(&self.journal.path, self.journal.peer, &[verb, &at[..]].concat());
        if !then.status.success() {
            return;
        }
        let then: Value = serde_json::from_str(&out(&then)).unwrap();
        let mut found = found.clone();
        // What is told of the record before the damage says so, and of the same record of the whole one nothing has to be said.
        if let Some(as_of) = found.get_mut("as_of").filter(|as_of| as_of.as_u64() == last) {
            *as_of = Value::Null;
        }
        // The whole one goes on to the end of a group, of which the damaged one holds a part.
        let is_within_a_group = then.get("as_of").is_some_and(|as_of| !as_of.is_null());
        assert!(found == then || is_within_a_group, "{what}: {found} instead of {then}");
    }
}

/// The record that an answer says it rests on, if it is not the last one.
fn as_of(said: &Output) -> Option<u64> {
    let said = err(said);
    let (_, rest) = said.split_once("what was said is as of record ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
