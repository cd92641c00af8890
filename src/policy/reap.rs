//! Reaping: idle, done, never armed, overruled; and what keeps a session that looks silent (C37-C39, C43, C45-C47).

use super::quarantine::has_passed;
use super::{Case, case_of_session, verb};
use crate::model::event::{Kept, KeptBecause, KillRepeated, LookDecided, Parked, Reaped, RuntimeKind, TurnJudged};
use crate::model::message::{Fate, Message, Purpose};
use crate::model::profile::WakePolicy;
use crate::model::record::{Draft, Record};
use crate::model::session::{ReapReason, Source, Turn, WakeReason};
use crate::model::state::{Session, SessionPhase, State};
use crate::model::time::Timestamp;
use crate::mutant::{Bug, bug};

/// Between two looks where the first could not answer, and between two kills (C43, C49).
pub(super) const ASK_AGAIN_MS: u64 = 10_000;

/// A silence, its limit, and what it was measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    pub since: Timestamp,
    pub source: Source,
    pub limit_ms: u64,
    pub kind: Limit,
}

/// What a silence means once it has lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The session is idle, and parked (C45).
    Idle,
    /// An armed worker has done its task (C37).
    Quiet,
    /// A worker has ended without a word (C38).
    Unarmed,
    /// A turn that is judged: silent long enough, it has ended (C46a).
    TurnJudged,
    /// A person was needed, and only another look can tell whether one came.
    Asking,
}

impl Silence {
    /// From a look that left things open to the next one.
    fn ask_again_ms(self) -> u64 {
        match self.kind {
            Limit::Asking => self.limit_ms,
            Limit::Idle | Limit::Quiet | Limit::Unarmed | Limit::TurnJudged => ASK_AGAIN_MS,
        }
    }
}

/// What a session's silence means now.
pub(super) enum Verdict {
    Keep(KeptBecause),
    /// Nothing to say: no clock runs.
    Nothing,
    Silent(Silence),
}

/// Sessions that end whatever they do: a wake that failed, a `new` or a folder launch.
pub(super) fn overruled(case: &Case) -> Vec<Draft> {
    let Some(session) = case.live() else { return kill_again(case) };
    if session.failing {
        return vec![reap(case, session, ReapReason::WakeFailed)];
    }
    let replaced = case
        .presence
        .bring_up
        .as_ref()
        .is_some_and(|bring_up| matches!(bring_up.reason, WakeReason::New | WakeReason::FolderLaunch));
    if replaced {
        return vec![reap(case, session, ReapReason::Replaced)];
    }
    if is_bare_worker(session) && a_task_waits(case) {
        return vec![reap(case, session, ReapReason::Unneeded)];
    }
    if stands_in_the_way(case, session) { park_and_reap(case, session, ReapReason::Unneeded) } else { Vec::new() }
}

/// A router is never idle, so that a task behind it, accepted since its peer became a worker, would wait for ever.
fn stands_in_the_way(case: &Case, session: &Session) -> bool {
    session.policy == WakePolicy::Persistent
        && session.is_ready()
        && session.delivering.is_none()
        && head(case).is_some_and(|message| message.policy == WakePolicy::Ephemeral)
        && is_router(case)
}

/// A worker's session that was brought up without a task and never had one.
fn is_bare_worker(session: &Session) -> bool {
    session.policy == WakePolicy::Ephemeral && session.is_ready() && session.last_delivered.is_none()
}

fn a_task_waits(case: &Case) -> bool {
    head(case).is_some()
}

/// A kill that could not be verified is asked for again (C49).
fn kill_again(case: &Case) -> Vec<Draft> {
    let Some(session) = &case.presence.session else { return Vec::new() };
    let SessionPhase::Ending { reaped, since, kill_failed: Some(failed), .. } = &session.phase else {
        return Vec::new();
    };
    if !has_passed(case.now(), failed.plus_ms(ASK_AGAIN_MS)) {
        return Vec::new();
    }
    vec![case.about_session(session, KillRepeated { reaped: *reaped, since_ms: case.now().since(*since) })]
}

