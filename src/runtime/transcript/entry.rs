//! Entries of the records that programs keep, a line of JSON each.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::model::event::UNNAMED_ERROR;
use crate::runtime::spec::TranscriptFormat;

/// Longest first line of a record that is read: it holds the program's whole instructions.
const HEAD_BYTES_MAX: u64 = 1024 * 1024;

/// What the entry `line` says, if it is one of whoever speaks to the program. None for everything else: what the
/// program says, what its tools return and its helpers are told, summaries of what was said, and lines that are not
/// whole. All of those may quote a message that was never taken.
pub fn spoken(format: TranscriptFormat, line: &[u8]) -> Option<String> {
    match format {
        TranscriptFormat::Text => String::from_utf8(line.to_owned()).ok(),
        TranscriptFormat::Claude => serde_json::from_slice::<Claude>(line).ok()?.spoken(),
        TranscriptFormat::Codex => serde_json::from_slice::<Codex>(line).ok()?.spoken(),
    }
}

/// What a record's entry tells of the turn it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfTurn {
    /// Something was said or done in it.
    Goes,
    /// It is over, however it ended.
    Ends,
    /// It has failed, for this reason.
    Fails { reason: String },
}

/// Of a reason, so much is told. It may quote a whole answer of a server's.
const REASON_CHARS_MAX: usize = 200;

/// What the entry `line` tells of a turn. None for what programs write at rest, too: names, modes, what waits in a queue,
/// what helpers say among themselves; and for records in which no end can be told.
pub fn of_turn(format: TranscriptFormat, line: &[u8]) -> Option<OfTurn> {
    match format {
        TranscriptFormat::Text => None,
        TranscriptFormat::Claude => serde_json::from_slice::<ClaudeTurn>(line).ok()?.of_turn(line),
        TranscriptFormat::Codex => serde_json::from_slice::<Codex>(line).ok()?.of_turn(),
    }
}

/// What the program calls the turn that the entry `line` is of. None where it does not say so there, as Claude Code does not.
pub fn turn_id(format: TranscriptFormat, line: &[u8]) -> Option<String> {
    match format {
        TranscriptFormat::Text | TranscriptFormat::Claude => None,
        TranscriptFormat::Codex => serde_json::from_slice::<Codex>(line).ok()?.payload.turn_id,
    }
}

/// How Claude Code notes, in the user's place, that somebody has interrupted it.
const CLAUDE_INTERRUPTED: &str = "[Request interrupted by user";

/// Of an entry of any kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClaudeTurn {
    r#type: String,
    subtype: Option<String>,
    #[serde(default)]
    is_sidechain: bool,
}

impl ClaudeTurn {
    fn of_turn(self, line: &[u8]) -> Option<OfTurn> {
        if self.is_sidechain {
            return None;
        }
        match (self.r#type.as_str(), self.subtype.as_deref()) {
            ("system", Some("turn_duration")) => Some(OfTurn::Ends),
            ("user", _)
                if spoken(TranscriptFormat::Claude, line).is_some_and(|it| it.starts_with(CLAUDE_INTERRUPTED)) =>
            {
                Some(OfTurn::Ends)
            }
            // What a tool returns is an entry of the user's.
            ("user" | "assistant", _) => Some(OfTurn::Goes),
            _ => None,
        }
    }
}

/// As Claude Code 2.1 writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claude {
    r#type: String,
    #[serde(default)]
    is_sidechain: bool,
    #[serde(default)]
    is_meta: bool,
    #[serde(default)]
    is_compact_summary: bool,
    message: ClaudeMessage,
}

#[derive(Deserialize)]
struct ClaudeMessage {
    role: String,
    content: Content,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

#[derive(Deserialize)]
struct Block {
    r#type: String,
    text: Option<String>,
}

impl Claude {
    fn spoken(self) -> Option<String> {
        let of_the_program = self.is_sidechain || self.is_meta || self.is_compact_summary;
        if self.r#type != "user" || self.message.role != "user" || of_the_program {
            return None;
        }
        match self.message.content {
            Content::Text(text) => Some(text),
            Content::Blocks(blocks) => texts(blocks, "text"),
        }
    }
}

/// As Codex 0.169 writes it: a `session_meta` first, then what was said and done.
#[derive(Deserialize)]
struct Codex {
    r#type: String,
    payload: CodexPayload,
}

#[derive(Deserialize)]
struct CodexPayload {
    r#type: Option<String>,
    role: Option<String>,
    #[serde(default)]
    content: Vec<Block>,
    cwd: Option<PathBuf>,
    id: Option<String>,
    turn_id: Option<String>,
    /// Why a turn has failed that is complete.
    error: Option<CodexError>,
}

#[derive(Deserialize)]
struct CodexError {
    message: Option<String>,
}

impl Codex {
    fn spoken(self) -> Option<String> {
        let payload = self.payload;
        let is_message = self.r#type == "response_item" && payload.r#type.as_deref() == Some("message");
        if !is_message || payload.role.as_deref() != Some("user") {
            return None;
        }
        texts(payload.content, "input_text")
    }
}

impl Codex {
    fn of_turn(self) -> Option<OfTurn> {
        match (self.r#type.as_str(), self.payload.r#type.as_deref()) {
            ("event_msg", Some("task_complete")) if self.payload.error.is_some() => {
                let message = self.payload.error.and_then(|error| error.message);
                let line = message.as_deref().and_then(|message| message.lines().next()).unwrap_or(UNNAMED_ERROR);
                Some(OfTurn::Fails { reason: line.chars().take(REASON_CHARS_MAX).collect() })
            }
            ("event_msg", Some("task_complete" | "turn_aborted")) => Some(OfTurn::Ends),
            ("event_msg", Some("task_started")) | ("response_item", _) => Some(OfTurn::Goes),
            _ => None,
        }
    }
}

/// The texts among `blocks`; none if all are of another kind, as a tool's result is.
fn texts(blocks: Vec<Block>, kind: &str) -> Option<String> {
    let texts: Vec<String> =
        blocks.into_iter().filter(|block| block.r#type == kind).filter_map(|block| block.text).collect();
    Some(texts.join("\n")).filter(|text| !text.is_empty())
}

/// The folder that a conversation of Codex is in, by the first line of its record. None while that is not whole.
pub fn codex_folder(path: &Path) -> Option<PathBuf> {
    codex_head(path)?.cwd
}

/// What Codex calls a conversation, by the same line.
pub fn codex_name(path: &Path) -> Option<String> {
    codex_head(path)?.id
}

fn codex_head(path: &Path) -> Option<CodexPayload> {
    let mut line = Vec::new();
    let mut head = BufReader::new(File::open(path).ok()?.take(HEAD_BYTES_MAX));
    head.read_until(b'\n', &mut line).ok()?;
    let first: Codex = serde_json::from_slice(&line).ok()?;
    (first.r#type == "session_meta").then_some(first.payload)
}
