//! `capsule`: what a bug report needs, in one file.

mod bodies;
pub mod open;
pub mod tar;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::context::Context;
use super::doctor;
use super::error::CliError;
use super::history::{History, Which};
use super::when::When;
use crate::explain::phrase::{count, rfc3339};
use crate::journal::slice::{Before, Sliced, slice};
use crate::journal::{self, DirStorage, ReadError};
use crate::model::event::{Event, Fact};
use crate::model::id::Lsn;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::state::{SCHEMA, State};
use crate::observe::clock;
use crate::protocol::{Peeked, Problem, Verb};
use crate::runtime::Runtimes;
use crate::supervisor::snapshot;
use bodies::{Kept, LeftOut};
use open::Unpacked;

/// Put what a bug report about a peer needs into one file
///
/// A plain tar: the journal from that moment on, with the records of everybody, for no decision can be made again without
/// the others; settings, versions, the runtime's file, and the peer's screen if it has one. Every verb that reads a journal
/// reads it with `--journal FILE`. Bodies of messages are left out, and so are others' screens; the peer's own screens are
/// in it, and may show what was typed. The journal itself is only read.
#[derive(Debug, clap::Args)]
pub struct Capsule {
    /// An identity, a personality, or a unique prefix of either
    peer: String,
    /// From this moment, or from the beginning of the session that lived then: RFC 3339, 14:05, 2h, yesterday, or an lsn
    #[arg(long, value_name = "WHEN", value_parser = When::parse, default_value = "24h")]
    since: When,
    /// Keep the bodies of the messages from the peer and for it
    #[arg(long)]
    bodies: bool,
    /// Where to [default: PEER.capsule]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
}

/// The slice with what the manifest says of it.
struct Cut {
    sliced: Sliced,
    left: LeftOut,
    state: State,
    versions: Vec<Value>,
    settings: Option<Value>,
    /// Why it ends before the journal does.
    unread: Option<ReadError>,
}

impl Capsule {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let history = self.which.open(context)?;
        let peer = meant(history.named(&self.peer)?)?;
        let output = self.output.unwrap_or_else(|| PathBuf::from(format!("{peer}.capsule")));
        let kept = Kept { peer: peer.clone(), bodies: self.bodies };
        let folder = Unpacked::new().map_err(|source| written(&output, source))?;
        let cut = cut(&history, self.since, &kept, &folder)?;
        let manifest = manifest(&history, &cut, &kept, context);
        pack(&output, &folder, &manifest, &surroundings(context, &peer)).map_err(|source| written(&output, source))?;
        context.output.print(&manifest, || said(&output, &cut, &kept))?;
        // What could be read is in it; what could not is no secret.
        if let Some(error) = cut.unread {
            history.reading().note(error);
        }
        history.finish(Some(cut.sliced.last_lsn))
    }
}

fn written(output: &Path, source: io::Error) -> CliError {
    CliError::Text { what: format!("or write {}", output.display()), source }
}

fn meant(mut peers: Vec<Identity>) -> Result<Identity, CliError> {
    match &mut peers[..] {
        [only] => Ok(only.clone()),
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Problem::refused(format!("a capsule is of one identity: {}", names.join(" or "))).into())
        }
    }
}

/// Writes the slice into `folder`.
fn cut(history: &History, since: When, kept: &Kept, folder: &Unpacked) -> Result<Cut, CliError> {
    let first = first(history, since, &kept.peer)?;
    let state = match first.0 {
        0 | 1 => State::default(),
        first => history.folded(Some(When::Lsn(Lsn(first - 1))))?.0,
    };
    if state.lsn.next() < first {
        // Damage lies between: of what comes behind it nobody can say from which state it went on.
        return Err(history.damage().unwrap_or_else(|| Problem::failed("the state before it cannot be told").into()));
    }
    let encoded = snapshot::encode(&state).map_err(|error| Problem::failed(error.to_string()))?;
    let (mut left, mut versions, mut settings, mut unread) = (LeftOut::default(), Vec::new(), None, None);
    let records = history.reader.records(first).map_while(|record| match record {
        Ok(record) => {
            note(&record, &mut versions, &mut settings);
            Some(kept.of(record, &mut left))
        }
        Err(error) => {
            unread = Some(error);
            None
        }
    });
    let storage = DirStorage::open(&folder.path).map_err(|source| written(&folder.path, source))?;
    let before = Some(Before { schema: SCHEMA, state: &encoded });
    let sliced = slice(storage, before, records, clock::now().wall_us, random)?;
    let Some(sliced) = sliced else {
        return Err(unread.map_or_else(|| Problem::refused("there is no record since then").into(), CliError::from));
    };
    Ok(Cut { sliced, left, state, versions, settings, unread })
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes after its boot");
    bytes
}

