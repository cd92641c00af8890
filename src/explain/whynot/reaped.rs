//! Why a session is not reaped (C37, C38, C45, C46).

use super::{Found, Guard, head};
use crate::explain::because::turn_source;
use crate::explain::phrase::{one_line, span};
use crate::model::event::KeptBecause;
use crate::model::name::Identity;
use crate::model::session::Turn;
use crate::model::state::{Session, State};
use crate::model::time::Timestamp;
use crate::policy::ask::{Limit, Reaping, Silence, reaping};

pub(super) fn found(state: &State, peer: &Identity, now: Timestamp) -> Found {
    let Some(reaping) = reaping(state, peer) else { return Found::moot("nothing was ever heard of it") };
    if state.is_managed(peer) {
        let why = "something else keeps it alive, and it is never reaped by us";
        return Found { moot: None, guards: vec![Guard::for_ever("C5", why)], unless: String::new() };
    }
    let session = state.presences.get(peer).and_then(|presence| presence.session.as_ref());
    let (guard, unless) = match (reaping, session) {
        (Reaping::Decided { reaped, since }, _) => {
            return Found::moot(format!("its end was decided {} ago, by record {reaped}", span(now.since(since))));
        }
        (Reaping::NoSession, _) | (_, None) => return Found::moot("it has no session that could be reaped"),
        (Reaping::NotReady { woken }, _) => {
            let why = format!("it was woken {} ago and is still on its way to its first input", span(now.since(woken)));
            (Guard::new("C28", why, "it is ready, or its wake has failed"), "")
        }
        (Reaping::Delivering { message }, _) => {
            let why = format!("message {message} is being delivered to it");
            (Guard::new("C37", why, "the delivery has ended"), "")
        }
        (Reaping::Typing { verb }, _) => {
            let why = format!("`{}` was asked for and has not ended", verb.word());
            (Guard::new("C56", why, "it has"), "")
        }
        (Reaping::Unseen, _) => {
            let why = "it is a router: whether one is idle nobody can see";
            (Guard::new("C45", why, "somebody stops it: `dormouse stop`"), "")
        }
        (Reaping::Kept(why), Some(session)) => (kept(state, peer, session, why, now), ""),
        (Reaping::Silent { silence, looking }, Some(session)) => silent(session, silence, looking, now),
    };
    Found { moot: None, guards: vec![guard], unless: unless.to_owned() }
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
        (KeptBecause::MessageWaiting, _) => {
            let which = head(state, peer).map_or_else(String::new, |message| format!(" {message}"));
            Guard::new("C45", format!("message{which} waits for this session"), "it has been delivered")
        }
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
    (Guard::new(rule, why + up, "that time is over"), unless)
}
