//! Values that need more than TOML's types, each with its place for the error.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use regex::Regex;
use toml::Spanned;
use toml::de::DeTable;

use crate::config::line_of;
use crate::config::quantity::parse_duration;
use crate::runtime::locate::key_at;
use crate::runtime::placeholders::{tells_secret, unknown_in};
use crate::runtime::spec::{
    ConfigFile, ConfigFormat, HookFormat, Normalise, StatusFile, StatusFormat, TranscriptFormat, TurnSource, WhileBusy,
};

use super::raw::{FormattedFile, Text};
use super::{KeyProblem, RuntimeFileError};

type Read<T> = Result<T, RuntimeFileError>;

/// The file being read.
pub struct Reader<'a> {
    pub text: &'a str,
    pub table: &'a Spanned<DeTable<'a>>,
    pub file: &'a Path,
}

impl Reader<'_> {
    /// An error that names the line and the key of `span`.
    pub fn problem(&self, span: Range<usize>, problem: KeyProblem) -> RuntimeFileError {
        RuntimeFileError::Key {
            file: self.file.to_owned(),
            line: line_of(self.text, span.start),
            key: key_at(self.table, span.start).unwrap_or_default(),
            problem,
        }
    }

    pub fn pattern(&self, text: &Text) -> Read<Regex> {
        Regex::new(text.get_ref()).map_err(|error| self.problem(text.span(), KeyProblem::Pattern(one_line(&error))))
    }

    pub fn optional_pattern(&self, text: Option<&Text>) -> Read<Option<Regex>> {
        text.map(|text| self.pattern(text)).transpose()
    }

    pub fn fresh_argv(&self, argv: Spanned<Vec<Text>>) -> Read<Vec<String>> {
        if let Some(text) = argv.get_ref().iter().find(|text| text.get_ref().contains("{resume_ref}")) {
            return Err(self.problem(text.span(), KeyProblem::ResumeRefWhenFresh));
        }
        self.argv(argv)
    }

    pub fn argv(&self, argv: Spanned<Vec<Text>>) -> Read<Vec<String>> {
        if argv.get_ref().first().is_none_or(|program| program.get_ref().is_empty()) {
            return Err(self.problem(argv.span(), KeyProblem::NoProgram));
        }
        argv.into_inner().into_iter().map(|text| self.open_template(text)).collect()
    }

    pub fn env(&self, env: BTreeMap<String, Text>) -> Read<BTreeMap<String, String>> {
        env.into_iter()
            .map(|(key, text)| {
                if key.is_empty() || key.contains('=') || key.contains('\0') {
                    let problem = KeyProblem::Word { expected: "a variable's name", found: key };
                    return Err(self.problem(text.span(), problem));
                }
                Ok((key, self.template(text)?))
            })
            .collect()
    }

    /// A text with placeholders, all of them known, and without the one character no argument can hold.
    pub fn template(&self, text: Text) -> Read<String> {
        if text.get_ref().contains('\0') {
            return Err(self.problem(text.span(), KeyProblem::Control { code: 0 }));
        }
        match unknown_in(text.get_ref()) {
            Some(name) => Err(self.problem(text.span(), KeyProblem::Placeholder { name: name.to_owned() })),
            None => Ok(text.into_inner()),
        }
    }

    /// As [`Reader::template`], for a text that others can read.
    fn open_template(&self, text: Text) -> Read<String> {
        if tells_secret(text.get_ref()) {
            return Err(self.problem(text.span(), KeyProblem::SecretOutsideEnv));
        }
        self.template(text)
    }

    pub fn glob(&self, text: &Text) -> Read<String> {
        let pattern = self.open_template(text.clone())?;
        match glob::Pattern::new(&pattern) {
            Ok(_) => Ok(pattern),
            Err(error) => Err(self.problem(text.span(), KeyProblem::Glob(error.to_string()))),
        }
    }

    /// A key or a command: one line, with something in it.
    pub fn typed(&self, text: &Text) -> Read<String> {
        let found = text.get_ref();
        if let Some(c) = found.chars().find(|c| c.is_control()) {
            return Err(self.problem(text.span(), KeyProblem::Control { code: u32::from(c) }));
        }
        if found.trim().is_empty() {
            let problem = KeyProblem::Word { expected: "a key or a command", found: found.clone() };
            return Err(self.problem(text.span(), problem));
        }
        Ok(found.clone())
    }

    pub fn duration(&self, text: &Text) -> Read<u64> {
        parse_duration(text.get_ref()).map_err(|error| self.problem(text.span(), KeyProblem::Duration(error)))
    }

    /// C27: whatever a sender is called, the first character a program reads is one of ours. Blanks in front do not
    /// count: some programs drop them.
    pub fn prefix(&self, text: &Text) -> Read<String> {
        let prefix = text.get_ref();
        let first = prefix.trim_start().chars().next();
        let control = prefix.chars().find(|c| c.is_control());
        let problem = match (first, control) {
            (_, Some(c)) => KeyProblem::Control { code: u32::from(c) },
            (Some(found @ ('!' | '/')), None) => KeyProblem::Prefix { found },
            (Some('{'), None) => KeyProblem::PrefixIsNotOurs { found: prefix.clone() },
            _ => match prefix_unknown(prefix) {
                Some(name) => KeyProblem::Placeholder { name },
                None => return Ok(prefix.clone()),
            },
        };
        Err(self.problem(text.span(), problem))
    }

    pub fn while_busy(&self, word: &Text) -> Read<WhileBusy> {
        self.word(word, "`wait` or `deliver`", &[("wait", WhileBusy::Wait), ("deliver", WhileBusy::Deliver)])
    }

    pub fn normalise(&self, word: &Text) -> Read<Normalise> {
        let words = [("tabs_to_4_spaces", Normalise::TabsTo4Spaces), ("trim_end", Normalise::TrimEnd)];
        self.word(word, "`tabs_to_4_spaces` or `trim_end`", &words)
    }

    pub fn transcript_format(&self, word: &Text) -> Read<TranscriptFormat> {
        let words = [
            ("text", TranscriptFormat::Text),
            ("claude", TranscriptFormat::Claude),
            ("codex", TranscriptFormat::Codex),
        ];
        self.word(word, "`text`, `claude` or `codex`", &words)
    }

    pub fn hook_format(&self, word: &Text) -> Read<HookFormat> {
        self.word(word, "`claude` or `codex`", &[("claude", HookFormat::Claude), ("codex", HookFormat::Codex)])
    }

    pub fn status_file(&self, raw: FormattedFile) -> Read<StatusFile> {
        let format = self.word(&raw.format, "`claude`", &[("claude", StatusFormat::Claude)])?;
        Ok(StatusFile { path: self.template(raw.path)?, format })
    }

    pub fn config_file(&self, raw: FormattedFile) -> Read<ConfigFile> {
        let format = self.word(&raw.format, "`codex`", &[("codex", ConfigFormat::Codex)])?;
        Ok(ConfigFile { path: self.template(raw.path)?, format })
    }

    pub fn turn_source(&self, word: &Text) -> Read<TurnSource> {
        let words = [
            ("hooks", TurnSource::Hooks),
            ("status_file", TurnSource::StatusFile),
            ("transcript", TurnSource::Transcript),
            ("terminal", TurnSource::Terminal),
            ("title", TurnSource::Title),
            ("screen", TurnSource::Screen),
        ];
        self.word(word, "`hooks`, `status_file`, `transcript`, `terminal`, `title` or `screen`", &words)
    }

    fn word<T: Copy>(&self, word: &Text, expected: &'static str, words: &[(&str, T)]) -> Read<T> {
        let found = word.get_ref();
        match words.iter().find(|(name, _)| name == found) {
            Some((_, value)) => Ok(*value),
            None => Err(self.problem(word.span(), KeyProblem::Word { expected, found: found.clone() })),
        }
    }
}

/// The one placeholder of a prefix is `{sender}`.
fn prefix_unknown(prefix: &str) -> Option<String> {
    let known = prefix.replace("{sender}", "");
    let start = known.find('{')?;
    let rest = &known[start + 1..];
    Some(rest[..rest.find('}').unwrap_or(rest.len())].to_owned())
}

/// The last line of a pattern's error says what is wrong; those before it draw the pattern.
fn one_line(error: &regex::Error) -> String {
    let said = error.to_string();
    let last = said.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}
