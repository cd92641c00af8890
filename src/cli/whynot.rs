use super::context::Context;
use super::error::CliError;
use super::history::Which;
use super::render;
use super::when::{When, zone};
use crate::explain::whynot::{Question, whynot};
use crate::model::name::Identity;
use crate::model::state::State;
use crate::model::time::Timestamp;
use crate::observe::clock;

/// Explain what keeps something from happening to a peer, and what would let it
///
/// Every guard that holds, with its figures and what would end it; and what time alone will bring, and when. The rules
/// themselves are asked. Reads the journal directly, so it works when the daemon is down.
#[derive(Debug, clap::Args)]
pub struct WhyNot {
    /// An identity, a personality, or a unique prefix of either
    peer: String,
    /// What has not happened
    #[arg(value_enum)]
    question: Asked,
    /// As it was then: RFC 3339, 14:05, 2h, yesterday, or an lsn [default: now]
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    at: Option<When>,
    #[command(flatten)]
    which: Which,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Asked {
    /// Its session was ended
    Reaped,
    /// It was given a session
    Woken,
    /// The message that waits first was handed to its session
    Delivered,
    /// Its conversation went on
    Resumed,
}

impl WhyNot {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let history = self.which.open(context)?;
        let peers = history.named(&self.peer)?;
        let (state, _) = history.folded(self.at)?;
        let peer = meant(&state, peers);
        // Whoever is not known yet may have come where nothing can be read.
        if state.peer(&peer).is_none() && !state.presences.contains_key(&peer) && history.is_partial() {
            return Err(history.damage().unwrap_or_else(|| history.no_record(state.lsn.next())));
        }
        let question = match self.question {
            Asked::Reaped => Question::Reaped,
            Asked::Woken => Question::Woken,
            Asked::Delivered => Question::Delivered,
            Asked::Resumed => Question::Resumed,
        };
        let now = present(&state, self.at);
        let answer = whynot(&state, &peer, question, now);
        context.output.print(&answer, || answer.text(now, &zone(), render::columns()))?;
        history.finish(Some(state.lsn))
    }
}

/// Of several runtimes of one personality, the one that has a session or a queue, else its default one.
fn meant(state: &State, mut peers: Vec<Identity>) -> Identity {
    let is_busy = |peer: &&Identity| {
        state.presences.get(*peer).is_some_and(|presence| presence.session.is_some() || !presence.queue.is_empty())
    };
    let is_default = |peer: &&Identity| {
        state.peer(peer).is_some_and(|known| known.registration.profile.default_runtime == peer.runtime)
    };
    let found = peers.iter().find(is_busy).or_else(|| peers.iter().find(is_default)).cloned();
    found.unwrap_or_else(|| peers.remove(0))
}

/// The moment at which it is asked. A moment that is over, or another machine's history, is asked at its own last record:
/// nobody knows how long that machine has been awake since.
fn present(state: &State, at: Option<When>) -> Timestamp {
    let here = clock::now();
    let last = state.now.unwrap_or(here);
    if at.is_none() && last.boot == here.boot { here.latest(last) } else { last }
}