/// A silence over its limit is looked at before anything is decided on it.
pub(super) fn due(case: &Case) -> Vec<Draft> {
    let Some(session) = case.live().filter(|session| session.is_ready()) else { return Vec::new() };
    match verdict(case, session) {
        Verdict::Keep(why) => kept(case, session, why),
        Verdict::Nothing => Vec::new(),
        Verdict::Silent(silence) => {
            let silent_ms = case.now().since(silence.since);
            let may_ask = session
                .look_failed_at
                .is_none_or(|failed| has_passed(case.now(), failed.plus_ms(silence.ask_again_ms())));
            if silent_ms < silence.limit_ms || session.looking || !may_ask {
                return Vec::new();
            }
            let event = LookDecided { silent_ms, last_sign: silence.since, source: silence.source };
            vec![case.about_session(session, event)]
        }
    }
}

/// The look has been taken, and the state knows what it saw.
pub(super) fn session_looked(state: &State, record: &Record) -> Vec<Draft> {
    let Some((case, session)) = case_of_session(state, record) else { return Vec::new() };
    if session.is_ending() || !session.is_ready() {
        return Vec::new();
    }
    match verdict(&case, session) {
        Verdict::Keep(why) => kept(&case, session, why),
        Verdict::Nothing => Vec::new(),
        Verdict::Silent(silence) if case.now().since(silence.since) < silence.limit_ms => Vec::new(),
        Verdict::Silent(silence) => conclude(&case, session, silence),
    }
}

/// Said once for each reason, and only when the session has been silent for so long that its life is a surprise.
fn kept(case: &Case, session: &Session, why: KeptBecause) -> Vec<Draft> {
    let surprising = kept_at(case, session, why).is_some_and(|at| has_passed(case.now(), at));
    if surprising { vec![case.about_session(session, Kept { why })] } else { Vec::new() }
}

fn kept_at(case: &Case, session: &Session, why: KeptBecause) -> Option<Timestamp> {
    let limit_ms = match session.policy {
        WakePolicy::Persistent => case.state.settings.idle_ms,
        WakePolicy::Ephemeral => case.state.settings.ephemeral_unarmed_idle_ms,
    };
    (session.kept != Some(why)).then(|| last_sign(session).0.plus_ms(limit_ms))
}

fn conclude(case: &Case, session: &Session, silence: Silence) -> Vec<Draft> {
    let silent_ms = case.now().since(silence.since);
    let Silence { since, source, limit_ms, kind } = silence;
    match kind {
        Limit::Asking => kept(case, session, KeptBecause::WaitsForPerson),
        Limit::TurnJudged => {
            let turn = Turn::Ended { at: since, judged: true };
            let because = format!("screen and transcript have been silent for {} s", silent_ms / 1000);
            vec![case.about_session(session, TurnJudged { turn, because })]
        }
        Limit::Idle => {
            let reason = ReapReason::Idle { idle_ms: silent_ms, idle_ms_max: limit_ms, last_sign: since, source };
            park_and_reap(case, session, reason)
        }
        Limit::Quiet => {
            let armed = session.armed.map_or(session.generation.0, |(lsn, _)| lsn);
            vec![reap(case, session, ReapReason::Done { armed, quiet_ms: silent_ms, quiet_ms_max: limit_ms })]
        }
        Limit::Unarmed => {
            let reason = ReapReason::Unarmed { silent_ms, silent_ms_max: limit_ms };
            vec![reap(case, session, reason)]
        }
    }
}

pub(super) fn verdict(case: &Case, session: &Session) -> Verdict {
    if session.delivering.is_some() || verb::is_asked(case) || is_unseen(case, session) {
        return Verdict::Nothing;
    }
    of_its_turn(case, session)
}

