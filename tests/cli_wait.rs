//! `send --wait`, `attach` and `run`: what a waiting caller is told, and when.

mod cli_support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cli_support::{Daemon, accepted, ada, record, session, team};
use dormouse::daemon::input::Answer;
use dormouse::model::actor::Sender;
use dormouse::model::delivery::Proof;
use dormouse::model::event::{
    AnswerKept, AttachRequested, BoxOpened, Delivered, Event, Fact, MessageCancelled, MessageDead, ReportMade,
    TaskDone, WakeFailed, WakePhase,
};
use dormouse::model::id::{Generation, Lsn, MessageId};
use dormouse::model::record::{Record, Subject};
use dormouse::model::request::{Request, Verb as Asked};
use dormouse::model::session::TaskEnd;
use dormouse::model::state::SessionPhase;
use dormouse::protocol::{Call, Problem, ProblemCode, Reply, SendMessage, Sent, SentOutcome, Verb, Wait};
use tokio::sync::broadcast;

const MINE: MessageId = MessageId(1);
const OTHER: MessageId = MessageId(2);
const ANSWER: MessageId = MessageId(3);

fn bob() -> Sender {
    Sender::Session { peer: "demo-bob".parse().unwrap(), generation: Generation(Lsn(4)) }
}

fn about(lsn: u64, message: MessageId, event: impl Into<Event>) -> Record {
    record(lsn, Subject::peer(&ada()).with_message(message), event)
}

fn delivered(lsn: u64, message: MessageId) -> Record {
    about(lsn, message, Delivered { attempt: 1, possible_duplicate: false, proof: Proof::Transcript, waited_ms: 5 })
}

fn dead(lsn: u64) -> Record {
    about(lsn, MINE, MessageDead { why: "never landed".to_owned(), attempts: 5, unfinished: 0 })
}

fn reply(lsn: u64, progress: bool) -> Record {
    let mut record = accepted(lsn, ANSWER, bob(), "forty-two", Some(MINE));
    let Event::Fact(Fact::MessageAccepted(event)) = &mut record.event else { unreachable!() };
    event.progress = progress;
    record
}

fn waiting(wait: Wait, timeout_ms: Option<u64>) -> Call {
    let message = SendMessage {
        to: "ada".to_owned(),
        text: "hello".to_owned(),
        topic: None,
        key: None,
        runtime: None,
        progress: false,
        answers: None,
        wait,
        timeout_ms,
    };
    Call::new(MessageId(9), Verb::Send(Box::new(message)))
}

