//! Histories to draw.

use std::path::Path;

use dormouse::journal::Reader;
use dormouse::model::actor::{Actor, Sender};
use dormouse::model::event::{DaemonStarted, Event, MessageAccepted, PeerRegistered, Recipient};
use dormouse::model::id::{Lsn, MessageId};
use dormouse::model::name::Identity;
use dormouse::model::profile::{Registration, WakePolicy};
use dormouse::model::record::{Record, Subject};
use dormouse::model::time::{BootId, Timestamp};

/// Nobody but the two should read it.
pub const BODY: &str = "the-secret-of-the-two";
/// Would end a script, begin another, run an image's handler, and begin a comment.
pub const TOPIC: &str = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'><!--";

/// The life of a fleet, as it was recorded.
pub fn fleet() -> Vec<Record> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1-fleet");
    Reader::open(&dir).unwrap().records(Lsn(1)).collect::<Result<_, _>>().unwrap()
}

/// Every text that somebody outside may choose is a trap.
pub fn hostile() -> Vec<Record> {
    let peer: Identity = "claude-ada".parse().unwrap();
    let mut registration = Registration::plain("/srv/<b>ada", peer.personality.clone(), peer.runtime.clone());
    registration.profile.description = TOPIC.to_owned();
    let accepted = MessageAccepted {
        to: Recipient::Peer(peer.clone()),
        from: Sender::Unverified { name: TOPIC.to_owned(), uid: 1000 },
        topic: Some(TOPIC.to_owned()),
        text: BODY.to_owned(),
        replaced: 0,
        key: None,
        progress: false,
        answers: None,
        policy: WakePolicy::Persistent,
        queue_depth: 1,
        reason: Some(TOPIC.to_owned()),
        named: false,
        reply_asked: false,
    };
    let ada = Subject::peer(&peer);
    vec![
        record(1, Subject::NONE, DaemonStarted { version: "0".to_owned(), pid: 1, tmux: Some(TOPIC.to_owned()) }),
        record(2, ada.clone(), PeerRegistered { registration, reason: Some(TOPIC.to_owned()) }),
        record(3, ada.with_message(MessageId(1)), accepted),
    ]
}

fn record(lsn: u64, subject: Subject, event: impl Into<Event>) -> Record {
    let at = Timestamp { wall_us: 1_800_000_000_000_000 + lsn * 1_000_000, awake_ms: lsn * 1000, boot: BootId(1) };
    let actor = Actor::User { uid: 1000, pid: 7, program: TOPIC.to_owned() };
    let cause = (lsn > 1).then(|| Lsn(lsn - 1));
    Record { lsn: Lsn(lsn), at, subject, cause, actor, event: event.into() }
}
