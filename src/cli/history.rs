//! The journal, as the verbs that need no daemon read it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;

use super::beginning::{Beginning, LeftOut};
use super::capsule::earlier;
use super::capsule::open::Folder;
use super::capsule::unread;
use super::context::Context;
use super::error::CliError;
use super::nearest::hint;
use super::present::must_have_come;
use super::progress::Progress;
use super::when::{When, zone};
use crate::explain::why::{Reading, Source as _};
use crate::journal::{self, Order, Question, ReadError, Reader};
use crate::model::event::Event;
use crate::model::id::{Lsn, MessageId};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::state::State;
use crate::protocol::Problem;
use crate::reducer;
use crate::supervisor::snapshot;

/// Which journal.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// Read this journal, a copy or a capsule's file, instead of the home's
    #[arg(long, value_name = "DIR")]
    journal: Option<PathBuf>,
}

/// A journal open for reading.
#[derive(Debug)]
pub struct History {
    pub dir: Folder,
    pub reader: Reader,
    /// If it was removed.
    pub beginning: Option<Beginning>,
    /// What a capsule tells of the records before its first.
    earlier: Vec<Record>,
    /// What could not be read, each place once.
    failed: RefCell<Vec<ReadError>>,
}

/// A state, and the last record that made it.
#[derive(Debug)]
pub struct Folded {
    pub state: State,
    pub last: Option<Record>,
    /// Else something before the moment that was asked for could not be read.
    pub whole: bool,
}

impl Which {
    pub fn dir(self, context: &Context) -> Result<Folder, CliError> {
        self.journal.map_or_else(|| Ok(Folder::Itself(context.home.journal())), Folder::of)
    }

    /// The home's own, which a daemon may write to.
    pub fn is_home(&self) -> bool {
        self.journal.is_none()
    }

    pub fn open(self, context: &Context) -> Result<History, CliError> {
        History::open(self.dir(context)?)
    }
}

impl History {
    /// The line that stands for a record of a kind that only a newer build knows; any other error again.
    pub fn unknown(error: ReadError, json: bool) -> Result<(Lsn, String), CliError> {
        let ReadError::Unknown { lsn, kind, schema, payload, .. } = error else { return Err(error.into()) };
        let hex: String = payload.iter().map(|byte| format!("{byte:02x}")).collect();
        let line = if json {
            let unknown = serde_json::json!({ "kind": kind, "schema": schema, "payload": hex });
            format!("{}\n", serde_json::json!({ "lsn": lsn, "unknown": unknown }))
        } else {
            format!("{lsn:>6}  kind {kind}, schema {schema}: not known to this build; its payload: {hex}\n")
        };
        Ok((lsn, line))
    }

    pub fn open(dir: Folder) -> Result<Self, CliError> {
        let reader = Reader::open(&dir)?;
        let (beginning, mut failed) = match Beginning::of(&reader) {
            Ok(beginning) => (beginning, Vec::new()),
            // Its beginning is lost: the records that are left are told all the same.
            Err(CliError::Journal(error)) if error.is_damage() => (None, vec![error]),
            Err(error) => return Err(error),
        };
        failed.extend(dir.damage());
        failed.extend(reader.damaged_headers());
        let earlier = earlier::read(&dir, reader.first_lsn());
        failed.extend(unread::read(&dir).into_iter().map(ReadError::from));
        Ok(Self { dir, reader, beginning, earlier, failed: RefCell::new(failed) })
    }

    /// The latest state before or at a moment that is told without the records before it: the empty one, or that of a
    /// snapshot where the beginning was removed. Folding goes on with the record behind [`State::lsn`].
    pub fn told_at(&self, at: Option<When>) -> Result<State, CliError> {
        match &self.beginning {
            Some(beginning) => beginning.state_at(&self.reader, at, &zone()).map_err(|error| self.untold(error)),
            None if self.reader.first_lsn() <= Lsn(1) => Ok(State::default()),
            None => self.newest_told(at)?.ok_or_else(|| self.headless()),
        }
    }

