//! A runtime's file, from TOML to [`Spec`].

mod raw;
mod values;

use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use crate::config::line_of;
use crate::config::quantity::QuantityError;
use crate::model::event::RuntimeKind;
use crate::model::name::{NameError, Runtime};

use super::locate::key_at;
use super::spec::{
    Compact, Dialog, Fatal, Hooks, Input, Limits, Proof, SignIn, Spec, Title, TranscriptFormat, Turn, TurnSource,
    Verbs, WhileBusy,
};
use raw::Raw;
use values::Reader;

/// What every envelope starts with where the file names no other prefix.
pub const DEFAULT_PREFIX: &str = "[from {sender}] ";

/// Why there is no such runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeFileError {
    #[error("cannot read {}", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the name of {} is no runtime's", file.display())]
    Name {
        file: PathBuf,
        #[source]
        source: NameError,
    },
    #[error("{}:{line}: not TOML: {why}", file.display())]
    Syntax { file: PathBuf, line: usize, why: String },
    #[error("{}:{line}: {why}", file.display())]
    Shape { file: PathBuf, line: usize, why: String },
    #[error("{}:{line}: `{key}`: {problem}", file.display())]
    Key { file: PathBuf, line: usize, key: String, problem: KeyProblem },
    #[error("{} names no proof: expected `hook`, `transcript`, `screen` or `keys` in [proof]", file.display())]
    NoProof { file: PathBuf },
}

/// What is wrong with the value of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// What the decoder says: an unknown key, a value of another type.
    #[error("{0}")]
    Decode(String),
    #[error("no pattern: {0}")]
    Pattern(String),
    #[error("no glob: {0}")]
    Glob(String),
    #[error(transparent)]
    Duration(QuantityError),
    #[error("`{{{name}}}` is no placeholder")]
    Placeholder { name: String },
    #[error("`{{resume_ref}}` stands for nothing in a fresh session")]
    ResumeRefWhenFresh,
    #[error("`{{session_secret}}` may stand in `env` alone: everybody on this machine can read a program's arguments")]
    SecretOutsideEnv,
    #[error("expected a program, found nothing")]
    NoProgram,
    #[error("expected {expected}, found `{found}`")]
    Word { expected: &'static str, found: String },
    #[error("a message must not start with {found:?}: programs give it a meaning")]
    Prefix { found: char },
    #[error("a message must start with words of our own, found `{found}`")]
    PrefixIsNotOurs { found: String },
    #[error("control character U+{code:04X}")]
    Control { code: u32 },
    #[error("there is no `transcript` it could be the format of")]
    FormatOfNothing,
    #[error("expected `compact`, `compacted` and the `transcript` in [proof] that shows it, all three or none")]
    NotConfirmed,
    #[error("there is no `screen` in [input] by which the box is known into which these keys go")]
    NoBox,
    #[error("there is no `title_idle` by which the end of a turn is known")]
    TitleWithoutEnd,
    #[error("another dialog has this name")]
    SameName,
}

/// The runtime called `name`, as the text of its file says; `file` only names it in errors.
///
/// # Errors
///
/// The first mistake, with its line and key. A file without any proof is refused (C14).
pub fn parse(name: &Runtime, text: &str, file: &Path) -> Result<Spec, RuntimeFileError> {
    let table = DeTable::parse(text).map_err(|error| RuntimeFileError::Syntax {
        file: file.to_owned(),
        line: line_of(text, error.span().map_or(0, |span| span.start)),
        why: error.message().to_owned(),
    })?;
    let raw: Raw = toml::from_str(text).map_err(|error| decode_error(&error, text, &table, file))?;
    spec(name, raw, &Reader { text, table: &table, file })
}

fn decode_error(error: &toml::de::Error, text: &str, table: &Spanned<DeTable<'_>>, file: &Path) -> RuntimeFileError {
    let span = error.span().unwrap_or_default();
    let (file, line, why) = (file.to_owned(), line_of(text, span.start), error.message().to_owned());
    match key_at(table, span.start).filter(|_| span != table.span()) {
        Some(key) => RuntimeFileError::Key { file, line, key, problem: KeyProblem::Decode(why) },
        // What is missing altogether has no key.
        None => RuntimeFileError::Shape { file, line, why },
    }
}

