//! From the text of a scenario to a [`Script`]: whatever is said twice, in the wrong order or of nobody is a mistake.

use std::collections::BTreeSet;

use serde::Deserialize;
use toml::Spanned;

use super::values::Moment;
use super::{AgentAct, Does, Fails, Finally, Lined, Pattern, Script, Step};
use crate::config::line_of;

/// A mistake in the text of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ScriptError {
    pub line: usize,
    /// What is wrong, and what was expected.
    pub why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    rules: Vec<String>,
    otherwise: String,
    end: Spanned<Moment>,
    step: Vec<Spanned<Step>>,
    expect: Vec<Spanned<Pattern>>,
    #[serde(default)]
    never: Vec<Spanned<Pattern>>,
    #[serde(default)]
    exactly: Vec<Spanned<Pattern>>,
    finally: Option<Spanned<Finally>>,
}

impl Script {
    /// # Errors
    ///
    /// The first mistake, with its line.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let file: File = toml::from_str(text).map_err(|error| ScriptError {
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            why: error.message().to_owned(),
        })?;
        let mut counted = lined(text, file.never);
        for never in &mut counted {
            never.refuse(never.it.times.is_some(), "`never` has no `times`: it is 0")?;
            never.it.times = Some(0);
        }
        counted.extend(lined(text, file.exactly));
        let end = Lined { line: line_of(text, file.end.span().start), it: file.end.into_inner() };
        let finally = file.finally.map(|finally| one_lined(text, finally));
        let script = Script {
            title: file.title,
            rules: file.rules,
            otherwise: file.otherwise,
            end: end.it.0,
            steps: lined(text, file.step),
            expected: lined(text, file.expect),
            counted,
            finally: finally.unwrap_or(Lined { line: end.line, it: Finally::default() }),
        };
        let late = script.steps.last().is_some_and(|last| last.it.at > end.it);
        end.refuse(late, "the end comes before the last step")?;
        check(&script)?;
        Ok(script)
    }
}

impl<T> Lined<T> {
    fn refuse(&self, wrong: bool, why: impl Into<String>) -> Result<(), ScriptError> {
        if wrong { Err(ScriptError { line: self.line, why: why.into() }) } else { Ok(()) }
    }
}

fn lined<T>(text: &str, all: Vec<Spanned<T>>) -> Vec<Lined<T>> {
    all.into_iter().map(|spanned| one_lined(text, spanned)).collect()
}

fn one_lined<T>(text: &str, spanned: Spanned<T>) -> Lined<T> {
    Lined { line: line_of(text, spanned.span().start), it: spanned.into_inner() }
}

fn check(script: &Script) -> Result<(), ScriptError> {
    let mut messages = BTreeSet::new();
    let mut now = Moment(0);
    for step in &script.steps {
        step.refuse(step.it.at < now, "this step comes before the one above it: steps stand in the order of time")?;
        now = step.it.at;
        check_step(step, &mut messages)?;
    }
    for pattern in &script.expected {
        pattern.refuse(pattern.it.times.is_some(), "`expect` has no `times`: it is one record, and others may come")?;
    }
    for pattern in &script.counted {
        let relative = pattern.it.after.is_some() || pattern.it.within.is_some() || pattern.it.session.is_some();
        pattern.refuse(relative, "`after`, `within` and `session` are for `expect`: these records have no order")?;
        pattern.refuse(pattern.it.times.is_none(), "`exactly` needs `times`: how many such records there are")?;
    }
    for pattern in script.expected.iter().chain(&script.counted) {
        let unknown = pattern.it.message.as_ref().filter(|name| !messages.contains(*name));
        pattern.refuse(unknown.is_some(), nobody_sent(unknown))?;
    }
    let finally = &script.finally;
    let unknown = finally.it.messages.keys().chain(finally.it.begun.keys()).find(|name| !messages.contains(*name));
    finally.refuse(unknown.is_some(), nobody_sent(unknown))
}

fn nobody_sent(name: Option<&String>) -> String {
    format!("no step sends a message with the id `{}`", name.map_or("", String::as_str))
}

fn check_step(step: &Lined<Step>, messages: &mut BTreeSet<String>) -> Result<(), ScriptError> {
    match &step.it.does {
        Does::Send(letter) | Does::Agent { act: AgentAct::Sends(letter), .. } => {
            let new = messages.insert(letter.id.clone());
            step.refuse(!new, format!("another message has the id `{}`", letter.id))?;
        }
        Does::Cancel(id) | Does::Retry(id) => {
            step.refuse(!messages.contains(id), format!("no step above sends a message with the id `{id}`"))?;
        }
        Does::Fault(Fails { times, lasts, .. }) => {
            step.refuse(
                times.is_some() && lasts.is_some(),
                "a fault strikes so many `times` or `for` a time, not both",
            )?;
        }
        Does::SetClock { forward, back } => {
            step.refuse(forward.is_some() == back.is_some(), "a clock is set `forward` or `back`")?;
        }
        _ => {}
    }
    let calls = matches!(
        step.it.does,
        Does::Send(_)
            | Does::Stop(_)
            | Does::Start(_)
            | Does::New(_)
            | Does::Refresh(_)
            | Does::Attach(_)
            | Does::Interrupt(_)
            | Does::Compact(_)
            | Does::Cancel(_)
            | Does::Retry(_)
    );
    step.refuse(step.it.told.is_some() && !calls, "nobody is told anything here: `told` is for calls to the daemon")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "title = \"t\"\nrules = [\"C1\"]\notherwise = \"o\"\nend = \"00:01:00\"\n";

    #[track_caller]
    fn refused(rest: &str, line: usize, says: &str) {
        let error = Script::parse(&format!("{HEAD}{rest}")).expect_err(rest);
        assert!(error.line == line && error.why.contains(says), "{error}");
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_what_was_expected() {
        let step = "[[step]]\nat = \"00:00:01\"\n";
        let send = format!("{step}do = {{ send = {{ id = \"m\", to = \"ada\" }} }}\n");
        refused("step = 1\nexpect = []\n", 5, "expected a sequence");
        refused(&format!("{step}do = {{ stop = \"zoe\" }}\n"), 7, "expected one of ada, bob");
        refused(&format!("{step}do = {{ jump = 1 }}\n"), 7, "unknown variant `jump`, expected one of `send`");
        refused(&format!("{step}do = {{ fault = {{ what = \"rain\" }} }}\n"), 7, "\"a write fails\"");
        refused("[[step]]\nat = \"1:00\"\ndo = { stop = \"ada\" }\n", 6, "expected HH:MM:SS");
        refused(&format!("{send}[[expect]]\nkind = \"rained\"\n"), 9, "no kind of record");
        refused(&format!("{send}[[expect]]\nkind = \"delivered\"\nmesage = \"m\"\n"), 10, "unknown field `mesage`");
        refused(&format!("{send}[[expect]]\nkind = \"delivered\"\nmessage = \"n\"\n"), 8, "`n`");
        refused(&format!("{send}{send}[[expect]]\nkind = \"delivered\"\n"), 8, "another message has the id `m`");
        let late = "[[step]]\nat = \"00:00:00\"\ndo = { stop = \"ada\" }\n";
        refused(&format!("{send}{late}[[expect]]\nkind = \"delivered\"\n"), 8, "order of time");
        refused(&format!("{send}[[expect]]\nkind = \"delivered\"\n[[exactly]]\nkind = \"armed\"\n"), 10, "`times`");
        refused(
            "[[step]]\nat = \"00:02:00\"\ndo = { stop = \"ada\" }\n[[expect]]\nkind = \"armed\"\n",
            4,
            "before the last step",
        );
    }
}
