//! The settings that a record's figures were compared with, as they stood then, and where they came from.

use serde_json::{Map, Value, json};

use super::{Question, Source};
use crate::explain::phrase::{count, span};
use crate::model::delivery::{DeliveryOutcome, Gate};
use crate::model::event::{Decision, Event, Fact, RetentionReason, WakePhase};
use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::model::session::{ReapReason, WakeGate};
use crate::model::settings::{SettingGiven, SettingPlace, Settings};

/// A setting as it stood when something was compared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stood {
    /// As it is written in `config.toml`.
    pub name: &'static str,
    pub value: String,
    pub origin: Origin,
    /// The record that says so; none: no settings had ever been recorded.
    pub said: Option<Lsn>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    Given(SettingPlace),
    /// Recorded by a dormouse that did not note it.
    NotNoted,
}

/// The settings in force at one record.
#[derive(Clone, Debug)]
pub struct InForce {
    said: Option<Lsn>,
    fields: Map<String, Value>,
    places: Option<Vec<(String, SettingPlace)>>,
}

/// The settings in force right before `lsn`; none where their record is not kept any more.
pub(super) fn in_force<S: Source + ?Sized>(source: &S, lsn: Lsn) -> Option<InForce> {
    let asked = Question { kinds: vec!["settings_changed"], last: Some(lsn), ..Question::default() };
    match source.newest(&asked) {
        Some(record) => InForce::said_by(&record),
        None if source.first() > Lsn(1) => None,
        None => InForce::at_first(),
    }
}

impl InForce {
    /// Before any record says what they are.
    pub(in crate::explain) fn at_first() -> Option<Self> {
        Self::new(None, Settings::default(), Some(Vec::new()))
    }

    /// From `record` on, if it is one that says so.
    pub(in crate::explain) fn said_by(record: &Record) -> Option<Self> {
        let Event::Fact(Fact::SettingsChanged(it)) = &record.event else { return None };
        Self::new(Some(record.lsn), it.settings.clone(), it.given.clone())
    }

    fn new(said: Option<Lsn>, settings: Settings, given: Option<Vec<SettingGiven>>) -> Option<Self> {
        let Ok(Value::Object(fields)) = serde_json::to_value(settings) else { return None };
        let places = given.map(|given| given.into_iter().map(|it| (it.name, it.place)).collect());
        Some(InForce { said, fields, places })
    }

    /// Whether they were in force at `lsn` too, of which one knows that it is not later than the record asked for.
    pub(super) fn holds_at(&self, lsn: Lsn) -> bool {
        self.said.is_none_or(|said| said <= lsn)
    }

    /// Those that `event` compared something with.
    pub(in crate::explain) fn of(&self, event: &Event) -> Vec<Stood> {
        compared(event).iter().filter_map(|name| self.stood(name)).collect()
    }

    fn stood(&self, name: &'static str) -> Option<Stood> {
        let is_it = |field: &str| field.strip_suffix("_ms").unwrap_or(field) == name;
        let (field, value) = self.fields.iter().find(|(field, _)| is_it(field))?;
        let value = value.as_u64()?;
        let value = match () {
            () if field.ends_with("_ms") => span(value),
            () if field.ends_with("_bytes") => count(value, "byte", "bytes"),
            () => value.to_string(),
        };
        let origin = match &self.places {
            None => Origin::NotNoted,
            Some(places) => match places.iter().find(|(given, _)| given == name) {
                Some((_, place)) => Origin::Given(place.clone()),
                None => Origin::Default,
            },
        };
        Some(Stood { name, value, origin, said: self.said })
    }
}

impl Stood {
    /// `idle 1 h, the default`.
    pub fn text(&self) -> String {
        let from = match &self.origin {
            Origin::Default => "the default".to_owned(),
            Origin::Given(SettingPlace::File { file, line }) => {
                let name = file.file_name().map_or_else(|| file.display().to_string(), |it| it.display().to_string());
                format!("line {line} of {name}")
            }
            Origin::Given(SettingPlace::Environment { variable }) => format!("the variable {variable}"),
            Origin::Given(SettingPlace::Flag { flag }) => format!("the flag `{flag}`"),
            Origin::NotNoted => "where that came from was not noted".to_owned(),
        };
        // The figure that is compared is seldom the setting itself.
        let grows = if self.name == "retry_delay" { ", doubled at each failure until it is 1 min" } else { "" };
        format!("{} {}{grows}, {from}", self.name, self.value)
    }

    /// `{"name", "value", "from": "default|file|environment|flag|not_noted", "place", "since"}`.
    pub fn json(&self) -> Value {
        let (from, place) = match &self.origin {
            Origin::Default => ("default", None),
            Origin::Given(place @ SettingPlace::File { .. }) => ("file", Some(place.to_string())),
            Origin::Given(place @ SettingPlace::Environment { .. }) => ("environment", Some(place.to_string())),
            Origin::Given(place @ SettingPlace::Flag { .. }) => ("flag", Some(place.to_string())),
            Origin::NotNoted => ("not_noted", None),
        };
        json!({ "name": self.name, "value": self.value, "from": from, "place": place, "since": self.said })
    }
}

/// Names of the settings that the figures in `event` were compared with.
fn compared(event: &Event) -> &'static [&'static str] {
    match event {
        Event::Fact(fact) => compared_by_fact(fact),
        Event::Decision(decision) => compared_by_decision(decision),
    }
}

