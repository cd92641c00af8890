//! What stands in the input box.

/// Typed text as it is; pastes as a mark in its place, whole when submitted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputBox {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Typed(String),
    Pasted(String),
}

impl InputBox {
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub fn type_in(&mut self, text: &str) {
        match self.pieces.last_mut() {
            Some(Piece::Typed(typed)) => typed.push_str(text),
            _ => self.pieces.push(Piece::Typed(text.to_owned())),
        }
    }

    pub fn paste(&mut self, text: String) {
        if !text.is_empty() {
            self.pieces.push(Piece::Pasted(text));
        }
    }

    pub fn backspace(&mut self) {
        if let Some(Piece::Typed(typed)) = self.pieces.last_mut() {
            typed.pop();
            if !typed.is_empty() {
                return;
            }
        }
        self.pieces.pop();
    }

    pub fn clear(&mut self) {
        self.pieces.clear();
    }

    /// What it shows, on one line.
    pub fn shown(&self) -> String {
        let shown = self.pieces.iter().map(|piece| match piece {
            Piece::Typed(text) => text.clone(),
            Piece::Pasted(text) => match text.lines().count() {
                1 => "[pasted 1 line]".to_owned(),
                count => format!("[pasted {count} lines]"),
            },
        });
        shown.collect()
    }

    /// Empties it. `None`: there is nothing to submit.
    pub fn submit(&mut self) -> Option<String> {
        let text: String = std::mem::take(&mut self.pieces)
            .into_iter()
            .map(|piece| match piece {
                Piece::Typed(text) | Piece::Pasted(text) => text,
            })
            .collect();
        (!text.trim().is_empty()).then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_is_shown_as_a_mark_and_submitted_whole() {
        let mut input = InputBox::default();
        input.type_in("see ");
        input.paste("one\ntwo\nthree".into());
        assert_eq!(input.shown(), "see [pasted 3 lines]");
        assert_eq!(input.submit().as_deref(), Some("see one\ntwo\nthree"));
        assert!(input.is_empty());
        assert_eq!(input.submit(), None);
    }
}