    /// The earliest state that all records behind it can be folded on: where a verb over the whole history begins.
    pub fn first_told(&self) -> Result<State, CliError> {
        match &self.beginning {
            Some(beginning) => beginning.earliest(&zone()).map_err(|error| self.untold(error)),
            None if self.reader.first_lsn() <= Lsn(1) => Ok(State::default()),
            None => self.told()?.into_iter().next().ok_or_else(|| self.headless()),
        }
    }

    /// Why a state cannot be told. Where a capsule has none at all, damage has kept it from being told when that was made.
    fn untold(&self, error: CliError) -> CliError {
        let has_none = self.beginning.as_ref().is_some_and(|beginning| beginning.states.is_empty());
        let of_capsule = self.dir.is_of_capsule() && has_none;
        of_capsule.then(|| self.damage()).flatten().unwrap_or(error)
    }

    /// What a verb over the whole history leaves out that begins with record `first`; none if that is the very first.
    pub fn left_out(&self, first: Lsn) -> Option<LeftOut> {
        let kept = self.reader.first_lsn();
        (first > Lsn(1)).then(|| LeftOut {
            records: (kept < first).then(|| (kept, Lsn(first.0 - 1))),
            removed: self.beginning.as_ref().map(|beginning| beginning.sentence(&zone())),
        })
    }

    /// The newest state that a snapshot tells and that is not after `at`.
    fn newest_told(&self, at: Option<When>) -> Result<Option<State>, CliError> {
        let is_before = |state: &State| match at {
            None => true,
            Some(When::Lsn(lsn)) => state.lsn <= lsn,
            Some(When::Wall(wall_us)) => state.now.is_some_and(|now| now.wall_us <= wall_us),
        };
        Ok(self.told()?.into_iter().rev().find(is_before))
    }

    /// Why the beginning is missing, if no record says that it was removed.
    pub fn lost_beginning(&self) -> Option<CliError> {
        (self.beginning.is_none() && self.reader.first_lsn() > Lsn(1)).then(|| self.headless())
    }

    fn headless(&self) -> CliError {
        let (segment, found) = (self.reader.first_segment(), self.reader.first_lsn());
        CliError::Untold { error: ReadError::Gap { segment, found, expected: Lsn(1) } }
    }

    /// Who `name` means, from all that this history ever knew: an identity, else every one of a personality, else of a
    /// unique prefix.
    pub fn named(&self, name: &str) -> Result<Vec<Identity>, CliError> {
        if name.is_empty() {
            return Err(CliError::Usage { why: "an empty text names nobody".to_owned(), hint: None });
        }
        let known = self.peers()?;
        let exact = |peer: &&Identity| peer.to_string() == name;
        let personality = |peer: &&Identity| peer.personality.as_str() == name;
        let prefix =
            |peer: &&Identity| peer.to_string().starts_with(name) || peer.personality.as_str().starts_with(name);
        let tried: [&dyn Fn(&&Identity) -> bool; 3] = [&exact, &personality, &prefix];
        let found = tried.into_iter().map(|meant| known.iter().filter(meant).cloned().collect::<Vec<_>>());
        let Some(found) = found.into_iter().find(|found| !found.is_empty()) else {
            // Whoever is not found may stand where nothing can be read.
            self.read(&Question::about_message(MessageId(0)), Lsn(1), |_| Ok(true))?;
            let nobody = || {
                Problem::refused(format!("no record is about a peer called `{name}`")).hint(hint(name, &known)).into()
            };
            return Err(self.damage().unwrap_or_else(nobody));
        };
        if found.iter().any(|peer| peer.personality != found[0].personality) {
            let candidates: Vec<String> = found.iter().map(ToString::to_string).collect();
            return Err(Problem::refused(format!("`{name}` could be {}", candidates.join(" or "))).into());
        }
        Ok(found)
    }

    /// Every peer of whom a record that can be read tells.
    fn peers(&self) -> Result<BTreeSet<Identity>, CliError> {
        match self.reader.peers() {
            Err(error) if error.is_damage() => {}
            peers => return Ok(peers?),
        }
        let mut peers = BTreeSet::new();
        self.read(&Question::default(), Lsn(1), |record| {
            peers.extend(record.ok().and_then(|record| record.subject.peer));
            Ok(true)
        })?;
        Ok(peers)
    }

