//! Calls that a session left in its folder while nobody answered (C61a).

use super::caller::Caller;
use super::{change, send};
use crate::model::effect::SessionName;
use crate::model::request::{DeliveredHere, Named, Request};
use crate::protocol::{Call, Hook, Problem, Verb};

/// The request in a file of `session`'s spool. The folder it lay in says whose it is: it is 0700, and the session may
/// have ended since.
///
/// # Errors
///
/// A call that is none, of another version, or not one that a session may leave behind: `send` and `self`.
pub fn spooled(line: &[u8], session: &SessionName) -> Result<Request, Problem> {
    let call = Call::from_line(line).map_err(|error| Problem::failed(error.to_string()))?;
    let caller = Caller::from(session.clone());
    match call.verb {
        Verb::Send(message) => {
            // It was told that its message is kept: what it names is believed if the state knows it, and refuses nothing.
            let delivered = DeliveredHere::NotKnown;
            let answers = message.answers.map(|message| Named { message, delivered });
            send::request(caller, call.request_id, call.reason, *message, answers)
        }
        verb @ (Verb::SelfDone | Verb::SelfFresh) => {
            Ok(Request { actor: caller.actor, reason: call.reason, verb: change::asked(verb)? })
        }
        verb => Err(Problem::refused(format!("a session cannot leave this call behind: {verb:?}"))),
    }
}

/// The hook in a file of a spool; none if it is another call.
pub fn spooled_hook(line: &[u8]) -> Option<Hook> {
    match Call::from_line(line).ok()?.verb {
        Verb::Hook(hook) => Some(*hook),
        _ => None,
    }
}
