//! The block of text a program sees of a message: who sent it, its id, when, its topic, the body, and how to answer.
//!
//! ```text
//! [from ada (claude)] message 01JD…C7, attempt 1, 2026-11-22 14:05:10 +01:00, topic release-notes
//! <body>
//! [end of message 01JD…C7; reply with: dormouse send ada, or the tool send_to_peer]
//! ```
//!
//! A line of the body that begins like one of these gets `> ` in front, as quoted mail has it, so that no body can pass
//! for an envelope (C12a). Its controls are made visible (C12).

use jiff::tz::TimeZone;

use crate::model::actor::Sender;
use crate::model::effect::Envelope;
use crate::model::id::MessageId;
use crate::model::message::SessionBefore;
use crate::model::text::visible;
use crate::model::time::Timestamp;

use super::parse::DEFAULT_PREFIX;

/// How the lines that are only ours begin.
const OPENINGS: [&str; 3] = ["[from ", "[end of message", "[note: "];
/// Stands before a line of a body that begins like one of ours.
const MARK: &str = "> ";
/// The same, where a runtime's own prefix begins with `>`.
const OTHER_MARK: &str = "| ";
/// Longest name of a user that the first line shows, in characters.
const SENDER_CHARS_MAX: usize = 64;

/// A message as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed {
    /// Without a newline at its end, and without any control character but LF and TAB.
    pub text: String,
    /// Names message and attempt, so it is like no other line that was ever typed: what a proof looks for (C14).
    pub first_line: String,
}

/// Composes what is typed for attempt `attempt` at message `id`.
///
/// `prefix` is the runtime's, `[from {sender}] ` without one. `initial_prompt` comes before `text` with a blank line
/// between them (C19). Times are shown in `zone`.
pub fn compose(
    prefix: Option<&str>,
    envelope: &Envelope,
    id: MessageId,
    attempt: u32,
    text: &str,
    initial_prompt: Option<&str>,
    zone: &TimeZone,
) -> Typed {
    let opening = Opening::new(prefix.unwrap_or(DEFAULT_PREFIX));
    let mut first_line = opening.naming(&sender_name(&envelope.from));
    first_line.push_str(&names_attempt(id, attempt));
    first_line.push_str(&format!(" {}", local_time(envelope.sent, zone)));
    if let Some(topic) = &envelope.topic {
        first_line.push_str(", topic ");
        first_line.push_str(&one_line(topic));
    }
    let mut out = first_line.clone();
    out.push('\n');
    for note in notes(envelope, id, attempt) {
        out.push_str(&format!("[note: {note}]\n"));
    }
    if let Some(prompt) = initial_prompt {
        push_body(&mut out, prompt, &opening);
        out.push('\n');
    }
    push_body(&mut out, text, &opening);
    match reply_target(&envelope.from) {
        Some(to) => {
            out.push_str(&format!("[end of message {id}; reply with: dormouse send {to}, or the tool send_to_peer]"))
        }
        None => out.push_str(&format!("[end of message {id}]")),
    }
    Typed { text: out, first_line }
}

/// The words of a first line that name message and attempt: enough to know it by where the rest of it is not known any
/// more (C34). ASCII, so that every record writes them alike.
pub fn names_attempt(id: MessageId, attempt: u32) -> String {
    format!("message {id}, attempt {attempt},")
}

/// Message and attempt that the first line of `text` names, as [`names_attempt`] wrote them. None for what was typed by
/// somebody else.
pub fn named(text: &str) -> Option<(MessageId, u32)> {
    let first_line = text.lines().next()?;
    first_line.match_indices("message ").find_map(|(at, word)| {
        let (id, rest) = first_line[at + word.len()..].split_once(", attempt ")?;
        Some((id.parse().ok()?, rest.split_once(',')?.0.parse().ok()?))
    })
}

/// What a runtime's prefix makes of the first line.
struct Opening {
    /// Before the sender's name.
    before: String,
    /// Behind it.
    behind: String,
    mark: &'static str,
    /// As lines are compared.
    folded: String,
}

impl Opening {
    fn new(prefix: &str) -> Self {
        let (before, behind) = match prefix.split_once("{sender}") {
            Some((before, behind)) => (before.to_owned(), behind.to_owned()),
            // Who it is from is said in any case.
            None => (format!("{prefix}from "), ", ".to_owned()),
        };
        let folded = folded(&before);
        let mark = if folded.starts_with('>') { OTHER_MARK } else { MARK };
        Self { before, behind, mark, folded }
    }

