//! What nobody knows, beside a chain.

use std::collections::BTreeSet;
use std::path::Path;

use dormouse::explain::picture::{Painter, page::page};
use dormouse::explain::why;
use dormouse::model::event::{Decision, Event, Fact, RecordLost, TurnObserved, TurnSeen};
use dormouse::model::record::Record;
use dormouse::model::session::{ReapReason, Source};
use dormouse::model::state::State;
use jiff::tz::TimeZone;

use crate::browser::Browser;
use crate::{history, nothing_to_complain_of};

/// The fleet's history, in which more is not known: an end that nothing but silence explains, one of a turn that was only
/// judged, and a record that was lost.
fn less_known() -> Vec<Record> {
    let mut records = history::fleet();
    let position = |records: &[Record], is_it: fn(&Decision) -> bool| {
        records.iter().position(|it| matches!(&it.event, Event::Decision(decision) if is_it(decision))).unwrap()
    };
    let is_idle = |it: &Decision| matches!(it, Decision::Reaped(it) if matches!(it.reason, ReapReason::Idle { .. }));
    let idle = position(&records, is_idle);
    if let Event::Decision(Decision::Reaped(it)) = &mut records[idle].event
        && let ReapReason::Idle { source, .. } = &mut it.reason
    {
        *source = Source::Delivery;
    }
    let judged = position(&records, |it| matches!(it, Decision::TurnJudged(_)));
    let of = records[judged].subject.clone();
    let is_reap = |it: &&mut Record| matches!(it.event, Event::Decision(Decision::Reaped(_))) && it.subject == of;
    let alive = TurnObserved { turn: TurnSeen::Alive, source: Source::Hook, turn_id: None, said_at: None };
    records[judged..].iter_mut().find(is_reap).unwrap().event = alive.into();
    let stopped = records.iter_mut().find(|it| matches!(it.event, Event::Fact(Fact::DaemonStopped(_)))).unwrap();
    let segment = "1.jnl".to_owned();
    stopped.event = RecordLost { segment, offset: 4096, what: "no frame stands here".to_owned() }.into();
    records
}

/// C43, C45, C46a, C60: what nobody knew stands in the panel where `why` puts it, in the same words.
#[test]
fn what_is_not_known_stands_between_the_records_as_in_why() {
    let records = less_known();
    let zone = TimeZone::UTC;
    let mut painter = Painter::new(State::default(), &zone);
    records.iter().for_each(|record| painter.see(record));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-gaps.html");
    std::fs::write(&file, page(&painter.finish(), None)).unwrap();
    let mut browser = Browser::start();
    browser.open(&file);
    let mut seen = BTreeSet::new();
    for record in records.iter().filter(|record| matches!(record.event, Event::Decision(_))) {
        let (subject, until) = (why::Subject::Record(record.lsn), why::Until::default());
        let answer = why::Answer::of(&records[..], subject, until, &[], why::Reach::Near);
        // What `why` says of daemons the page says in words of its own.
        let words = |gap: &why::Gap| match gap.kind {
            why::GapKind::NoDaemon => "no daemon ran".to_owned(),
            _ => gap.sentence(record.at, &zone),
        };
        let mut expected: Vec<String> = answer.gaps.iter().map(words).collect();
        seen.extend(answer.gaps.iter().map(|gap| gap.kind.word()));
        let shown = browser.tell(&format!(
            "picture.choose(picture.placeOf({})), \
             [...document.querySelectorAll('#chain li.gap')].map((it) => it.childNodes[1].textContent)",
            record.lsn
        ));
        let shown = shown.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
        let short = |text: String| if text.starts_with("no daemon ran: ") { "no daemon ran".to_owned() } else { text };
        let mut shown: Vec<String> = shown.map(short).collect();
        // Those that stand at the same record may stand in any order.
        shown.sort();
        expected.sort();
        assert_eq!(shown, expected, "record {}", record.lsn);
    }
    let seen: Vec<&str> = seen.into_iter().collect();
    assert_eq!(seen, ["judged", "lost", "no_daemon", "not_known", "silent"]);
    nothing_to_complain_of(&browser);
}
