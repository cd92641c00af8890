//! The end of a session: what it was (C29, C44, C44a, C50a).

use super::{Case, case_of_session, retry};
use crate::model::event::{SessionDied, SessionEnded, SessionFinished, SessionGone, WakeFailed, WakePhase};
use crate::model::profile::WakePolicy;
use crate::model::record::{Draft, Record};
use crate::model::session::{Ending, Turn};
use crate::model::state::{Session, SessionPhase, State};

use super::reap;

pub(super) fn session_gone(state: &State, record: &Record, fact: &SessionGone) -> Vec<Draft> {
    let Some((case, session)) = case_of_session(state, record) else { return Vec::new() };
    if let SessionPhase::Ending { reaped, since, .. } = &session.phase {
        let took_ms = case.now().since(*since);
        let event = SessionEnded { reaped: *reaped, ending: fact.ending.clone(), took_ms, strays: fact.strays };
        return vec![case.about_session(session, event)];
    }
    match &fact.ending {
        Ending::NeverStarted => never_started(&case, session, fact),
        Ending::MachineDown => went_down(&case, session, fact),
        ending if ending.is_success() && has_finished(session) => finished(&case, session, fact),
        _ => died(&case, session, fact, true),
    }
}

/// Exit 0 with no turn running, after it was armed, or in the middle of a task, which is then done without a word
/// (C44a). Before it ever was ready, an exit is a boot that failed.
fn has_finished(session: &Session) -> bool {
    let idle = !matches!(session.turn, Turn::Running { .. });
    session.is_ready() && (idle || session.armed.is_some() || session.task.is_some())
}

fn finished(case: &Case, session: &Session, fact: &SessionGone) -> Vec<Draft> {
    let event = SessionFinished { lived_ms: fact.lived_ms, armed: session.armed.is_some() };
    let parks = session.policy == WakePolicy::Persistent;
    let park = parks.then(|| reap::park(case, session));
    park.into_iter().chain([case.about_session(session, event)]).collect()
}

/// Nobody was there to start it: the daemon ended between the decision and its effect.
fn never_started(case: &Case, session: &Session, fact: &SessionGone) -> Vec<Draft> {
    let retry_in_ms =
        if fact.found_at_start { 0 } else { retry::delay_ms(&case.state.settings, case.presence.wakes_failed + 1) };
    let event = WakeFailed {
        phase: if fact.found_at_start { WakePhase::Unwatched } else { WakePhase::Launch },
        why: format!("the session {}", fact.ending),
        screen: None,
        counted: false,
        left_session: false,
        retry_in_ms,
    };
    vec![case.about_session(session, event)]
}

/// A session that went down with the machine counts as parked, and is nobody's fault (C17, C50a).
fn went_down(case: &Case, session: &Session, fact: &SessionGone) -> Vec<Draft> {
    let mut drafts = died(case, session, fact, false);
    if session.policy == WakePolicy::Persistent {
        // Behind the death, whose fold takes an older park's place.
        drafts.insert(1.min(drafts.len()), reap::park(case, session));
    }
    drafts
}

fn died(case: &Case, session: &Session, fact: &SessionGone, counted: bool) -> Vec<Draft> {
    let settings = &case.state.settings;
    let window_ms = settings.crashloop_window_ms;
    let before = case.presence.deaths.iter().filter(|(_, at)| case.now().since(*at) < window_ms).count();
    let event = SessionDied {
        ending: fact.ending.clone(),
        lived_ms: fact.lived_ms,
        deaths: u32::try_from(before).unwrap_or(u32::MAX) + u32::from(counted),
        deaths_max: settings.crashloop_deaths_max,
        window_ms,
        counted,
        task: session.task,
    };
    let mut drafts = vec![case.about_session(session, event)];
    if counted && !session.is_ready() {
        drafts.push(boot_failed(case, session, fact));
    }
    drafts
}

/// The death has been counted; the wake it ended failed as well (C29).
fn boot_failed(case: &Case, session: &Session, fact: &SessionGone) -> Draft {
    let phase = if session.delivering.is_some() { WakePhase::Deliver } else { WakePhase::Boot };
    case.about_session(
        session,
        WakeFailed {
            phase,
            why: format!("the session {}", fact.ending),
            screen: session.last_words.clone(),
            counted: false,
            left_session: false,
            retry_in_ms: retry::delay_ms(&case.state.settings, case.presence.wakes_failed + 1),
        },
    )
}
