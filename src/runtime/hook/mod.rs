//! What programs say by their hooks, as facts; and how the hooks are handed to a program that is started.
//!
//! A hook may be of a version that is not known here: an event or a field that is new is a sign of life, and no error.

mod claude;
mod codex;

use std::path::Path;

use serde_json::Value;

use super::envelope;
use super::spec::{HookFormat, Spec};
use crate::model::event::{ConversationNamed, Event, PromptTaken, TurnObserved, TurnSeen};
use crate::model::id::MessageId;
use crate::model::message::TextPrint;
use crate::model::session::Source;
use crate::model::text::visible;
use crate::model::time::Timestamp;

/// Longest words of a program that a fact keeps, in characters.
const WORDS_CHARS_MAX: usize = 200;

/// One hook, as it was called.
#[derive(Clone, Copy, Debug)]
pub struct Hook<'a> {
    /// What the program gave to it.
    pub payload: &'a Value,
    /// When it was started.
    pub said_at: Timestamp,
    /// What the session's conversation is known to be called.
    pub conversation: Option<&'a str>,
}

/// What a hook means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Said {
    turn: Option<TurnSeen>,
    turn_id: Option<String>,
    /// The whole prompt that it took.
    prompt: Option<String>,
    /// What its conversation is called.
    conversation: Option<String>,
}

/// The facts that follow from one hook, in their order, each with the message it is about. None: it says nothing of this
/// session, or it is no hook of this runtime.
pub fn facts(spec: &Spec, hook: Hook<'_>) -> Vec<(Event, Option<MessageId>)> {
    let Some(hooks) = &spec.hooks else { return Vec::new() };
    let said = match hooks.format {
        HookFormat::Claude => claude::said(hook.payload),
        HookFormat::Codex => codex::said(hook.payload, hook.conversation),
    };
    let Said { turn, turn_id, prompt, conversation } = said;
    let named = conversation
        .filter(|name| is_name(name) && hook.conversation != Some(name))
        .map(|resume_ref| (ConversationNamed { resume_ref, source: Source::Hook }.into(), None));
    let said_at = Some(hook.said_at);
    let turn_id = turn_id.map(|id| words(&id));
    let observed = turn.map(|turn| (TurnObserved { turn, source: Source::Hook, turn_id, said_at }.into(), None));
    let taken = prompt.filter(|_| spec.proof.hook).and_then(|prompt| {
        let (message, attempt) = envelope::named(&prompt)?;
        let print = TextPrint::of(&spec.input.normalised(&prompt));
        Some((PromptTaken { attempt, print, said_at }.into(), Some(message)))
    });
    named.into_iter().chain(observed).chain(taken).collect()
}

/// The text of a settings file that makes the program call `dormouse hook`; none for a program that takes no such file.
pub fn settings(spec: &Spec, dormouse: &Path) -> Option<String> {
    let hooks = spec.hooks.as_ref()?;
    match hooks.format {
        HookFormat::Claude => Some(claude::settings(dormouse)),
        HookFormat::Codex => None,
    }
}

/// Arguments that make the program call `dormouse hook`, as far as these consents go. The same for every session, and
/// after every upgrade: some programs ask again when a hook's command has changed.
pub fn arguments(spec: &Spec, dormouse: &Path, consents: &[String]) -> Vec<String> {
    let Some(hooks) = &spec.hooks else { return Vec::new() };
    let granted = hooks.consent.as_ref().is_none_or(|needed| consents.contains(needed));
    match hooks.format {
        HookFormat::Claude => Vec::new(),
        HookFormat::Codex => codex::arguments(dormouse, granted),
    }
}

/// What a program has written down of our hooks, as they are handed over now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Trusted, and called.
    pub trusted: usize,
    /// Trusted in another form, as that of a program in another place: it asks about them again.
    pub changed: usize,
    /// Not to be called, whatever they are.
    pub switched_off: usize,
    pub all: usize,
}

/// Reads it out of what stands in the file that the runtime's own names. None: that program asks nobody, or the text is no
/// settings of its.
pub fn trust(spec: &Spec, dormouse: &Path, settings: &str) -> Option<Trust> {
    match spec.hooks.as_ref()?.format {
        HookFormat::Claude => None,
        HookFormat::Codex => codex::trust(dormouse, settings),
    }
}

/// The text of a field, if it has one.
fn text(payload: &Value, field: &str) -> Option<String> {
    payload.get(field)?.as_str().map(str::to_owned)
}

/// What a program says for people: one short line.
fn words(text: &str) -> String {
    let line = visible(text).text.replace(['\n', '\t'], " ");
    line.trim().chars().take(WORDS_CHARS_MAX).collect()
}

/// Whether a name can stand as an argument of its own when the conversation is resumed.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=WORDS_CHARS_MAX).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('-')
}

#[cfg(test)]
mod tests;