/// Sends, waiting; the loop commits `then` in the same breath as the acceptance.
fn outcome(wait: Wait, then: Vec<Record>) -> Result<Sent, Problem> {
    let lines: Arc<std::sync::OnceLock<broadcast::Sender<Arc<Record>>>> = Arc::default();
    let records = Arc::clone(&lines);
    let daemon = Daemon::start(team(&[]), move |_| {
        let own = accepted(10, MINE, bob(), "hello", None);
        for record in [own.clone()].into_iter().chain(then.clone()) {
            records.wait().send(Arc::new(record)).unwrap();
        }
        Some(Answer::Done(vec![own]))
    });
    lines.set(daemon.records.clone()).unwrap();
    let replies = daemon.call(&waiting(wait, Some(60_000)));
    let Some(Reply::Accepted(early)) = replies.first() else { panic!("{replies:?}") };
    assert_eq!((early.outcome, early.message), (SentOutcome::Accepted, Some(MINE)));
    match &replies[1..] {
        [Reply::Ok(data)] => Ok(Reply::read(data.clone()).unwrap()),
        [Reply::Error(problem)] => Err(problem.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn c14_delivered_is_told_with_its_proof() {
    let sent = outcome(Wait::Delivered, vec![delivered(11, OTHER), delivered(12, MINE)]).unwrap();
    assert_eq!((sent.outcome, sent.proof), (SentOutcome::Delivered, Some(Proof::Transcript)));
}

#[test]
fn a_message_to_a_person_outside_is_delivered_once_it_is_kept_for_them() {
    let sent = outcome(Wait::Delivered, vec![about(11, MINE, AnswerKept { user: "eve".to_owned() })]).unwrap();
    assert_eq!((sent.outcome, sent.proof), (SentOutcome::Delivered, None));
}

#[test]
fn a_word_in_between_is_not_the_reply() {
    let sent = outcome(Wait::Replied, vec![delivered(11, MINE), reply(12, true), reply(13, false)]).unwrap();
    assert_eq!((sent.outcome, sent.proof), (SentOutcome::Replied, Some(Proof::Transcript)));
    let reply = sent.reply.unwrap();
    assert_eq!((reply.message, reply.from.as_str(), reply.text.as_str()), (Some(ANSWER), "demo-bob", "forty-two"));
}

#[test]
fn c13_what_will_never_come_is_told_at_once() {
    let cancelled = || about(11, MINE, MessageCancelled { why: "as asked".to_owned() });
    let report = || {
        let report = ReportMade { about: MINE, to: bob(), text: "not delivered".to_owned() };
        record(11, Subject::NONE, report)
    };
    let done = |how| about(12, MINE, TaskDone { how });
    let told = || record(12, Subject::NONE, ReportMade { about: MINE, to: bob(), text: "no answer".to_owned() });
    for (wait, records, code) in [
        (Wait::Delivered, vec![dead(11)], ProblemCode::NotDelivered),
        (Wait::Replied, vec![delivered(11, MINE), dead(12)], ProblemCode::NotDelivered),
        (Wait::Delivered, vec![cancelled()], ProblemCode::NotDelivered),
        (Wait::Replied, vec![report()], ProblemCode::NotDelivered),
        (Wait::Replied, vec![delivered(11, MINE), done(TaskEnd::WithoutAWord)], ProblemCode::NoReply),
        // It said that it was done, or answered somebody else.
        (Wait::Replied, vec![delivered(11, MINE), done(TaskEnd::Answered)], ProblemCode::NoReply),
        (Wait::Replied, vec![delivered(11, MINE), told()], ProblemCode::NoReply),
    ] {
        let problem = outcome(wait, records.clone()).unwrap_err();
        assert_eq!(problem.code, code, "{records:?}");
        assert!(problem.message.contains(&MINE.to_string()) && problem.hint.is_some(), "{problem:?}");
    }
}

#[test]
fn a_burst_of_records_beyond_the_channel_is_made_up_for_from_the_journal() {
    let burst = (11..200).map(|lsn| delivered(lsn, OTHER)).collect();
    let lines: Arc<std::sync::OnceLock<broadcast::Sender<Arc<Record>>>> = Arc::default();
    let records = Arc::clone(&lines);
    let then: Vec<Record> = [vec![delivered(11, MINE)], burst].concat();
    let daemon = Daemon::start(team(&[]), move |_| {
        then.iter().for_each(|record| drop(records.wait().send(Arc::new(record.clone()))));
        Some(Answer::Done(vec![accepted(10, MINE, bob(), "hello", None)]))
    });
    lines.set(daemon.records.clone()).unwrap();
    daemon.history.lock().unwrap().extend([accepted(10, MINE, bob(), "hello", None), delivered(11, MINE)]);
    let replies = daemon.call(&waiting(Wait::Delivered, Some(60_000)));
    assert!(
        matches!(&replies[..], [Reply::Accepted(_), Reply::Ok(sent)] if sent["outcome"] == "delivered"),
        "{replies:?}"
    );
}

/// C8: the same key again returns the first outcome, also to one who waits for more.
#[test]
fn c08_a_known_message_is_told_what_became_of_it() {
    let daemon = Daemon::start(team(&[]), |_| Some(Answer::Known { message: MINE, accepted: Lsn(10), queue_depth: 3 }));
    daemon.history.lock().unwrap().extend([
        accepted(10, MINE, bob(), "hello", None),
        delivered(11, MINE),
        reply(12, false),
    ]);
    let replies = daemon.call(&waiting(Wait::Accepted, None));
    let [Reply::Ok(sent)] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!((&sent["lsn"], &sent["queue_depth"]), (&10.into(), &3.into()));
    let replies = daemon.call(&waiting(Wait::Replied, None));
    assert!(matches!(&replies[..], [_, Reply::Ok(sent)] if sent["reply"]["text"] == "forty-two"), "{replies:?}");
}

/// C8: whose history retention has removed can be waited for no longer, and nobody waits for ever.
#[test]
fn c08_a_known_message_whose_history_is_gone_is_not_waited_for() {
    let daemon = Daemon::start(team(&[]), |_| Some(Answer::Known { message: MINE, accepted: Lsn(10), queue_depth: 3 }));
    assert!(matches!(&daemon.call(&waiting(Wait::Accepted, None))[..], [Reply::Ok(_)]));
    let replies = daemon.call(&waiting(Wait::Replied, None));
    let [Reply::Error(problem)] = &replies[..] else { panic!("{replies:?}") };
    assert!(problem.message.ends_with("was accepted before, as record 10, and that record was removed since"));
}

#[test]
fn a_wait_that_ends_first_says_where_the_message_is() {
    let daemon = Daemon::start(team(&[]), |_| Some(Answer::Done(vec![accepted(10, MINE, bob(), "hello", None)])));
    let replies = daemon.call(&waiting(Wait::Replied, Some(20)));
    let [Reply::Accepted(_), Reply::Error(problem)] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!(problem.code, ProblemCode::TimedOut);
    assert_eq!(problem.message, format!("not replied to within 20 ms: message {MINE} is delivered"));
}

#[test]
fn a_caller_that_leaves_is_waited_for_no_longer() {
    let daemon = Daemon::start(team(&[]), |_| Some(Answer::Done(vec![accepted(10, MINE, bob(), "hello", None)])));
    let mut line = daemon.connect();
    line.write_all(&waiting(Wait::Replied, None).to_line()).unwrap();
    let mut early = String::new();
    BufReader::new(&line).read_line(&mut early).unwrap();
    assert_eq!(daemon.records.receiver_count(), 1);
    drop(line);
    let deadline = Instant::now() + Duration::from_secs(10);
    while daemon.records.receiver_count() > 0 {
        assert!(Instant::now() < deadline, "still listening for one who has gone");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn attached(request: &Request) -> Option<Answer> {
    matches!(request.verb, Asked::Attach { .. } | Asked::Run { .. }).then(|| {
        let asked = AttachRequested { mint: MessageId(5), reason: None };
        Answer::Done(vec![record(20, Subject::peer(&ada()), asked)])
    })
}

#[test]
fn c57_a_live_session_is_joined_as_it_is() {
    let daemon = Daemon::start(team(&[("demo-ada", Some(7))]), attached);
    let replies = daemon.call(&Call::new(MINE, Verb::Attach { peer: "ada".to_owned() }));
    let [Reply::Ok(joined)] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!((&joined["peer"], &joined["generation"]), (&"demo-ada".into(), &7.into()));
}

#[test]
fn c57_a_session_that_is_woken_for_it_is_joined_when_its_box_is_open() {
    let mut state = team(&[("demo-ada", Some(21))]);
    let waking = |state: &mut dormouse::model::state::State, phase| {
        let mut woken = session(Generation(Lsn(21)));
        woken.phase = phase;
        state.presences.get_mut(&ada()).unwrap().session = Some(woken);
    };
    waking(&mut state, SessionPhase::Booting);
    let daemon = Daemon::start(state, attached);
    let mut line = daemon.connect();
    line.write_all(&Call::new(MINE, Verb::Run { folder: PathBuf::from("/peers/ada"), runtime: None }).to_line())
        .unwrap();
    let Asked::Run { peer, .. } = daemon.asked.recv().unwrap().verb else { panic!() };
    assert_eq!(peer, ada());
    waking(&mut daemon.state.lock().unwrap(), SessionPhase::Open);
    daemon.records.send(Arc::new(record(22, Subject::peer(&ada()), BoxOpened { boot_ms: 9 }))).unwrap();
    let reply = std::io::read_to_string(line).unwrap();
    assert!(reply.contains("\"generation\":21"), "{reply}");
}

#[test]
fn c28_a_wake_that_fails_is_told_with_its_screen() {
    let mut state = team(&[("demo-ada", Some(21))]);
    state.presences.get_mut(&ada()).unwrap().session.as_mut().unwrap().phase = SessionPhase::Booting;
    let daemon = Daemon::start(state, attached);
    let mut line = daemon.connect();
    line.write_all(&Call::new(MINE, Verb::Attach { peer: "ada".to_owned() }).to_line()).unwrap();
    daemon.asked.recv().unwrap();
    let failed = WakeFailed {
        phase: WakePhase::Boot,
        why: "not signed in".to_owned(),
        screen: Some("Select login method\n\n".to_owned()),
        counted: true,
        left_session: true,
        retry_in_ms: 1000,
    };
    daemon.records.send(Arc::new(record(22, Subject::peer(&ada()), failed))).unwrap();
    let Reply::Error(problem) = Reply::from_line(std::io::read_to_string(line).unwrap().as_bytes()).unwrap() else {
        panic!()
    };
    let said = "`demo-ada` could not be woken: not signed in; its screen said:\nSelect login method";
    assert_eq!(problem.message, said);
}

#[test]
fn a_folder_where_no_peer_lives_cannot_be_run() {
    let daemon = Daemon::start(team(&[]), attached);
    let replies = daemon.call(&Call::new(MINE, Verb::Run { folder: PathBuf::from("/tmp"), runtime: None }));
    assert!(matches!(&replies[..], [Reply::Error(problem)] if problem.message == "no peer lives in /tmp"));
}
