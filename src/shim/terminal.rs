//! What a program says to its terminal: bracketed paste mode, the state of its turn, its title.

use vte::{Params, Parser, Perform};

use super::files::Terminal;
use crate::model::event::{TurnSeen, UNNAMED_ERROR};

/// Longest title that is kept, in characters. It is the program's text, and nobody's to trust.
const TITLE_CHARS_MAX: usize = 200;
/// Longest words kept of a state.
const DETAIL_CHARS_MAX: usize = 80;

/// Follows a pane's output, whatever it holds and however it is cut into pieces.
pub struct Follower {
    parser: Parser,
    said: Said,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("terminal", &self.said.terminal).finish_non_exhaustive()
    }
}

impl Follower {
    /// Goes on from what an earlier follower of the same pane has seen.
    pub fn from(terminal: Terminal) -> Self {
        Self { parser: Parser::new(), said: Said { terminal } }
    }

    pub fn read(&mut self, output: &[u8]) {
        self.parser.advance(&mut self.said, output);
    }

    pub fn terminal(&self) -> &Terminal {
        &self.said.terminal
    }
}

struct Said {
    terminal: Terminal,
}

impl Perform for Said {
    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        let set = match action {
            'h' => true,
            'l' => false,
            _ => return,
        };
        if !ignore && intermediates == b"?" && params.iter().any(|param| param == [2004]) {
            self.terminal.bracketed_paste = set;
        }
    }

    fn osc_dispatch(&mut self, params: &[&[u8]], _bell_terminated: bool) {
        match params {
            // A title may hold semicolons, which part it.
            [b"0" | b"2", title @ ..] => self.title(readable(&title.join(&b';'), TITLE_CHARS_MAX)),
            [b"7501", state, ..] => self.state(&readable(state, 4 * DETAIL_CHARS_MAX)),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], ignore: bool, byte: u8) {
        // A full reset takes every mode back (RIS).
        if !ignore && intermediates.is_empty() && byte == b'c' {
            self.terminal.bracketed_paste = false;
        }
    }
}

impl Said {
    fn title(&mut self, title: String) {
        if self.terminal.title.as_ref() != Some(&title) {
            self.terminal.titles = self.terminal.titles.wrapping_add(1);
            self.terminal.title = Some(title);
        }
    }

    /// `state=blocked:app=codex:kind=permission`: fields in any order, unknown ones passed over.
    fn state(&mut self, fields: &str) {
        let field = |name: &str| {
            fields.split(':').filter_map(|field| field.split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| v)
        };
        let detail = |names: &[&str], otherwise: &str| {
            let found = names.iter().find_map(|name| field(name)).unwrap_or(otherwise);
            found.chars().take(DETAIL_CHARS_MAX).collect::<String>()
        };
        let seen = match field("state") {
            Some("idle") => Some(TurnSeen::Idle),
            Some("working") => Some(TurnSeen::Running),
            Some("blocked") => Some(TurnSeen::Waiting { on: detail(&["kind"], "a person") }),
            Some("done") => Some(TurnSeen::Ended),
            Some("error") => Some(TurnSeen::Failed { reason: detail(&["reason", "message", "kind"], UNNAMED_ERROR) }),
            // The program leaves, and says nothing any more.
            Some("clear") => None,
            // A state of a later version: what was last understood stays.
            _ => return,
        };
        let in_turn = |turn: &Option<TurnSeen>| matches!(turn, Some(TurnSeen::Running | TurnSeen::Waiting { .. }));
        match (in_turn(&self.terminal.turn), in_turn(&seen)) {
            (false, true) => self.terminal.turns_started = self.terminal.turns_started.saturating_add(1),
            (true, false) => self.terminal.turns_ended = self.terminal.turns_ended.saturating_add(1),
            _ => {}
        }
        self.terminal.turn = seen;
    }
}

fn readable(bytes: &[u8], chars_max: usize) -> String {
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn follow(pieces: &[&[u8]]) -> Terminal {
        let mut follower = Follower::from(Terminal::default());
        for piece in pieces {
            follower.read(piece);
        }
        follower.terminal().clone()
    }

    #[test]
    fn c27_bracketed_paste_is_what_the_program_said_last() {
        assert!(follow(&[b"hello \x1b[?2004h"]).bracketed_paste);
        assert!(follow(&[b"\x1b[?25;2004h"]).bracketed_paste, "one of several modes");
        assert!(!follow(&[b"\x1b[?2004h\x1b[?2004l"]).bracketed_paste);
        assert!(!follow(&[b"\x1b[?2004h\x1bc"]).bracketed_paste, "a full reset");
        assert!(!follow(&[b"\x1b[2004h"]).bracketed_paste, "not a private mode");
    }

    #[test]
    fn c46b_turns_are_counted_where_they_begin_and_end() {
        let seen = follow(&[
            b"\x1b]7501;state=idle:app=codex\x07\x1b]7501;state=working:app=codex\x1b\\",
            b"\x1b]7501;state=blocked:app=codex:kind=permission\x07",
        ]);
        assert_eq!(seen.turn, Some(TurnSeen::Waiting { on: "permission".into() }));
        assert_eq!((seen.turns_started, seen.turns_ended), (1, 0), "a question is part of its turn");
        let mut follower = Follower::from(seen);
        follower.read(b"\x1b]7501;state=working\x07\x1b]7501;state=done\x07\x1b]7501;state=idle\x07");
        assert_eq!(follower.terminal().turn, Some(TurnSeen::Idle));
        assert_eq!((follower.terminal().turns_started, follower.terminal().turns_ended), (1, 1));
    }

    #[test]
    fn a_state_of_a_later_version_changes_nothing() {
        let seen = follow(&[b"\x1b]7501;state=working\x07", b"\x1b]7501;state=pondering\x07\x1b]7501;?\x07"]);
        assert_eq!(seen.turn, Some(TurnSeen::Running));
    }

    #[test]
    fn a_title_is_kept_readable_and_short() {
        let seen = follow(&[b"\x1b]0;a;b \xff c\x07"]);
        assert_eq!(seen.title.as_deref(), Some("a;b \u{fffd} c"));
        assert_eq!(follow(&[b"\x1b]0;a\x07\x1b]0;a\x07\x1b]2;b\x07\x1b]0;a\x07"]).titles, 3, "as often as it changed");
        let long = [b"\x1b]2;".as_slice(), &[b'x'; 5000], b"\x07"].concat();
        assert_eq!(follow(&[&long]).title.map(|title| title.len()), Some(TITLE_CHARS_MAX));
    }

    proptest! {
        /// Whatever the output is cut into, the same is seen.
        #[test]
        fn pieces_do_not_matter(cut in 0_usize..60) {
            let output = b"x\x1b[?2004hy\x1b]7501;state=working\x1b\\z\x1b]0;t\xc3\xa9\x07\x1b[?1;2004l\x1b[?2004h";
            let (head, tail) = output.split_at(cut.min(output.len()));
            prop_assert_eq!(follow(&[head, tail]), follow(&[output]));
        }

        /// Hostile output is survived, and cannot hide what follows for ever: a terminator ends every sequence.
        #[test]
        fn hostile_output_is_survived(noise in proptest::collection::vec(any::<u8>(), 0..4000)) {
            let mut follower = Follower::from(Terminal::default());
            follower.read(&noise);
            follower.read(b"\x18\x1b\\\x1b[?2004h");
            prop_assert!(follower.terminal().bracketed_paste);
        }
    }
}
