use super::context::Context;
use super::error::CliError;
use super::history::{Folded, History, Which};
use super::present::{Sought, as_of_its_end, present};
use super::render;
use super::silence;
use super::when::{When, zone};
use crate::explain::layout;
use crate::explain::phrase::rfc3339;
use crate::explain::why::Source as _;
use crate::explain::whynot::{Past, Question, WhyNot as Said, whynot};
use crate::journal::Question as About;
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::state::State;

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
        let is_home = self.which.is_home();
        let history = self.which.open(context)?;
        let peers = history.named(&self.peer)?;
        let (Folded { mut state, whole, .. }, concluded) = history.concluded(self.at)?;
        let asked = Sought { at: self.at, is_home, whole };
        if silence::nobody_serves(&history, context, asked).is_some() {
            silence::stands_still(&mut state);
        }
        let peer = meant(&state, peers);
        // Whoever is not known yet may have come where nothing can be read.
        let is_known = state.presences.contains_key(&peer) || state.peer(&peer).is_some();
        if !is_known && history.is_partial() {
            return Err(history.damage().unwrap_or_else(|| history.no_record(state.lsn.next())));
        }
        let question = match self.question {
            Asked::Reaped => Question::Reaped,
            Asked::Woken => Question::Woken,
            Asked::Delivered => Question::Delivered,
            Asked::Resumed => Question::Resumed,
        };
        let now = present(asked, state.now);
        let answer = match (!is_known).then(|| past(&history, &peer, state.lsn)).flatten() {
            Some(past) => Said::of_the_past(&peer, question, &past, now),
            None => whynot(&state, &peer, question, now),
        };
        let as_of = concluded.or((!whole).then_some(state.lsn));
        let answer = Answer { as_of, told_at: rfc3339(now), answer };
        let told = concluded.map_or_else(|| as_of_its_end(asked, state.now), as_concluded);
        context.output.print(&answer, || answer.answer.text(now, &zone(), render::columns()) + &told)?;
        history.finish(Some(state.lsn))
    }
}

/// What is answered, and behind which record where that is not the one that was asked for.
#[derive(serde::Serialize)]
struct Answer {
    as_of: Option<Lsn>,
    /// RFC 3339, UTC: the moment that it is told from.
    told_at: String,
    #[serde(flatten)]
    answer: Said,
}

fn as_concluded(lsn: Lsn) -> String {
    let why = format!("As of record {lsn}: what follows from a record is decided in the same instant.");
    layout::fold("", &why, render::columns()) + "\n"
}

/// What the records up to `last` say of a peer that the state as of then does not know.
fn past(history: &History, peer: &Identity, last: Lsn) -> Option<Past> {
    let of_peer = About { subjects: Some(vec![peer.clone()]), ..About::default() };
    let until = About { last: Some(last), kinds: vec!["peer_forgotten"], ..of_peer.clone() };
    let reading = history.reading();
    if let Some(record) = reading.newest(&until) {
        return Some(Past::Forgotten(Box::new(record)));
    }
    let later = About { first: Some(last.next()), ..of_peer };
    let first = reading.oldest(&later).map(|record| Past::NotYet(Box::new(record)));
    first.or_else(|| history.is_partial().then_some(Past::Unreadable))
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
