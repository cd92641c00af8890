//! What it was started with.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

/// A terminal program that behaves like an agent
#[derive(Debug, Parser)]
#[command(name = "dormouse demo-agent", no_binary_name = true)]
pub struct Options {
    /// Where the conversation is kept, one JSON object a line
    #[arg(long, value_name = "FILE")]
    transcript: Option<PathBuf>,
    /// Go on with the conversation of this name
    #[arg(long, value_name = "REF")]
    pub resume: Option<String>,
    /// How long a message is worked on, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 50)]
    pub work: u64,
    /// Before the input box appears, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub boot: u64,
    /// What to answer; `{first_line}`, `{sender}` and `{n}` are filled in
    #[arg(long, value_name = "TEXT", default_value = "re: {first_line}")]
    pub reply: String,
    /// Never answer unless a message says so
    #[arg(long, conflicts_with = "reply")]
    pub silent: bool,
}

impl Options {
    pub fn parse<A: Into<OsString> + Clone>(args: impl IntoIterator<Item = A>) -> Result<Self, clap::Error> {
        Self::try_parse_from(args)
    }

    /// The transcript's file: as told, else by the name of the conversation, else one that nobody looks for.
    pub fn transcript(&self) -> PathBuf {
        let name = self.resume.as_deref().unwrap_or("unnamed");
        self.transcript.clone().unwrap_or_else(|| PathBuf::from(".demo-agent").join(format!("{name}.jsonl")))
    }
}
