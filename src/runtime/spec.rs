//! A runtime's file, parsed and with its patterns compiled.

use std::borrow::Cow;
use std::collections::BTreeMap;

use regex::Regex;

use crate::model::event::RuntimeKind;
use crate::model::name::Runtime;

/// Everything a runtime's file says.
#[derive(Clone, Debug)]
pub struct Spec {
    pub name: Runtime,
    pub kind: RuntimeKind,
    pub seen_on: Option<String>,
    pub argv: Vec<String>,
    pub resume_argv: Option<Vec<String>>,
    pub version_argv: Option<Vec<String>>,
    /// Markers of a parent session, taken out of the environment (C21).
    pub unset: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub input: Input,
    pub proof: Proof,
    pub turn: Turn,
    pub hooks: Option<Hooks>,
    pub dialogs: Vec<Dialog>,
    pub fatal: Vec<Fatal>,
    pub limits: Limits,
    pub verbs: Verbs,
    pub sign_in: Option<SignIn>,
    /// What a person should know of the program, for `doctor`.
    pub notes: Vec<String>,
}

/// How a message gets in.
#[derive(Clone, Debug)]
pub struct Input {
    pub bracketed_paste: bool,
    pub screen: Option<Regex>,
    pub empty: Option<Regex>,
    pub clear: Vec<String>,
    pub landed: Option<Regex>,
    /// A tmux key name; empty: the newline at the end of the text submits.
    pub submit: String,
    pub while_busy: WhileBusy,
    pub normalise: Vec<Normalise>,
    /// What an envelope starts with; `{sender}` stands for who the message is from.
    pub prefix: String,
}

impl Input {
    /// What the program makes of `text`, for a proof that compares whole texts.
    pub fn normalised<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.normalise.iter().fold(Cow::Borrowed(text), |text, step| match step {
            Normalise::TabsTo4Spaces => text.replace('\t', "    ").into(),
            Normalise::TrimEnd => text.trim_end().to_owned().into(),
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileBusy {
    /// Hold until the turn has ended.
    Wait,
    Deliver,
}

/// What a program is known to do to a text; proofs compare after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Normalise {
    TabsTo4Spaces,
    TrimEnd,
}

/// What shows that the program took a message; the first that answers wins.
#[derive(Clone, Debug)]
pub struct Proof {
    pub hook: bool,
    /// A glob with placeholders.
    pub transcript: Option<String>,
    pub format: TranscriptFormat,
    pub screen: Option<Regex>,
    pub keys: bool,
}

/// How a transcript is read, and so what in it counts as the message having been taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TranscriptFormat {
    /// Any text: every line counts.
    #[default]
    Text,
    /// Claude Code's JSON lines: entries of the user count, not what tools, helpers and summaries quote.
    Claude,
    /// Codex's JSON lines: likewise, in the conversations of the session's own folder.
    Codex,
}

/// Whether a turn is running.
#[derive(Clone, Debug)]
pub struct Turn {
    pub source: Vec<TurnSource>,
    pub status_file: Option<StatusFile>,
    pub working: Option<Regex>,
    pub waiting: Option<Regex>,
    pub title: Title,
}

/// Where the program keeps what it does just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusFile {
    /// A path with placeholders.
    pub path: String,
    pub format: StatusFormat,
}

/// How a status file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusFormat {
    Claude,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnSource {
    Hooks,
    StatusFile,
    Transcript,
    /// OSC 7501 in the program's output.
    Terminal,
    /// Asked last of all that tell: where no status file is read and no OSC 7501 has been said.
    Title,
    Screen,
}

/// What a program's title shows of its turns.
#[derive(Clone, Debug, Default)]
pub struct Title {
    pub working: Option<Regex>,
    pub waiting: Option<Regex>,
    pub idle: Option<Regex>,
}

impl Title {
    /// The first of the three that matches, in this order.
    pub fn read(&self, title: &str) -> Option<TitleSays> {
        let all =
            [(&self.waiting, TitleSays::Waiting), (&self.working, TitleSays::Working), (&self.idle, TitleSays::Idle)];
        let seen = |pattern: &Option<Regex>| pattern.as_ref().is_some_and(|pattern| pattern.is_match(title));
        all.into_iter().find_map(|(pattern, says)| seen(pattern).then_some(says))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TitleSays {
    Working,
    /// For a person.
    Waiting,
    /// At rest, as far as a title can tell.
    Idle,
}

/// How its hooks call `dormouse hook`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    pub format: HookFormat,
    /// Handed over only if the peer was given this consent.
    pub consent: Option<String>,
    /// Where the program writes down which hooks it was told to trust.
    pub trust: Option<String>,
}

/// How hooks are handed over, and what they say is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookFormat {
    /// Claude Code's: a settings file, `{settings_file}`.
    Claude,
    /// Codex's: arguments, and `notify` in their place where they are not granted.
    Codex,
}

/// A known boot dialog, matched on the visible screen, bottom up (C24).
#[derive(Clone, Debug)]
pub struct Dialog {
    pub name: String,
    /// Matches its first line: the selection is looked for there and below.
    pub screen: Regex,
    /// Seen when what is to be confirmed is selected; none: it is preselected.
    pub select: Option<Regex>,
    /// A tmux key that moves the selection.
    pub step: String,
    pub confirm: String,
    /// How long it must have stood still, selection and all, before a key is pressed in it.
    pub settle_ms: u64,
    /// Answered only if the peer was given this consent.
    pub consent: Option<String>,
}

/// A screen that ends the boot at once.
#[derive(Clone, Debug)]
pub struct Fatal {
    pub screen: Regex,
    pub says: String,
}

/// Settings overridden for this runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub boot_deadline_ms: Option<u64>,
    pub ready_deadline_ms: Option<u64>,
}

/// What may be typed into it besides messages: an operator's verbs (C56), and what leaves it.
#[derive(Clone, Debug, Default)]
pub struct Verbs {
    /// A tmux key name: one press ends the turn.
    pub interrupt: Option<String>,
    /// tmux key names: with these pressed into its empty box, one after the other, it leaves. Not an operator's: what every
    /// end of a session at rest begins with.
    pub exit: Vec<String>,
    pub compact: Option<Compact>,
}

/// The program's own command that sums its conversation up.
#[derive(Clone, Debug)]
pub struct Compact {
    pub command: String,
    /// Matches the line that the program then adds to its record.
    pub recorded: Regex,
}

/// What shows that somebody has signed in, as far as it can be seen without asking anybody; one is enough.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// Paths with placeholders.
    pub files: Vec<String>,
    /// The program's own settings: they count where they name somebody for whom nobody has to sign in.
    pub config: Option<ConfigFile>,
    /// Variables of the daemon's environment.
    pub env: Vec<String>,
    /// What to do where there is none.
    pub says: String,
}

/// Where a program keeps its own settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// A path with placeholders.
    pub path: String,
    pub format: ConfigFormat,
}

/// How a program's settings are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigFormat {
    Codex,
}
