//! `capsule`: what a bug report needs, in one file.

pub mod asked;
pub mod bodies;
mod checksums;
mod cut;
pub mod earlier;
pub mod open;
pub mod tar;
pub mod unread;

use std::ffi::OsString;
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
use crate::journal;
use crate::journal::slice::Sliced;
use crate::model::name::Identity;
use crate::observe::clock;
use crate::protocol::{Peeked, Problem, Verb};
use crate::runtime::Runtimes;
use bodies::Kept;
use checksums::Checksums;
use cut::Cut;
use open::Unpacked;

/// What the capsule was made of, as a file.
const MANIFEST: &str = "manifest.json";
/// What the peer's terminal shows, as a file.
const SCREEN: &str = "screen.txt";

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

impl Capsule {
    pub fn run(self, context: &Context) -> Result<(), CliError> {
        let history = self.which.open(context)?;
        let peer = meant(history.named(&self.peer)?)?;
        let output = self.output.unwrap_or_else(|| PathBuf::from(format!("{peer}.capsule")));
        let kept = Kept { peer: peer.clone(), bodies: self.bodies };
        let folder = Unpacked::new().map_err(|source| written(&output, source))?;
        let cut = cut::cut(&history, self.since, &kept, &folder)?;
        let manifest = manifest(&history, &cut, &kept, context);
        let mut beside = surroundings(context, &history, &peer);
        beside.push((earlier::NAME.to_owned(), earlier::written(&cut.earlier)));
        let shows_screen = beside.iter().any(|(name, _)| name == SCREEN);
        pack(&output, &folder, &manifest, &beside).map_err(|source| written(&output, source))?;
        context.output.print(&manifest, || said(&output, &cut, &kept, shows_screen))?;
        history.finish(Some(cut.sliced.last_lsn))
    }
}

fn written(output: &Path, source: io::Error) -> CliError {
    CliError::File { file: output.to_owned(), source }
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

fn manifest(history: &History, cut: &Cut, kept: &Kept, context: &Context) -> Value {
    let head = journal::head(&history.dir).ok().and_then(|head| head.says);
    let at_beginning = || cut.state.as_ref().map(|state| json!({ "settings": state.settings, "given": null }));
    let settings = cut.settings.clone().or_else(at_beginning);
    json!({
        "capsule": 1,
        "made": rfc3339(clock::now()),
        "by": env!("CARGO_PKG_VERSION"),
        "peer": kept.peer,
        // What the capsule can be held against: its own seals are its own.
        "original": { "head": head, "first_lsn": history.reader.first_lsn(), "last_lsn": history.reader.last_lsn() },
        "slice": cut.sliced,
        // Whatever reads the capsule says so too.
        "unread": unread::met(history),
        "bodies": { "kept": kept.bodies, "left_out": cut.left.bodies },
        "screens": { "kept": cut.left.kept_screens, "left_out": cut.left.screens },
        // Of records before the slice, in a file of their own: what explains the peer.
        "earlier": cut.earlier.iter().map(|record| record.lsn).collect::<Vec<_>>(),
        "about_peer": cut.about_peer,
        "state_is_told": cut.is_told(),
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

/// What lies beside the journal: the runtime's file, and the screen, if there is one. The peer of that name that lives here is
/// another one than that of a copy from elsewhere, whose screen nobody asked to give away.
fn surroundings(context: &Context, history: &History, peer: &Identity) -> Vec<(String, String)> {
    let runtimes = Runtimes::load(&context.home.runtimes()).ok();
    let file = runtimes.and_then(|runtimes| runtimes.text(&peer.runtime).map(str::to_owned));
    let of_home = history.dir.is_itself(&context.home.journal());
    let peeked = of_home.then(|| context.ask::<Peeked>(Verb::Peek { peer: peer.to_string() }).ok()).flatten();
    let screen = peeked.map(|peeked| peeked.screen);
    let file = file.map(|text| (format!("runtimes/{}.toml", peer.runtime), text));
    file.into_iter().chain(screen.map(|screen| (SCREEN.to_owned(), screen))).collect()
}

/// Nothing of it is there under its name before all of it is.
fn pack(output: &Path, folder: &Unpacked, manifest: &Value, beside: &[(String, String)]) -> io::Result<()> {
    let made_s = clock::now().wall_us / 1_000_000;
    let (mut archive, mut checksums) = (Vec::new(), Checksums::default());
    let mut put = |name: &str, content: &[u8]| {
        checksums.note(name, content);
        tar::append(&mut archive, name, made_s, content)
    };
    put(MANIFEST, (serde_json::to_string_pretty(manifest)? + "\n").as_bytes())?;
    for (name, text) in beside {
        put(name, text.as_bytes())?;
    }
    let mut names: Vec<_> =
        fs::read_dir(&folder.path)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<_>>()?;
    // Snapshots first: should the end be lost on its way, a state is told all the same.
    names.sort_by_key(|name: &OsString| (!name.to_string_lossy().starts_with("snap-"), name.clone()));
    for name in names {
        let (path, name) = (folder.path.join(&name), name.to_string_lossy().into_owned());
        if open::is_of_a_journal(&name) {
            put(&format!("journal/{name}"), &fs::read(path)?)?;
        }
    }
    tar::append(&mut archive, checksums::NAME, made_s, checksums.written())?;
    tar::finish(&mut archive)?;
    let unfinished = output.with_extension("capsule.tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(&archive).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&unfinished, output))
}

fn said(output: &Path, cut: &Cut, kept: &Kept, shows_screen: bool) -> String {
    let Sliced { first_lsn, last_lsn, .. } = cut.sliced;
    let (peer, file) = (&kept.peer, output.display());
    let records = count(last_lsn.0 - first_lsn.0 + 1, "record", "records");
    let bodies = match cut.left.bodies.len() as u64 {
        0 => "no body is left out".to_owned(),
        n => format!("{} left out", count(n, "body is", "bodies are")),
    };
    let mut lines = vec![format!("{file} holds {records}, {first_lsn} to {last_lsn}; {bodies}")];
    let screens = count(cut.left.kept_screens, "screen", "screens");
    lines.extend(match (cut.left.kept_screens, shows_screen) {
        (0, false) => None,
        (0, true) => Some(format!("what the terminal of {peer} shows now is in it, as {SCREEN}: it may show texts of messages")),
        (_, false) => Some(format!("{screens} of {peer} that records hold may show texts of messages")),
        (_, true) => Some(format!(
            "{screens} of {peer} that records hold, and what its terminal shows now ({SCREEN}), may show texts of messages"
        )),
    });
    if cut.reached_back {
        lines.push(format!("of {peer} nothing is recorded since then: it begins with what was recorded last"));
    } else if cut.about_peer == 0 {
        lines.push(format!("no record in it is about {peer}"));
    }
    if !cut.is_told() {
        lines.push(format!(
            "how things stood before record {first_lsn} cannot be told: `log`, `why` and `journal export` read it, and what asks \
             for a state does not"
        ));
    }
    lines.extend(cut.goes_on.map(|next| {
        format!("it ends before a record that cannot be read; `--since {next}` makes another one of what comes behind")
    }));
    lines.push(format!("`dormouse why {peer} --journal {file}` reads it, as does every verb that reads a journal"));
    lines.join("\n")
}