    /// The state as it was at a moment, or at the end, and the last record before it; none if there was none yet. Behind damage it
    /// is that of the record before it.
    pub fn fold(&self, at: Option<When>) -> Result<Folded, CliError> {
        self.must_have_come(at)?;
        let last = self.reader.last_lsn();
        if let Some(When::Lsn(lsn)) = at.filter(|at| matches!(at, When::Lsn(lsn) if *lsn > last)) {
            return Err(self.no_record(lsn));
        }
        // The journal proves a snapshot; the records before it need not be read for what came later.
        let nearest = if self.beginning.is_none() { self.newest_told(at)? } else { None };
        let mut state = nearest.map_or_else(|| self.told_at(at), Ok)?;
        let until = match at {
            Some(When::Lsn(lsn)) => lsn,
            _ => self.reader.last_lsn(),
        };
        let mut progress = Progress::over(state.lsn.next(), until, "folded");
        let mut last = self.reading().record(state.lsn);
        for record in self.reader.records(state.lsn.next()) {
            let record = match record {
                Ok(record) => record,
                // As of the record before: who asks says so.
                Err(error) if error.is_damage() => {
                    self.reading().note(error);
                    return Ok(Folded { state, last, whole: false });
                }
                Err(error) => return Err(error.into()),
            };
            if at.is_some_and(|at| !at.is_after_or_at(&record)) {
                break;
            }
            progress.at(record.lsn);
            // What it asked of the world was done then.
            drop(reducer::apply(&mut state, &record));
            last = Some(record);
        }
        Ok(Folded { state, last, whole: true })
    }

    /// The state as it was at `at`, for who goes on from there: no earlier one, as [`History::fold`] gives it behind damage.
    pub fn told_up_to(&self, at: When) -> Result<State, CliError> {
        let folded = self.fold(Some(at))?;
        if folded.whole {
            Ok(folded.state)
        } else {
            Err(self.damage().unwrap_or_else(|| self.no_record(folded.state.lsn)))
        }
    }

    /// A span that begins behind `state` and ends with `until` has room for a record.
    pub fn must_be_behind(&self, state: &State, since: Option<When>, until: Option<When>) -> Result<(), CliError> {
        let is_over = until.is_some_and(|until| match until {
            When::Lsn(lsn) => lsn <= state.lsn && state.lsn > Lsn::ZERO,
            When::Wall(wall_us) => state.now.is_some_and(|now| wall_us < now.wall_us),
        });
        match (is_over, since) {
            (false, _) => Ok(()),
            (true, Some(_)) => {
                let why = format!("`--until` is not behind `--since`, which is record {}", state.lsn);
                Err(CliError::Usage { why, hint: None })
            }
            (true, None) => {
                let left = self.left_out(state.lsn.next()).map(|left| left.sentence()).unwrap_or_default();
                Err(Problem::refused(format!("nothing can be told of that time: {left}")).into())
            }
        }
    }

    /// A moment of the clock that is asked about is not one that is still to come.
    pub fn must_have_come(&self, at: Option<When>) -> Result<(), CliError> {
        at.map_or(Ok(()), |at| must_have_come(at, || self.reading().newest(&Question::default())))
    }

    /// Why nothing can be said of the record `lsn`: there is none yet, or it stands where nothing can be read.
    pub fn no_record(&self, lsn: Lsn) -> CliError {
        self.lost(lsn).unwrap_or_else(|| {
            let last = self.reader.last_lsn();
            Problem::refused(format!("there is no record {lsn}: the journal ends with record {last}")).into()
        })
    }

    /// Why the record `lsn` cannot be read, if that is for damage: it may have been there, and nobody may say that it was not.
    pub fn lost(&self, lsn: Lsn) -> Option<CliError> {
        let (segment, found) = (self.reader.first_segment(), self.reader.first_lsn());
        let error = match (lsn < found, self.reader.record(lsn)) {
            (true, _) => self.beginning.is_none().then_some(ReadError::Gap { segment, found, expected: Lsn(1) }),
            (false, Ok(None)) => self.reader.damage_at_end().filter(|_| lsn > self.reader.last_lsn()),
            (false, read) => read.err().filter(ReadError::is_damage),
        };
        error.map(|error| CliError::Unanswered { errors: vec![error] })
    }

