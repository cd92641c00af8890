//! What keeps a session from being reaped (C28, C37, C38, C45, C46).

use super::{Found, Guard, delivered, no_daemon, woken};
use crate::explain::because::turn_source;
use crate::explain::forecast::boot_fails_at;
use crate::explain::phrase::{one_line, span};
use crate::model::event::KeptBecause;
use crate::model::message::{Fate, Purpose};
use crate::model::name::Identity;
use crate::model::session::Turn;
use crate::model::state::{Session, SessionPhase, State};
use crate::model::time::Timestamp;
use crate::policy::ask::{Hold, Limit, Reaping, Silence, reaping};

pub(super) fn found(state: &State, peer: &Identity, now: Timestamp) -> Found {
    let Some(reaping) = reaping(state, peer, now) else { return Found::unheard() };
    if state.is_managed(peer) {
        let why = "something else keeps it alive, and it is never reaped by us";
        return Found::held(vec![Guard::new("C5", why, woken::HANDED_BACK)], "");
    }
    let session = state.presences.get(peer).and_then(|presence| presence.session.as_ref());
    let (held, session) = match (reaping, session) {
        (Reaping::Decided { reaped, since }, _) => {
            return Found::moot(format!("its end was decided {} ago, by record {reaped}", span(now.since(since))));
        }
        (Reaping::NoSession, _) | (_, None) => return Found::moot("it has no session that could be reaped"),
        (Reaping::Held(held), Some(session)) => (held, session),
    };
    let mut found = Found::held(no_daemon(state, now).into_iter().collect(), "");
    // What is told of it is as it was when it was last heard of, and counted to there.
    let (now, then) = match (&found.guards[..], state.now) {
        ([_, ..], Some(last)) => (last, ", as it was last heard of"),
        _ => (now, ""),
    };
    for hold in &held {
        let (guard, unless) = guard(state, peer, session, hold, now);
        found.guards.push(Guard { because: guard.because + then, ..guard });
        if !unless.is_empty() {
            found.unless = unless.to_owned();
        }
    }
    found.later = proof_waited_for(state, session);
    found
}

fn guard(state: &State, peer: &Identity, session: &Session, hold: &Hold, now: Timestamp) -> (Guard, &'static str) {
    match hold {
        Hold::NotReady { woken } => boots(state, session, *woken, now),
        Hold::Delivering { message } => {
            let typed = state.messages.get(message).map(|message| delivered::on_its_way(state, message));
            let how = typed.map_or_else(|| "under way to it".to_owned(), |guard| guard.because);
            (Guard::new("C37", how, "that delivery has ended"), "")
        }
        Hold::Typing { verb } => {
            let why = format!("`{}` was asked for and has not ended", verb.word());
            (Guard::new("C56", why, "it has"), "")
        }
        Hold::Unseen => {
            let why = "it is a router: whether one is idle nobody can see";
            (Guard::new("C45", why, "somebody stops it: `dormouse stop`"), "")
        }
        Hold::Kept(why) => (kept(state, peer, session, *why, now), ""),
        Hold::Silent { silence, looking } => silent(session, *silence, *looking, now),
    }
}

/// C28: a boot has its time, and so has its first input.
fn boots(state: &State, session: &Session, woken: Timestamp, now: Timestamp) -> (Guard, &'static str) {
    let ago = span(now.since(woken));
    if session.phase == SessionPhase::Open {
        let why = format!("it was woken {ago} ago, and its first input is not taken yet");
        return (Guard::new("C28", why, "it is, or its wake has failed"), "");
    }
    let limit = span(state.settings.boot_deadline_ms);
    let why =
        format!("it was woken {ago} ago and still boots: its input box has {limit} to open (setting `boot_deadline`)");
    let guard = Guard::new("C28", why, "it is ready, or its wake has failed");
    let at = boot_fails_at(state, session);
    (guard.over(at.map(|at| at.since(now))), "its box opens, or its runtime's file gives it another time")
}

