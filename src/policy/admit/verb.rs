//! Admission of what is to be typed into a session (C56).

use super::peer::{may_wake, named, not_managed, refuse, resumable};
use super::{Checked, Refusal};
use crate::model::event::{CompactRequested, InterruptRequested};
use crate::model::id::MessageId;
use crate::model::message::Message;
use crate::model::name::Identity;
use crate::model::record::Subject;
use crate::model::request::PeerName;
use crate::model::session::{Turn, TypedVerb};
use crate::model::state::{Presence, Session, State};
use crate::model::time::Timestamp;

/// Refused where no turn is known to run: the key means something else to a program at rest (it leaves, clears what a
/// person has typed, opens a menu), and whoever interrupts wants to hear that there was nothing to interrupt. Where
/// nobody can say, the screen is asked before the key is pressed.
pub(super) fn interrupt(state: &State, reason: &Option<String>, name: &PeerName) -> Checked {
    let peer = named(state, name)?;
    not_managed(state, &peer)?;
    let presence = state.presences.get(&peer);
    let Some(session) = presence.and_then(|presence| presence.session.as_ref()).filter(|session| !session.is_ending())
    else {
        return refuse(&peer, Refusal::new("C56", format!("{peer} is not live: there is no turn to interrupt")));
    };
    not_asked_yet(&peer, presence, TypedVerb::Interrupt)?;
    if is_at_rest(state, session) {
        let hint = format!("`dormouse stop {peer}` ends its session; `dormouse queue {peer}` shows what waits for it");
        return refuse(&peer, Refusal::new("C56", format!("no turn of {peer} is running")).hint(hint));
    }
    Ok((Subject::session(&peer, session.generation), InterruptRequested { reason: reason.clone() }.into()))
}

/// What has been typed and is not proven yet may have begun a turn.
fn is_at_rest(state: &State, session: &Session) -> bool {
    let message = session.delivering.and_then(|id| state.messages.get(&id));
    let begun = message.is_some_and(Message::is_begun);
    matches!(session.turn, Turn::Ended { .. } | Turn::Failed { .. }) && !begun
}

/// A live session takes it as soon as its box is open; a parked one is resumed first. Nothing to resume is an error.
pub(super) fn compact(
    state: &State,
    now: Timestamp,
    reason: &Option<String>,
    name: &PeerName,
    mint: MessageId,
) -> Checked {
    let peer = named(state, name)?;
    let presence = state.presences.get(&peer);
    let live = presence.and_then(|presence| presence.session.as_ref()).is_some_and(|session| !session.is_ending());
    if live {
        not_managed(state, &peer)?;
    } else {
        may_wake(state, now, &peer)?;
        resumable(state, &peer, presence)?;
    }
    not_asked_yet(&peer, presence, TypedVerb::Compact)?;
    Ok((Subject::peer(&peer), CompactRequested { mint, reason: reason.clone() }.into()))
}

fn not_asked_yet(
    peer: &Identity,
    presence: Option<&Presence>,
    verb: TypedVerb,
) -> Result<(), (Option<Identity>, Refusal)> {
    let asked = presence.and_then(|presence| presence.verbs.iter().find(|asked| asked.verb == verb));
    match asked {
        Some(asked) => {
            let why = format!("`{}` of {peer} is under way already (record {})", verb.word(), asked.asked);
            refuse(
                peer,
                Refusal::new("C56", why).hint(format!("`dormouse log --peer {peer}` shows how far it has come")),
            )
        }
        None => Ok(()),
    }
}