/// The fact that a slice since then begins with: of the group that was made then, or that woke the session that lived.
fn first(history: &History, since: When, peer: &Identity) -> Result<Lsn, CliError> {
    let (state, last) = history.folded(Some(since)).or_else(|error| match history.beginning {
        // What is kept begins later: all of it, then.
        Some(_) => Ok((history.told_at(None)?, None)),
        None => Err(error),
    })?;
    let woken = state.presences.get(peer).and_then(|it| it.session.as_ref()).map(|session| session.generation.0);
    let then = woken.unwrap_or_else(|| last.map_or(Lsn(1), |last| last.lsn));
    let earliest = match &history.beginning {
        None => Lsn(1),
        Some(beginning) => beginning.earliest(&super::when::zone())?.lsn.next(),
    };
    let mut first = then.max(earliest);
    // A group is kept whole.
    while first > earliest {
        match history.reader.record(first)?.map(|record| record.event) {
            Some(Event::Decision(_)) => first = Lsn(first.0 - 1),
            _ => break,
        }
    }
    Ok(first)
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

fn manifest(history: &History, cut: &Cut, kept: &Kept, context: &Context) -> Value {
    let head = journal::head(&history.dir).ok().flatten();
    let settings = cut.settings.clone().or_else(|| Some(json!({ "settings": cut.state.settings, "given": null })));
    json!({
        "capsule": 1,
        "made": rfc3339(clock::now()),
        "by": env!("CARGO_PKG_VERSION"),
        "peer": kept.peer,
        // What the capsule can be held against: its own seals are its own.
        "original": { "head": head, "first_lsn": history.reader.first_lsn(), "last_lsn": history.reader.last_lsn() },
        "slice": cut.sliced,
        "unread": cut.unread.as_ref().map(|error| super::error::sentence(error)),
        "bodies": { "kept": kept.bodies, "left_out": cut.left.bodies },
        "screens": { "left_out": cut.left.screens },
        "daemons": cut.versions,
        "program": program(context, &kept.peer),
        "settings": settings,
    })
}

/// The version that the peer's program says to have, here and now.
fn program(context: &Context, peer: &Identity) -> Value {
    let spec = Runtimes::load(&context.home.runtimes()).ok().and_then(|runtimes| runtimes.get(&peer.runtime));
    let Some(spec) = spec else { return Value::Null };
    let says = doctor::version_of(&spec, &context.home);
    json!({ "runtime": peer.runtime, "patterns_of": spec.seen_on, "says": says })
}

/// What lies beside the journal: the runtime's file, and the screen, if there is one.
fn surroundings(context: &Context, peer: &Identity) -> Vec<(String, String)> {
    let runtimes = Runtimes::load(&context.home.runtimes()).ok();
    let file = runtimes.and_then(|runtimes| runtimes.text(&peer.runtime).map(str::to_owned));
    let screen = context.ask::<Peeked>(Verb::Peek { peer: peer.to_string() }).ok().map(|peeked| peeked.screen);
    let file = file.map(|text| (format!("runtimes/{}.toml", peer.runtime), text));
    file.into_iter().chain(screen.map(|screen| ("screen.txt".to_owned(), screen))).collect()
}

/// Nothing of it is there under its name before all of it is.
fn pack(output: &Path, folder: &Unpacked, manifest: &Value, beside: &[(String, String)]) -> io::Result<()> {
    let made_s = clock::now().wall_us / 1_000_000;
    let mut archive = Vec::new();
    let text = serde_json::to_string_pretty(manifest)? + "\n";
    tar::append(&mut archive, "manifest.json", made_s, text.as_bytes())?;
    for (name, text) in beside {
        tar::append(&mut archive, name, made_s, text.as_bytes())?;
    }
    let mut names: Vec<_> =
        fs::read_dir(&folder.path)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    names.sort();
    for name in names {
        let (path, name) = (folder.path.join(&name), name.to_string_lossy().into_owned());
        if open::is_of_a_journal(&name) {
            tar::append(&mut archive, &format!("journal/{name}"), made_s, &fs::read(path)?)?;
        }
    }
    tar::finish(&mut archive)?;
    let unfinished = output.with_extension("capsule.tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(&archive).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&unfinished, output))
}

fn said(output: &Path, cut: &Cut, kept: &Kept) -> String {
    let Sliced { first_lsn, last_lsn, .. } = cut.sliced;
    let records = count(last_lsn.0 - first_lsn.0 + 1, "record", "records");
    let bodies = match cut.left.bodies.len() as u64 {
        0 => "no body is left out".to_owned(),
        n => format!("{} left out", count(n, "body is", "bodies are")),
    };
    format!(
        "{} holds {records}, {first_lsn} to {last_lsn}; {bodies}, the screens of {} are in it\n`dormouse why {} --journal {}` \
         reads it, as does every verb that reads a journal",
        output.display(),
        kept.peer,
        kept.peer,
        output.display()
    )
}
