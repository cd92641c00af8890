//! Several calls on one connection, in front of a scripted loop: their order, and what ends it.

mod cli_support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use cli_support::{Daemon, accepting, team};
use dormouse::daemon::input::Answer;
use dormouse::model::actor::Actor;
use dormouse::model::id::MessageId;
use dormouse::model::request::{Request, Verb as Asked};
use dormouse::protocol::{Call, LINE_BYTES_MAX, ProblemCode, Reply, SendMessage, Verb, Wait};

const DEADLINE: Duration = Duration::from_secs(60);

fn message(text: &str, wait: Wait) -> Call {
    let message = SendMessage {
        to: "ada".to_owned(),
        text: text.to_owned(),
        topic: None,
        key: None,
        runtime: None,
        progress: false,
        answers: None,
        wait,
        timeout_ms: None,
    };
    Call::new(MessageId(77), Verb::Send(Box::new(message)))
}

fn sending(text: &str) -> Call {
    message(text, Wait::Accepted)
}

/// The same with others behind it.
fn more(call: Call) -> Call {
    Call { more: true, ..call }
}

fn line(daemon: &Daemon) -> UnixStream {
    let line = daemon.connect();
    line.set_read_timeout(Some(DEADLINE)).unwrap();
    line
}

/// All that is answered until the daemon closes the connection.
fn answers(mut line: UnixStream) -> Vec<Reply> {
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    // A reset is an end too: it closed over something that it did not hear.
    while let Ok(bytes @ 1..) = line.read(&mut piece) {
        said.extend_from_slice(&piece[..bytes]);
    }
    said.split_inclusive(|byte| *byte == b'\n').map(|line| Reply::from_line(line).unwrap()).collect()
}

/// What a waiting caller is told first, or at last.
fn answer(line: &mut BufReader<UnixStream>) -> Reply {
    let mut said = Vec::new();
    line.read_until(b'\n', &mut said).unwrap();
    Reply::from_line(&said).unwrap()
}

#[track_caller]
fn code(reply: &Reply) -> ProblemCode {
    match reply {
        Reply::Error(problem) => problem.code,
        other => panic!("expected an error: {other:?}"),
    }
}

