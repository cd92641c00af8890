//! What is not known is said at its place.

use dormouse::explain::why::{Answer, GapKind, Subject, Until};
use dormouse::model::event::{DaemonStopped, Decision, Event, Fact, RecordLost, SessionNotKnown};
use dormouse::model::id::Lsn;
use dormouse::model::record::{Draft, Record, Subject as About};
use jiff::tz::TimeZone;

use crate::{asked, recorded, text};

fn of(records: &[Record], peer: &str) -> Answer {
    asked(records, Subject::Peer(peer.parse().unwrap()), Until::default())
}

fn said(answer: &Answer, kind: GapKind) -> Vec<String> {
    let of_kind = answer.gaps.iter().filter(|gap| gap.kind == kind);
    of_kind.map(|gap| format!("{} {}", gap.at, gap.sentence(gap.from, &TimeZone::UTC))).collect()
}

/// One more record at the end.
fn and_then(records: &mut Vec<Record>, subject: About, event: impl Into<Event>) -> Lsn {
    let last = records.last().unwrap();
    let record = Draft::own(subject, None, event).at(last.lsn.next(), last.at.plus_ms(60_000));
    records.push(record);
    records.last().unwrap().lsn
}

/// C60: what a start has found happened while nobody looked.
#[test]
fn c60_a_death_that_a_start_has_found_lies_behind_a_gap() {
    let records = recorded();
    assert_eq!(
        said(&of(&records, "demo-hal"), GapKind::NoDaemon),
        [
            "744 no daemon ran between 10:55:47 and 18:56:04, for 8 h: the machine had gone down. What happened in that time \
          is known only as far as the next start found traces of it"
        ]
    );
}

#[test]
fn a_gap_stands_between_the_records_that_it_lies_between() {
    let records = recorded();
    let now = records.last().unwrap().at;
    let text = of(&records, "demo-dot").text((now, "ago"), None, &TimeZone::UTC, None);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in {text}"));
    assert!(at("ended as decided at record 684") < at("it had been killed, or had died"), "{text}");
    assert!(at("it had been killed, or had died") < at("an operator stopped the peer"), "{text}");
}

/// C61: a daemon that was stopped in order has said so, and that it has not come back is all that is known.
#[test]
fn c61_since_a_daemon_was_stopped_nothing_is_known() {
    let mut records = recorded();
    let stopped = and_then(&mut records, About::NONE, DaemonStopped { why: "SIGTERM".to_owned() });
    let answer = of(&records, "demo-ada");
    let says = said(&answer, GapKind::NoDaemon);
    assert!(says[0].starts_with(&format!("{stopped} no daemon runs since ")), "{says:?}");
    assert!(says[0].ends_with("nothing that happened later is known"), "{says:?}");
    assert_eq!(answer.json()["gaps"][0]["to"], serde_json::Value::Null);
    // As of before, nobody could have known.
    let until = Until { last: Some(Lsn(stopped.0 - 1)), wall_us: None };
    let before = asked(&records, Subject::Peer("demo-ada".parse().unwrap()), until);
    assert!(before.gaps.iter().all(|gap| gap.to.is_some()), "{:?}", before.gaps);
}

/// C43: a question that failed is not known, never gone.
#[test]
fn c43_a_question_that_failed_is_said_once_between_two_records() {
    let mut records = recorded();
    let session = of(&records, "demo-ada").chain[0].0.subject.clone();
    let not_known = SessionNotKnown { question: "whether it lives".to_owned(), why: "tmux did not answer".to_owned() };
    and_then(&mut records, session.clone(), not_known.clone());
    let again = and_then(&mut records, session, not_known);
    assert_eq!(
        said(&of(&records, "demo-ada"), GapKind::NotKnown),
        [format!("{again} nobody can say whether it lives: tmux did not answer; nothing is decided on it (C43)")]
    );
}

