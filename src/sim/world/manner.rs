//! How an agent behaves that is not left to chance.

/// What its boots and its turns are like, from the next one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// From its start until its box is open.
    pub boot_ms: u64,
    /// Dialogs that stand before its box.
    pub dialogs: u32,
    pub turn_ms: u64,
    pub says: Says,
}

/// What it says before its turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    Answer,
    /// `self done`.
    Done,
    Nothing,
}

impl Default for Manner {
    fn default() -> Self {
        Self { boot_ms: 2_000, dialogs: 0, turn_ms: 30_000, says: Says::Answer }
    }
}
