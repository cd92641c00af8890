//! What a check came to.

use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `tmux`, `disk`, `peer ada`.
    pub check: String,
    pub verdict: Verdict,
    /// What was found, as one sentence.
    pub says: String,
    /// What to do about it; none if there is nothing to do.
    pub remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// It works, in another way than somebody may expect.
    Warn,
    /// Something will not work.
    Fail,
}

impl Verdict {
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }
}

impl Finding {
    pub fn ok(check: impl Into<String>, says: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Ok, says: says.into(), remedy: None }
    }

    pub fn warn(check: impl Into<String>, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Warn, says: says.into(), remedy: Some(remedy.into()) }
    }

    pub fn fail(check: impl Into<String>, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check: check.into(), verdict: Verdict::Fail, says: says.into(), remedy: Some(remedy.into()) }
    }
}
