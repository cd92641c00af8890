//! What is left out of a capsule's records: texts, by a filling of the same length that cannot be taken for one.

use serde_json::{Value, json};

use crate::model::delivery::DeliveryOutcome;
use crate::model::event::{Decision, Event, Fact, MessageAccepted, Recipient, VerbOutcome};
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::state::State;

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

    /// `state` without what is left out of records before it: the screens of other peers' programs.
    pub fn of_state(&self, mut state: State) -> State {
        let others = state.presences.iter_mut().filter(|(peer, _)| **peer != self.peer);
        for session in others.filter_map(|(_, presence)| presence.session.as_mut()) {
            session.last_words = session.last_words.take().map(|said| filling(&said));
        }
        state
    }

    fn concerns(&self, accepted: &MessageAccepted) -> bool {
        let is_for = matches!(&accepted.to, Recipient::Peer(peer) if *peer == self.peer);
        is_for || accepted.from.peer() == Some(&self.peer)
    }
}

fn leave_out(text: &mut String, lsn: Lsn, left: &mut Vec<Value>) {
    left.push(json!({ "lsn": lsn, "bytes": text.len(), "blake3": blake3::hash(text.as_bytes()).to_string() }));
    *text = filling(text);
}

fn filling(text: &str) -> String {
    FILLING.chars().cycle().take(text.len()).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::state::{Presence, Session};

    /// Between the two records that tell how a boot ended, the state holds what one of them will say.
    #[test]
    fn what_another_peers_program_has_said_last_is_left_out_of_the_state() {
        let at = json!({ "wall_us": 0, "awake_ms": 0, "boot": 1 });
        let session = json!({ "generation": 3, "woken": at, "mode": "fresh", "branch": "first_wake", "reason": "message",
            "policy": "persistent", "phase": "booting", "slot": false, "pid": null, "socket": null, "resume_ref": null,
            "first_input": null, "task": null, "topics": [], "turn": "unknown", "turns_open": 0, "turn_told": null,
            "armed": null, "delivering": null, "last_delivered": null, "last_delivered_from": null, "last_sign": at,
            "last_sign_source": "wake", "last_proof": null, "looking": false, "look_failed_at": null,
            "screen_moved": null, "transcript_moved": null, "kept": null, "person_seen": null, "failing": false,
            "last_words": "a secret" });
        let session: Session = serde_json::from_value(session).unwrap();
        let at = session.woken;
        let (ada, bob): (Identity, Identity) = ("demo-ada".parse().unwrap(), "demo-bob".parse().unwrap());
        let mut state = State::default();
        for peer in [&ada, &bob] {
            state.presences.insert(peer.clone(), Presence { session: Some(session.clone()), ..Presence::new(at) });
        }
        let kept = Kept { peer: ada.clone(), bodies: true }.of_state(state);
        let words = |peer: &Identity| kept.presences[peer].session.clone().unwrap().last_words.unwrap();
        assert_eq!(words(&ada), "a secret");
        assert!(is_filling(&words(&bob)) && words(&bob).len() == 8, "{}", words(&bob));
    }
}
