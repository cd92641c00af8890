//! One client's command line: several tmux commands in one queue, and what tmux would misread made harmless.

/// Commands that one client hands over at once. tmux runs them in order, stops at the first that fails, and lets
/// nothing of ours in between. One client costs as much as one command, so a step is one queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    argv: Vec<String>,
}

impl Queue {
    /// A queue of one command.
    pub fn of<A: AsRef<str>>(command: impl IntoIterator<Item = A>) -> Self {
        Self::default().then(command)
    }

    /// Adds a command. Its arguments arrive at the command as they are given here.
    #[must_use]
    pub fn then<A: AsRef<str>>(mut self, command: impl IntoIterator<Item = A>) -> Self {
        if !self.argv.is_empty() {
            self.argv.push(";".to_owned());
        }
        self.argv.extend(command.into_iter().map(|argument| escaped(argument.as_ref())));
        self
    }

    /// Adds arguments to the last command.
    #[must_use]
    pub fn with<A: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.argv.extend(arguments.into_iter().map(|argument| escaped(argument.as_ref())));
        self
    }

    /// As the client gets it, after its own options.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// The commands' names, for error texts: what they carry may be long, or a person's words.
    pub fn summary(&self) -> String {
        self.argv
            .split(|argument| argument == ";")
            .filter_map(|command| command.first())
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// tmux ends a command at an argument whose last byte is `;`, and takes the backslash before that byte away.
fn escaped(argument: &str) -> String {
    match argument.strip_suffix(';') {
        Some(rest) => format!("{rest}\\;"),
        None => argument.to_owned(),
    }
}

/// `text` as one word of a command that tmux parses itself (`if-shell`, hooks): in double quotes, where only these
/// characters mean something.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\\' | '"' | '$' | '~' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// `text` as one word for `sh -c`, which `pipe-pane` hands its command to.
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C26: no argument can end the command it stands in.
    #[test]
    fn c26_an_argument_that_ends_in_a_semicolon_stays_an_argument() {
        let queue = Queue::of(["display-message", "-p", "x;"]).then(["kill-server", ";"]);
        assert_eq!(queue.argv(), ["display-message", "-p", "x\\;", ";", "kill-server", "\\;"]);
        assert_eq!(queue.summary(), "display-message, kill-server");
    }

    #[test]
    fn a_quoted_word_keeps_what_tmux_would_expand() {
        assert_eq!(quoted("a \"$HOME\" ~\\ b\n"), r#""a \"\$HOME\" \~\\ b\n""#);
    }

    #[test]
    fn a_shell_word_holds_any_path() {
        assert_eq!(shell_word("/a b/it's"), r"'/a b/it'\''s'");
    }
}
