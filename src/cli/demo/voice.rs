//! How the tour speaks: prose, commands, and what they printed.

use std::env;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

use super::super::error::CliError;
use super::super::render;

/// Lines longer than this are hard to read, however wide the window.
const WIDTH_MAX: usize = 110;
const WIDTH_MIN: usize = 40;
const MARGIN: &str = "  ";

/// What hangs below a line that was too long for the window.
const HANG: &str = "        ";

/// Where and how the tour is told: in blocks, with a blank line before each.
#[derive(Clone, Copy, Debug)]
pub struct Voice {
    width: usize,
    coloured: bool,
}

impl Voice {
    pub fn of_stdout() -> Self {
        let out = io::stdout();
        let asked_not_to = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        // A pipe has no width, and neither has a terminal nobody has told one.
        let width = rustix::termios::tcgetwinsize(&out).map_or(0, |size| usize::from(size.ws_col));
        let width = if width == 0 { WIDTH_MAX } else { width.clamp(WIDTH_MIN, WIDTH_MAX) };
        Self { width, coloured: out.is_terminal() && !asked_not_to }
    }

    pub fn heading(&self, text: &str) -> Result<(), CliError> {
        self.write(&format!("\n\n{}\n", self.painted("1", text)))
    }

    /// Sentences, folded to the width.
    pub fn say(&self, text: &str) -> Result<(), CliError> {
        let lines: String = folded(text, self.width, "").iter().map(|line| format!("{line}\n")).collect();
        self.write(&format!("\n{lines}"))
    }

    /// A command, about to be run.
    pub fn command(&self, shown: &str) -> Result<(), CliError> {
        self.write(&format!("\n{MARGIN}{}\n", self.painted("1;36", &format!("$ {}", shown.replace('\n', "\n  ")))))
    }

    /// What a command printed, and how long it took.
    pub fn output(&self, printed: &str, took: Duration) -> Result<(), CliError> {
        let width = self.width - MARGIN.len();
        let mut text = String::new();
        for line in printed.lines().map(str::trim_end) {
            for line in folded(line, width, HANG) {
                text.push_str(&format!("{MARGIN}{line}\n"));
            }
        }
        text.push_str(&format!("{MARGIN}{}\n", self.painted("2", &format!("({})", seconds(took)))));
        self.write(&text)
    }

    fn painted(&self, code: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn write(&self, text: &str) -> Result<(), CliError> {
        render::raw(text.as_bytes())
    }
}

/// "0.42 s".
pub fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(10) {
        format!("{:.2} s", time.as_secs_f64())
    } else {
        format!("{} s", time.as_secs())
    }
}

/// `text` in lines of at most `width` characters, broken at blanks; a word that is longer has a line of its own. Lines
/// after a break begin with `indent`; blanks within a line stay.
fn folded(text: &str, width: usize, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        let mut is_begun = false;
        for word in paragraph.split_inclusive(' ') {
            let length = line.chars().count() + word.trim_end().chars().count();
            if length > width && is_begun {
                lines.push(line.trim_end().to_owned());
                line = indent.to_owned();
                is_begun = false;
            }
            line.push_str(word);
            is_begun |= !word.trim().is_empty();
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_folded_at_blanks_and_goes_on_indented() {
        assert_eq!(folded("one two three", 7, "  "), ["one two", "  three"]);
        assert_eq!(folded("  a   table  row", 80, "    "), ["  a   table  row"]);
        assert_eq!(folded("averylongword next", 5, " "), ["averylongword", " next"]);
        assert_eq!(folded("one\n\ntwo", 80, ""), ["one", "", "two"]);
    }
}
