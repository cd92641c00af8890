use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::model::id::{Lsn, MessageId};

fn every_verb() -> Vec<Verb> {
    let peer = || "ada".to_owned();
    let send = SendMessage {
        to: peer(),
        text: "a\nb\u{0}\u{1b}\"\\ 日本 \u{2028}".to_owned(),
        topic: Some("t".to_owned()),
        key: Some("k".to_owned()),
        runtime: Some("demo".to_owned()),
        progress: true,
        answers: None,
        wait: Wait::Replied,
        timeout_ms: Some(u64::MAX),
    };
    vec![
        Verb::Add(Box::new(AddPeer { folder: PathBuf::from("/peers/ada"), ..AddPeer::default() })),
        Verb::Remove { peer: peer(), force: true },
        Verb::Send(Box::new(send)),
        Verb::Stop { peer: peer() },
        Verb::Start { peer: peer() },
        Verb::New { peer: peer() },
        Verb::Refresh { peer: peer() },
        Verb::RefreshAll,
        Verb::Attach { peer: peer() },
        Verb::Run { folder: PathBuf::from("/peers/ada"), runtime: None },
        Verb::Cancel { message: MessageId(u128::MAX) },
        Verb::Retry { message: MessageId(0) },
        Verb::SelfDone,
        Verb::SelfFresh,
        Verb::Ls,
        Verb::Queue { peer: None },
        Verb::Peek { peer: peer() },
    ]
}

#[test]
fn every_call_survives_its_line() {
    for verb in every_verb() {
        let call = Call { secret: Some("s".to_owned()), reason: Some("r".to_owned()), ..Call::new(MessageId(7), verb) };
        let line = call.to_line();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "one line: {line:?}");
        assert_eq!(Call::from_line(&line).unwrap(), call);
        let followed = Call { more: true, ..call };
        assert_eq!(Call::from_line(&followed.to_line()).unwrap(), followed);
    }
}

#[test]
fn every_reply_survives_its_line() {
    let sent = Sent {
        message: Some(MessageId(u128::MAX)),
        peer: "demo-ada".to_owned(),
        outcome: SentOutcome::Replied,
        queue_depth: Some(1),
        lsn: Some(Lsn(u64::MAX)),
        proof: Some(crate::model::delivery::Proof::Answer),
        reply: Some(Answered { message: Some(MessageId(1)), from: "demo-bob".to_owned(), text: "\n".to_owned() }),
    };
    let error = Problem::refused("no").hint("yes").retryable();
    for reply in [Reply::Accepted(sent.clone()), Reply::ok(&sent), Reply::ok(&()), Reply::Error(error)] {
        assert_eq!(Reply::from_line(&reply.to_line()).unwrap(), reply);
    }
    assert_eq!(Reply::ok_line(&sent), Reply::ok(&sent).to_line(), "whichever way it was made");
}

/// A daemon of later says more, and what this one says of itself may be nothing.
#[test]
fn a_reply_is_one_of_three_whatever_stands_beside_it() {
    let read = |line: &[u8]| Reply::from_line(line);
    assert_eq!(read(br#"{"ok":null,"later":[1],"version":1}"#).unwrap(), Reply::Ok(serde_json::Value::Null));
    for nothing in [&br#"{"version":1}"#[..], br#"{"version":1,"later":{}}"#, br#"{"ok":1}"#, b"[]"] {
        assert!(matches!(read(nothing), Err(ReplyError::Malformed { .. })), "{nothing:?}");
    }
}

/// An option that this daemon does not know must not be passed over in silence.
#[test]
fn what_is_not_known_is_an_error() {
    let line = br#"{"version":1,"request_id":"00000000000000000000000007","verb":"ls","urgent":true}"#;
    let why = Call::from_line(line).unwrap_err().to_string();
    assert!(why.contains("unknown field `urgent`"), "{why}");
}

#[test]
fn another_version_is_told_apart_before_its_shape_is_looked_at() {
    let found = Call::from_line(br#"{"version":2,"ask":{"to":"dance"}}"#).unwrap_err();
    assert!(matches!(found, CallError::Version { found: 2, expected: VERSION }), "{found}");
    let found = Reply::from_line(br#"{"version":2,"dances":true}"#).unwrap_err();
    assert!(matches!(found, ReplyError::Version { found: 2, expected: VERSION }), "{found}");
    assert!(matches!(Call::from_line(b"{}").unwrap_err(), CallError::Malformed { .. }));
}

proptest! {
    #[test]
    fn hostile_lines_are_refused_and_never_a_panic(line: Vec<u8>) {
        let _ = Call::from_line(&line);
        let _ = Reply::from_line(&line);
    }

    /// C6: a message as long as the setting allows fits its line, however JSON has to write it.
    #[test]
    fn c06_a_message_of_the_greatest_size_fits_its_line(c: char) {
        let text: String = std::iter::repeat_n(c, 2048 / c.len_utf8()).collect();
        let message = SendMessage {
            to: "x".repeat(100), text, topic: None, key: None, runtime: None, progress: false, answers: None, wait: Wait::Accepted,
            timeout_ms: None,
        };
        let line = Call::new(MessageId(7), Verb::Send(Box::new(message))).to_line();
        prop_assert!(line.len() <= call_bytes_max(2048));
    }
}
