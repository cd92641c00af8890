//! Scenarios: a world without chance, in which people, agents and machine do what a text says, and what must come of it.
//!
//! The same daemon, hands, disk and oracles as with a seed; the rest of the world is quiet. `docs/scenarios.md` has the
//! form of the text.

mod judge;
mod parse;
mod play;
mod values;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use judge::Failure;
pub use parse::ScriptError;
pub use play::Play;
use values::{FaultName, KindName, Moment, Peer, Span};

use super::run::{Ran, Sim};
use super::world::manner::Says;

/// A thing of the text, and the line on which it begins.
#[derive(Clone, Debug)]
pub struct Lined<T> {
    pub line: usize,
    pub it: T,
}

/// One scenario.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it shows, as a claim.
    pub title: String,
    /// Rules of the contract.
    pub rules: Vec<String>,
    /// What goes wrong where the rule does not hold.
    pub otherwise: String,
    /// When the story ends, in the world's own milliseconds. Then everything expected must have come; after it people
    /// go home, and the world has to come to rest as every world has to.
    pub(in crate::sim) end: u64,
    pub(in crate::sim) steps: Vec<Lined<Step>>,
    /// Records that must come in this order, with others between them.
    expected: Vec<Lined<Pattern>>,
    /// Records of which there must be so many in the whole story.
    counted: Vec<Lined<Pattern>>,
    finally: Lined<Finally>,
}

/// Something that happens at a moment.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sim) struct Step {
    pub at: Moment,
    #[serde(rename = "do")]
    pub does: Does,
    /// What the caller is told in the end.
    pub told: Option<Word>,
}

/// What a caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sim) enum Word {
    Done,
    /// An earlier call with the same key stands for it (C8).
    Known,
    Refused,
    InDoubt,
    NotTaken,
}

impl Word {
    fn word(self) -> &'static str {
        match self {
            Word::Done => "done",
            Word::Known => "known",
            Word::Refused => "refused",
            Word::InDoubt => "in_doubt",
            Word::NotTaken => "not_taken",
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::sim) enum Does {
    // People.
    Send(Letter),
    Stop(Peer),
    Start(Peer),
    New(Peer),
    Refresh(Peer),
    Attach(Peer),
    Interrupt(Peer),
    Compact(Peer),
    Add(Peer),
    Remove(Peer),
    Run(Peer),
    Cancel(String),
    Retry(String),
    /// Somebody has the session before them, and may begin to type.
    Watch {
        peer: Peer,
        #[serde(default)]
        types: bool,
        #[serde(rename = "for")]
        lasts: Span,
    },
    Edit(Edit),
    // Agents.
    Behave(Behave),
    Agent {
        peer: Peer,
        act: AgentAct,
    },
    // What goes wrong.
    Fault(Fails),
    KillServer(Peer),
    KillShim(Peer),
    LeaveOrphan(Peer),
    // The daemon and its machine.
    KillDaemon {
        #[serde(rename = "for")]
        lasts: Span,
    },
    StopDaemon {
        #[serde(rename = "for")]
        lasts: Span,
    },
    CutPower {
        #[serde(rename = "for")]
        lasts: Span,
    },
    /// The machine sleeps; the world's own time stands still meanwhile.
    Sleep(Span),
    SetClock {
        forward: Option<Span>,
        back: Option<Span>,
    },
    FillDisk {
        #[serde(rename = "for")]
        lasts: Span,
    },
}

/// A message of somebody's.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sim) struct Letter {
    /// The script's own name for it.
    pub id: String,
    /// Personality, or identity for another runtime than the default one.
    pub to: String,
    pub topic: Option<String>,
    pub key: Option<String>,
    pub text: Option<String>,
    /// The message that it says to answer, by the script's own name.
    pub answers: Option<String>,
    /// Its sender waits for a reply.
    #[serde(default)]
    pub asks: bool,
}

/// Somebody saves a peer's profile.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sim) struct Edit {
    pub peer: Peer,
    pub ephemeral: Option<bool>,
    pub resume_on_death: Option<bool>,
    /// Only half of it is there.
    #[serde(default)]
    pub unreadable: bool,
}

/// How an agent is from its next boot and its next turn on. What is not named is as it was.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sim) struct Behave {
    pub peer: Peer,
    pub boot: Option<Span>,
    pub dialogs: Option<u32>,
    pub turn: Option<Span>,
    pub says: Option<Says>,
}

/// What an agent does at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::sim) enum AgentAct {
    Answers,
    SaysProgress,
    SaysDone,
    /// Its turn ends.
    Rests,
    Hangs,
    AsksPerson,
    /// The person has answered.
    GoesOn,
    Exits(i32),
    DiesBy(i32),
    Sends(Letter),
}

/// The next opportunities of a fault are taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sim) struct Fails {
    pub what: FaultName,
    pub peer: Option<Peer>,
    /// How many; one, where no `for` is given.
    pub times: Option<u32>,
    #[serde(rename = "for")]
    pub lasts: Option<Span>,
}

/// What a record has to be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pattern {
    kind: KindName,
    peer: Option<Peer>,
    /// By the script's own name.
    message: Option<String>,
    /// Sessions that bear the same name here are the same, and others are others.
    session: Option<String>,
    /// Who asked, as `log` says it.
    actor: Option<String>,
    /// Kind of the record that is its cause.
    cause: Option<KindName>,
    /// Fields of the record, as `log --json` shows them. A variant may be named alone.
    #[serde(default)]
    with: toml::Table,
    from: Option<Moment>,
    until: Option<Moment>,
    /// No sooner than so long after the one that was expected before, and no later.
    after: Option<Span>,
    within: Option<Span>,
    /// How many such records there are in the whole story.
    times: Option<usize>,
}

/// How things stand when the story ends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finally {
    #[serde(default)]
    messages: BTreeMap<String, Fate>,
    /// As `ls` says it.
    #[serde(default)]
    peers: BTreeMap<Peer, values::PhaseName>,
    /// How often a program has begun on a message, whatever the journal says.
    #[serde(default)]
    begun: BTreeMap<String, u32>,
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fate {
    Queued,
    Delivering,
    Delivered,
    /// A task that was answered.
    Answered,
    /// A task that is done all the same.
    WithoutAWord,
    Dead,
    Cancelled,
}

impl Fate {
    fn word(self) -> &'static str {
        match self {
            Fate::Queued => "queued",
            Fate::Delivering => "delivering",
            Fate::Delivered => "delivered",
            Fate::Answered => "answered",
            Fate::WithoutAWord => "without_a_word",
            Fate::Dead => "dead",
            Fate::Cancelled => "cancelled",
        }
    }
}

/// How a script went.
#[derive(Debug)]
pub struct Played {
    pub ran: Ran,
    /// What was expected and did not come, in the order of the text; empty if a promise was broken before.
    pub failures: Vec<Failure>,
}

impl Played {
    pub fn went_well(&self) -> bool {
        self.ran.broken.is_none() && self.failures.is_empty()
    }
}

/// Plays `script` until the world has come to rest, or a promise is broken.
pub fn play(script: &Script) -> Played {
    let mut sim = Sim::of_script(script);
    let mut failures = Vec::new();
    sim.live(|sim| {
        if let (Some(play), None) = (sim.play.take(), &sim.broken) {
            failures = judge::failures(*play, sim);
        }
    });
    Played { ran: sim.finish(), failures }
}
