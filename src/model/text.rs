//! What may be typed: control characters made visible (C12), names without any (C12).

use std::borrow::Cow;

/// A text fit for a terminal, and how many characters had to be made visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visible<'a> {
    pub text: Cow<'a, str>,
    pub replaced: u32,
}

/// Makes `text` safe to type: CRLF and CR become LF; TAB and LF pass; every other C0 and DEL becomes its picture
/// (U+2400 and on), every C1 its code point in words.
///
/// `ESC[201~` in a body would end a bracketed paste early, and what follows would be typed into an agent that runs
/// without approvals.
pub fn visible(text: &str) -> Visible<'_> {
    if !text.chars().any(|c| c.is_control() && c != '\t' && c != '\n') {
        return Visible { text: Cow::Borrowed(text), replaced: 0 };
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut replaced = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\t' | '\n' => out.push(c),
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{7f}' => {
                out.push('\u{2421}');
                replaced += 1;
            }
            c if c.is_ascii_control() => {
                out.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'));
                replaced += 1;
            }
            c if c.is_control() => {
                out.push_str(&format!("<U+{:04X}>", u32::from(c)));
                replaced += 1;
            }
            c => out.push(c),
        }
    }
    Visible { text: Cow::Owned(out), replaced }
}

/// Whether a name, topic or key holds what no such text may hold: a control character, a line or paragraph
/// separator.
pub fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C12: what would end a bracketed paste is seen as text and never typed.
    #[test]
    fn c12_controls_are_made_visible_and_counted() {
        let made = visible("a\u{1b}[201~\u{3}b\u{9b}c\u{7f}\u{0}");
        assert_eq!(made.text, "a␛[201~␃b<U+009B>c␡␀");
        assert_eq!(made.replaced, 5);
    }

    /// C12: line ends become LF, tabs pass, and neither counts as a replacement.
    #[test]
    fn c12_line_ends_are_normalised() {
        assert_eq!(visible("a\r\nb\rc\n\td"), Visible { text: "a\nb\nc\n\td".into(), replaced: 0 });
    }
}
