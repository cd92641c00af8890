//! The daemon itself, its settings, its deadlines.

use serde_json::{Map, Value};

use crate::explain::phrase::number;
use crate::model::event::{
    AttentionCalled, CallRefused, DaemonReady, DaemonStarted, DaemonStopped, DeadlineKind, DeadlinePassed, RuntimeKind,
    RuntimeTraits, RuntimesChanged, SettingsChanged, SettingsUnreadable,
};
use crate::model::settings::Settings;

pub fn started(it: &DaemonStarted) -> String {
    let tmux =
        it.tmux.as_deref().map_or_else(|| "; tmux could not be asked".to_owned(), |tmux| format!(" with {tmux}"));
    format!("dormouse {} started as process {}{tmux}", it.version, it.pid)
}

pub fn ready(it: &DaemonReady) -> String {
    format!(
        "looked at what was in flight and serves: {} found alive, {} gone, {} not known (C60)",
        number(u64::from(it.adopted)),
        number(u64::from(it.gone)),
        number(u64::from(it.not_known))
    )
}

pub fn stopped(it: &DaemonStopped) -> String {
    format!("the daemon stopped: {}; sessions go on (C61)", it.why)
}

/// Compared field by field as data, so that a new setting needs no line here.
pub fn settings_changed(it: &SettingsChanged) -> String {
    let (set, default) = (fields(&it.settings), fields(&Settings::default()));
    let changed = set.iter().filter(|(name, value)| default.get(*name) != Some(value));
    let changed: Vec<String> = changed
        .map(|(name, value)| {
            let default = default.get(name).map_or_else(String::new, figure);
            format!("{name} {} instead of {default}{}", figure(value), place(it, name))
        })
        .collect();
    match changed[..] {
        [] => "settings in force: all at their defaults".to_owned(),
        _ => format!("settings in force: {}, all others at their defaults", changed.join(", ")),
    }
}

/// Where the value of this field was given, if that was noted.
fn place(it: &SettingsChanged, field: &str) -> String {
    let name = field.strip_suffix("_ms").unwrap_or(field);
    let given = it.given.iter().flatten().find(|given| given.name == name);
    given.map_or_else(String::new, |given| format!(" ({})", given.place))
}

fn fields(settings: &Settings) -> Map<String, Value> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => fields,
        // Numbers and lists of text always have a JSON form.
        Ok(_) | Err(_) => Map::new(),
    }
}

fn figure(value: &Value) -> String {
    value.as_u64().map_or_else(|| value.to_string(), number)
}

pub fn settings_unreadable(it: &SettingsUnreadable) -> String {
    format!("what was read again is not in order and changes nothing: {} (C3a)", it.why)
}

pub fn runtimes_changed(it: &RuntimesChanged) -> String {
    let runtimes: Vec<String> = it.runtimes.iter().map(runtime).collect();
    format!("runtimes known: {}", if runtimes.is_empty() { "none".to_owned() } else { runtimes.join(", ") })
}

fn runtime(it: &RuntimeTraits) -> String {
    let kind = match it.kind {
        RuntimeKind::Tui => "tui",
        RuntimeKind::Router => "router",
    };
    let resumes = if it.can_resume { ", can resume" } else { "" };
    let turns = if it.tells_turns { ", tells its turns" } else { ", its turns are judged" };
    format!("{} ({kind}{resumes}{turns})", it.name)
}

pub fn deadline_passed(it: &DeadlinePassed) -> String {
    let what = match it.deadline {
        DeadlineKind::Look => "a session has been silent long enough to be looked at",
        DeadlineKind::BootSlot => "a boot slot has been held for its time (C20)",
        DeadlineKind::Retry => "the delay before the next attempt is over (C13)",
        DeadlineKind::Quarantine => "the oldest death has left the window (C48)",
    };
    format!("a deadline passed: {what}")
}

pub fn attention_called(it: &AttentionCalled) -> String {
    match &it.failed {
        None => format!("the user's on_attention command was told: {}", it.what),
        Some(failed) => format!("the user's on_attention command failed: {failed}; it was to be told: {}", it.what),
    }
}

pub fn call_refused(it: &CallRefused) -> String {
    let calls = match it.times {
        1 => "a call was".to_owned(),
        times => format!("{} more calls within a minute were", number(u64::from(times))),
    };
    let by = it.uid.map(|uid| format!(", from a process of uid {uid}")).unwrap_or_default();
    format!("{calls} refused at the {} door with status {}{by}: {} ({})", it.door, it.status, it.why, it.rule)
}
