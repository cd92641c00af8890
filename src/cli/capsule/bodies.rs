//! What is left out of a capsule's records: texts, by a filling of the same length that cannot be taken for one.

use serde_json::{Value, json};

use crate::model::delivery::DeliveryOutcome;
use crate::model::event::{Decision, Event, Fact, MessageAccepted, Recipient, VerbOutcome};
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::Record;

/// Fills the place of a text. As long as the text was, so that every figure that counts its bytes stays right.
const FILLING: &str = "[left out] ";

/// Whose texts stay.
#[derive(Clone, Debug)]
pub struct Kept {
    pub peer: Identity,
    /// The messages from it and for it; else none at all.
    pub bodies: bool,
}

/// What was left out, for the manifest: where it stood, how long it was, and what it would have to hash to.
#[derive(Clone, Debug, Default)]
pub struct LeftOut {
    pub bodies: Vec<Value>,
    pub screens: Vec<Value>,
    /// Screens of the peer's own, which stay.
    pub kept_screens: u64,
}

/// Whether `text` is what stands in a capsule in the place of a body.
pub fn is_filling(text: &str) -> bool {
    !text.is_empty() && FILLING.chars().cycle().zip(text.chars()).all(|(filling, found)| filling == found)
}

impl Kept {
    /// `record` without the texts that do not stay.
    pub fn of(&self, mut record: Record, left: &mut LeftOut) -> Record {
        let lsn = record.lsn;
        let is_own = record.subject.peer.as_ref() == Some(&self.peer);
        match &mut record.event {
            Event::Fact(Fact::MessageAccepted(accepted)) => {
                if !(self.bodies && self.concerns(accepted)) {
                    leave_out(&mut accepted.text, lsn, &mut left.bodies);
                }
            }
            event if is_own => left.kept_screens += u64::from(screen(event).is_some()),
            event => {
                if let Some(screen) = screen(event) {
                    leave_out(screen, lsn, &mut left.screens);
                }
            }
        }
        record
    }

    fn concerns(&self, accepted: &MessageAccepted) -> bool {
        let is_for = matches!(&accepted.to, Recipient::Peer(peer) if *peer == self.peer);
        is_for || accepted.from.peer() == Some(&self.peer)
    }
}

fn leave_out(text: &mut String, lsn: Lsn, left: &mut Vec<Value>) {
    left.push(json!({ "lsn": lsn, "bytes": text.len(), "blake3": blake3::hash(text.as_bytes()).to_string() }));
    *text = FILLING.chars().cycle().take(text.len()).collect();
}

/// The last lines of a screen, which may show anything.
fn screen(event: &mut Event) -> Option<&mut String> {
    match event {
        Event::Fact(Fact::LaunchFailed(it)) => it.screen.as_mut(),
        Event::Fact(Fact::DialogAnswered(it)) => Some(&mut it.saw),
        Event::Fact(Fact::DeliveryEnded(it)) => match &mut it.outcome {
            DeliveryOutcome::Unproven { screen, .. } => Some(screen),
            _ => None,
        },
        Event::Fact(Fact::VerbEnded(it)) => match &mut it.outcome {
            VerbOutcome::Unconfirmed { screen, .. } => Some(screen),
            _ => None,
        },
        Event::Decision(Decision::WakeFailed(it)) => it.screen.as_mut(),
        _ => None,
    }
}
