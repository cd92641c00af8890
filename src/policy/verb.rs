//! What operators asked to have typed into a session: when it is, and when nothing comes of it any more (C56).

use super::Case;
use crate::model::event::{VerbDecided, VerbGivenUp};
use crate::model::id::Lsn;
use crate::model::record::Draft;
use crate::model::session::{TypedVerb, WakeReason};
use crate::model::state::{AskedVerb, Session};

/// What has come to nothing first; then what may be typed now.
pub(super) fn due(case: &Case) -> Vec<Draft> {
    if !is_asked(case) {
        return Vec::new();
    }
    let vain = case.presence.verbs.iter().filter_map(|asked| Some((asked, in_vain(case, asked)?)));
    let given_up: Vec<Draft> = vain.map(|(asked, why)| given_up(case, asked, why)).collect();
    if given_up.is_empty() { decided(case).into_iter().collect() } else { given_up }
}

/// Handed to the session's lane, and not ended yet.
pub(super) fn compacts(case: &Case, session: &Session) -> bool {
    let of_session = |asked: &&AskedVerb| asked.generation == Some(session.generation) && asked.decided.is_some();
    case.presence.verbs.iter().filter(of_session).any(|asked| asked.verb == TypedVerb::Compact)
}

/// Whether something is to be typed, or was, and has not ended: its session is in use.
pub(super) fn is_asked(case: &Case) -> bool {
    !case.presence.verbs.is_empty()
}

fn decided(case: &Case) -> Option<Draft> {
    let session = case.live()?;
    let due = |asked: &&AskedVerb| {
        asked.generation == Some(session.generation) && asked.decided.is_none() && may_type(session, asked.verb)
    };
    let asked = case.presence.verbs.iter().find(due)?;
    let event = VerbDecided { verb: asked.verb, asked: asked.asked };
    // What releases it may be any record; what it is for is told by the request.
    Some(Draft { cause: Some(asked.asked), ..case.about_session(session, event) })
}

/// A turn is interrupted whatever else is under way; a command goes into the box as a delivery would, one at a time (C30).
fn may_type(session: &Session, verb: TypedVerb) -> bool {
    match verb {
        TypedVerb::Interrupt => true,
        TypedVerb::Compact => {
            session.is_ready() && session.delivering.is_none() && !session.failing && !session.looking
        }
    }
}

fn in_vain(case: &Case, asked: &AskedVerb) -> Option<&'static str> {
    let session = case.presence.session.as_ref().map(|session| session.generation);
    let comes = || matches!(&case.presence.bring_up, Some(bring_up) if bring_up.reason == WakeReason::Compact);
    match (asked.generation, asked.decided) {
        (None, _) if comes() => None,
        (None, _) => Some("the session it was for was not resumed"),
        (Some(generation), _) if session != Some(generation) => Some("its session is gone"),
        (Some(_), Some(decided)) if decided < started(case) => {
            Some("the daemon that was at it has ended, and nobody saw what came of it")
        }
        (Some(_), _) => None,
    }
}

/// What an earlier daemon had begun nobody hears of any more, and typing it twice is not doing it once (I6).
fn started(case: &Case) -> Lsn {
    case.state.daemon.as_ref().map_or(Lsn::ZERO, |daemon| daemon.started)
}

fn given_up(case: &Case, asked: &AskedVerb, why: &str) -> Draft {
    let event = VerbGivenUp { verb: asked.verb, asked: asked.asked, why: why.to_owned() };
    Draft { cause: Some(case.record.lsn), ..case.about_peer(event) }
}
