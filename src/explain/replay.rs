//! `replay`: the whole state as it was at one moment.

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Value, json};

use crate::model::id::{Lsn, MessageId};
use crate::model::message::Fate;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::session::WakeMode;
use crate::model::state::{Mark, Presence, Session, SessionPhase, State};
use crate::model::time::Timestamp;

use super::because::because;
use super::phrase::{count, date_time, one_line, rfc3339, span};
use super::{layout, queue, view};

/// A setting that is not at its default, as `config.toml` would have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    pub name: &'static str,
    pub value: String,
    pub default: String,
}

/// Everything the journal adds up to at one record.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    pub lsn: Lsn,
    /// RFC 3339, UTC.
    pub at: String,
    /// As in `log --json`, and `because`.
    pub record: Value,
    pub daemon: Option<Daemon>,
    pub settings: Vec<Setting>,
    pub peers: Vec<Peer>,
    pub messages: Vec<queue::Row>,
    #[serde(skip)]
    now: Timestamp,
}

/// The daemon that last said it started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Daemon {
    pub pid: u32,
    pub running: bool,
    /// Lsn of its start.
    pub started: Lsn,
}

/// A row of `ls`, and all that it has no room for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Peer {
    #[serde(flatten)]
    pub row: view::Row,
    /// None: forgotten, and something of it is left.
    pub folder: Option<String>,
    pub life: Option<Life>,
    pub marks: Marks,
}

/// The session, beyond what `ls` says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Life {
    /// `launching`, `booting`, `open`, `ready` or `ending`.
    pub phase: &'static str,
    /// RFC 3339, UTC.
    pub woken: String,
    /// `fresh`, or `resumed` with what it went on with.
    pub mode: &'static str,
    pub resumed: Option<String>,
    /// Lsn of the arm (C36).
    pub armed: Option<Lsn>,
    /// On its way into the session.
    pub delivers: Option<MessageId>,
    /// What an ephemeral session is there for, once delivered.
    pub task: Option<MessageId>,
    pub topics: Vec<String>,
    #[serde(skip)]
    woken_at: Timestamp,
}

