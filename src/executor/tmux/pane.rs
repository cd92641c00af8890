//! One pane: looked at, pasted into, keys pressed in it.

use std::path::{Path, PathBuf};

use super::argv::{Queue, quoted};
use super::error::TmuxError;
use super::{Server, Version};

/// A pane of a session, by the id that is its own for the server's life.
#[derive(Clone, Debug)]
pub struct Pane {
    server: Server,
    id: String,
    tty: PathBuf,
    version: Version,
}

/// What one look at a pane shows. Screen and flags are of the same moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    pub dead: bool,
    /// Copy mode, a tree, a clock: keys go to tmux, not to the program.
    pub in_mode: bool,
    /// Input was switched off: what is typed is dropped.
    pub input_off: bool,
    /// Terminals of people.
    pub attached: u32,
    /// Columns and rows.
    pub size: (u32, u32),
    pub cursor: (u32, u32),
    /// Only tmux 3.7 and later can say.
    pub bracketed_paste: Option<bool>,
    /// The visible rows, without their trailing blanks.
    pub screen: String,
}

/// What became of a paste.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pasted {
    /// tmux has taken it; the program may not have read it yet.
    Typed,
    /// The pane is dead or takes no input: nothing was typed.
    Refused,
}

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// False: the pane was not as the caller last saw it, and nothing was pressed.
    pub pressed: bool,
    /// The screen at that moment.
    pub screen: String,
}

const LOOK: &str = "#{pane_dead}|#{pane_in_mode}|#{pane_input_off}|#{session_attached}|#{pane_width}|#{pane_height}|\
                    #{cursor_x}|#{cursor_y}|#{bracket_paste_flag}";

impl Pane {
    /// Finds the pane that `target` names.
    ///
    /// # Errors
    ///
    /// See [`TmuxError`]: it may not exist, or tmux cannot be asked.
    pub async fn find(server: Server, target: &str) -> Result<Pane, TmuxError> {
        let version = server.tmux.version().await?;
        let queue = Queue::of(["display-message", "-p", "-t", target, "#{pane_id}|#{pane_tty}"]);
        let printed = server.run(&queue).await?;
        Self::from_answer(server, version, printed.trim_end())
    }

    /// `answer` is `%ID|TTY`. tmux prints an empty id where there is no such pane.
    pub fn from_answer(server: Server, version: Version, answer: &str) -> Result<Pane, TmuxError> {
        match answer.split_once('|') {
            Some((id, tty)) if id.starts_with('%') => {
                Ok(Pane { server, id: id.to_owned(), tty: PathBuf::from(tty), version })
            }
            Some(("", _)) => {
                Err(TmuxError::NoTarget { command: "display-message".to_owned(), said: "no such pane".to_owned() })
            }
            _ => Err(TmuxError::Unexpected {
                command: "display-message".to_owned(),
                found: answer.to_owned(),
                expected: "a pane and its terminal",
            }),
        }
    }

    pub fn tty(&self) -> &Path {
        &self.tty
    }

    /// The folder its foreground process is in, as the kernel says.
    ///
    /// # Errors
    ///
    /// See [`TmuxError`].
    pub async fn current_path(&self) -> Result<PathBuf, TmuxError> {
        let queue = Queue::of(["display-message", "-p", "-t", &self.id, "#{pane_current_path}"]);
        Ok(PathBuf::from(self.server.run(&queue).await?.trim_end_matches('\n')))
    }

    /// Looks at the pane. One client.
    ///
    /// # Errors
    ///
    /// See [`TmuxError`].
    pub async fn look(&self) -> Result<Look, TmuxError> {
        self.look_from("0").await
    }

    /// The same, with the last rows that have scrolled away. One client.
    ///
    /// # Errors
    ///
    /// See [`TmuxError`].
    pub async fn look_back(&self) -> Result<Look, TmuxError> {
        self.look_from("-50").await
    }

    async fn look_from(&self, row: &str) -> Result<Look, TmuxError> {
        let queue = Queue::of(["display-message", "-p", "-t", &self.id, LOOK]).then([
            "capture-pane",
            "-p",
            "-S",
            row,
            "-t",
            &self.id,
        ]);
        let printed = self.server.run(&queue).await?;
        let (flags, screen) = printed.split_once('\n').unwrap_or((&printed, ""));
        read_look(flags, screen).ok_or_else(|| TmuxError::Unexpected {
            command: queue.summary(),
            found: flags.to_owned(),
            expected: "nine fields",
        })
    }

    /// Types `text` in one piece, then `key`, if one is given, with nothing in between.
    ///
    /// A tmux mode is left first: in one, brackets would be dropped. A dead pane is never pasted into: that kills the
    /// servers of tmux 3.2 and 3.3. The buffer is gone afterwards, whatever happened.
    ///
    /// # Errors
    ///
    /// See [`TmuxError`]. After one that is no answer the text may have been typed.
    pub async fn paste(&self, text: &str, bracketed: bool, key: Option<&str>) -> Result<Pasted, TmuxError> {
        let buffer = format!("dormouse-{}", ulid::Ulid::generate());
        let result = self.server.run_with_input(&self.paste_queue(&buffer, bracketed, key), text.as_bytes()).await;
        match result.as_deref().map(str::trim_end) {
            Ok("PASTED") => Ok(Pasted::Typed),
            Ok("REFUSED") => Ok(Pasted::Refused),
            Ok(other) => Err(TmuxError::Unexpected {
                command: "paste-buffer".to_owned(),
                found: other.to_owned(),
                expected: "PASTED or REFUSED",
            }),
            Err(_) => {
                // Most likely there is none, or nobody to keep it.
                let _ = self.server.run(&Queue::of(["delete-buffer", "-b", &buffer])).await;
                result.map(|_| Pasted::Refused)
            }
        }
    }