fn texts(asked: impl Iterator<Item = Request>) -> Vec<String> {
    let text = |request: Request| match request.verb {
        Asked::Send(send) => send.text,
        other => panic!("{other:?}"),
    };
    asked.map(text).collect()
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn refusing_no(request: &Request) -> Option<Answer> {
    match &request.verb {
        Asked::Send(send) if send.text == "no" => {
            Some(Answer::Refused { rule: "C6".to_owned(), why: "the queue is full".to_owned(), hint: None })
        }
        _ => accepting(request),
    }
}

/// Also where all were said before the first was answered; the last one says that it is the last.
#[test]
fn calls_on_one_connection_are_answered_in_their_order() {
    let daemon = Daemon::start(team(&[("demo-ada", None)]), accepting);
    let mut line = line(&daemon);
    let peers = || Call::new(MessageId(78), Verb::Ls);
    let calls = [more(sending("1")), more(sending("2")), more(peers()), more(sending("3")), sending("4"), sending("5")];
    line.write_all(&calls.iter().flat_map(Call::to_line).collect::<Vec<_>>()).unwrap();
    let answers = answers(line);
    let shapes: Vec<bool> = answers
        .iter()
        .map(|reply| match reply {
            Reply::Ok(data) => data["outcome"] == "accepted",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(shapes, [true, true, false, true, true], "behind the last one nothing is heard");
    assert_eq!(texts(daemon.asked.try_iter()), ["1", "2", "3", "4"]);
}

/// C58: who calls is asked of the kernel once, and stands with each call.
#[test]
fn c58_every_call_of_a_connection_has_its_actor() {
    let daemon = Daemon::start(team(&[]), accepting);
    let mut line = BufReader::new(line(&daemon));
    for text in ["1", "2", "3"] {
        line.get_mut().write_all(&more(sending(text)).to_line()).unwrap();
        assert!(matches!(answer(&mut line), Reply::Ok(_)));
        let Actor::User { uid, pid, program } = daemon.asked.recv().unwrap().actor else { panic!() };
        let own = std::fs::read_to_string("/proc/self/comm").unwrap();
        assert_eq!((uid, pid), (rustix::process::geteuid().as_raw(), std::process::id()));
        assert_eq!(program, own.trim_end());
    }
}

#[test]
fn c06_a_refused_call_ends_nothing() {
    let daemon = Daemon::start(team(&[]), refusing_no);
    let mut line = line(&daemon);
    let claimed = Call { from: Some("a\nb".to_owned()), ..more(sending("claimed")) };
    let calls = [more(sending("1")), more(sending("no")), claimed, sending("2")];
    line.write_all(&calls.iter().flat_map(Call::to_line).collect::<Vec<_>>()).unwrap();
    let answers = answers(line);
    assert!(matches!(&answers[..], [Reply::Ok(_), _, _, Reply::Ok(_)]), "{answers:?}");
    assert_eq!((code(&answers[1]), code(&answers[2])), (ProblemCode::Refused, ProblemCode::Refused));
    assert_eq!(texts(daemon.asked.try_iter()), ["1", "no", "2"]);
}

/// Nobody knows where the next one would begin, or what the caller takes it to mean.
#[test]
fn a_line_that_is_no_call_ends_the_connection_and_what_stands_behind_it_is_not_taken_up() {
    for (wrong, expected) in
        [("dance\n", ProblemCode::Usage), ("{\"version\":99,\"more\":true}\n", ProblemCode::Version)]
    {
        let daemon = Daemon::start(team(&[]), accepting);
        let mut line = line(&daemon);
        let said = [&more(sending("1")).to_line()[..], wrong.as_bytes(), &sending("2").to_line()].concat();
        line.write_all(&said).unwrap();
        let answers = answers(line);
        assert!(matches!(answers[..], [Reply::Ok(_), _]), "{answers:?}");
        assert_eq!(code(&answers[1]), expected);
        assert_eq!(texts(daemon.asked.try_iter()), ["1"]);
    }
}

/// C6: the size of a line is limited wherever on its connection it stands, and nobody else waits for it.
#[test]
fn c06_a_line_too_long_is_not_read_to_its_end_behind_others() {
    let mut state = team(&[]);
    state.settings.message_bytes_max = 1024;
    let daemon = Daemon::start(state, accepting);
    let mut line = line(&daemon);
    let longest = more(sending(&"\u{1}".repeat(1024)));
    let said = [longest.to_line(), longest.to_line(), sending(&"x".repeat(500_000)).to_line()].concat();
    let mut other = line.try_clone().unwrap();
    // It is answered before it has been read.
    let says = std::thread::spawn(move || drop(other.write_all(&said)));
    let mut heard = BufReader::new(line.try_clone().unwrap());
    for _ in 0..2 {
        assert!(matches!(answer(&mut heard), Reply::Ok(_)), "what the setting allows gets in");
    }
    let Reply::Error(problem) = answer(&mut heard) else { panic!("not refused") };
    assert!(problem.code == ProblemCode::Refused && problem.message.ends_with("(C6)"), "{problem:?}");
    line.shutdown(std::net::Shutdown::Both).unwrap();
    says.join().unwrap();
    let _ = line.write(b"");
    assert!(matches!(daemon.call(&sending("hello"))[..], [Reply::Ok(_)]));
}

/// C51: one who goes leaves nothing behind that waits for it, however much it said before it went.
#[test]
fn c51_a_caller_that_goes_away_with_calls_under_way_is_not_waited_for() {
    let daemon = Daemon::start(team(&[("demo-ada", None)]), accepting);
    let waiting = || more(message("answer me", Wait::Replied)).to_line();
    for behind in [Vec::new(), sending("2").to_line(), vec![b'x'; 3 * LINE_BYTES_MAX / 2]] {
        let mut line = BufReader::new(line(&daemon));
        line.get_mut().write_all(&waiting()).unwrap();
        assert!(matches!(answer(&mut line), Reply::Accepted(_)));
        assert_eq!(daemon.records.receiver_count(), 1);
        line.get_mut().write_all(&behind).unwrap();
        drop(line);
        until("the call to be dropped", || daemon.records.receiver_count() == 0);
    }
    assert_eq!(texts(daemon.asked.try_iter()), ["answer me"; 3], "what stood behind it was not taken up");
    // Messages that are taken up at once are accepted, whether their sender hears of it or not.
    let mut line = line(&daemon);
    line.write_all(&[more(sending("1")).to_line(), more(sending("2")).to_line()].concat()).unwrap();
    drop(line);
    let heard = [daemon.asked.recv_timeout(DEADLINE).unwrap(), daemon.asked.recv_timeout(DEADLINE).unwrap()];
    assert_eq!(texts(heard.into_iter()), ["1", "2"]);
    assert!(matches!(daemon.call(&sending("hello"))[..], [Reply::Ok(_)]));
}

/// C51: however many keep their connections, there is room for those that have one call.
#[test]
fn c51_connections_that_are_kept_take_nobody_elses_place() {
    let daemon = Daemon::start(team(&[]), accepting);
    let keep = || {
        let mut line = BufReader::new(line(&daemon));
        line.get_mut().write_all(&more(sending("mine")).to_line()).unwrap();
        let answer = answer(&mut line);
        (answer, line)
    };
    let mut kept = Vec::new();
    let refused = loop {
        match keep() {
            (Reply::Ok(_), line) => kept.push(line),
            (other, _) => break other,
        }
    };
    assert_eq!((kept.len(), code(&refused)), (256, ProblemCode::Busy));
    assert!(matches!(daemon.call(&sending("hello"))[..], [Reply::Ok(_)]));
    // Each of them still has its own, and gives it back when it goes.
    for line in &mut kept {
        line.get_mut().write_all(&more(sending("again")).to_line()).unwrap();
        assert!(matches!(answer(line), Reply::Ok(_)));
    }
    drop(kept);
    until("a place", || matches!(keep(), (Reply::Ok(_), _)));
}
