//! What stands in the way of something, as an agent can act on it.

use serde::Serialize;

use super::cause::Move;
use super::queue;
use super::whynot::woken::BY_TOPIC;
use super::whynot::{Guard, Question, WhyNot, whynot};
use crate::model::id::MessageId;
use crate::model::state::State;
use crate::model::time::Timestamp;

/// Why something does not happen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Obstacle {
    /// The number of the rule that holds first; `moot` if the question does not arise.
    pub code: &'static str,
    pub sentence: String,
    pub next: Vec<Move>,
    #[serde(flatten)]
    pub whynot: WhyNot,
}

/// What a message that waits, or is on its way, has in its way.
#[derive(Clone, Debug)]
pub struct Waits {
    state: &'static str,
    position: Option<usize>,
    /// What keeps it behind another one, for which the obstacle is.
    behind: Option<String>,
    obstacle: Obstacle,
}

impl Waits {
    /// At `now`; none once something has become of it.
    pub fn of(state: &State, message: MessageId, now: Timestamp) -> Option<Self> {
        // What a session has in hand waits for nothing in the queue.
        let row = queue::row_of(state, message, now).filter(|row| row.state != "delivered")?;
        let mut whynot = whynot(state, &row.peer, Question::Delivered, now);
        // That it has to be woken first is said by what keeps it from being woken.
        if let [Guard { rule: "C15", .. }, _, ..] = &whynot.guards[..] {
            whynot.guards.remove(0);
        }
        let obstacle = obstacle(whynot);
        let behind = row.position.is_some_and(|position| position > 1).then_some(row.waits_for);
        Some(Self { state: row.state, position: row.position, behind, obstacle })
    }

    /// The sentence and the moves, without the names of messages that are not the caller's; the last move is to `wait`.
    pub(super) fn told(self, concerns: impl Fn(MessageId) -> bool, wait: &str) -> (String, Vec<Move>) {
        let stands = match (self.state, self.position) {
            ("delivering", _) => "it is being delivered".to_owned(),
            (state, Some(position)) => format!("it is {state}, at position {position}"),
            (state, None) => format!("it is {state}"),
        };
        let guards = self.obstacle.whynot.guards.iter();
        let says = guards.map(|guard| without_others(&format!("{} ({})", guard.because, guard.rule), &concerns));
        let says: Vec<String> = says.collect();
        let hide = |it: Move| Move { what: without_others(&it.what, &concerns), ..it };
        let next = self.obstacle.next.into_iter().map(hide);
        let behind = self.behind.map(|behind| format!("{}; that one waits: ", without_others(&behind, &concerns)));
        (
            format!("{stands}: {}{}", behind.unwrap_or_default(), says.join("; ")),
            next.chain([Move::without(wait)]).collect(),
        )
    }
}

fn without_others(text: &str, concerns: impl Fn(MessageId) -> bool) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let others = words.filter(|word| word.parse().is_ok_and(|message| !concerns(message)));
    others.fold(text.to_owned(), |text, other| text.replace(&format!("message {other}"), "another message"))
}

/// `whynot` for an agent. What only a person can end comes first: an agent that waits for anything else waits in vain.
pub fn obstacle(whynot: WhyNot) -> Obstacle {
    let stopped = whynot.guards.iter().find(|guard| guard.rule == "C52");
    let (code, sentence) = match (&whynot.moot, stopped.or(whynot.guards.first())) {
        (Some(moot), _) => ("moot", moot.clone()),
        (None, Some(guard)) => (guard.rule, guard.because.clone()),
        (None, None) => ("none", "nothing stands in its way: it is about to happen".to_owned()),
    };
    let by_itself = whynot.by_itself.iter().map(|it| {
        let seconds = it.in_ms.div_ceil(1_000);
        let at_most = if it.at_latest { " at most" } else { "" };
        Move::without(format!("wait {seconds} s{at_most}: it comes by itself at {}, unless {}", it.at, it.unless))
    });
    let first = whynot.first.iter().map(|it| {
        let (seconds, unless) = (it.in_ms.div_ceil(1_000), &it.unless);
        let then = match it.brings {
            "reaped" => "its session is ended by itself then",
            _ => "it is woken by itself then",
        };
        let woken = if it.brings == "reaped" { "; and it is woken for what waits" } else { "" };
        let at_most = if it.at_latest { " at most" } else { "" };
        Move::without(format!("wait {seconds} s{at_most}: {then}, unless {unless}{woken}"))
    });
    // What is stopped takes no messages (C52).
    let until = whynot.guards.iter().filter(|guard| stopped.is_none_or(|stopped| stopped.rule == guard.rule));
    // What comes by itself needs no second wait for the same moment.
    let comes = whynot.by_itself.is_some();
    let until = until.filter(|guard| !(comes && guard.in_ms.is_some() && !needs_person(guard)));
    let next = by_itself.chain(first).chain(until.filter_map(|guard| guard.until.as_deref()).map(end_of)).collect();
    Obstacle { code, sentence, next, whynot }
}

fn needs_person(guard: &Guard) -> bool {
    guard.until.as_ref().is_some_and(|until| until.contains("`dormouse "))
}

/// What would end a guard, as a move.
fn end_of(until: &str) -> Move {
    match until.contains("`dormouse send`") {
        true => Move::with("send_to_peer", "send it a message: that is what it waits for"),
        false if until.starts_with(BY_TOPIC) => {
            let what = format!(
                "send it only a message with such a `topic`, for any other wakes it fresh; it lasts until {until}"
            );
            Move::with("send_to_peer", what)
        }
        false if until.contains("`dormouse ") => Move::without(format!("tell a person; it lasts until {until}")),
        false => Move::without(format!("wait until {until}")),
    }
}
