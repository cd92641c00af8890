//! Reads a condition.

use serde_json::Value;

use super::field::{self, Shape};
use super::{Comparison, Condition, Of, Operand, Term, Who};

/// A text that is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {at} of the condition, {found}: expected {expected}")]
pub struct ConditionError {
    /// From 1.
    pub at: usize,
    pub found: String,
    pub expected: String,
}

/// Conditions within conditions; more is nobody's intention, and must not use up the stack.
const DEPTH_MAX: usize = 64;

const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

pub(super) fn condition(text: &str) -> Result<Condition, ConditionError> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let condition = reader.any()?;
    if reader.rest().is_empty() { Ok(condition) } else { Err(reader.expected("`and`, `or` or the end")) }
}

struct Reader<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn any(&mut self) -> Result<Condition, ConditionError> {
        self.joined("or", Self::all, Condition::Any)
    }

    fn all(&mut self) -> Result<Condition, ConditionError> {
        self.joined("and", Self::one, Condition::All)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Condition, ConditionError>,
        join: fn(Vec<Condition>) -> Condition,
    ) -> Result<Condition, ConditionError> {
        let mut parts = vec![part(self)?];
        while self.takes_word(word) {
            parts.push(part(self)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { join(parts) })
    }

    fn one(&mut self) -> Result<Condition, ConditionError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.expected("a condition that is not nested so deep"));
        }
        let found = if self.takes_word("not") {
            Condition::Not(Box::new(self.one()?))
        } else if self.takes("(") {
            let inner = self.any()?;
            self.must("(", ")")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(found)
    }

    fn comparison(&mut self) -> Result<Condition, ConditionError> {
        let (left_at, (left, left_shape)) = (self.here(), self.operand()?);
        let found = COMPARISONS.iter().find(|(sign, _)| self.takes(sign));
        let Some((_, comparison)) = found else { return Err(self.expected("one of == != < <= > >=")) };
        let (right_at, (right, right_shape)) = (self.here(), self.operand()?);
        for (shape, literal, at) in [(left_shape, &right, right_at), (right_shape, &left, left_at)] {
            let (Some(shape), Operand::Literal(value)) = (shape, literal) else { continue };
            if let Err(expected) = shape.admits(*comparison, value) {
                self.at = at;
                return Err(self.expected(&expected));
            }
        }
        Ok(Condition::Compare(*comparison, Box::new([left, right])))
    }

    /// With what can stand there, if it is a term.
    fn operand(&mut self) -> Result<(Operand, Option<Shape>), ConditionError> {
        if self.rest().starts_with('"') {
            return Ok((self.quoted()?, None));
        }
        let before = self.at;
        let Some(word) = self.word() else { return Err(self.expected("a term, a word, a number or a quoted text")) };
        if !self.takes("(") {
            let literal = serde_json::from_str(word).unwrap_or_else(|_| Value::from(word));
            return Ok((Operand::Literal(literal), None));
        }
        let (of, mut shape) = self.of(word, before)?;
        self.must("(", ")")?;
        let mut fields = Vec::new();
        while self.takes(".") {
            let at = self.here();
            let Some(names) = self.word() else { return Err(self.expected("a field's name")) };
            for name in names.split('.') {
                shape = shape.part(name).map_err(|expected| {
                    self.at = at;
                    self.expected(&expected)
                })?;
                fields.push(name.to_owned());
            }
        }
        Ok((Operand::Term(Term { of, fields }), Some(shape)))
    }

    /// What `word(…)` is about; the parenthesis has been read.
    fn of(&mut self, word: &str, at: usize) -> Result<(Of, Shape), ConditionError> {
        let field = match word {
            "peer" => None,
            "phase" => Some("phase"),
            "queue" => Some("queue"),
            "session" => Some("session"),
            "daemon" => return Ok((Of::Daemon, field::DAEMON)),
            "message" => {
                let id = self.word().and_then(|id| id.parse().ok());
                let of = id.map(|id| (Of::Message(id), field::MESSAGE));
                return of.ok_or_else(|| self.expected("a message's id"));
            }
            _ => {
                self.at = at;
                return Err(self.expected("peer(…), phase(…), queue(…), session(…), message(…) or daemon()"));
            }
        };
        let Some(name) = self.word() else {
            return Err(self.expected("a peer, such as ada or claude-ada"));
        };
        let shape = field.map_or(Ok(field::PEER), |field| field::PEER.part(field));
        Ok((Of::Peer(Who::Said(name.to_owned()), field), shape.unwrap_or(Shape::Text)))
    }

    fn quoted(&mut self) -> Result<Operand, ConditionError> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<String>();
        match values.next() {
            Some(Ok(text)) => {
                let read = values.byte_offset();
                self.rest();
                self.at += read;
                Ok(Operand::Literal(text.into()))
            }
            _ => Err(self.expected("a text with a quote at its end")),
        }
    }

    /// Letters, digits, dots, dashes and underscores.
    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        self.at += end;
        (end > 0).then(|| &rest[..end])
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let before = self.at;
        let found = self.word() == Some(wanted);
        if !found {
            self.at = before;
        }
        found
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn must(&mut self, opened: &str, wanted: &str) -> Result<(), ConditionError> {
        if self.takes(wanted) { Ok(()) } else { Err(self.expected(&format!("`{wanted}` for the `{opened}` before"))) }
    }

    /// Where the next word begins, in bytes.
    fn here(&mut self) -> usize {
        self.rest();
        self.at
    }

    /// What is left, behind the blanks.
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let text = rest.trim_start();
        self.at += rest.len() - text.len();
        text
    }

    fn expected(&mut self, expected: &str) -> ConditionError {
        let found = match self.rest().split_whitespace().next() {
            Some(found) => format!("found `{}`", found.chars().take(40).collect::<String>()),
            None => "found its end".to_owned(),
        };
        let at = self.text[..self.at].chars().count() + 1;
        ConditionError { at, found, expected: expected.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        condition(text).unwrap_err().to_string()
    }

    #[test]
    fn and_binds_closer_than_or_and_not_closer_than_both() {
        let both = condition("1 == 1 or 1 == 2 and not 1 == 1").unwrap();
        let Condition::Any(parts) = &both else { panic!("{both:?}") };
        assert!(matches!(&parts[1], Condition::All(all) if matches!(all[1], Condition::Not(_))), "{both:?}");
        assert!(matches!(condition("(1 == 1 or 1 == 2) and 1 == 1").unwrap(), Condition::All(_)));
    }

    #[test]
    fn terms_come_out_as_they_were_said() {
        let said = "queue(claude-ada).waiting>0 and phase(claude-ada) == asleep and daemon().running == true";
        let terms: Vec<String> = condition(said).unwrap().terms().iter().map(ToString::to_string).collect();
        assert_eq!(terms, ["phase(claude-ada)", "queue(claude-ada).waiting", "daemon().running"]);
    }

    #[test]
    fn what_cannot_be_understood_is_said_with_its_place() {
        for (text, said) in [
            ("", "at character 1 of the condition, found its end: expected a term, a word, a number or a quoted text"),
            (
                "phase() == asleep",
                "at character 7 of the condition, found `)`: expected a peer, such as ada or claude-ada",
            ),
            (
                "queue(ada).wating > 0",
                "at character 12 of the condition, found `wating`: expected one of its fields: waiting, dead",
            ),
            (
                "phase(ada).word == live",
                "at character 12 of the condition, found `word`: expected a comparison: there are no fields in it",
            ),
            (
                "phase(ada) == lve",
                "at character 15 of the condition, found `lve`: expected one of asleep, waking, live, reaping, stopped, quarantined, external, or null",
            ),
            (
                "live < phase(ada)",
                "at character 1 of the condition, found `live`: expected numbers on both sides of < <= > >=",
            ),
            (
                "session(ada).armed == yes",
                "at character 23 of the condition, found `yes`: expected true, false or null",
            ),
            ("queue(ada).waiting == none", "at character 23 of the condition, found `none`: expected a number or null"),
            ("phase(claude-ada)", "at character 18 of the condition, found its end: expected one of == != < <= > >="),
            (
                "face(claude-ada) == 1",
                "at character 1 of the condition, found `face(claude-ada)`: expected peer(…), phase(…), queue(…), session(…), message(…) or daemon()",
            ),
            ("(1 == 1", "at character 8 of the condition, found its end: expected `)` for the `(` before"),
            ("1 == 1 2", "at character 8 of the condition, found `2`: expected `and`, `or` or the end"),
            ("\"half == 1", "at character 1 of the condition, found `\"half`: expected a text with a quote at its end"),
        ] {
            assert_eq!(wrong(text), said, "{text}");
        }
        assert!(wrong(&"not ".repeat(100)).contains("nested"));
    }
}
