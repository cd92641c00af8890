//! What a runtime's patterns see on a visible screen (C24, C27).
//!
//! A screen is read from below: programs draw what is current at the bottom, and leave what is over above it. Of several
//! matches the last one counts.

use regex::{Match, Regex};

use super::spec::{Dialog, Fatal, Spec};

/// One look at a screen. An option is none when the runtime's file has no pattern for it.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    pub fatal: Option<&'a Fatal>,
    pub dialog: Option<DialogSeen<'a>>,
    pub box_open: Option<bool>,
    /// Of the open box; false when there is none.
    pub box_empty: Option<bool>,
    /// A paste shows in the open box; false when there is none.
    pub landed: Option<bool>,
    /// The line that says that a person is needed.
    pub waiting: Option<String>,
    pub working: bool,
}

/// A known dialog on the screen.
#[derive(Clone, Debug)]
pub struct DialogSeen<'a> {
    pub dialog: &'a Dialog,
    /// What is to be confirmed is seen selected; true for a dialog without `select`.
    pub selected: bool,
    /// The line that was recognised: the selected one, else the dialog's first.
    pub line: &'a str,
}

/// One pattern of a runtime's file that matches a screen, for `runtime check --screen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen<'a> {
    /// Its key in the file: `input.screen`, `dialog.folder-trust.select`.
    pub rule: String,
    /// From 1, of the match's first line that has something on it.
    pub line_number: usize,
    pub line: &'a str,
}

/// Reads `screen`, the visible lines of a pane from the top, with or without the blanks at their ends.
pub fn read<'a>(spec: &'a Spec, screen: &'a str) -> Reading<'a> {
    let box_at = spec.input.screen.as_ref().map(|pattern| last(pattern, screen).map(|found| found.start()));
    // Without a pattern for the box its contents are judged wherever they show.
    let contents_from = box_at.unwrap_or(Some(0));
    let in_box = |pattern: &Option<Regex>| pattern.as_ref().map(|pattern| seen_from(pattern, screen, contents_from));
    // Above an open box stands only what is over.
    let current_from = box_at.flatten().unwrap_or(0);
    Reading {
        fatal: lowest(&spec.fatal, |fatal| &fatal.screen, screen, current_from).map(|(fatal, _)| fatal),
        dialog: lowest(&spec.dialogs, |dialog| &dialog.screen, screen, current_from)
            .map(|(dialog, found)| dialog_seen(dialog, found, screen)),
        box_open: box_at.map(|found| found.is_some()),
        box_empty: in_box(&spec.input.empty),
        landed: in_box(&spec.input.landed),
        waiting: spec
            .turn
            .waiting
            .as_ref()
            .and_then(|pattern| last(pattern, screen))
            .map(|found| line_at(screen, found).1.trim().to_owned()),
        working: spec.turn.working.as_ref().is_some_and(|pattern| pattern.is_match(screen)),
    }
}

/// Every pattern of the file that matches, with its last match, from the top of the screen down.
pub fn seen<'a>(spec: &Spec, screen: &'a str) -> Vec<Seen<'a>> {
    let mut patterns: Vec<(String, &Regex)> = Vec::new();
    let named = [
        ("input.screen", &spec.input.screen),
        ("input.empty", &spec.input.empty),
        ("input.landed", &spec.input.landed),
        ("proof.screen", &spec.proof.screen),
        ("turn.working", &spec.turn.working),
        ("turn.waiting", &spec.turn.waiting),
    ];
    patterns.extend(named.into_iter().filter_map(|(key, pattern)| Some((key.to_owned(), pattern.as_ref()?))));
    for dialog in &spec.dialogs {
        patterns.push((format!("dialog.{}.screen", dialog.name), &dialog.screen));
        patterns.extend(dialog.select.as_ref().map(|select| (format!("dialog.{}.select", dialog.name), select)));
    }
    patterns
        .extend(spec.fatal.iter().enumerate().map(|(index, fatal)| (format!("fatal[{index}].screen"), &fatal.screen)));
    let mut found: Vec<_> = patterns
        .into_iter()
        .filter_map(|(rule, pattern)| Some((line_at(screen, last(pattern, screen)?), rule)))
        .collect();
    found.sort_by_key(|((start, _), _)| *start);
    found
        .into_iter()
        .map(|((start, line), rule)| Seen { rule, line_number: 1 + screen[..start].matches('\n').count(), line })
        .collect()
}

/// The selection is looked for at the dialog or below it: what stands higher may be an older one, already answered.
fn dialog_seen<'a>(dialog: &'a Dialog, found: Match<'a>, screen: &'a str) -> DialogSeen<'a> {
    let Some(select) = &dialog.select else {
        return DialogSeen { dialog, selected: true, line: line_at(screen, found).1 };
    };
    match last(select, screen).filter(|selection| selection.start() >= line_start(screen, found.start())) {
        Some(selection) => DialogSeen { dialog, selected: true, line: line_at(screen, selection).1 },
        None => DialogSeen { dialog, selected: false, line: line_at(screen, found).1 },
    }
}

/// The entry whose last match begins lowest, not above `from`; of two at one place the first in the file.
fn lowest<'a, T>(
    entries: &'a [T],
    pattern: impl Fn(&T) -> &Regex,
    screen: &'a str,
    from: usize,
) -> Option<(&'a T, Match<'a>)> {
    let matches = entries.iter().filter_map(|entry| Some((entry, last(pattern(entry), screen)?)));
    let current = matches.filter(|(_, found)| found.end() > from);
    current.fold(None, |best: Option<(&T, Match<'_>)>, (entry, found)| match best {
        Some((_, lower)) if lower.start() >= found.start() => best,
        _ => Some((entry, found)),
    })
}

fn last<'a>(pattern: &Regex, screen: &'a str) -> Option<Match<'a>> {
    pattern.find_iter(screen).last()
}

fn seen_from(pattern: &Regex, screen: &str, from: Option<usize>) -> bool {
    from.is_some_and(|from| last(pattern, screen).is_some_and(|found| found.start() >= from))
}

fn line_start(screen: &str, at: usize) -> usize {
    screen[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The first line of `found` that has something on it, and the byte it begins at.
fn line_at<'a>(screen: &'a str, found: Match<'_>) -> (usize, &'a str) {
    let start = line_start(screen, found.start());
    let end = screen[found.end()..].find('\n').map_or(screen.len(), |newline| found.end() + newline);
    let mut at = start;
    for line in screen[start..end].split_inclusive('\n') {
        if !line.trim().is_empty() {
            return (at, line.trim_end_matches('\n'));
        }
        at += line.len();
    }
    (start, "")
}
