//! The runtimes that are known: those embedded in the binary, and the user's own files over them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::event::RuntimeTraits;
use crate::model::name::Runtime;

use super::parse::{RuntimeFileError, parse};
use super::spec::{Spec, TurnSource};

/// Embedded files, by the name of their runtime.
const BUILTIN: &[(&str, &str)] = &[
    ("claude", include_str!("builtin/claude.toml")),
    ("codex", include_str!("builtin/codex.toml")),
    ("demo", include_str!("builtin/demo.toml")),
];

/// Every known runtime.
#[derive(Clone, Debug, Default)]
pub struct Runtimes {
    known: BTreeMap<Runtime, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    spec: Arc<Spec>,
    text: String,
    file: Option<PathBuf>,
}

/// A file, unless it is embedded, and what came of reading it.
pub type File = (Option<PathBuf>, Result<Loaded, RuntimeFileError>);

/// One file that is in order.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub name: Runtime,
    pub spec: Arc<Spec>,
    pub text: String,
}

/// A user's file that is not in order.
#[derive(Debug)]
pub struct Broken {
    pub file: PathBuf,
    pub error: RuntimeFileError,
    /// The runtime of its name is known all the same, as it was before.
    pub kept: bool,
}

impl Broken {
    /// What the file is called, which would be its runtime's name.
    pub fn name(&self) -> Cow<'_, str> {
        stem(&self.file)
    }
}

impl Runtimes {
    /// The embedded runtimes, and every `NAME.toml` in `dir` (which need not exist) in place of the embedded one of its
    /// name or beside them.
    ///
    /// # Errors
    ///
    /// The first file, by name, that cannot be read, is named as no runtime can be, or does not parse.
    pub fn load(dir: &Path) -> Result<Self, RuntimeFileError> {
        let mut known = BTreeMap::new();
        for (file, loaded) in Self::each(dir)? {
            let Loaded { name, spec, text } = loaded?;
            known.insert(name, Known { spec, text, file });
        }
        Ok(Self { known })
    }

    /// As [`Runtimes::load`], but a file that is not in order ends nothing: the runtime of its name stays as it is in
    /// `self`, and is not known if it is not known there. The embedded one of that name does not step in: whoever wrote
    /// the file wanted another one.
    ///
    /// # Errors
    ///
    /// The folder itself cannot be read.
    pub fn again(&self, dir: &Path) -> Result<(Self, Vec<Broken>), RuntimeFileError> {
        let (mut known, mut broken) = (BTreeMap::new(), Vec::new());
        for (file, loaded) in Self::each(dir)? {
            match (loaded, file) {
                (Ok(Loaded { name, spec, text }), file) => drop(known.insert(name, Known { spec, text, file })),
                (Err(error), Some(file)) => {
                    let name = Runtime::new(&stem(&file)).ok();
                    let last = name.as_ref().and_then(|name| self.known.get(name));
                    broken.push(Broken { file, error, kept: last.is_some() });
                    if let Some(name) = name {
                        known.remove(&name);
                        known.extend(last.map(|last| (name, last.clone())));
                    }
                }
                (Err(error), None) => return Err(error),
            }
        }
        Ok((Self { known }, broken))
    }

    /// Every file that [`Runtimes::load`] would read, in its order.
    ///
    /// # Errors
    ///
    /// The folder itself cannot be read.
    pub fn each(dir: &Path) -> Result<Vec<File>, RuntimeFileError> {
        let embedded = BUILTIN.iter().map(|(name, text)| {
            let file = PathBuf::from(format!("builtin/{name}.toml"));
            (None, loaded(name, (*text).to_owned(), &file))
        });
        let users = user_files(dir)?.into_iter().map(|file| {
            let name = stem(&file).into_owned();
            let text = std::fs::read_to_string(&file).map_err(|source| unreadable(&file, source));
            let loaded = text.and_then(|text| loaded(&name, text, &file));
            (Some(file), loaded)
        });
        Ok(embedded.chain(users).collect())
    }

    pub fn get(&self, name: &Runtime) -> Option<Arc<Spec>> {
        self.known.get(name).map(|known| Arc::clone(&known.spec))
    }

    /// In alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &Runtime> {
        self.known.keys()
    }

    /// The text it was read from.
    pub fn text(&self, name: &Runtime) -> Option<&str> {
        self.known.get(name).map(|known| known.text.as_str())
    }

    /// The user's file it was read from; none for an embedded one.
    pub fn file(&self, name: &Runtime) -> Option<&Path> {
        self.known.get(name)?.file.as_deref()
    }

    /// What the rules need to know of each, for the journal.
    pub fn traits(&self) -> Vec<RuntimeTraits> {
        self.known.values().map(|known| traits(&known.spec)).collect()
    }
}

fn traits(spec: &Spec) -> RuntimeTraits {
    RuntimeTraits {
        name: spec.name.clone(),
        kind: spec.kind,
        can_resume: spec.resume_argv.is_some(),
        // A screen is looked at, it tells nothing by itself (C46a).
        tells_turns: spec.turn.source.iter().any(|source| *source != TurnSource::Screen),
    }
}

/// Every visible `*.toml` in `dir`, in order of name. Editors' leavings (`demo.toml~`, `.demo.toml.swp`) are none.
fn user_files(dir: &Path) -> Result<Vec<PathBuf>, RuntimeFileError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(unreadable(dir, source)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(|source| unreadable(dir, source))?.path();
        let hidden = file.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && file.extension().is_some_and(|extension| extension == "toml") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

fn stem(file: &Path) -> Cow<'_, str> {
    file.file_stem().unwrap_or_default().to_string_lossy()
}

fn loaded(name: &str, text: String, file: &Path) -> Result<Loaded, RuntimeFileError> {
    let name = name_of(name, file)?;
    let spec = Arc::new(parse(&name, &text, file)?);
    Ok(Loaded { name, spec, text })
}

fn name_of(name: &str, file: &Path) -> Result<Runtime, RuntimeFileError> {
    Runtime::new(name).map_err(|source| RuntimeFileError::Name { file: file.to_owned(), source })
}

fn unreadable(file: &Path, source: io::Error) -> RuntimeFileError {
    RuntimeFileError::Unreadable { file: file.to_owned(), source }
}
