use serde_json::json;

use super::context::Context;
use super::error::CliError;
use super::history::{History, Which};
use super::present::{Sought, as_of_its_end, present};
use super::progress::Progress;
use super::render;
use super::silence;
use super::when::{When, zone};
use crate::explain::why::{Answer, Reach, Reading, Source, Subject, Unread, Until, Walked};
use crate::journal::Question;
use crate::model::id::{Generation, Lsn};
use crate::model::record::Record;
use crate::model::state::State;
use crate::model::time::Timestamp;
use crate::protocol::Problem;

/// Explain how a peer, a session, a message or a record came to be as it is
///
/// Prints one record a line, from the latest cause back to the first, each with the settings that it was compared with, and
/// between them what is not known. The decisions are made again from the records before them, and the last line says
/// whether they come out the same. Reads the journal directly, so it works when the daemon is down.
#[derive(Debug, clap::Args)]
pub struct Why {
    /// A peer, a session (PEER@GENERATION), a message's id, or an lsn
    subject: String,
    /// As it was then: RFC 3339, 14:05, 2h, yesterday, or an lsn [default: now]
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    at: Option<When>,
    /// Decide again however many records have to be read for it
    #[arg(long)]
    prove: bool,
    #[command(flatten)]
    which: Which,
}

impl Why {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let is_home = self.which.is_home();
        let history = self.which.open(context)?;
        let until = until(self.at);
        history.must_have_come(self.at)?;
        let asked_at = until.last.filter(|last| *last > history.reader.last_lsn());
        if let Some(lsn) = asked_at {
            return Err(history.no_record(lsn));
        }
        let subject = subject(&self.subject, &history, until)?;
        if let (Subject::Record(_), Some(_)) = (&subject, self.at) {
            let why = "a record is a moment itself: `--at` goes with a peer, a session or a message".to_owned();
            return Err(CliError::Usage { why, hint: None });
        }
        if let Subject::Record(lsn) = subject
            && lsn >= history.reader.first_lsn()
        {
            // There may be one that only a newer build knows.
            match history.reader.record(lsn) {
                Ok(Some(_)) => {}
                Err(error) if !error.is_damage() => return Err(error.into()),
                _ => return Err(history.no_record(lsn)),
            }
        }
        let reach = if self.prove { Reach::Any } else { Reach::Near };
        let watched = Watched { reading: history.reading(), last: until.last.unwrap_or(history.reader.last_lsn()) };
        let mut answer = Answer::of(&watched, subject, until, &history.told()?, reach);
        // Asked only where nothing bars it: a daemon that starts meanwhile has not been heard of yet either.
        let asked = Sought { at: self.at, is_home, whole: true };
        let silent = silence::nobody_serves(&history, context, asked);
        if let Some(last) = &silent {
            answer.nobody_serves_since(last);
        }
        let last = (self.at.is_some() || !is_home).then(|| newest(&history, until)).flatten();
        let now = (present(asked, last), if self.at.is_some() { "before" } else { "ago" });
        if answer.open().is_some()
            && let Some(mut state) = whole_state(&history, self.at)
        {
            if silent.is_some() {
                silence::stands_still(&mut state);
            }
            answer.stand(&state, now.0);
        }
        let removed = history.beginning.as_ref().map(|beginning| beginning.sentence(&zone()));
        if answer.chain.is_empty() {
            history.finish_unanswered()?;
            let removed = removed.map_or_else(String::new, |removed| format!("; {removed}"));
            let then = if self.at.is_some() { " up to then" } else { "" };
            return Err(Problem::refused(format!("there is no record of {}{then}{removed}", answer.subject)).into());
        }
        let removed = removed.or_else(|| history.is_partial().then(|| "it cannot be read".to_owned()));
        let mut json = answer.json();
        if let (Some(beginning), [_, ..]) = (&history.beginning, &answer.cut_off[..]) {
            json["cut_off"] = json!({
                "records": answer.cut_off,
                "first_kept": beginning.first,
                "removed_by": beginning.removed.lsn,
            });
        }
        let told = as_of_its_end(asked, last);
        context.output.print(&json, || answer.text(now, removed.as_deref(), &zone(), render::columns()) + &told)?;
        // What was said holds; that there may be more is said where errors go.
        history.finish(None)
    }
}