fn compared_by_fact(fact: &Fact) -> &'static [&'static str] {
    match fact {
        Fact::DeliveryWaiting(it) if matches!(it.gate, Gate::PersonTyping { .. }) => &["human_typing_hold"],
        Fact::DeliveryEnded(it) if matches!(it.outcome, DeliveryOutcome::Unproven { .. }) => &["ready_deadline"],
        Fact::LaunchFailed(it) if it.phase == WakePhase::Boot => &["boot_deadline"],
        Fact::HistoryRemoved(it) => match it.because {
            RetentionReason::Size { .. } => &["retain_bytes"],
            RetentionReason::Age { .. } => &["retain_age"],
            RetentionReason::Capsule {} => &[],
        },
        _ => &[],
    }
}

fn compared_by_decision(decision: &Decision) -> &'static [&'static str] {
    match decision {
        Decision::WakeDecided(_) => &["boots_max"],
        Decision::WakeRefused(it) => match it.gate {
            WakeGate::BootSlots { .. } => &["boots_max"],
            WakeGate::Quarantined { .. } => &["crashloop_window"],
            WakeGate::RetryDelay { .. } => &["retry_delay"],
            _ => &[],
        },
        // That its session has ended was waited for by nobody.
        Decision::WakeFailed(it) => match it.phase {
            _ if it.retry_in_ms == 0 => &[],
            WakePhase::Boot if it.counted => &["boot_deadline", "retry_delay"],
            WakePhase::Deliver if it.counted => &["ready_deadline", "retry_delay"],
            WakePhase::Launch | WakePhase::Boot | WakePhase::Deliver | WakePhase::Unwatched => &["retry_delay"],
        },
        Decision::DeliveryFailed(_) => &["attempts_max", "retry_delay"],
        Decision::MessageDead(it) if it.unfinished > 0 => &["unfinished_retries"],
        Decision::MessageDead(_) => &["attempts_max"],
        Decision::MessageRequeued(it) if it.counted => &["unfinished_retries"],
        Decision::TurnJudged(it) if it.because.contains("silent") => &["ephemeral_quiet"],
        Decision::Reaped(it) => match it.reason {
            ReapReason::Idle { .. } => &["idle"],
            ReapReason::Done { .. } => &["ephemeral_quiet"],
            ReapReason::Unarmed { .. } => &["ephemeral_unarmed_idle"],
            _ => &[],
        },
        Decision::SessionDied(_) | Decision::Quarantined(_) => &["crashloop_deaths_max", "crashloop_window"],
        Decision::QuarantineLifted(it) if !it.by_operator => &["crashloop_window"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{DaemonStopped, SettingsChanged};
    use crate::model::record::Subject;
    use crate::model::time::{BootId, Timestamp};

    fn history(events: Vec<Event>) -> Vec<Record> {
        let at = Timestamp { wall_us: 0, awake_ms: 0, boot: BootId(1) };
        let made =
            |(event, lsn): (Event, u64)| crate::model::record::Draft::own(Subject::NONE, None, event).at(Lsn(lsn), at);
        events.into_iter().zip(1..).map(made).collect()
    }

    fn stood(records: &[Record], name: &'static str) -> Option<String> {
        in_force(records, Lsn(9))?.stood(name).map(|stood| stood.text())
    }

    #[test]
    fn a_setting_stands_at_its_default_until_a_record_says_otherwise() {
        let idle = SettingGiven {
            name: "idle".to_owned(),
            place: SettingPlace::File { file: "/etc/mouse/config.toml".into(), line: 3 },
        };
        let settings = Settings { idle_ms: 600_000, ..Settings::default() };
        let changed = |given| Event::from(SettingsChanged { settings: settings.clone(), given });
        let nothing = history(vec![DaemonStopped { why: "x".to_owned() }.into()]);
        assert_eq!(stood(&nothing, "idle").as_deref(), Some("idle 1 h, the default"));
        let noted = history(vec![changed(Some(vec![idle]))]);
        assert_eq!(stood(&noted, "idle").as_deref(), Some("idle 10 min, line 3 of config.toml"));
        assert_eq!(stood(&noted, "boots_max").as_deref(), Some("boots_max 4, the default"));
        let old = history(vec![changed(None)]);
        assert_eq!(stood(&old, "idle").as_deref(), Some("idle 10 min, where that came from was not noted"));
        let cut = &history(vec![DaemonStopped { why: "x".to_owned() }.into(); 2])[1..];
        assert_eq!(stood(cut, "idle"), None, "nobody can say what the records before it said");
    }

    /// A name that is none would say nothing.
    #[test]
    fn every_setting_that_is_compared_is_one() {
        let names = [
            "boots_max",
            "crashloop_window",
            "retry_delay",
            "boot_deadline",
            "ready_deadline",
            "attempts_max",
            "unfinished_retries",
            "ephemeral_quiet",
            "idle",
            "ephemeral_unarmed_idle",
            "crashloop_deaths_max",
            "human_typing_hold",
            "retain_bytes",
            "retain_age",
        ];
        let nothing = history(vec![]);
        names.iter().for_each(|name| assert!(stood(&nothing, name).is_some(), "{name}"));
    }
}
