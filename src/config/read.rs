//! Reading the settings file and the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::model::event::SettingsChanged;
use crate::model::settings::{SettingGiven, SettingPlace as Place, Settings};

use super::rows::{Given, LOCAL_ROWS, Local, ROWS, Row, ValueError};

/// The settings in force, and where each came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    pub settings: Settings,
    pub local: Local,
    /// One entry for each setting, by name.
    pub sources: BTreeMap<&'static str, Source>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Default,
    Given(Place),
}

/// One setting given on the command line: `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFlag {
    pub name: String,
    pub value: String,
}

impl FromStr for SettingFlag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        Ok(Self { name: name.trim().to_owned(), value: value.trim().to_owned() })
    }
}

/// A setting as `dormouse config` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown<'a> {
    pub name: &'static str,
    pub value: String,
    pub default: String,
    pub doc: &'static str,
    pub source: &'a Source,
}

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{}:{line}: not UTF-8: byte {offset} is no part of a character", file.display())]
    NotUtf8 { file: PathBuf, line: usize, offset: usize },
    #[error("{}:{line}: not TOML: {why}", file.display())]
    Syntax { file: PathBuf, line: usize, why: String },
    #[error("{}:{line}: `{name}` is no setting", file.display())]
    Unknown { file: PathBuf, line: usize, name: String },
    #[error("{place}: cannot set `{name}`: {problem}")]
    Value { place: Place, name: &'static str, problem: ValueError },
    #[error("{flag}: `{name}` is no setting")]
    UnknownFlag { flag: String, name: String },
    #[error("{variable} is not UTF-8")]
    NotUnicode { variable: String },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::Given(place) => place.fmt(f),
        }
    }
}

impl Loaded {
    /// Every setting at its default.
    pub fn defaults() -> Self {
        let names = ROWS.iter().map(|row| row.name).chain(LOCAL_ROWS.iter().map(|row| row.name));
        let sources = names.map(|name| (name, Source::Default)).collect();
        Self { settings: Settings::default(), local: Local::default(), sources }
    }

    /// Every setting with its value and where it came from, in the table's order.
    pub fn shown(&self) -> impl Iterator<Item = Shown<'_>> {
        let journaled = ROWS.iter().map(|row| self.show(row, &self.settings));
        journaled.chain(LOCAL_ROWS.iter().map(|row| self.show(row, &self.local)))
    }

    /// What enters the journal: the values, and where those that somebody gave came from, in the table's order.
    pub fn in_force(&self) -> SettingsChanged {
        let given = ROWS.iter().filter_map(|row| match self.sources.get(row.name)? {
            Source::Given(place) => Some(SettingGiven { name: row.name.to_owned(), place: place.clone() }),
            Source::Default => None,
        });
        SettingsChanged { settings: self.settings.clone(), given: Some(given.collect()) }
    }

    fn show<S: Clone + Default>(&self, row: &Row<S>, values: &S) -> Shown<'_> {
        Shown {
            name: row.name,
            value: row.get(values),
            default: row.default_text(),
            doc: row.doc,
            source: self.sources.get(row.name).unwrap_or(&Source::Default),
        }
    }

    /// Overridden by flags, which stand above file and environment.
    ///
    /// # Errors
    ///
    /// A name that is no setting, a value that does not fit: with the flag.
    pub fn with_flags(mut self, flags: &[SettingFlag]) -> Result<Self, ConfigError> {
        for SettingFlag { name, value } in flags {
            let flag = format!("--set {name}={value}");
            let named = Named::find(|known, _| known == name);
            let named = named.ok_or_else(|| ConfigError::UnknownFlag { flag: flag.clone(), name: name.clone() })?;
            self.set(named, &Given::Text(value.clone()), Place::Flag { flag })?;
        }
        Ok(self)
    }

    fn set(&mut self, named: Named, given: &Given, place: Place) -> Result<(), ConfigError> {
        let (name, set) = match named {
            Named::Journaled(row) => (row.name, row.set(&mut self.settings, given)),
            Named::Local(row) => (row.name, row.set(&mut self.local, given)),
        };
        match set {
            Ok(()) => {
                self.sources.insert(name, Source::Given(place));
                Ok(())
            }
            Err(problem) => Err(ConfigError::Value { place, name, problem }),
        }
    }
}

