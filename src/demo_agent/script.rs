//! What a message asks of the demo agent.

use std::collections::VecDeque;

/// One thing to do in a turn. A line of the message says it; the lines are followed in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `demo: work 300ms`
    Work { ms: u64 },
    /// `demo: reply 2 times`; also what happens when nothing is said.
    Reply { times: u32 },
    /// `demo: silent`: the turn ends without a word.
    Silent,
    /// `demo: exit 7`
    Exit { code: i32 },
    /// `demo: signal 11`
    Signal { signal: i32 },
    /// `demo: hang`: the turn never ends.
    Hang,
    /// The whole text is `/compact`: the conversation is summed up.
    Compact,
    /// `demo: dialog`: asks for a permission, until somebody presses a key.
    Dialog,
}

/// A message as it stood in the input box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub text: String,
    /// Whom to answer, if its envelope says so.
    pub reply_to: Option<String>,
    /// What it is about: the first line that is neither the envelope's nor a direction.
    pub first_line: String,
    directions: Vec<Step>,
}

impl Message {
    pub fn read(text: String) -> Self {
        let reply_to = text.lines().rev().find(|line| !line.trim().is_empty()).and_then(target);
        let body: Vec<&str> = text.lines().filter(|line| !line.starts_with('[') && !line.trim().is_empty()).collect();
        let first_line = body.iter().find(|line| direction(line).is_none()).map(|line| line.trim().to_owned());
        let directions = body.iter().filter_map(|line| direction(line)).collect();
        Self { reply_to, first_line: first_line.unwrap_or_else(|| "done".to_owned()), directions, text }
    }

    /// What to do, in order. `work_ms`: unless the message says how long. `silent`: no answer unless it asks for one.
    ///
    /// An answer is not answered: two such agents would never stop.
    pub fn steps(&self, work_ms: u64, silent: bool) -> VecDeque<Step> {
        if self.text.trim() == "/compact" {
            return VecDeque::from([Step::Work { ms: work_ms }, Step::Compact]);
        }
        let mut steps: VecDeque<Step> = self.directions.iter().cloned().collect();
        if !steps.iter().any(|step| matches!(step, Step::Work { .. })) {
            steps.push_front(Step::Work { ms: work_ms });
        }
        let ends = |step: &Step| !matches!(step, Step::Work { .. } | Step::Dialog);
        if !steps.iter().any(ends) && !silent && !self.first_line.starts_with("re:") {
            steps.push_back(Step::Reply { times: 1 });
        }
        steps
    }
}

/// The name behind "reply with: dormouse send".
fn target(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("reply with: dormouse send ")?;
    let name: String = rest.chars().take_while(|c| !c.is_whitespace() && !matches!(c, ',' | ']' | ';')).collect();
    (!name.is_empty()).then_some(name)
}

fn direction(line: &str) -> Option<Step> {
    let mut words = line.trim().strip_prefix("demo:")?.split_ascii_whitespace();
    let (what, value) = (words.next()?, words.next());
    match what {
        "work" => Some(Step::Work { ms: milliseconds(value?)? }),
        "reply" => Some(Step::Reply { times: value.map_or(Some(1), |times| times.parse().ok())? }),
        "silent" => Some(Step::Silent),
        "exit" => Some(Step::Exit { code: value?.parse().ok()? }),
        "signal" => Some(Step::Signal { signal: value?.parse().ok()? }),
        "hang" => Some(Step::Hang),
        "dialog" => Some(Step::Dialog),
        _ => None,
    }
}

/// `300ms`, `2s`, or a number of milliseconds.
fn milliseconds(text: &str) -> Option<u64> {
    if let Some(ms) = text.strip_suffix("ms") {
        return ms.parse().ok();
    }
    match text.strip_suffix('s') {
        Some(seconds) => seconds.parse::<u64>().ok()?.checked_mul(1000),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(body: &str) -> String {
        format!(
            "[from ada (claude)] message 01JD9, attempt 1, 2026-11-22 14:05:10 +01:00\n{body}\n\
             [end of message 01JD9; reply with: dormouse send claude-ada, or the tool send_to_peer]"
        )
    }

    #[test]
    fn an_envelope_says_whom_to_answer_and_what_it_is_about() {
        let message = Message::read(envelope("Count the sheep.\nAll of them."));
        assert_eq!(message.reply_to.as_deref(), Some("claude-ada"));
        assert_eq!(message.first_line, "Count the sheep.");
        assert_eq!(message.steps(50, false), [Step::Work { ms: 50 }, Step::Reply { times: 1 }]);
        assert_eq!(message.steps(50, true), [Step::Work { ms: 50 }]);
    }

    #[test]
    fn what_a_person_types_has_nobody_to_answer() {
        assert_eq!(Message::read("hello".into()).reply_to, None);
    }

    #[test]
    fn directions_are_followed_in_order() {
        let message = Message::read(envelope("demo: reply 2 times\ndemo: work 300ms\ndemo: work 2s\ndemo: exit 7"));
        let expected =
            [Step::Reply { times: 2 }, Step::Work { ms: 300 }, Step::Work { ms: 2000 }, Step::Exit { code: 7 }];
        assert_eq!(message.steps(50, false), expected);
        let quiet = Message::read(envelope("demo: silent"));
        assert_eq!(quiet.steps(5, false), [Step::Work { ms: 5 }, Step::Silent]);
    }

    #[test]
    fn an_answer_is_not_answered() {
        assert_eq!(Message::read(envelope("re: Count the sheep.")).steps(5, false), [Step::Work { ms: 5 }]);
    }
}