/// What holds besides a delivery and a typed command, for people: the verdict is the first of it.
pub(super) fn all_verdicts(case: &Case, session: &Session) -> Vec<Verdict> {
    let mut all = Vec::new();
    if !is_unseen(case, session) {
        all.push(of_its_turn(case, session));
    }
    if session.policy == WakePolicy::Ephemeral || !waits_for_session(case) {
        return all;
    }
    match (&all[..], &session.turn) {
        // Its clock runs all the same, and a message that is called back leaves it.
        ([Verdict::Keep(KeptBecause::MessageWaiting)], Turn::Ended { at, .. } | Turn::Failed { at, .. }) => {
            all.push(Verdict::Silent(idle(case, session, *at)));
        }
        _ => all.push(Verdict::Keep(KeptBecause::MessageWaiting)),
    }
    all
}

/// A router has no activity that could be seen: nobody can say that it is idle. A worker's answer and its silence are known
/// all the same, and must not block its queue (C37, C38).
pub(super) fn is_unseen(case: &Case, session: &Session) -> bool {
    session.policy == WakePolicy::Persistent && is_router(case)
}

fn of_its_turn(case: &Case, session: &Session) -> Verdict {
    match &session.turn {
        Turn::Running { judged: false, since } if bug(Bug::ReapedInItsTurn) => at_rest(case, session, *since),
        // A model may think for an hour without a byte on its screen (C46).
        Turn::Running { judged: false, .. } => Verdict::Keep(KeptBecause::TurnRunning),
        // Who came is never told by a program that tells nothing: its screen is looked at again.
        Turn::Waiting { since, .. } if !case.state.tells_turns(case.peer) => {
            let limit_ms = case.state.settings.ephemeral_unarmed_idle_ms;
            Verdict::Silent(Silence { since: *since, source: Source::Screen, limit_ms, kind: Limit::Asking })
        }
        Turn::Waiting { .. } => Verdict::Keep(KeptBecause::WaitsForPerson),
        Turn::Background { .. } => Verdict::Keep(KeptBecause::BackgroundWork),
        // Nobody can say: a wrong kill costs more than a late one (C43).
        Turn::Unknown => Verdict::Keep(KeptBecause::NotKnown),
        Turn::Running { judged: true, since } => Verdict::Silent(judged_turn(case, session, *since)),
        Turn::Ended { at, .. } | Turn::Failed { at, .. } => at_rest(case, session, *at),
    }
}

fn is_router(case: &Case) -> bool {
    case.state.runtimes.get(&case.peer.runtime).is_some_and(|traits| traits.kind == RuntimeKind::Router)
}

/// C46a: silent on screen and in the transcript; a screen that never rests counts for at most the unarmed bound.
fn judged_turn(case: &Case, session: &Session, began: Timestamp) -> Silence {
    let settings = &case.state.settings;
    let (sign, source) = last_sign(session);
    let by_screen = sign_by_screen(session);
    let restless = case.now().since(began.latest(sign)) >= settings.ephemeral_unarmed_idle_ms;
    if restless {
        Silence { since: sign, source, limit_ms: settings.ephemeral_quiet_ms, kind: Limit::TurnJudged }
    } else {
        let source = if by_screen == sign { source } else { Source::Screen };
        Silence { since: by_screen, source, limit_ms: settings.ephemeral_quiet_ms, kind: Limit::TurnJudged }
    }
}

/// When that silence reaches its limit: before its screen no longer counts, or once it does not.
fn judged_turn_due(case: &Case, session: &Session, began: Timestamp) -> Timestamp {
    let settings = &case.state.settings;
    let (sign, _) = last_sign(session);
    let with_screen = sign_by_screen(session).plus_ms(settings.ephemeral_quiet_ms);
    let restless = began.latest(sign).plus_ms(settings.ephemeral_unarmed_idle_ms);
    if restless.latest(with_screen) == restless {
        with_screen
    } else {
        restless.latest(sign.plus_ms(settings.ephemeral_quiet_ms))
    }
}

fn sign_by_screen(session: &Session) -> Timestamp {
    let (sign, _) = last_sign(session);
    session.screen_moved.map_or(sign, |moved| moved.latest(sign))
}

