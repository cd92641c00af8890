//! Bytes of a terminal as keys and pastes.

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Text(String),
    Paste(String),
    Enter,
    Escape,
    Backspace,
    /// Ctrl-U.
    Clear,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D.
    End,
    Other,
}

/// Puts keys together however their bytes arrive.
#[derive(Debug, Default)]
pub struct Keys {
    bytes: Vec<u8>,
    paste: Option<Vec<u8>>,
}

impl Keys {
    pub fn read(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.bytes.extend_from_slice(bytes);
        std::iter::from_fn(|| self.next()).collect()
    }

    /// An escape character has come and nothing behind it: the key, or the head of a sequence.
    pub fn is_undecided(&self) -> bool {
        self.paste.is_none() && self.bytes.first() == Some(&0x1b)
    }

    /// Nothing more came: it was the key.
    pub fn decide(&mut self) -> Key {
        let alone = self.bytes == [0x1b];
        self.bytes.clear();
        if alone { Key::Escape } else { Key::Other }
    }

    fn next(&mut self) -> Option<Key> {
        if self.paste.is_some() {
            return self.pasted();
        }
        if self.bytes.starts_with(PASTE_BEGIN) {
            self.bytes.drain(..PASTE_BEGIN.len());
            self.paste = Some(Vec::new());
            return self.pasted();
        }
        let key = match self.bytes.first()? {
            0x1b => return self.sequence(),
            b'\r' | b'\n' => Key::Enter,
            0x03 => Key::Interrupt,
            0x04 => Key::End,
            0x15 => Key::Clear,
            0x08 | 0x7f => Key::Backspace,
            0x00..0x20 => Key::Other,
            _ => return self.text(),
        };
        self.bytes.remove(0);
        Some(key)
    }

    fn pasted(&mut self) -> Option<Key> {
        let paste = self.paste.as_mut()?;
        let end = self.bytes.windows(PASTE_END.len()).position(|bytes| bytes == PASTE_END);
        // Without its end: all but what may be the beginning of it.
        let count = end.unwrap_or(self.bytes.len().saturating_sub(PASTE_END.len() - 1));
        paste.extend(self.bytes.drain(..count));
        end?;
        self.bytes.drain(..PASTE_END.len());
        let text = self.paste.take().map(|paste| String::from_utf8_lossy(&paste).into_owned())?;
        Some(Key::Paste(text.replace("\r\n", "\n").replace('\r', "\n")))
    }

    /// A whole escape sequence. None of them means anything here, but they must not become text.
    fn sequence(&mut self) -> Option<Key> {
        let length = match self.bytes.get(1)? {
            b'[' => self.bytes.iter().skip(2).position(|byte| (0x40..=0x7e).contains(byte))? + 3,
            b'O' => 3,
            // Escape twice: the first is a key by itself.
            0x1b => {
                self.bytes.remove(0);
                return Some(Key::Escape);
            }
            _ => 2,
        };
        if self.bytes.len() < length {
            return None;
        }
        self.bytes.drain(..length);
        Some(Key::Other)
    }

    fn text(&mut self) -> Option<Key> {
        let run = self.bytes.iter().position(|byte| *byte < 0x20 || *byte == 0x7f).unwrap_or(self.bytes.len());
        let (text, used) = match std::str::from_utf8(&self.bytes[..run]) {
            Ok(text) => (text.to_owned(), run),
            Err(error) if error.valid_up_to() > 0 => {
                let valid = error.valid_up_to();
                (String::from_utf8_lossy(&self.bytes[..valid]).into_owned(), valid)
            }
            // The rest of the character is still to come.
            Err(error) if error.error_len().is_none() && run == self.bytes.len() => return None,
            Err(error) => ("\u{fffd}".to_owned(), error.error_len().unwrap_or(run)),
        };
        self.bytes.drain(..used);
        Some(Key::Text(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_and_pastes_are_told_apart() {
        let keys = Keys::default().read(b"hi\x1b[200~a\rb\x1b[A\x1b[201~\r\x1b[A\x03");
        let expected =
            [Key::Text("hi".into()), Key::Paste("a\nb\u{1b}[A".into()), Key::Enter, Key::Other, Key::Interrupt];
        assert_eq!(keys, expected);
    }

    #[test]
    fn a_lone_escape_is_a_key_only_when_nothing_follows() {
        let mut keys = Keys::default();
        assert_eq!(keys.read(b"\x1b"), []);
        assert!(keys.is_undecided());
        assert_eq!(keys.decide(), Key::Escape);
        assert_eq!(keys.read(b"\x1b"), []);
        assert_eq!(keys.read(b"[200~x\x1b[201~"), [Key::Paste("x".into())]);
        assert!(!keys.is_undecided());
    }

    proptest! {
        /// However the bytes are cut, the same paste and the same text come out.
        #[test]
        fn pieces_do_not_matter(cuts in proptest::collection::vec(1_usize..6, 0..20)) {
            let mut rest: &[u8] = "né\u{1b}[200~zwei\nZeilen: 日本\u{1b}[201~ü\r".as_bytes();
            let mut keys = Keys::default();
            let mut found = Vec::new();
            for cut in cuts {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                found.extend(keys.read(head));
                rest = tail;
            }
            found.extend(keys.read(rest));
            let text = |keys: &[Key]| keys.iter().map(|key| match key {
                Key::Text(text) => text.clone(),
                Key::Paste(text) => format!("<{text}>"),
                other => format!("{other:?}"),
            }).collect::<String>();
            prop_assert_eq!(text(&found), "né<zwei\nZeilen: 日本>üEnter");
        }
    }
}
