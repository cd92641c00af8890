//! The way of a call to the loop and back.

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::caller::{Caller, Credentials};
use super::{Door, cause, change, hook, join, own, query, register, send, typed};
use crate::daemon::input::{Answer, Ask, Input};
use crate::model::request::Request;
use crate::model::state::State;
use crate::model::time::Timestamp;
use crate::protocol::{Call, Problem, ProblemCode, Reply, Verb};

/// Does what `call` asks. What is to be said before the end goes to `early`.
pub(super) async fn answer(
    door: &Door,
    credentials: &Credentials,
    call: Call,
    early: &mpsc::UnboundedSender<Reply>,
) -> Result<Value, Problem> {
    match &call.verb {
        Verb::Peek { peer } => return query::peek(door, peer.clone()).await,
        Verb::Ls => return query::ls(door).await,
        Verb::Queue { peer } => return query::queue(door, peer.clone()).await,
        _ => {}
    }
    if let Verb::Hook(said) = call.verb {
        return hook::hook(door, call.secret.as_deref(), *said).await;
    }
    let caller = door.caller(credentials, &call).await?;
    perform(door, caller, call, early).await
}

/// As [`answer`], for a caller who is known already; what `call` says of who calls is not looked at.
pub(in crate::daemon) async fn perform(
    door: &Door,
    caller: Caller,
    call: Call,
    early: &mpsc::UnboundedSender<Reply>,
) -> Result<Value, Problem> {
    match call.verb {
        Verb::Peers => query::peers(door, &caller).await,
        Verb::Messages => own::messages(door, &caller).await,
        Verb::Why { subject } => cause::why(door, &caller, subject).await,
        Verb::WhyNot { peer, question } => cause::why_not(door, &caller, peer, question).await,
        Verb::Send(message) => send::send(door, caller, call.request_id, call.reason, *message, early).await,
        Verb::Add(peer) => register::add(door, caller.actor, call.reason, *peer).await,
        Verb::Attach { peer } => join::attach(door, caller.actor, call.reason, peer).await,
        Verb::Run { folder, runtime } => join::run(door, caller.actor, call.reason, folder, runtime).await,
        Verb::Interrupt { peer } => typed::interrupt(door, caller.actor, call.reason, peer).await,
        Verb::Compact { peer, timeout_ms } => typed::compact(door, caller.actor, call.reason, peer, timeout_ms).await,
        verb => change::change(door, caller.actor, call.reason, verb).await,
    }
}

impl Door {
    /// Asks the loop, and says in the caller's words what it refuses.
    pub(super) async fn ask(&self, request: Request) -> Result<Answer, Problem> {
        let (ask, answered) = Ask::new(request);
        self.tell(Input::Ask(ask))?;
        in_words(answered).await
    }

    /// Runs `question` on the state between two turns.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&State, Timestamp) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let (answer, answered) = oneshot::channel();
        self.tell(Input::Read(Box::new(move |state| {
            let answered = state.map(|(state, now)| question(state, now)).map_err(journal_refuses);
            // A caller that has gone needs no answer.
            let _ = answer.send(answered);
        })))?;
        answered.await.map_err(|_| ending())?
    }

    pub(super) fn tell(&self, input: Input) -> Result<(), Problem> {
        self.inputs.inputs.send(input).map_err(|_| ending())
    }
}

/// The loop's answer; what it refuses, in the caller's words.
pub(super) async fn in_words(answer: oneshot::Receiver<Answer>) -> Result<Answer, Problem> {
    match answer.await.map_err(|_| ending())? {
        Answer::Refused { rule, why, hint } => Err(refused(&rule, &why, hint)),
        Answer::JournalRefuses { why, in_doubt: false } => Err(journal_refuses(&why)),
        Answer::JournalRefuses { why, in_doubt: true } => Err(in_doubt(&why)),
        answer => Ok(answer),
    }
}

pub(super) fn journal_refuses(why: &str) -> Problem {
    Problem::new(ProblemCode::JournalRefuses, format!("the journal cannot be written: {why}"))
        .hint("nothing was accepted; sessions go on, and the daemon tries again by itself")
}

/// The journal failed under the call itself.
pub(super) fn in_doubt(why: &str) -> Problem {
    let says = format!("the journal failed while it wrote this: {why}");
    Problem::new(ProblemCode::JournalRefuses, says).in_doubt().hint(
        "whether it was taken is not known until the daemon has opened the journal again, which it tries by itself; then \
         `queue` and `log` show it. A message sent again with the same --id is never taken twice (C8)",
    )
}

/// The loop is gone, or has dropped the question with its state.
pub(super) fn ending() -> Problem {
    Problem::new(ProblemCode::Ending, "the daemon is ending, or has lost its state and recovers it")
        .hint("try again in a moment")
}

fn refused(rule: &str, why: &str, hint: Option<String>) -> Problem {
    let problem = Problem::refused(if why.contains(rule) { why.to_owned() } else { format!("{why} ({rule})") });
    Problem { hint, ..problem }
}