/// The latest sign of life that does not lie: screens tick at rest, so they are none (C45).
pub(super) fn last_sign(session: &Session) -> (Timestamp, Source) {
    let (sign, source) = match session.transcript_moved {
        Some(moved) if moved.latest(session.last_sign) == moved && moved != session.last_sign => {
            (moved, Source::Transcript)
        }
        _ => (session.last_sign, session.last_sign_source),
    };
    let (sign, source) = later((sign, source), session.work_seen, Source::Screen);
    later((sign, source), session.person_seen, Source::Person)
}

fn later(known: (Timestamp, Source), seen: Option<Timestamp>, source: Source) -> (Timestamp, Source) {
    match seen {
        Some(seen) if seen.latest(known.0) == seen => (seen, source),
        _ => known,
    }
}

fn at_rest(case: &Case, session: &Session, turn_ended: Timestamp) -> Verdict {
    let settings = &case.state.settings;
    let (sign, source) = last_sign(session);
    match (session.policy, session.armed) {
        (WakePolicy::Ephemeral, Some((_, armed_at))) => {
            let since = [Some(armed_at), session.last_proof, session.person_seen, session.work_seen]
                .into_iter()
                .flatten()
                .fold(turn_ended, Timestamp::latest);
            let limit_ms = if bug(Bug::QuietNotAwaited) { 0 } else { settings.ephemeral_quiet_ms };
            Verdict::Silent(Silence { since, source, limit_ms, kind: Limit::Quiet })
        }
        (WakePolicy::Ephemeral, None) => {
            let since = sign.latest(turn_ended);
            let limit_ms = settings.ephemeral_unarmed_idle_ms;
            Verdict::Silent(Silence { since, source, limit_ms, kind: Limit::Unarmed })
        }
        (WakePolicy::Persistent, _) if waits_for_session(case) => Verdict::Keep(KeptBecause::MessageWaiting),
        (WakePolicy::Persistent, _) => Verdict::Silent(idle(case, session, turn_ended)),
    }
}

fn idle(case: &Case, session: &Session, turn_ended: Timestamp) -> Silence {
    let (sign, source) = last_sign(session);
    Silence { since: sign.latest(turn_ended), source, limit_ms: case.state.settings.idle_ms, kind: Limit::Idle }
}

/// A message that this session could take keeps it (C45). One behind a task, which gets a session of its own, could not.
fn waits_for_session(case: &Case) -> bool {
    head(case).is_some_and(|message| message.policy == WakePolicy::Persistent)
}

/// What waits first.
fn head<'a>(case: &Case<'a>) -> Option<&'a Message> {
    let queue = case.presence.queue.iter().filter_map(|id| case.state.messages.get(id));
    queue.into_iter().find(|message| message.purpose == Purpose::Message && message.fate == Fate::Queued)
}

pub(super) fn park(case: &Case, session: &Session) -> Draft {
    let event =
        Parked { resume_ref: case.state.resumable(case.peer, session).cloned(), topics: session.topics.clone() };
    case.about_session(session, event)
}

pub(super) fn reap(case: &Case, session: &Session, reason: ReapReason) -> Draft {
    case.about_session(session, Reaped { reason })
}

/// The event first, then the kill (C47). Workers leave nothing to resume (C39).
pub(super) fn park_and_reap(case: &Case, session: &Session, reason: ReapReason) -> Vec<Draft> {
    let parks = session.policy == WakePolicy::Persistent;
    let park = parks.then(|| park(case, session));
    park.into_iter().chain([reap(case, session, reason)]).collect()
}

/// When this session's silence will have lasted as long as its limit, if a clock runs.
pub(super) fn due_at(case: &Case, session: &Session) -> Option<Timestamp> {
    if !session.is_ready() || session.looking {
        return None;
    }
    let silence = match verdict(case, session) {
        Verdict::Silent(silence) => silence,
        Verdict::Keep(why) => return kept_at(case, session, why),
        Verdict::Nothing => return None,
    };
    let limit = match session.turn {
        Turn::Running { judged: true, since } => judged_turn_due(case, session, since),
        _ => silence.since.plus_ms(silence.limit_ms),
    };
    let ask_again = session.look_failed_at.map(|failed| failed.plus_ms(silence.ask_again_ms()));
    Some(ask_again.map_or(limit, |again| again.latest(limit)))
}