fn until(at: Option<When>) -> Until {
    match at {
        None => Until::default(),
        Some(When::Lsn(lsn)) => Until { last: Some(lsn), wall_us: None },
        Some(When::Wall(wall_us)) => Until { last: None, wall_us: Some(wall_us) },
    }
}

/// When the last record of those that are asked was made.
fn newest(history: &History, until: Until) -> Option<Timestamp> {
    let asked = Question { last: until.last, until_us: until.wall_us, ..Question::default() };
    history.reading().newest(&asked).map(|record| record.at)
}

/// The state at `at`, if it can be told: a chain is worth telling without it, and what is damaged is noted.
fn whole_state(history: &History, at: Option<When>) -> Option<State> {
    history.fold(at).ok().filter(|folded| folded.whole).map(|folded| folded.state)
}

/// A personality of several runtimes is explained in the one that something happened to last.
fn subject(text: &str, history: &History, until: Until) -> Result<Subject, CliError> {
    // First, for an id may be all digits; no lsn is 26 characters long.
    if let Ok(message) = text.parse() {
        return Ok(Subject::Message(message));
    }
    if let Ok(lsn) = text.parse() {
        return Ok(Subject::Record(Lsn(lsn)));
    }
    if let Some((peer, generation)) = text.rsplit_once('@') {
        return session(peer, generation, history);
    }
    let mut peers = history.named(text).map_err(|error| moment_meant(text, error))?;
    if let [only] = &mut peers[..] {
        return Ok(Subject::Peer(only.clone()));
    }
    let (last, until_us) = (until.last, until.wall_us);
    let about = Question { subjects: Some(peers.clone()), last, until_us, ..Question::default() };
    let last = history.reading().newest(&about).and_then(|record| record.subject.peer);
    Ok(Subject::Peer(last.unwrap_or_else(|| peers.remove(0))))
}

/// Who asks about a time means somebody, at that time.
fn moment_meant(text: &str, error: CliError) -> CliError {
    match error {
        CliError::Problem(problem) if When::parse(text).is_ok() => CliError::Usage {
            why: format!("`{text}` is a moment, and {}", problem.message),
            hint: Some(format!(
                "`dormouse why PEER --at {text}` explains a peer as it was then, `dormouse replay --at {text}` shows all"
            )),
        },
        error => error,
    }
}

/// The generation is the lsn of the wake that made the session.
fn session(peer: &str, generation: &str, history: &History) -> Result<Subject, CliError> {
    let peers = history.named(peer)?;
    let lsn = generation.parse().map(Lsn).map_err(|_| CliError::Usage {
        why: format!("`{generation}` is no generation: a session is named PEER@LSN, by the record of its wake"),
        hint: Some("`dormouse log --kind wake_decided` lists them".to_owned()),
    })?;
    let record = history.reading().record(lsn);
    if record.is_none()
        && let Some(lost) = history.lost(lsn)
    {
        return Err(lost);
    }
    let woken = record.filter(|record| record.event.kind().name == "wake_decided");
    let woken = woken.and_then(|record| record.subject.peer).filter(|peer| peers.contains(peer));
    let Some(peer) = woken else {
        return Err(Problem::refused(format!("record {lsn} is no wake of `{peer}`, so there is no such session"))
            .hint("`dormouse log --kind wake_decided` lists them")
            .into());
    };
    Ok(Subject::Session(peer, Generation(lsn)))
}

/// A journal whose long walks are seen.
struct Watched<'a> {
    reading: Reading<'a>,
    /// The furthest that a walk may go.
    last: Lsn,
}

impl Source for Watched<'_> {
    fn record(&self, lsn: Lsn) -> Option<Record> {
        self.reading.record(lsn)
    }

    fn first(&self) -> Lsn {
        self.reading.first()
    }

    fn each(&self, question: &Question, see: &mut dyn FnMut(Record)) {
        self.reading.each(question, see);
    }

    fn back(&self, question: &Question, see: &mut dyn FnMut(Record) -> bool) {
        self.reading.back(question, see);
    }

    fn oldest(&self, question: &Question) -> Option<Record> {
        self.reading.oldest(question)
    }

    fn walk(&self, from: Lsn, see: &mut dyn FnMut(Record) -> bool) -> Walked {
        let mut progress = Progress::over(from, self.last, "decided again");
        self.reading.walk(from, &mut |record| {
            progress.at(record.lsn);
            see(record)
        })
    }

    fn unread(&self) -> Vec<Unread> {
        self.reading.unread()
    }
}
