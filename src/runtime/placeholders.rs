//! Placeholders in a runtime's file: `{cwd}` inside an argument, a value of the environment, a transcript's path.
//!
//! `{name}` stands for a value, `{{name}}` for the text `{name}`, and `${name}` is left to the shell it is meant for.
//! Braces around anything else mean nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::model::session::WakeMode;

use super::spec::Spec;

/// What the placeholders of one session stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// The peer's folder.
    pub cwd: PathBuf,
    pub home: PathBuf,
    /// Where Claude Code keeps what it keeps: `CLAUDE_CONFIG_DIR`, else `.claude` below home.
    pub claude_config_dir: PathBuf,
    /// Where Codex does: `CODEX_HOME`, else `.codex` below home.
    pub codex_home: PathBuf,
    pub dormouse_home: PathBuf,
    /// Our own binary.
    pub dormouse: PathBuf,
    pub identity: String,
    pub personality: String,
    /// Of the conversation: minted for a fresh session; a resumed one keeps the one it began with, so that its
    /// transcript is found.
    pub session_uuid: String,
    pub resume_ref: Option<String>,
    pub settings_file: Option<PathBuf>,
    pub prompt_file: Option<PathBuf>,
    /// What that file holds, as one quoted string of JSON, which is one of TOML as well.
    pub prompt_string: Option<String>,
    /// Where agents call us by HTTP.
    pub mcp_url: Option<String>,
    /// Of the program, once it runs.
    pub pid: Option<u32>,
    /// What proves that a call is the session's own (C62).
    pub session_secret: Option<Secret>,
}

/// A text that no diagnostics show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Every placeholder there is.
pub const PLACEHOLDERS: &[&str] = &[
    "cwd",
    "home",
    "claude_config_dir",
    "codex_home",
    "dormouse_home",
    "dormouse",
    "identity",
    "personality",
    "session_uuid",
    "resume_ref",
    "settings_file",
    "prompt_file",
    "prompt_string",
    "mcp_url",
    SESSION_SECRET,
    "pid",
];

/// Allowed in `env` alone: whoever is on this machine can read what a program's arguments are.
pub const SESSION_SECRET: &str = "session_secret";

/// Why a text with placeholders cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceholderError {
    #[error("`{{{name}}}` in `{text}` is no placeholder")]
    Unknown { name: String, text: String },
    #[error("`{{{name}}}` in `{text}` has no value in this session")]
    NoValue { name: String, text: String },
    #[error("`{{{name}}}` in `{text}` is a path that is not UTF-8: {}", path.display())]
    NotUnicode { name: String, text: String, path: PathBuf },
    #[error("runtime `{runtime}` cannot resume: its file has no `resume_argv`")]
    CannotResume { runtime: String },
}

static BRACED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{\{([a-z_]+)\}\}|\$\{[a-z_]+\}|\{([a-z_]+)\}").expect("a constant pattern that a test compiles")
});

/// The name of the first placeholder in `text` that is none of ours.
pub fn unknown_in(text: &str) -> Option<&str> {
    named_in(text).find(|name| !PLACEHOLDERS.contains(name))
}

/// Whether `text` holds the session's secret once it is filled in.
pub fn tells_secret(text: &str) -> bool {
    named_in(text).any(|name| name == SESSION_SECRET)
}

fn named_in(text: &str) -> impl Iterator<Item = &str> {
    BRACED.captures_iter(text).filter_map(|found| found.get(2)).map(|name| name.as_str())
}

/// `text` with every placeholder filled in.
pub fn expand(text: &str, values: &Values) -> Result<String, PlaceholderError> {
    fill(text, |name| value(name, text, values))
}

/// As [`expand`], for a text that is a glob: what is filled in matches only itself.
pub fn expand_glob(text: &str, values: &Values) -> Result<String, PlaceholderError> {
    fill(text, |name| value(name, text, values).map(|value| glob::Pattern::escape(&value)))
}

