//! What a program calls its turns, where it says so: a word about another turn moves nothing (C46b).

use serde::{Deserialize, Serialize};

use super::event::TurnSeen;

/// A program that queues what it is given names a few turns before the first of them ends, and a word may be late by a few.
const KEPT: usize = 16;

/// The turns of one session, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnNames {
    /// Begun, and not known to have ended; the newest last, at most 16.
    begun: Vec<String>,
    /// Ended; the newest last, and no more than as many.
    ended: Vec<String>,
}

impl TurnNames {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes in what was said of the turn `name`. Whether it tells anything of the present one: a beginning and a question
    /// do not if that turn is over, and an end does not if it was said before, or others have begun and this one has not. Where no
    /// beginning was heard, any new name may be that of the present turn; and so may a word without a name.
    pub fn hears(&mut self, turn: &TurnSeen, name: Option<&str>) -> bool {
        let concerns = name.is_none_or(|name| match turn {
            TurnSeen::Running => self.begins(name),
            TurnSeen::Ended | TurnSeen::Failed { .. } | TurnSeen::Background { .. } => self.ends(name),
            TurnSeen::Waiting { .. } => !has(&self.ended, name),
            TurnSeen::Idle | TurnSeen::Alive => true,
        });
        if concerns && matches!(turn, TurnSeen::Idle | TurnSeen::Failed { .. }) {
            let begun = std::mem::take(&mut self.begun).into_iter();
            begun.chain(name.map(str::to_owned)).for_each(|name| add(&mut self.ended, name));
        }
        concerns
    }

    /// Takes in what was said before the newest word and is heard after it. Whether a turn has ended by it that was not
    /// known to have; nothing else of it is news.
    pub fn hears_late(&mut self, turn: &TurnSeen, name: Option<&str>) -> bool {
        let Some(name) = name else { return false };
        match turn {
            TurnSeen::Running => {
                self.begins(name);
                false
            }
            TurnSeen::Ended | TurnSeen::Failed { .. } | TurnSeen::Background { .. } => self.ends(name),
            TurnSeen::Waiting { .. } | TurnSeen::Idle | TurnSeen::Alive => false,
        }
    }

    /// Whether it is known to have ended.
    pub fn has_ended(&self, name: &str) -> bool {
        has(&self.ended, name)
    }

    /// Whether nothing was ever said of it.
    pub fn is_new(&self, name: &str) -> bool {
        !has(&self.begun, name) && !has(&self.ended, name)
    }

    /// Whether of all that have ended this one is the newest.
    pub fn ended_last(&self, name: &str) -> bool {
        self.ended.last().is_some_and(|last| last == name)
    }

    fn begins(&mut self, name: &str) -> bool {
        let is_over = has(&self.ended, name);
        if !is_over {
            add(&mut self.begun, name.to_owned());
        }
        !is_over
    }

    fn ends(&mut self, name: &str) -> bool {
        let is_of_another = !has(&self.begun, name) && (!self.begun.is_empty() || has(&self.ended, name));
        if !is_of_another {
            self.begun.retain(|begun| begun != name);
            add(&mut self.ended, name.to_owned());
        }
        !is_of_another
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|known| known == name)
}

fn add(names: &mut Vec<String>, name: String) {
    if !has(names, &name) {
        names.push(name);
        let excess = names.len().saturating_sub(KEPT);
        names.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A question that is told of late, when its turn is over, waits for nobody any more.
    #[test]
    fn a_turn_that_is_over_waits_for_nobody() {
        let (mut names, waiting) = (TurnNames::default(), TurnSeen::Waiting { on: "a permission".to_owned() });
        assert!(names.hears(&TurnSeen::Running, Some("one")) && names.hears(&waiting, Some("one")));
        assert!(names.hears(&TurnSeen::Ended, Some("one")));
        assert!(!names.hears(&waiting, Some("one")));
        assert!(names.hears(&waiting, Some("two")) && names.hears(&waiting, None), "it may be the present one");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut names = TurnNames::default();
        for turn in 0..100 {
            assert!(names.hears(&TurnSeen::Running, Some(&format!("begun-{turn}"))));
            assert!(names.hears(&TurnSeen::Ended, Some(&format!("begun-{turn}"))));
            assert!(names.hears(&TurnSeen::Running, Some(&format!("open-{turn}"))));
        }
        assert_eq!((names.begun.len(), names.ended.len()), (KEPT, KEPT));
        assert!(!names.hears(&TurnSeen::Running, Some("begun-99")), "the newest are");
    }
}
