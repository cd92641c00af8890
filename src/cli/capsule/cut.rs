//! The slice that a capsule holds: where it begins, and what is written.

use serde_json::{Value, json};

use super::bodies::{Kept, LeftOut};
use super::open::Unpacked;
use super::{earlier, written};
use crate::cli::error::CliError;
use crate::cli::history::{Folded, History};
use crate::cli::progress::Progress;
use crate::cli::when::When;
use crate::explain::why::Source as _;
use crate::journal::slice::{Before, Sliced, slice};
use crate::journal::{DirStorage, Order, Question, ReadError};
use crate::model::event::{Event, Fact};
use crate::model::id::{Generation, Lsn};
use crate::model::record::Record;
use crate::model::state::{SCHEMA, State};
use crate::observe::clock;
use crate::protocol::Problem;
use crate::supervisor::snapshot;

/// The slice with what the manifest says of it.
pub struct Cut {
    pub sliced: Sliced,
    pub left: LeftOut,
    /// Right before it; none where damage lies between the slice and every state that is told.
    pub state: Option<State>,
    pub versions: Vec<Value>,
    pub settings: Option<Value>,
    /// Records before the slice that explain the peer.
    pub earlier: Vec<Record>,
    /// Records of the slice that are about the peer.
    pub about_peer: u64,
    /// Nothing was recorded of the peer since the moment that was asked for.
    pub reached_back: bool,
    /// Where reading goes on, if it ends before the journal does.
    pub goes_on: Option<Lsn>,
}

impl Cut {
    /// Whether a state can be told of its records.
    pub fn is_told(&self) -> bool {
        self.state.is_some()
    }
}

/// Writes the slice into `folder`.
pub fn cut(history: &History, since: When, kept: &Kept, folder: &Unpacked) -> Result<Cut, CliError> {
    history.must_have_come(Some(since))?;
    if let When::Lsn(lsn) = since
        && lsn > history.reader.last_lsn()
        && history.reading().oldest(&Question { first: Some(lsn), ..Question::default() }).is_none()
    {
        return Err(history.no_record(lsn));
    }
    let (since, reached_back) = reached(history, since, kept);
    let (first, state) = beginning(history, since, kept)?;
    let state = state.map(|state| kept.of_state(state));
    let encoded = state.as_ref().map(snapshot::encode).transpose();
    let encoded = encoded.map_err(|error| Problem::failed(error.to_string()))?;
    let (mut left, mut versions, mut settings) = (LeftOut::default(), Vec::new(), None);
    let earlier = earlier::gathered(history, first, kept, &mut LeftOut::default());
    earlier.iter().for_each(|record| note(record, &mut versions, &mut settings));
    let (mut unread, mut about_peer) = (None, 0);
    let mut progress = Progress::over(first, history.reader.last_lsn(), "copied");
    // Damage before the first of them keeps none of them from being read.
    let asked = Question { first: Some(first), ..Question::default() };
    let from_there = |found: Result<Record, ReadError>| match found {
        Err(error) if error.first_unread().is_some_and(|unread| unread < first) => {
            history.reading().note(error);
            None
        }
        found => Some(found),
    };
    let found = history.reader.find(&asked, first, Order::OldestFirst).filter_map(from_there);
    let records = found.map_while(|record| match record {
        Ok(record) => {
            progress.at(record.lsn);
            note(&record, &mut versions, &mut settings);
            about_peer += u64::from(record.subject.peer.as_ref() == Some(&kept.peer));
            Some(kept.of(record, &mut left))
        }
        Err(error) => {
            unread = Some(error);
            None
        }
    });
    let storage = DirStorage::open(&folder.path).map_err(|source| written(&folder.path, source))?;
    let before = encoded.as_deref().map(|state| Before { schema: SCHEMA, state });
    let sliced = slice(storage, before, records, clock::now().wall_us, random)?;
    let Some(sliced) = sliced else {
        return Err(unread.map_or_else(|| Problem::refused("there is no record since then").into(), CliError::from));
    };
    let goes_on = unread.as_ref().and_then(|error| history.reader.behind(error));
    // What could be read is in it; what could not is no secret.
    unread.into_iter().for_each(|error| history.reading().note(error));
    Ok(Cut { sliced, left, state, versions, settings, earlier, about_peer, reached_back, goes_on })
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes after its boot");
    bytes
}

