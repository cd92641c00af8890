//! The terminal: raw while the agent runs, a few lines of it redrawn, the rest scrolls away as it was printed.

use std::io::{self, IsTerminal, Write};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

const ERASE_BELOW: &str = "\x1b[J";
const PASTE_ON: &str = "\x1b[?2004h";
const PASTE_OFF: &str = "\x1b[?2004l";

/// What is at the foot of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foot {
    Box { text: String, status: String },
    Dialog { question: String },
}

/// A state, as OSC 7501 words it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Idle,
    Working,
    Blocked,
    Clear,
}

#[derive(Debug)]
pub struct Screen {
    /// As the terminal was found.
    found: Termios,
    foot: Option<Foot>,
    /// Lines of the foot above the cursor.
    above: usize,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    ///
    /// Standard input or output is no terminal.
    pub fn take() -> io::Result<Self> {
        let input = io::stdin();
        if !io::stdout().is_terminal() {
            return Err(io::Error::other("standard output is no terminal"));
        }
        let found = tcgetattr(&input)?;
        let mut raw = found.clone();
        raw.make_raw();
        // Output keeps its newlines: only what comes in is raw.
        raw.output_modes = found.output_modes;
        tcsetattr(&input, OptionalActions::Now, &raw)?;
        Ok(Self { found, foot: None, above: 0 })
    }

    /// Draws the foot, if it is another one than before. Pastes are welcome from the first box on.
    pub fn draw(&mut self, foot: &Foot) -> io::Result<()> {
        if self.foot.as_ref() == Some(foot) {
            return Ok(());
        }
        let mut out = self.erased();
        let first = self.foot.is_none();
        self.above = put_foot(&mut out, foot, columns());
        if first {
            out.push_str(PASTE_ON);
        }
        self.foot = Some(foot.clone());
        write(&out)
    }

    /// Prints lines above the foot.
    pub fn print(&mut self, mark: &str, text: &str, lines_max: usize) -> io::Result<()> {
        let mut out = self.erased();
        let count = text.lines().count();
        for line in text.lines().take(lines_max) {
            out.push_str(mark);
            out.extend(line.chars().filter(|c| !c.is_control()));
            out.push('\n');
        }
        if count > lines_max {
            out.push_str(&format!("{mark}… {} more lines\n", count - lines_max));
        }
        if let Some(foot) = &self.foot {
            self.above = put_foot(&mut out, foot, columns());
        }
        write(&out)
    }

    /// The terminal has another size now: what is where cannot be known, so begin anew.
    pub fn resized(&mut self) -> io::Result<()> {
        let Some(foot) = &self.foot else { return Ok(()) };
        let mut out = format!("\x1b[H{ERASE_BELOW}");
        self.above = put_foot(&mut out, foot, columns());
        write(&out)
    }

    pub fn say(&self, said: Said) -> io::Result<()> {
        let state = match said {
            Said::Idle => "idle:app=demo",
            Said::Working => "working:app=demo",
            Said::Blocked => "blocked:app=demo:kind=permission",
            Said::Clear => "clear",
        };
        write(&format!("\x1b]7501;state={state}\x1b\\"))
    }

    fn erased(&self) -> String {
        match (&self.foot, self.above) {
            (None, _) => String::new(),
            (Some(_), 0) => format!("\r{ERASE_BELOW}"),
            (Some(_), above) => format!("\x1b[{above}A\r{ERASE_BELOW}"),
        }
    }
}

/// Gives the terminal back as it was found.
impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.say(Said::Clear);
        let _ = write(&format!("{}{PASTE_OFF}", self.erased()));
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.found);
    }
}

/// Returns how many lines of it stand above the cursor, which is left where typing goes on.
fn put_foot(out: &mut String, foot: &Foot, columns: usize) -> usize {
    let rule = "─".repeat(columns.saturating_sub(1).max(20));
    match foot {
        Foot::Box { text, status } => {
            let shown = tail(text, columns.saturating_sub(4));
            out.push_str(&format!("{rule}\n❯ {shown}\n{rule}\n  {status}\x1b[2A\r\x1b[{}C", 2 + width(&shown)));
            1
        }
        Foot::Dialog { question } => {
            out.push_str(&format!(
                "{rule}\n Do you want to proceed? {question}\n ❯ 1. Yes\n   2. No\n Any key decides"
            ));
            4
        }
    }
}

/// As much of the end of a text as has room.
fn tail(text: &str, columns: usize) -> String {
    let mut left = columns;
    let fits = |c: &char| match left.checked_sub(width(c.encode_utf8(&mut [0; 4]))) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    let backwards: Vec<char> = text.chars().filter(|c| !c.is_control()).rev().take_while(fits).collect();
    backwards.into_iter().rev().collect()
}

/// Columns at most: characters beyond Latin may take two.
fn width(text: &str) -> usize {
    text.chars().map(|c| if u32::from(c) < 0x300 { 1 } else { 2 }).sum()
}

fn columns() -> usize {
    let columns = tcgetwinsize(io::stdout()).map_or(80, |size| size.ws_col);
    if columns == 0 { 80 } else { usize::from(columns) }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
