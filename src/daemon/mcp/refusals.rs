//! Who is turned away, why, and what of it the journal is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::StatusCode;

use super::Listening;
use super::owner::owner;
use crate::daemon::input::Input;
use crate::model::effect::SessionName;
use crate::model::event::CallRefused;
use crate::model::record::{Draft, Subject};

/// The first of a kind is told at once, what comes again within this time is counted, so that a flood of refusals is two
/// records a minute for each kind there is.
const TOLD_APART: Duration = Duration::from_secs(60);

/// Why a call is refused before anything is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    NoSecret,
    WrongSecret,
    EndedSession,
    OtherUser,
    Host,
    Origin,
    BodyTooLong,
    HeadTooLong,
    SlowHead,
    SlowBody,
    TooMany,
    MadeRoom,
    TooManyOfOne,
}

impl Why {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Why::NoSecret | Why::WrongSecret | Why::EndedSession => StatusCode::UNAUTHORIZED,
            Why::OtherUser | Why::Host | Why::Origin => StatusCode::FORBIDDEN,
            Why::BodyTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Why::HeadTooLong => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Why::SlowHead | Why::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Why::TooMany | Why::MadeRoom => StatusCode::SERVICE_UNAVAILABLE,
            Why::TooManyOfOne => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// One sentence; never a word that the caller chose, for a log is read by agents too.
    pub(super) fn says(self) -> &'static str {
        match self {
            Why::NoSecret => "no secret was shown: expected the header `Authorization: Bearer SECRET`",
            Why::WrongSecret => "the secret is no session's of this home",
            Why::EndedSession => "the session whose secret it is has ended",
            Why::OtherUser => "another user called with the secret of this session, which he must have stolen",
            Why::Host => "`Host` names another place than this door",
            Why::Origin => "it came from a web page (`Origin`)",
            Why::BodyTooLong => "the body is longer than any message may need",
            Why::HeadTooLong => "the headers are longer than any call may need",
            Why::SlowHead => "the headers did not arrive in time",
            Why::SlowBody => "the body did not arrive in time",
            Why::TooMany => "too many callers are at the door",
            Why::MadeRoom => "it had said nothing yet, and others wanted its place",
            Why::TooManyOfOne => "this session has too many calls under way",
        }
    }

    fn rule(self) -> &'static str {
        if self == Why::BodyTooLong { "C6" } else { "C62" }
    }
}

/// Refused for the same, and to the same session where it is known whose call it was.
type Kind = (Why, Option<SessionName>);

/// What has been told of each kind, and counted since.
type Counted = Arc<Mutex<BTreeMap<Kind, u32>>>;

/// Tells the journal who was turned away at this door, the first of each kind at once.
#[derive(Clone, Debug)]
pub struct Refusals {
    inputs: Sender<Input>,
    port: u16,
    counted: Counted,
}

impl Refusals {
    pub fn new(inputs: Sender<Input>, listening: &Listening) -> Self {
        Self { inputs, port: listening.port, counted: Counted::default() }
    }

    /// Tells the journal what has only been counted so far: the daemon is about to end.
    pub fn tell_rest(&self) {
        let counted = std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner));
        for (kind, more) in counted.into_iter().filter(|(_, more)| *more > 0) {
            tell(&self.inputs, &kind, None, more);
        }
    }

    /// Tells the journal, now or with others like it.
    pub(super) fn note(&self, why: Why, session: Option<&SessionName>, from: SocketAddr) {
        let kind = (why, session.cloned());
        {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(more) = counted.get_mut(&kind) {
                *more = more.saturating_add(1);
                return;
            }
            counted.insert(kind.clone(), 0);
        }
        tell(&self.inputs, &kind, owner(from, self.port).uid(), 1);
        let (inputs, counted) = (self.inputs.clone(), Arc::clone(&self.counted));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(TOLD_APART).await;
                let more = take(&counted, &kind);
                if more == 0 {
                    return;
                }
                tell(&inputs, &kind, None, more);
            }
        });
    }
}

/// How many have come since; none, and the next one is a first one again.
fn take(counted: &Counted, kind: &Kind) -> u32 {
    let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
    let more = counted.remove(kind).unwrap_or(0);
    if more > 0 {
        counted.insert(kind.clone(), 0);
    }
    more
}

fn tell(inputs: &Sender<Input>, (why, session): &Kind, uid: Option<u32>, times: u32) {
    let subject = session.as_ref().map_or(Subject::NONE, |it| Subject::session(&it.peer, it.generation));
    let [door, rule, says] = ["mcp", why.rule(), why.says()].map(str::to_owned);
    let refused = CallRefused { door, status: why.status().as_u16(), rule, why: says, uid, times };
    // Closed only when the daemon is ending.
    let _ = inputs.send(Input::Report(Box::new(Draft::own(subject, None, refused).into())));
}
