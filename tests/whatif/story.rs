//! Histories to ask about: stories in a world without chance.

use dormouse::model::record::Record;
use dormouse::sim::script::{Script, play};

/// No story goes without.
const EXPECTED: &str = "[[expect]]\nkind = \"message_accepted\"\n[finally]\n";

/// What is recorded up to `end` (HH:MM:SS) of a story, each step with its moment.
#[track_caller]
pub fn story(end: &str, steps: &[(&str, &str)]) -> Vec<Record> {
    let steps: String =
        steps.iter().map(|(at, does)| format!("[[step]]\nat = \"{at}\"\ndo = {{ {does} }}\n")).collect();
    let text = format!("title = \"a story\"\nrules = [\"I2\"]\notherwise = \"?\"\nend = \"{end}\"\n{steps}{EXPECTED}");
    let script = Script::parse(&text).unwrap_or_else(|error| panic!("{error}"));
    let played = play(&script);
    assert!(played.ran.broken.is_none(), "{:?}", played.ran.broken);
    let mut parts = end.split(':').map(|part| part.parse::<u64>().unwrap());
    let seconds = parts.by_ref().fold(0, |sum, part| sum * 60 + part);
    let begun = played.ran.records[0].at;
    let within = |record: &Record| record.at.since(begun) <= seconds * 1_000;
    played.ran.records.into_iter().take_while(within).collect()
}
