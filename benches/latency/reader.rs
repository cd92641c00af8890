//! The agent of the bench: reads its terminal raw, with bracketed paste, and tells a socket what it has read and when.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process;

use dormouse::shim::Signals;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use signal_hook::consts::SIGTERM;

use super::clock::now_ns;

/// The argument that makes this program the reader.
pub const WORD: &str = "reader";

const PASTE_END: &[u8] = b"\x1b[201~";

/// What the reader says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Its first instruction.
    Born,
    /// Its terminal is raw, and bracketed paste is asked for.
    Ready,
    /// The last byte of a paste has been read.
    Read,
    /// The Enter behind it has been read.
    Submitted,
    /// It has been asked to end, and does.
    Ends,
}

/// Something the reader said, and when.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    pub said: Said,
    pub at_ns: u64,
    pub pid: u32,
}

impl Word {
    fn line(self) -> String {
        format!("{} {} {}", self.said as u8, self.at_ns, self.pid)
    }

    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let said = match words.next()? {
            "0" => Said::Born,
            "1" => Said::Ready,
            "2" => Said::Read,
            "3" => Said::Submitted,
            "4" => Said::Ends,
            _ => return None,
        };
        Some(Self { said, at_ns: words.next()?.parse().ok()?, pid: words.next()?.parse().ok()? })
    }
}

/// `args`: the socket to tell, and `box` to draw one as agents do.
pub fn run(args: &[String]) {
    let born = now_ns();
    let ear = UnixDatagram::unbound().expect("a socket");
    ear.connect(&args[0]).expect("the bench listens");
    let tell = |said, at_ns| {
        let word = Word { said, at_ns, pid: process::id() };
        // The bench may have ended.
        let _ = ear.send(word.line().as_bytes());
    };
    tell(Said::Born, born);
    let Ok(mut terminal) = tcgetattr(io::stdin()) else { return };
    terminal.make_raw();
    tcsetattr(io::stdin(), OptionalActions::Now, &terminal).expect("a terminal can be made raw");
    let mut signals = Signals::catch(&[SIGTERM]).expect("signals can be caught");
    let draws = args.get(1).is_some_and(|arg| arg == "box");
    show(draws, "\x1b[?2004h", "");
    tell(Said::Ready, now_ns());
    let mut typed = Vec::new();
    let mut is_read = false;
    loop {
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&signals, PollFlags::IN)];
        let _ = poll(&mut fds, None);
        let has_input = !fds[0].revents().is_empty();
        if signals.take().has(SIGTERM) {
            return tell(Said::Ends, now_ns());
        }
        if !has_input {
            continue;
        }
        let from = typed.len().saturating_sub(PASTE_END.len());
        let mut bytes = [0; 64 * 1024];
        match io::stdin().read(&mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(count) => typed.extend_from_slice(&bytes[..count]),
        }
        if !is_read && typed[from..].windows(PASTE_END.len()).any(|window| window == PASTE_END) {
            tell(Said::Read, now_ns());
            is_read = true;
            show(draws, "", "[pasted]");
        }
        if is_read && typed.last() == Some(&b'\r') {
            tell(Said::Submitted, now_ns());
            remember(&typed);
            typed.clear();
            is_read = false;
            show(draws, "", "");
        }
    }
}

/// The conversation, as every agent keeps one: proof that the message is there.
fn remember(typed: &[u8]) {
    let record = OpenOptions::new().create(true).append(true).open(Path::new("record.txt"));
    let written = record.and_then(|mut record| record.write_all(typed));
    written.expect("the record can be written");
}

fn show(draws: bool, before: &str, text: &str) {
    let rule = "─".repeat(40);
    let drawn = if draws { format!("\x1b[H\x1b[2J{rule}\r\n❯ {text}\r\n{rule}\r\n") } else { String::new() };
    let mut out = io::stdout();
    let _ = out.write_all(format!("{before}{drawn}").as_bytes()).and_then(|()| out.flush());
}