fn spec(name: &Runtime, raw: Raw, reader: &Reader<'_>) -> Result<Spec, RuntimeFileError> {
    let kind = raw.kind.unwrap_or(RuntimeKind::Tui);
    let input = input(raw.input.unwrap_or_default(), kind, reader)?;
    let proof = proof(raw.proof.unwrap_or_default(), reader)?;
    if !proof.hook && proof.transcript.is_none() && proof.screen.is_none() && !proof.keys {
        return Err(RuntimeFileError::NoProof { file: reader.file.to_owned() });
    }
    let verbs = verbs(raw.verbs.unwrap_or_default(), &input, &proof, reader)?;
    let mut dialogs: Vec<Dialog> = Vec::new();
    for found in raw.dialog.unwrap_or_default() {
        if dialogs.iter().any(|dialog| dialog.name == *found.name.get_ref()) {
            return Err(reader.problem(found.name.span(), KeyProblem::SameName));
        }
        dialogs.push(dialog(found, reader)?);
    }
    let fatal = |found: raw::Fatal| Ok(Fatal { screen: reader.pattern(&found.screen)?, says: found.says });
    Ok(Spec {
        name: name.clone(),
        kind,
        seen_on: raw.seen_on,
        argv: reader.fresh_argv(raw.argv)?,
        resume_argv: raw.resume_argv.map(|argv| reader.argv(argv)).transpose()?,
        version_argv: raw.version_argv.map(|argv| reader.argv(argv)).transpose()?,
        unset: raw.unset.unwrap_or_default(),
        env: reader.env(raw.env.unwrap_or_default())?,
        input,
        proof,
        turn: turn(raw.turn.unwrap_or_default(), reader)?,
        hooks: raw.hooks.map(|raw| hooks(raw, reader)).transpose()?,
        dialogs,
        fatal: raw.fatal.unwrap_or_default().into_iter().map(fatal).collect::<Result<_, _>>()?,
        limits: limits(raw.limits.unwrap_or_default(), reader)?,
        verbs,
        sign_in: raw.sign_in.map(|raw| sign_in(raw, reader)).transpose()?,
        notes: raw.notes.unwrap_or_default(),
    })
}

fn input(raw: raw::Input, kind: RuntimeKind, reader: &Reader<'_>) -> Result<Input, RuntimeFileError> {
    // A router reads its terminal by lines; a screen's program takes Enter for the end of a message.
    let submit = match kind {
        RuntimeKind::Tui => "Enter",
        RuntimeKind::Router => "C-j",
    };
    Ok(Input {
        bracketed_paste: raw.bracketed_paste.unwrap_or(true),
        screen: reader.optional_pattern(raw.screen.as_ref())?,
        empty: reader.optional_pattern(raw.empty.as_ref())?,
        clear: raw.clear.unwrap_or_default(),
        landed: reader.optional_pattern(raw.landed.as_ref())?,
        submit: raw.submit.unwrap_or_else(|| submit.to_owned()),
        while_busy: raw.while_busy.map_or(Ok(WhileBusy::Wait), |word| reader.while_busy(&word))?,
        normalise: raw
            .normalise
            .unwrap_or_default()
            .iter()
            .map(|word| reader.normalise(word))
            .collect::<Result<_, _>>()?,
        prefix: raw.prefix.map_or_else(|| Ok(DEFAULT_PREFIX.to_owned()), |prefix| reader.prefix(&prefix))?,
    })
}

fn proof(raw: raw::Proof, reader: &Reader<'_>) -> Result<Proof, RuntimeFileError> {
    if let Some(format) = raw.format.as_ref().filter(|_| raw.transcript.is_none()) {
        return Err(reader.problem(format.span(), KeyProblem::FormatOfNothing));
    }
    Ok(Proof {
        hook: raw.hook.unwrap_or(false),
        format: raw.format.map_or(Ok(TranscriptFormat::default()), |word| reader.transcript_format(&word))?,
        transcript: raw.transcript.map(|glob| reader.glob(&glob)).transpose()?,
        screen: reader.optional_pattern(raw.screen.as_ref())?,
        keys: raw.keys.unwrap_or(false),
    })
}