/// `text` with each `{name}` replaced by what `of` says, and `{{name}}` by `{name}`.
pub(super) fn fill<E>(text: &str, of: impl Fn(&str) -> Result<String, E>) -> Result<String, E> {
    let mut failed = None;
    let filled = BRACED.replace_all(text, |found: &Captures<'_>| match (found.get(1), found.get(2)) {
        (Some(literal), _) => format!("{{{}}}", literal.as_str()),
        (None, Some(name)) => of(name.as_str()).unwrap_or_else(|error| {
            failed.get_or_insert(error);
            String::new()
        }),
        (None, None) => found[0].to_owned(),
    });
    match failed {
        None => Ok(filled.into_owned()),
        Some(error) => Err(error),
    }
}

fn value(name: &str, text: &str, values: &Values) -> Result<String, PlaceholderError> {
    let [owned_name, owned_text] = [name, text].map(str::to_owned);
    let path = |path: &Path| match path.to_str() {
        Some(path) => Ok(path.to_owned()),
        None => {
            Err(PlaceholderError::NotUnicode { name: name.to_owned(), text: text.to_owned(), path: path.to_owned() })
        }
    };
    let optional =
        |value: Option<String>| value.ok_or(PlaceholderError::NoValue { name: owned_name, text: owned_text });
    match name {
        "cwd" => path(&values.cwd),
        "home" => path(&values.home),
        "claude_config_dir" => path(&values.claude_config_dir),
        "codex_home" => path(&values.codex_home),
        "dormouse_home" => path(&values.dormouse_home),
        "dormouse" => path(&values.dormouse),
        "identity" => Ok(values.identity.clone()),
        "personality" => Ok(values.personality.clone()),
        "session_uuid" => Ok(values.session_uuid.clone()),
        "resume_ref" => optional(values.resume_ref.clone()),
        "settings_file" => optional(values.settings_file.as_deref().map(path).transpose()?),
        "prompt_file" => optional(values.prompt_file.as_deref().map(path).transpose()?),
        "prompt_string" => optional(values.prompt_string.clone()),
        "mcp_url" => optional(values.mcp_url.clone()),
        SESSION_SECRET => optional(values.session_secret.clone().map(|Secret(text)| text)),
        "pid" => optional(values.pid.map(|pid| pid.to_string())),
        _ => Err(PlaceholderError::Unknown { name: name.to_owned(), text: text.to_owned() }),
    }
}

impl Spec {
    /// The program of a session that begins as `mode` says, with the peer's own arguments behind it, as they are.
    pub fn program(
        &self,
        mode: &WakeMode,
        values: &Values,
        extra_args: &[String],
    ) -> Result<Vec<String>, PlaceholderError> {
        let filled = match mode {
            WakeMode::Fresh => self.argv.iter().map(|text| expand(text, values)).collect::<Result<Vec<_>, _>>()?,
            WakeMode::Resumed { resume_ref } => {
                let cannot = || PlaceholderError::CannotResume { runtime: self.name.to_string() };
                let argv = self.resume_argv.as_ref().ok_or_else(cannot)?;
                let values = Values { resume_ref: Some(resume_ref.clone()), ..values.clone() };
                argv.iter().map(|text| expand(text, &values)).collect::<Result<_, _>>()?
            }
        };
        Ok(filled.into_iter().chain(extra_args.iter().cloned()).collect())
    }

    /// Whether a fresh session can be resumed by the name that it is given. A program that chooses the name itself tells
    /// it later, or never.
    pub fn names_its_conversations(&self) -> bool {
        let asks = |argv: &[String], what: &str| argv.iter().any(|argument| argument.contains(what));
        self.resume_argv
            .as_ref()
            .is_some_and(|resume| !asks(resume, "{resume_ref}") || asks(&self.argv, "{session_uuid}"))
    }

    /// Whether its program is told where it can call us (C62).
    pub fn gives_tools(&self) -> bool {
        let told = |text: &String| text.contains("{mcp_url}");
        self.argv.iter().any(told) || self.env.values().any(told)
    }

    /// What the runtime adds to the program's environment (C21), the one place where a session's secret may go.
    pub fn environment(&self, values: &Values, secret: Secret) -> Result<BTreeMap<String, String>, PlaceholderError> {
        let values = Values { session_secret: Some(secret), ..values.clone() };
        self.env.iter().map(|(key, text)| Ok((key.clone(), expand(text, &values)?))).collect()
    }
}
