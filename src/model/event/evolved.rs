//! A registry of which two kinds have changed since they were first written. No published kind has, and the first one
//! that does must find the way proven.

use serde::{Deserialize, Serialize};

use super::{Class, Kind, ReadPayload, WritePayload};

/// As it was first written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedV1 {
    pub text: String,
}

/// Then somebody asked how loud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedV2 {
    pub volume: u8,
    pub text: String,
}

/// Then a note could be about several things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    pub volume: u32,
    pub texts: Vec<String>,
}

impl From<NotedV1> for Noted {
    fn from(old: NotedV1) -> Self {
        Noted { volume: 1, texts: vec![old.text] }
    }
}

impl From<NotedV2> for Noted {
    fn from(old: NotedV2) -> Self {
        Noted { volume: old.volume.into(), texts: vec![old.text] }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedV1 {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub why: Option<String>,
}

impl From<JudgedV1> for Judged {
    fn from(_: JudgedV1) -> Self {
        Judged { why: None }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    Fact(Fact),
    Decision(Decision),
}

registry! {
    facts {
        1 Noted "noted" schema 3 { 1: NotedV1, 2: NotedV2 }
        2 Kept "kept"
    }
    decisions {
        1001 Judged "judged" schema 2 { 1: JudgedV1 }
    }
}