/// The moment that was asked for, or that of the peer's last session where nothing was recorded of it since.
fn reached(history: &History, since: When, kept: &Kept) -> (When, bool) {
    // Who asks for what comes behind damage has what comes before it.
    if is_behind_damage(history, since) {
        return (since, false);
    }
    let about = Question { subjects: Some(vec![kept.peer.clone()]), ..Question::default() };
    let is_before = |record: &Record| match since {
        When::Lsn(lsn) => record.lsn < lsn,
        When::Wall(wall_us) => record.at.wall_us < wall_us,
    };
    match history.reading().newest(&about).filter(is_before) {
        Some(record) => (When::Lsn(record.subject.generation.map_or(record.lsn, |Generation(lsn)| lsn)), true),
        None => (since, false),
    }
}

/// The fact that a slice since then begins with, and the state right before it: of the group that was made then, or that
/// woke the session that lived.
fn beginning(history: &History, since: When, kept: &Kept) -> Result<(Lsn, Option<State>), CliError> {
    if is_behind_damage(history, since) {
        return Ok((behind(history, since)?, None));
    }
    let earliest = match history.first_told() {
        Ok(told) => told,
        Err(CliError::Unanswered { errors }) => {
            errors.into_iter().for_each(|error| history.reading().note(error));
            return Ok((behind(history, since)?, None));
        }
        Err(error) if error.is_damage() => return Ok((behind(history, since)?, None)),
        Err(error) => return Err(error),
    };
    let earliest_lsn = earliest.lsn.next();
    let is_told = match since {
        When::Lsn(lsn) => lsn >= earliest.lsn,
        When::Wall(wall_us) => earliest.now.is_none_or(|now| now.wall_us <= wall_us),
    };
    if !is_told {
        // What is kept begins later: all of it, then.
        return Ok((earliest_lsn, Some(earliest)));
    }
    let Folded { state, last, whole } = history.fold(Some(since))?;
    if !whole {
        return Ok((behind(history, since)?, None));
    }
    let woken = state.presences.get(&kept.peer).and_then(|it| it.session.as_ref()).map(|session| session.generation.0);
    let then = woken.unwrap_or_else(|| last.map_or(Lsn(1), |last| last.lsn));
    let first = whole_group(history, then.max(earliest_lsn), earliest_lsn);
    if first == earliest_lsn {
        return Ok((first, Some(earliest)));
    }
    let state = history.told_up_to(When::Lsn(Lsn(first.0 - 1)))?;
    Ok((first, Some(state)))
}

/// Behind everything that can be read without a break: no state is told of it.
fn is_behind_damage(history: &History, since: When) -> bool {
    matches!(since, When::Lsn(lsn) if lsn > history.reader.last_lsn())
}

/// The first record since then that can be read, where damage lies before it: of that nobody knows how things stood.
fn behind(history: &History, since: When) -> Result<Lsn, CliError> {
    let asked = match since {
        When::Lsn(lsn) => Question { first: Some(lsn), ..Question::default() },
        When::Wall(wall_us) => Question { since_us: Some(wall_us), ..Question::default() },
    };
    let first = history.reading().oldest(&asked).map(|record| record.lsn);
    let first = first
        .ok_or_else(|| history.damage().unwrap_or_else(|| Problem::refused("there is no record since then").into()))?;
    Ok(whole_group(history, first, history.reader.first_lsn()))
}

/// A group is kept whole, as far as it can be read.
fn whole_group(history: &History, mut first: Lsn, earliest: Lsn) -> Lsn {
    let is_decision = |lsn| history.reading().record(lsn).is_some_and(|it| matches!(it.event, Event::Decision(_)));
    while first > earliest && is_decision(first) && history.reading().record(Lsn(first.0 - 1)).is_some() {
        first = Lsn(first.0 - 1);
    }
    first
}

/// What the manifest tells of the programs, and of the settings in force at the end.
fn note(record: &Record, versions: &mut Vec<Value>, settings: &mut Option<Value>) {
    match &record.event {
        Event::Fact(Fact::DaemonStarted(it)) => {
            versions.push(json!({ "lsn": record.lsn, "dormouse": it.version, "tmux": it.tmux }));
        }
        Event::Fact(Fact::SettingsChanged(it)) => *settings = serde_json::to_value(it).ok(),
        _ => {}
    }
}
