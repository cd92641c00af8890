//! Settings the rules look at. They enter the journal as an event, so that a replay knows them.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A place where a value can be given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettingPlace {
    File { file: PathBuf, line: u32 },
    Environment { variable: String },
    Flag { flag: String },
}

impl fmt::Display for SettingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingPlace::File { file, line } => write!(f, "{}:{line}", file.display()),
            SettingPlace::Environment { variable } => f.write_str(variable),
            SettingPlace::Flag { flag } => f.write_str(flag),
        }
    }
}

/// A setting that somebody gave a value, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingGiven {
    /// As it is written in `config.toml`.
    pub name: String,
    pub place: SettingPlace,
}

/// Limits and delays, in the units their names end with. Defaults as in the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// `idle` (C45).
    pub idle_ms: u64,
    /// `ephemeral_quiet` (C37).
    pub ephemeral_quiet_ms: u64,
    /// `ephemeral_unarmed_idle` (C38).
    pub ephemeral_unarmed_idle_ms: u64,
    /// `boot_deadline`: until the input surface is there (C28).
    pub boot_deadline_ms: u64,
    /// `ready_deadline`: until there is proof after the submit (C28).
    pub ready_deadline_ms: u64,
    /// `crashloop_deaths_max` within `crashloop_window` (C48).
    pub crashloop_deaths_max: u32,
    pub crashloop_window_ms: u64,
    /// `boots_max` side by side (C20).
    pub boots_max: u32,
    /// `unfinished_retries` of a task whose session died (C41a).
    pub unfinished_retries: u32,
    /// `id_memory` of idempotency keys (C8).
    pub id_memory_ms: u64,
    /// `queue_max` per identity (C6).
    pub queue_max: u32,
    /// `message_bytes_max` (C6).
    pub message_bytes_max: u32,
    /// `attempts_max` before a message is dead (C13).
    pub attempts_max: u32,
    /// `retry_delay`, doubling up to a minute (C13).
    pub retry_delay_ms: u64,
    /// `human_typing_hold` (C32).
    pub human_typing_hold_ms: u64,
    /// `segment_bytes` of the journal.
    pub segment_bytes: u64,
    /// `retain_bytes`, 0 for ever.
    pub retain_bytes: u64,
    /// `retain_age`, 0 for ever.
    pub retain_age_ms: u64,
    /// `on_attention`: argv of a command that gets JSON on its standard input; empty for none.
    pub on_attention: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        const SECOND: u64 = 1_000;
        const MINUTE: u64 = 60 * SECOND;
        const HOUR: u64 = 60 * MINUTE;
        Self {
            idle_ms: HOUR,
            ephemeral_quiet_ms: 20 * SECOND,
            ephemeral_unarmed_idle_ms: 10 * MINUTE,
            boot_deadline_ms: 4 * MINUTE,
            ready_deadline_ms: 2 * MINUTE,
            crashloop_deaths_max: 3,
            crashloop_window_ms: 5 * MINUTE,
            boots_max: 4,
            unfinished_retries: 1,
            id_memory_ms: 24 * HOUR,
            queue_max: 10_000,
            message_bytes_max: 1 << 20,
            attempts_max: 5,
            retry_delay_ms: SECOND,
            human_typing_hold_ms: 2 * MINUTE,
            segment_bytes: 64 << 20,
            retain_bytes: 0,
            retain_age_ms: 0,
            on_attention: Vec::new(),
        }
    }
}