/// C46a: what was judged is not known: the chain leads over it, or it stands beside.
#[test]
fn c46a_an_end_that_rests_on_a_judged_turn_says_so() {
    let mut records = recorded();
    let is_judged = |it: &Record| matches!(it.event, Event::Decision(Decision::TurnJudged(_)));
    let judged = records.iter().position(is_judged).unwrap();
    let of = records[judged].subject.clone();
    let session = Subject::Session(of.peer.clone().unwrap(), of.generation.unwrap());
    let answer = asked(&records, session.clone(), Until::default());
    assert!(answer.chain.iter().any(|(it, _)| is_judged(it)), "its reap was counted from that turn's end");
    assert_eq!(said(&answer, GapKind::Judged), [""; 0], "once is enough");
    // Heard of later, it was judged all the same.
    let heard = dormouse::model::event::TurnObserved {
        turn: dormouse::model::event::TurnSeen::Alive,
        source: dormouse::model::session::Source::Hook,
        turn_id: None,
        said_at: None,
    };
    let reaped = records[judged..].iter_mut().find(|it| matches!(it.event, Event::Decision(Decision::Reaped(_))));
    reaped.expect("its end").event = heard.into();
    let says = said(&asked(&records, session, Until::default()), GapKind::Judged);
    assert!(says[0].contains("it was only judged that the turn ended at "), "{says:?}");
}

/// C45: a session of which nothing was heard was ended for a silence that nobody explained.
#[test]
fn c45_an_end_for_silence_alone_says_that_the_program_said_nothing() {
    let mut records = recorded();
    let reaped = |it: &Record| matches!(&it.event, Event::Decision(Decision::Reaped(it)) if matches!(it.reason, dormouse::model::session::ReapReason::Idle { .. }));
    let at = records.iter().position(reaped).unwrap();
    let lsn = records[at].lsn;
    let heard = asked(&records, Subject::Record(lsn), Until::default());
    assert_eq!(said(&heard, GapKind::Silent), [""; 0], "the program's own word is no silence");
    if let Event::Decision(Decision::Reaped(it)) = &mut records[at].event
        && let dormouse::model::session::ReapReason::Idle { source, .. } = &mut it.reason
    {
        *source = dormouse::model::session::Source::Delivery;
    }
    let unheard = said(&asked(&records, Subject::Record(lsn), Until::default()), GapKind::Silent);
    assert!(
        unheard[0].contains("since it was last delivered to the program has said nothing of itself"),
        "{unheard:?}"
    );
}

/// A record that salvage could not save may have been the one that explains it all.
#[test]
fn a_lost_record_is_a_gap() {
    let mut records = recorded();
    let segment = "1.jnl".to_owned();
    let lost = RecordLost { segment, offset: 4096, what: "no frame stands here".to_owned() };
    let stopped = records.iter().position(|it| matches!(it.event, Event::Fact(Fact::DaemonStopped(_)))).unwrap();
    records[stopped].event = lost.into();
    let says = said(&of(&records, "demo-dot"), GapKind::Lost);
    assert_eq!(says.len(), 1);
    assert!(says[0].contains("lost in byte 4,096"), "{says:?}");
}

/// C45: what a start has found out meanwhile was only the moment at which a silence was looked at.
#[test]
fn c45_a_start_is_no_reason_for_a_silence() {
    let mut records = recorded();
    let is_idle = |it: &Record| matches!(&it.event, Event::Decision(Decision::Reaped(it)) if matches!(it.reason, dormouse::model::session::ReapReason::Idle { .. }));
    let reaped = records.iter().position(is_idle).unwrap();
    let runtimes = records[..reaped].iter().rfind(|it| it.event.kind().name == "runtimes_changed").unwrap().lsn;
    records[reaped].cause = Some(runtimes);
    let said = text(&asked(&records, Subject::Record(records[reaped].lsn), Until::default()), &records);
    assert!(said.contains(" heard at that moment, and no reason for it: "), "{said}");
    let woken = records.iter().find(|it| it.event.kind().name == "wake_decided").unwrap().lsn;
    let at = records.iter().position(|it| it.lsn == woken).unwrap();
    records[at].cause = Some(runtimes.min(Lsn(woken.0 - 1)));
    let said = text(&asked(&records, Subject::Record(woken), Until::default()), &records);
    assert!(!said.contains("no reason for it"), "a wake may rest on them: {said}");
}