/// A first input that was typed has its time as well; its clock runs only while the program rests, so that nobody can name
/// the moment.
fn proof_waited_for(state: &State, session: &Session) -> Option<String> {
    let first = state.messages.get(&session.first_input?)?;
    let typed = !session.is_ready() && matches!(first.fate, Fate::Delivering { begun: Some(_), .. });
    let limit = span(state.settings.ready_deadline_ms);
    typed.then(|| {
        format!(
            "Time alone brings it, though nobody can say when: once the program has rested for {limit} without taking its \
             first input (setting `ready_deadline`), its wake fails and its session is ended (C28)."
        )
    })
}

fn kept(state: &State, peer: &Identity, session: &Session, why: KeptBecause, now: Timestamp) -> Guard {
    match (why, &session.turn) {
        (KeptBecause::TurnRunning, Turn::Running { since, .. }) => {
            let why = format!("its turn has been running for {}", span(now.since(*since)));
            Guard::new("C46", why, "the turn ends")
        }
        (KeptBecause::WaitsForPerson, Turn::Waiting { since, on }) => {
            let why = format!("it has waited for a person for {}: {}", span(now.since(*since)), one_line(on));
            Guard::new("C46", why, "somebody has answered: `dormouse attach`")
        }
        (KeptBecause::BackgroundWork, Turn::Background { since, on }) => {
            let why = format!(
                "its turn ended {} ago, and work of its own goes on: {}",
                span(now.since(*since)),
                one_line(on)
            );
            Guard::new("C46", why, "that work is over, and the turn in which it hears of it has ended")
        }
        (KeptBecause::MessageWaiting, _) => Guard::new(
            "C45",
            format!("message{} waits for this session", waiting(state, peer)),
            "it has been delivered",
        ),
        (KeptBecause::DeliveryInFlight, _) => Guard::new("C37", "a delivery is under way", "it has ended"),
        (
            KeptBecause::NotKnown
            | KeptBecause::TurnRunning
            | KeptBecause::WaitsForPerson
            | KeptBecause::BackgroundWork,
            _,
        ) => Guard::new("C43", "nobody can say what its turn does", "something is heard of it"),
    }
}

/// Which message waits, as what follows "message".
fn waiting(state: &State, peer: &Identity) -> String {
    let queue = state.presences.get(peer).into_iter().flat_map(|presence| &presence.queue);
    let mut waiting = queue.filter_map(|id| state.messages.get(id));
    let first = waiting.find(|message| message.purpose == Purpose::Message && message.fate == Fate::Queued);
    first.map_or_else(String::new, |message| format!(" {}", message.id))
}

fn silent(session: &Session, silence: Silence, looking: bool, now: Timestamp) -> (Guard, &'static str) {
    let Silence { since, source, limit_ms, kind } = silence;
    let so_far = format!("{} of {}", span(now.since(since)), span(limit_ms));
    let from = format!("counted from {}", turn_source(source));
    let up = if looking { "; it is being looked at right now" } else { "" };
    let (rule, why, unless) = match kind {
        Limit::Idle => (
            "C45",
            format!("it has been idle for {so_far} (setting `idle`), {from}"),
            "its turn starts, a message comes for it, or somebody attaches",
        ),
        Limit::Quiet => (
            "C37",
            format!("it has answered, and has been quiet for {so_far} since (setting `ephemeral_quiet`), {from}"),
            "its turn starts, or something is heard of it",
        ),
        Limit::Unarmed => (
            "C38",
            format!("it has not answered, and has been silent for {so_far} (setting `ephemeral_unarmed_idle`), {from}"),
            "it answers, its turn starts, or something is heard of it",
        ),
        Limit::TurnJudged => (
            "C46a",
            format!(
                "its turn counts as running until it has been silent for long enough: {so_far} (setting \
                 `ephemeral_quiet`), {from}; only then the next clock runs"
            ),
            "its screen or its transcript moves",
        ),
        Limit::Asking => {
            let on = match &session.turn {
                Turn::Waiting { on, .. } => one_line(on),
                _ => "a dialog".to_owned(),
            };
            let why = format!("it waits for a person: {on}; its screen is looked at again after {so_far}{up}");
            return (Guard::new("C46", why, "somebody has answered: `dormouse attach`"), "");
        }
    };
    let left_ms = limit_ms.saturating_sub(now.since(since));
    (Guard::new(rule, why + up, "that time is over").over(Some(left_ms)), unless)
}