/// A setting that somebody has named.
#[derive(Clone, Copy)]
enum Named {
    Journaled(&'static Row),
    Local(&'static Row<Local>),
}

impl Named {
    /// The first setting whose name and variable are `wanted`.
    fn find(wanted: impl Fn(&str, &str) -> bool) -> Option<Self> {
        let journaled = ROWS.iter().find(|row| wanted(row.name, &row.variable())).map(Named::Journaled);
        journaled.or_else(|| LOCAL_ROWS.iter().find(|row| wanted(row.name, &row.variable())).map(Named::Local))
    }

    fn name(self) -> &'static str {
        match self {
            Named::Journaled(row) => row.name,
            Named::Local(row) => row.name,
        }
    }
}

/// Defaults, overridden by the settings file (which need not exist), overridden by `DORMOUSE_<NAME>`.
///
/// # Errors
///
/// A file that cannot be read or parsed, a name that is no setting, a value that does not fit: all with their line.
pub fn load<K, V>(file: &Path, env: impl IntoIterator<Item = (K, V)>) -> Result<Loaded, ConfigError>
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => return Err(ConfigError::Unreadable { file: file.to_owned(), source }),
    };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let offset = error.valid_up_to();
        ConfigError::NotUtf8 { file: file.to_owned(), line: line_of(&bytes, offset), offset }
    })?;
    parse(text, file, env)
}

/// As [`load`], of a text that has been read; `file` only names it.
pub fn parse<K, V>(text: &str, file: &Path, env: impl IntoIterator<Item = (K, V)>) -> Result<Loaded, ConfigError>
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    let mut loaded = Loaded::defaults();
    read_file(&mut loaded, text, file)?;
    for (variable, value) in env {
        let Ok(variable) = variable.into().into_string() else { continue };
        // Other variables of ours are not settings: DORMOUSE_HOME, DORMOUSE_SESSION, those of later versions.
        let Some(named) = Named::find(|_, known| known == variable) else { continue };
        let Ok(value) = value.into().into_string() else { return Err(ConfigError::NotUnicode { variable }) };
        loaded.set(named, &Given::Text(value), Place::Environment { variable })?;
    }
    Ok(loaded)
}

fn read_file(loaded: &mut Loaded, text: &str, file: &Path) -> Result<(), ConfigError> {
    let line = |at: usize| line_of(text, at);
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        file: file.to_owned(),
        line: line(error.span().map_or(0, |span| span.start)),
        why: error.message().to_owned(),
    })?;
    // In the file's order, so that the first mistake is the one that is named.
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let place =
            || Place::File { file: file.to_owned(), line: u32::try_from(line(key.span().start)).unwrap_or(u32::MAX) };
        let name: &str = key.get_ref();
        let Some(named) = Named::find(|known, _| known == name) else {
            let line = line(key.span().start);
            return Err(ConfigError::Unknown { file: file.to_owned(), line, name: name.to_owned() });
        };
        let wrong = |problem| ConfigError::Value { place: place(), name: named.name(), problem };
        let given = given(value).map_err(wrong)?;
        loaded.set(named, &given, place())?;
    }
    Ok(())
}

fn given(value: &Spanned<DeValue<'_>>) -> Result<Given, ValueError> {
    let value = value.get_ref();
    let shape = |expected, found: &DeValue<'_>| ValueError::Shape { expected, found: found.type_str().to_owned() };
    match value {
        DeValue::String(text) => Ok(Given::Text(text.clone().into_owned())),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map(Given::Number)
            .map_err(|_| ValueError::Shape { expected: "a whole number", found: integer.as_str().to_owned() }),
        DeValue::Array(items) => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(text.clone().into_owned()),
                other => Err(shape("an array of texts", other)),
            })
            .collect::<Result<_, _>>()
            .map(Given::List),
        other => Err(shape("a text, a whole number or an array of texts", other)),
    }
}

/// The line that byte `at` lies on, from 1.
pub(crate) fn line_of(text: impl AsRef<[u8]>, at: usize) -> usize {
    1 + text.as_ref().iter().take(at).filter(|byte| **byte == b'\n').count()
}
