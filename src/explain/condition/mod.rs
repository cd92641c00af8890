//! Conditions over a state, as somebody would say them: `queue(claude-ada).waiting > 0 and phase(claude-ada) == asleep`.
//!
//! What can be asked of is what `replay --at --json` shows of a moment:
//!
//! | term | is |
//! | --- | --- |
//! | `peer(P)` | the peer, as a row of `peers`; P is an identity, a personality, or a unique prefix of either |
//! | `phase(P)`, `queue(P)`, `session(P)` | that field of it |
//! | `message(ID)` | the message, as a row of `messages` |
//! | `daemon()` | the daemon |
//!
//! Fields follow with dots. What is not there is `null`, and so is every field of it. Numbers are compared with
//! `< <= > >=`, anything with `==` and `!=`; comparisons are joined by `and`, `or`, `not` and parentheses, `and` binding
//! closer than `or`. A word needs no quotes. What could never hold, such as a field or a word that there is not, is refused.

mod field;
mod parse;

use std::fmt;

use serde_json::Value;

use crate::model::id::MessageId;
use crate::model::name::Identity;
use crate::model::state::State;

pub use parse::ConditionError;

use super::{queue, view};

/// A condition, as it was said.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Compare(Comparison, Box<[Operand; 2]>),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    Literal(Value),
    Term(Term),
}

/// Something of the state: of what, and which field of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    of: Of,
    fields: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    /// A peer, and how its field is called that the word stands for.
    Peer(Who, Option<&'static str>),
    Message(MessageId),
    Daemon,
}

/// A peer, as it was said, until somebody says who that is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Said(String),
    Is(Identity),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// # Errors
    ///
    /// Says where it cannot be understood, and what was expected there.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        parse::condition(text)
    }

    /// The same with peers and messages that there are: `peer` says who is meant by a name, `message` whether there is one.
    /// Of a name that nobody was asked about nothing but null is known.
    ///
    /// # Errors
    ///
    /// Whatever they say.
    pub fn resolved<E>(
        mut self,
        peer: &mut impl FnMut(&str) -> Result<Identity, E>,
        message: &mut impl FnMut(MessageId) -> Result<(), E>,
    ) -> Result<Self, E> {
        self.resolve(peer, message)?;
        Ok(self)
    }

    fn resolve<E>(
        &mut self,
        peer: &mut impl FnMut(&str) -> Result<Identity, E>,
        message: &mut impl FnMut(MessageId) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Condition::Compare(_, sides) => {
                for side in sides.iter_mut() {
                    match side {
                        Operand::Term(Term { of: Of::Peer(who @ Who::Said(_), _), .. }) => {
                            let Who::Said(name) = &*who else { continue };
                            *who = Who::Is(peer(name)?);
                        }
                        Operand::Term(Term { of: Of::Message(id), .. }) => message(*id)?,
                        _ => {}
                    }
                }
                Ok(())
            }
            Condition::Not(condition) => condition.resolve(peer, message),
            Condition::All(conditions) | Condition::Any(conditions) => {
                conditions.iter_mut().try_for_each(|it| it.resolve(peer, message))
            }
        }
    }

    /// Whether it holds of `state`.
    pub fn holds(&self, state: &State) -> bool {
        match self {
            Condition::Compare(comparison, sides) => {
                let [left, right] = &**sides;
                comparison.holds(&left.value(state), &right.value(state))
            }
            Condition::Not(condition) => !condition.holds(state),
            Condition::All(conditions) => conditions.iter().all(|it| it.holds(state)),
            Condition::Any(conditions) => conditions.iter().any(|it| it.holds(state)),
        }
    }

    /// Everything of the state that it asks for, each once, sorted.
    pub fn terms(&self) -> Vec<Term> {
        let mut terms = Vec::new();
        self.add_terms(&mut terms);
        terms.sort();
        terms.dedup();
        terms
    }

    fn add_terms(&self, terms: &mut Vec<Term>) {
        match self {
            Condition::Compare(_, sides) => terms.extend(sides.iter().filter_map(Operand::term)),
            Condition::Not(condition) => condition.add_terms(terms),
            Condition::All(conditions) | Condition::Any(conditions) => {
                conditions.iter().for_each(|it| it.add_terms(terms));
            }
        }
    }
}

impl Operand {
    fn value(&self, state: &State) -> Value {
        match self {
            Operand::Literal(value) => value.clone(),
            Operand::Term(term) => term.value(state),
        }
    }

    fn term(&self) -> Option<Term> {
        match self {
            Operand::Literal(_) => None,
            Operand::Term(term) => Some(term.clone()),
        }
    }
}

impl Term {
    /// As `state` has it; null if it is not there.
    pub fn value(&self, state: &State) -> Value {
        let whole = match &self.of {
            Of::Peer(Who::Is(peer), _) => serde_json::to_value(view::row_of(state, peer)),
            Of::Peer(Who::Said(_), _) => Ok(Value::Null),
            Of::Message(message) => serde_json::to_value(state.now.and_then(|now| queue::row_of(state, *message, now))),
            Of::Daemon => serde_json::to_value(&state.daemon),
        };
        let named = match &self.of {
            Of::Peer(_, field) => *field,
            Of::Message(_) | Of::Daemon => None,
        };
        let fields = named.into_iter().chain(self.fields.iter().map(String::as_str));
        fields.fold(whole.unwrap_or_default(), |value, field| value.get(field).cloned().unwrap_or_default())
    }
}

/// As it could be said again.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.of {
            Of::Peer(Who::Is(peer), field) => write!(f, "{}({peer})", field.unwrap_or("peer"))?,
            Of::Peer(Who::Said(name), field) => write!(f, "{}({name})", field.unwrap_or("peer"))?,
            Of::Message(message) => write!(f, "message({message})")?,
            Of::Daemon => f.write_str("daemon()")?,
        }
        self.fields.iter().try_for_each(|field| write!(f, ".{field}"))
    }
}

impl Comparison {
    fn holds(self, left: &Value, right: &Value) -> bool {
        let numbers = left.as_f64().zip(right.as_f64());
        let ordered = |holds: fn(&f64, &f64) -> bool| numbers.is_some_and(|(left, right)| holds(&left, &right));
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Less => ordered(f64::lt),
            Comparison::LessOrEqual => ordered(f64::le),
            Comparison::Greater => ordered(f64::gt),
            Comparison::GreaterOrEqual => ordered(f64::ge),
        }
    }
}