/// What an operator, an agent or a rule has left on an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Marks {
    pub stopped: Option<Left>,
    pub refresh: Option<Left>,
    pub park: Option<Parked>,
    pub quarantine: Option<Guarded>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    pub lsn: Lsn,
    pub by: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parked {
    pub lsn: Lsn,
    pub resume_ref: Option<String>,
    pub topics: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guarded {
    pub lsn: Lsn,
    /// RFC 3339, UTC.
    pub until: String,
    #[serde(skip)]
    until_at: Timestamp,
}

/// `state` right after a record, the last one folded into it, as seen from a moment not before it. `next` is as for
/// [`view::ls`].
pub fn moment(
    state: &State,
    (record, now): (&Record, Timestamp),
    settings: Vec<Setting>,
    next: impl Fn(&Identity) -> Option<view::Next>,
) -> Moment {
    let mut shown = super::json::record(record);
    shown["because"] = because(record, &TimeZone::UTC).into();
    let daemon = state.daemon.as_ref();
    Moment {
        lsn: record.lsn,
        at: rfc3339(record.at),
        record: shown,
        daemon: daemon.map(|it| Daemon { pid: it.pid, running: it.running, started: it.started }),
        settings,
        peers: peers(state, next),
        messages: queue::queue(state, None, now),
        now,
    }
}

/// The rows of `ls`, and every other identity that bears a mark.
fn peers(state: &State, next: impl Fn(&Identity) -> Option<view::Next>) -> Vec<Peer> {
    let rows = view::rows(state, is_worth, next);
    rows.into_iter()
        .map(|row| {
            let presence = state.presences.get(&row.peer);
            let registration = state.peer(&row.peer).map(|peer| &peer.registration);
            Peer {
                folder: registration.map(|known| known.folder.display().to_string()),
                life: presence.and_then(|presence| presence.session.as_ref()).map(|session| life(state, session)),
                marks: presence.map_or_else(Marks::default, marks),
                row,
            }
        })
        .collect()
}

/// An identity beyond the default ones has a row as long as anything of it is left.
pub(super) fn is_worth(presence: &Presence) -> bool {
    view::is_noteworthy(presence) || presence.refresh.is_some() || presence.park.is_some()
}

fn life(state: &State, session: &Session) -> Life {
    let (mode, resumed) = match &session.mode {
        WakeMode::Fresh => ("fresh", None),
        WakeMode::Resumed { resume_ref } => ("resumed", Some(resume_ref.clone())),
    };
    let under_way = |id: &MessageId| {
        let fate = state.messages.get(id).map(|message| &message.fate);
        matches!(fate, Some(Fate::Delivering { generation, .. }) if *generation == session.generation)
    };
    Life {
        phase: match session.phase {
            SessionPhase::Launching => "launching",
            SessionPhase::Booting => "booting",
            SessionPhase::Open => "open",
            SessionPhase::Ready { .. } => "ready",
            SessionPhase::Ending { .. } => "ending",
        },
        woken: rfc3339(session.woken),
        mode,
        resumed,
        armed: session.armed.map(|(lsn, _)| lsn),
        delivers: session.delivering.or(session.first_input.filter(under_way)),
        task: session.task,
        topics: session.topics.clone(),
        woken_at: session.woken,
    }
}

fn marks(presence: &Presence) -> Marks {
    let left = |mark: &Mark| Left { lsn: mark.lsn, by: mark.by.clone() };
    Marks {
        stopped: presence.stopped.as_ref().map(left),
        refresh: presence.refresh.as_ref().map(left),
        park: presence.park.as_ref().map(|park| Parked {
            lsn: park.lsn,
            resume_ref: park.resume_ref.clone(),
            topics: park.topics.clone(),
        }),
        quarantine: presence.quarantine.as_ref().map(|guard| Guarded {
            lsn: guard.lsn,
            until: rfc3339(guard.until),
            until_at: guard.until,
        }),
    }
}

impl Moment {
    /// For people: times are local to `zone`, or count from the moment that was asked for.
    pub fn text(&self, record: &Record, zone: &TimeZone, columns: Option<u16>) -> String {
        let mut out = format!("After record {}, made at {}:\n", self.lsn, date_time(record.at, zone));
        let said = format!("{}: {}", record.event.kind().name, because(record, zone));
        out += &format!("{}\n", layout::fold("        ", &said, columns));
        let daemon = match &self.daemon {
            Some(Daemon { pid, running: true, started }) => format!("process {pid}, since record {started}"),
            Some(Daemon { pid, .. }) => format!("none; process {pid} was the last"),
            None => "none yet".to_owned(),
        };
        for (name, text) in [("Daemon: ", &daemon), ("Settings: ", &self.settings_text())] {
            out += &format!("{}\n", layout::fold(name, text, columns));
        }
        if self.peers.is_empty() {
            return out + "Peers: none\n";
        }
        let rows: Vec<view::Row> = self.peers.iter().map(|peer| peer.row.clone()).collect();
        out += &format!("\n{}\n", layout::table(&view::table(&rows, self.now), columns).trim_end());
        let said = self.peers.iter().flat_map(|peer| peer.lines(self.now));
        let said: Vec<String> = said.map(|line| layout::fold("", &line, columns)).collect();
        if !said.is_empty() {
            out += &format!("\n{}\n", said.join("\n"));
        }
        if !self.messages.is_empty() {
            out += &format!("\n{}\n", layout::table(&queue::table(&self.messages, self.now), columns).trim_end());
        }
        out
    }

    fn settings_text(&self) -> String {
        if self.settings.is_empty() {
            return "all at their defaults".to_owned();
        }
        let one = |it: &Setting| format!("{} {} (default {})", it.name, it.value, it.default);
        self.settings.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

impl Peer {
    /// What the table has no column for, a line each.
    fn lines(&self, now: Timestamp) -> Vec<String> {
        let name = &self.row.peer;
        let mut lines = Vec::new();
        if let (Some(life), Some(session)) = (&self.life, &self.row.session) {
            lines.push(format!("{name}: {}", life.sentence(session.generation, now)));
        }
        let Marks { stopped, refresh, park, quarantine } = &self.marks;
        lines.extend(stopped.iter().map(|it| format!("{name}: stopped by {} (record {})", one_line(&it.by), it.lsn)));
        lines.extend(refresh.iter().map(|it| {
            format!("{name}: begins afresh at its next wake, asked by {} (record {})", one_line(&it.by), it.lsn)
        }));
        lines.extend(park.iter().map(|it| {
            let what = it.resume_ref.as_ref().map_or("nothing to resume".to_owned(), |it| format!("resumes {it}"));
            format!("{name}: parked, {}{} (record {})", one_line(&what), topics(&it.topics), it.lsn)
        }));
        lines.extend(
            quarantine
                .iter()
                .map(|it| format!("{name}: quarantined for {} more (record {})", span(it.until_at.since(now)), it.lsn)),
        );
        lines
    }
}

impl Life {
    fn sentence(&self, generation: u64, now: Timestamp) -> String {
        let mode = self.resumed.as_ref().map_or(self.mode.to_owned(), |it| format!("resumed {}", one_line(it)));
        let mut parts = vec![format!(
            "session {generation}, {mode}, woken {} before, {}",
            span(now.since(self.woken_at)),
            self.phase
        )];
        parts.extend(self.delivers.map(|it| format!("delivers {it}")));
        parts.extend(self.task.map(|it| format!("works on {it}")));
        parts.extend(self.armed.map(|it| format!("armed by record {it}")));
        parts.join(", ") + &topics(&self.topics)
    }
}

fn topics(topics: &[String]) -> String {
    if topics.is_empty() {
        return String::new();
    }
    let n = count(topics.len() as u64, "topic", "topics");
    format!(", {n}: {}", topics.iter().map(|it| one_line(it)).collect::<Vec<_>>().join(", "))
}

/// What there is to show before the first record.
pub fn nothing() -> Value {
    json!({ "lsn": 0, "at": null, "record": null, "daemon": null, "settings": [], "peers": [], "messages": [] })
}