    fn naming(&self, sender: &str) -> String {
        format!("{}{sender}{}", self.before, self.behind)
    }

    /// Whether `line` could be taken for a line of ours.
    fn begins(&self, line: &str) -> bool {
        let line = folded(line);
        OPENINGS.iter().any(|opening| line.starts_with(opening))
            || (!self.folded.trim().is_empty() && line.starts_with(&self.folded))
    }
}

/// `text` with its controls visible and its lookalikes marked, ended by a newline.
fn push_body(out: &mut String, text: &str, opening: &Opening) {
    let body = visible(text);
    // Unicode's own line ends begin a line for whoever reads the text, though not for a terminal.
    for line in body.text.split_inclusive(['\n', '\u{2028}', '\u{2029}']) {
        if opening.begins(line) {
            out.push_str(opening.mark);
        }
        out.push_str(line);
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
}

/// What the reader must know of the attempts before this one (C34, C41a), and that somebody waits for a reply (C13).
fn notes(envelope: &Envelope, id: MessageId, attempt: u32) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(SessionBefore { ending, lived_ms }) = &envelope.session_before {
        let lived = format!("{}{}", ending.at_least(), lived(*lived_ms));
        let ending = one_line(&ending.to_string());
        notes.push(format!(
            "attempt {attempt}; the session before {ending} after {lived}: a part of the work may already be done"
        ));
    }
    if envelope.possible_duplicate {
        notes.push("possible duplicate; an earlier attempt at this very message may have arrived".to_owned());
    }
    if let Some(to) = reply_target(&envelope.from).filter(|_| envelope.reply_asked) {
        notes.push(format!(
            "a reply is waited for: dormouse send {to} --answers {id}, or the tool send_to_peer with `answers`"
        ));
    }
    notes
}

fn lived(ms: u64) -> String {
    match ms / 1000 {
        0 => format!("{ms} ms"),
        s @ 1..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3600),
    }
}

/// The sender as the first line names them. A person's name cannot close our bracket or add one of its own.
fn sender_name(sender: &Sender) -> String {
    let plain = |name: &str| -> String {
        let kept = one_line(name).chars().take(SENDER_CHARS_MAX).collect::<String>();
        kept.replace(|c: char| "[](){}".contains(c) || is_bracket(c) || is_invisible(c), "_")
    };
    match sender {
        Sender::User { name, uid } => Sender::User { name: plain(name), uid: *uid }.to_string(),
        Sender::Unverified { name, uid } => Sender::Unverified { name: plain(name), uid: *uid }.to_string(),
        Sender::Session { .. } | Sender::Dormouse { .. } => sender.to_string(),
    }
}

/// What `dormouse send` takes to answer. Who is not verified and who is dormouse itself get no answer. Agents run this
/// line in a shell, so a name that a shell would not take as it is gets none either.
fn reply_target(sender: &Sender) -> Option<String> {
    match sender {
        Sender::Session { peer, .. } => Some(peer.personality.to_string()),
        Sender::User { name, .. } => {
            let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-@+".contains(c));
            plain.then(|| format!("user:{name}"))
        }
        Sender::Unverified { .. } | Sender::Dormouse { .. } => None,
    }
}

fn local_time(at: Timestamp, zone: &TimeZone) -> String {
    let us = i64::try_from(at.wall_us).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_microsecond(us).unwrap_or(jiff::Timestamp::MAX);
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

fn one_line(text: &str) -> String {
    visible(text).text.replace(['\n', '\t', '\u{2028}', '\u{2029}'], " ")
}

/// A line as it looks at its beginning: without what cannot be seen, in lower case, each run of blanks one, every left
/// bracket the plain one.
fn folded(line: &str) -> String {
    let longest = OPENINGS.iter().map(|opening| opening.len()).max().unwrap_or_default().max(64);
    let mut out = String::new();
    for c in line.chars().filter(|c| !is_invisible(*c)) {
        match c {
            c if c.is_whitespace() && (out.is_empty() || out.ends_with(' ')) => {}
            c if c.is_whitespace() => out.push(' '),
            c if is_bracket(c) => out.push('['),
            c => out.extend(c.to_lowercase()),
        }
        if out.len() >= longest {
            break;
        }
    }
    out
}

fn is_bracket(c: char) -> bool {
    matches!(c, '［' | '【' | '〔' | '⟦' | '❲' | '⁅' | '︹' | '﹇')
}

/// Characters that take no room: what hides behind them looks like the beginning of a line.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