    fn paste_queue(&self, buffer: &str, bracketed: bool, key: Option<&str>) -> Queue {
        let Pane { id, version, .. } = self;
        let flags = match (bracketed, version.paste_needs_raw_flag()) {
            (true, true) => "-dprS",
            (true, false) => "-dpr",
            (false, true) => "-drS",
            (false, false) => "-dr",
        };
        let press = key.map(|key| format!("send-keys -t {id} {} ; ", quoted(key))).unwrap_or_default();
        Queue::of(["load-buffer", "-b", buffer, "-"]).then([
            "if-shell",
            "-F",
            "-t",
            id,
            "#{||:#{pane_dead},#{pane_input_off}}",
            &format!("delete-buffer -b {buffer} ; display-message -p REFUSED"),
            &format!(
                "copy-mode -q -t {id} ; paste-buffer {flags} -b {buffer} -t {id} ; {press}display-message -p PASTED"
            ),
        ])
    }

    /// Presses `key` if the pane is alive, in no mode, and still as `seen`, if that is given: the cursor where it was, and
    /// `line` (a piece of what was recognised) still on the screen. The test and the key are one queue: nothing comes in
    /// between (C27).
    ///
    /// # Errors
    ///
    /// See [`TmuxError`]. After one that is no answer the key may have been pressed.
    pub async fn press_if_unchanged(&self, key: &str, seen: Option<&Look>, line: &str) -> Result<Pressed, TmuxError> {
        let id = &self.id;
        let queue = Queue::of(["capture-pane", "-p", "-t", id]).then([
            "if-shell",
            "-F",
            "-t",
            id,
            &unchanged(seen, line),
            &format!("send-keys -t {id} {} ; display-message -p PRESSED", quoted(key)),
            "display-message -p HELD",
        ]);
        let printed = self.server.run(&queue).await?;
        let (screen, verdict) = printed.trim_end().rsplit_once('\n').unwrap_or(("", printed.trim_end()));
        match verdict {
            "PRESSED" => Ok(Pressed { pressed: true, screen: screen.to_owned() }),
            "HELD" => Ok(Pressed { pressed: false, screen: screen.to_owned() }),
            other => Err(TmuxError::Unexpected {
                command: queue.summary(),
                found: other.to_owned(),
                expected: "PRESSED or HELD",
            }),
        }
    }
}

fn read_look(flags: &str, screen: &str) -> Option<Look> {
    let mut fields = flags.split('|');
    let mut next = || fields.next();
    // An absent flag prints as nothing.
    let on = |field: &str| !matches!(field, "" | "0");
    Some(Look {
        dead: on(next()?),
        in_mode: on(next()?),
        input_off: on(next()?),
        attached: next()?.parse().ok()?,
        size: (next()?.parse().ok()?, next()?.parse().ok()?),
        cursor: (next()?.parse().ok()?, next()?.parse().ok()?),
        bracketed_paste: match next()? {
            "1" => Some(true),
            "0" => Some(false),
            _ => None,
        },
        screen: screen.to_owned(),
    })
}

/// A tmux format that is true while the pane is as `seen`.
fn unchanged(seen: Option<&Look>, line: &str) -> String {
    let cursor = seen.map(|Look { cursor: (x, y), .. }| format!("#{{==:#{{cursor_x}}.#{{cursor_y}},{x}.{y}}}"));
    let same = match (cursor, searchable(line)) {
        (Some(cursor), Some(piece)) => format!("#{{&&:{cursor},#{{C:{piece}}}}}"),
        (Some(cursor), None) => cursor,
        (None, Some(piece)) => format!("#{{C:{piece}}}"),
        (None, None) => "1".to_owned(),
    };
    format!("#{{?#{{||:#{{pane_dead}},#{{||:#{{pane_in_mode}},#{{pane_input_off}}}}}},0,{same}}}")
}

/// The longest piece of `line` that means itself in a tmux format and in its search.
fn searchable(line: &str) -> Option<&str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == ' '))
        .map(str::trim)
        .max_by_key(|piece| piece.len())
        .filter(|piece| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_read_whatever_the_version_leaves_out() {
        let look = read_look("0|0||1|80|50|2|45|", "a\nb\n").unwrap();
        let (size, cursor) = ((80, 50), (2, 45));
        assert_eq!(look, Look { attached: 1, size, cursor, screen: "a\nb\n".to_owned(), ..Look::default() });
        let look = read_look("1|1|0|0|80|50|0|0|1", "").unwrap();
        assert!(look.dead && look.in_mode && !look.input_off);
        assert_eq!(look.bracketed_paste, Some(true));
        assert_eq!(read_look("1|1|0", ""), None);
    }

    /// C27: what is searched for on the screen cannot be read as a pattern or a format.
    #[test]
    fn c27_only_plain_pieces_of_a_line_are_searched_for() {
        assert_eq!(searchable("❯ [pasted 3 lines] #{x}"), Some("pasted 3 lines"));
        assert_eq!(searchable("❯ ❯"), None);
    }
}
