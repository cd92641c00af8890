//! The file's shape: every key it may have, and no other.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::model::event::RuntimeKind;

/// A text whose place in the file is kept, for the errors of what is read out of it.
pub type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    pub kind: Option<RuntimeKind>,
    pub seen_on: Option<String>,
    pub argv: Spanned<Vec<Text>>,
    pub resume_argv: Option<Spanned<Vec<Text>>>,
    pub version_argv: Option<Spanned<Vec<Text>>>,
    pub unset: Option<Vec<String>>,
    pub env: Option<BTreeMap<String, Text>>,
    pub input: Option<Input>,
    pub proof: Option<Proof>,
    pub turn: Option<Turn>,
    pub hooks: Option<Hooks>,
    pub dialog: Option<Vec<Dialog>>,
    pub fatal: Option<Vec<Fatal>>,
    pub limits: Option<Limits>,
    pub verbs: Option<Verbs>,
    pub sign_in: Option<SignIn>,
    pub notes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub files: Option<Vec<Text>>,
    pub config: Option<FormattedFile>,
    pub env: Option<Vec<String>>,
    pub says: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    pub bracketed_paste: Option<bool>,
    pub screen: Option<Text>,
    pub empty: Option<Text>,
    pub clear: Option<Vec<String>>,
    pub landed: Option<Text>,
    pub submit: Option<String>,
    pub while_busy: Option<Text>,
    pub normalise: Option<Vec<Text>>,
    pub prefix: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    pub hook: Option<bool>,
    pub transcript: Option<Text>,
    pub format: Option<Text>,
    pub screen: Option<Text>,
    pub keys: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    pub source: Option<Vec<Text>>,
    pub status_file: Option<FormattedFile>,
    pub working: Option<Text>,
    pub waiting: Option<Text>,
    pub title_working: Option<Text>,
    pub title_waiting: Option<Text>,
    pub title_idle: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormattedFile {
    pub path: Text,
    pub format: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hooks {
    pub format: Text,
    pub consent: Option<String>,
    pub trust: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialog {
    pub name: Text,
    pub screen: Text,
    pub select: Option<Text>,
    pub step: Option<String>,
    pub confirm: Option<String>,
    pub settle: Option<Text>,
    pub consent: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fatal {
    pub screen: Text,
    pub says: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub boot_deadline: Option<Text>,
    pub ready_deadline: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verbs {
    pub interrupt: Option<Text>,
    pub exit: Option<Vec<Text>>,
    pub compact: Option<Text>,
    pub compacted: Option<Text>,
}