fn turn(raw: raw::Turn, reader: &Reader<'_>) -> Result<Turn, RuntimeFileError> {
    let mut source: Vec<TurnSource> = Vec::new();
    let title = Title {
        working: reader.optional_pattern(raw.title_working.as_ref())?,
        waiting: reader.optional_pattern(raw.title_waiting.as_ref())?,
        idle: reader.optional_pattern(raw.title_idle.as_ref())?,
    };
    for word in raw.source.unwrap_or_default() {
        source.push(reader.turn_source(&word)?);
        if source.last() == Some(&TurnSource::Title) && title.idle.is_none() {
            return Err(reader.problem(word.span(), KeyProblem::TitleWithoutEnd));
        }
    }
    Ok(Turn {
        source,
        status_file: raw.status_file.map(|raw| reader.status_file(raw)).transpose()?,
        working: reader.optional_pattern(raw.working.as_ref())?,
        waiting: reader.optional_pattern(raw.waiting.as_ref())?,
        title,
    })
}

fn hooks(raw: raw::Hooks, reader: &Reader<'_>) -> Result<Hooks, RuntimeFileError> {
    let trust = raw.trust.map(|text| reader.template(text)).transpose()?;
    Ok(Hooks { format: reader.hook_format(&raw.format)?, consent: raw.consent, trust })
}

fn dialog(raw: raw::Dialog, reader: &Reader<'_>) -> Result<Dialog, RuntimeFileError> {
    Ok(Dialog {
        name: raw.name.into_inner(),
        screen: reader.pattern(&raw.screen)?,
        select: reader.optional_pattern(raw.select.as_ref())?,
        step: raw.step.unwrap_or_else(|| "Down".to_owned()),
        confirm: raw.confirm.unwrap_or_else(|| "Enter".to_owned()),
        settle_ms: raw.settle.map_or(Ok(0), |text| reader.duration(&text))?,
        consent: raw.consent,
    })
}

fn limits(raw: raw::Limits, reader: &Reader<'_>) -> Result<Limits, RuntimeFileError> {
    Ok(Limits {
        boot_deadline_ms: raw.boot_deadline.map(|text| reader.duration(&text)).transpose()?,
        ready_deadline_ms: raw.ready_deadline.map(|text| reader.duration(&text)).transpose()?,
    })
}

/// A command is confirmed by the record, or it is none of ours (C56).
fn verbs(raw: raw::Verbs, input: &Input, proof: &Proof, reader: &Reader<'_>) -> Result<Verbs, RuntimeFileError> {
    let interrupt = raw.interrupt.map(|key| reader.typed(&key)).transpose()?;
    let compact = match (raw.compact, raw.compacted) {
        (Some(command), Some(recorded)) if proof.transcript.is_some() => {
            Some(Compact { command: reader.typed(&command)?, recorded: reader.pattern(&recorded)? })
        }
        (Some(key), _) | (None, Some(key)) => return Err(reader.problem(key.span(), KeyProblem::NotConfirmed)),
        (None, None) => None,
    };
    let exit = raw.exit.unwrap_or_default();
    if let Some(key) = exit.first().filter(|_| input.screen.is_none()) {
        return Err(reader.problem(key.span(), KeyProblem::NoBox));
    }
    let exit = exit.iter().map(|key| reader.typed(key)).collect::<Result<_, _>>()?;
    Ok(Verbs { interrupt, exit, compact })
}

fn sign_in(raw: raw::SignIn, reader: &Reader<'_>) -> Result<SignIn, RuntimeFileError> {
    let files =
        raw.files.unwrap_or_default().into_iter().map(|file| reader.template(file)).collect::<Result<_, _>>()?;
    let config = raw.config.map(|raw| reader.config_file(raw)).transpose()?;
    Ok(SignIn { files, config, env: raw.env.unwrap_or_default(), says: raw.says })
}
