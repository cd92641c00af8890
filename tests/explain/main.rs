//! Sentences, chains, views and the audit, over histories built by hand.

mod audit;
mod decisions;
mod facts;
mod history;
mod lives;
mod plants;
mod statistics;
mod views;
mod why;

use std::collections::BTreeSet;

use dormouse::explain::{because, json, line};
use dormouse::model::event::{Event, KINDS};
use jiff::tz::TimeZone;

use history::record;

/// The whole sentence for each kind: every branch that says something else has a row of its own.
#[test]
fn every_kind_has_its_sentence() {
    let table: Vec<(Event, &str)> = facts::table().into_iter().chain(decisions::table()).collect();
    for (event, sentence) in &table {
        assert_eq!(because(&record(7, event.clone()), &TimeZone::UTC), *sentence);
    }
    let covered: BTreeSet<_> = table.iter().map(|(event, _)| event.kind().name).collect();
    let missing: Vec<_> = KINDS.iter().map(|kind| kind.name).filter(|name| !covered.contains(name)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "kinds without a tested sentence");
}

/// C64, and the shape that `log --json` promises.
#[test]
fn c64_json_has_every_field_in_its_order() {
    let accepted = history::accepted("claude-ada", "user:nik", "hello");
    let mut record = record(7, accepted);
    record.subject = dormouse::model::record::Subject::peer(&history::peer("claude-ada")).with_message(history::id(1));
    record.cause = Some(dormouse::model::id::Lsn(6));
    let json = json::record(&record).to_string();
    assert!(
        json.starts_with(
            r#"{"lsn":7,"at":"2026-03-01T03:12:07.250Z","kind":"message_accepted","class":"fact","peer":"claude-ada","generation":null,"message":"00000000000000000000000001","cause":6,"actor":"dormouse","data":{"to":{"peer":"claude-ada"},"#
        ),
        "{json}"
    );
}

#[test]
fn a_line_has_lsn_time_kind_peer_sentence_and_cause() {
    let mut record = record(812, history::wake(dormouse::model::session::WakeBranch::FirstWake));
    record.subject = dormouse::model::record::Subject::peer(&history::peer("claude-ada"));
    record.cause = Some(dormouse::model::id::Lsn(811));
    assert_eq!(
        line::line(&record, &TimeZone::UTC, None),
        "   812  2026-03-01 03:12:07.250  wake_decided        claude-ada        woken fresh for a message: nothing was ever \
         parked (C17); 1 of 4 sessions booting at once (C20) ← 811"
    );
}

/// C12: what a program put on its screen cannot command the terminal of who reads about it.
#[test]
fn c12_sentences_are_one_line_without_controls() {
    let failed = dormouse::model::event::LaunchFailed {
        phase: dormouse::model::event::WakePhase::Boot,
        why: "saw\n\u{1b}]0;owned\u{7}".to_owned(),
        screen: None,
        left_session: false,
    };
    assert_eq!(because(&record(7, failed.into()), &TimeZone::UTC), "the boot failed: saw ␛]0;owned␇");
}