    /// As [`History::fold`], with what was decided on the last record in the same instant: between the two nobody could
    /// ask. The lsn is that of the last one, where it is another than the one that was asked for.
    pub fn concluded(&self, at: Option<When>) -> Result<(Folded, Option<Lsn>), CliError> {
        let mut folded = self.fold(at)?;
        let asked = folded.state.lsn;
        // A moment of the clock takes its whole group along.
        if !matches!(at, Some(When::Lsn(_))) || !folded.whole {
            return Ok((folded, None));
        }
        while let Some(record) = self.reading().record(folded.state.lsn.next()) {
            if matches!(record.event, Event::Fact(_)) {
                break;
            }
            drop(reducer::apply(&mut folded.state, &record));
        }
        let lsn = folded.state.lsn;
        Ok((folded, (lsn != asked).then_some(lsn)))
    }

    /// Every record from `from` on that `question` asks for, as long as `see` says so; an error that it gets stands for a record
    /// that only a newer build knows. What is damaged is noted, and reading goes on behind it where it can.
    pub fn read(
        &self,
        question: &Question,
        from: Lsn,
        mut see: impl FnMut(Result<Record, ReadError>) -> Result<bool, CliError>,
    ) -> Result<(), CliError> {
        for found in self.reader.find(question, from, Order::OldestFirst) {
            match found {
                Err(error) if error.is_damage() => self.reading().note(error),
                Err(error) if !matches!(error, ReadError::Unknown { .. }) => return Err(error.into()),
                found => {
                    if !see(found)? {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// How a verb ends that has answered from what can be read: with what could not, if there was anything. `as_of` is the
    /// last record that the answer rests on, where it would have rested on more.
    pub fn finish(self, as_of: Option<Lsn>) -> Result<(), CliError> {
        self.end(|errors| CliError::Partly { errors, as_of })
    }

    /// How one ends that has found nothing to say: as [`History::finish`].
    pub fn finish_unanswered(self) -> Result<(), CliError> {
        self.end(|errors| CliError::Unanswered { errors })
    }

    fn end(self, damaged: impl FnOnce(Vec<ReadError>) -> CliError) -> Result<(), CliError> {
        let mut errors = self.failed.into_inner();
        match errors.iter().position(|error| !error.is_damage()) {
            Some(other) => Err(errors.swap_remove(other).into()),
            None if errors.is_empty() => Ok(()),
            None => Err(damaged(errors)),
        }
    }

    /// The first place that could not be read so far, as an error of its own.
    pub fn damage(&self) -> Option<CliError> {
        let errors = std::mem::take(&mut *self.failed.borrow_mut());
        (!errors.is_empty()).then_some(CliError::Unanswered { errors })
    }

    /// Where records could not be read so far, each place with the record at which reading goes on behind it, in their order.
    pub fn each_unread<T>(&self, mut told: impl FnMut(&ReadError, Option<Lsn>) -> T) -> Vec<T> {
        let failed = self.failed.borrow();
        let unread = failed.iter().filter(|error| error.first_unread().is_some());
        unread.map(|error| told(error, self.reader.behind(error))).collect()
    }

    /// Whether records could not be read so far.
    pub fn is_partial(&self) -> bool {
        self.failed.borrow().iter().any(|error| error.first_unread().is_some())
    }

    /// The states that are told beside the records: folding can begin at each.
    pub fn told(&self) -> Result<Vec<State>, CliError> {
        let snapshots = journal::snapshots(&self.reader)?.proved;
        // What a newer build wrote tells this one nothing.
        Ok(snapshots.iter().filter_map(|proved| snapshot::decode(proved).ok()).collect())
    }

    /// For questions that have no way to say what they could not read; [`History::finish`] does.
    pub fn reading(&self) -> Reading<'_> {
        Reading { reader: &self.reader, failed: &self.failed, earlier: &self.earlier }
    }
}
