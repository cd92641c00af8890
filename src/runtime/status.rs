//! Files in which programs keep what they are doing just now.

use serde::Deserialize;

use super::spec::StatusFormat;
use crate::model::event::TurnSeen;

/// What a status file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whose it is: a file outlives a program that was killed.
    pub pid: u32,
    /// The start of that process, in clock ticks since the boot, where the file has it.
    pub start_ticks: Option<u64>,
    /// None: a state that is not known here.
    pub turn: Option<TurnSeen>,
    /// When that began, in milliseconds since 1970 by the wall clock, where the file has it.
    pub since_unix_ms: Option<u64>,
}

/// Reads a file of `format`. None: it is not whole, or of another form.
pub fn read(format: StatusFormat, text: &[u8]) -> Option<Status> {
    match format {
        StatusFormat::Claude => serde_json::from_slice::<Claude>(text).ok().map(Status::from),
    }
}

/// As Claude Code 2.1 writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claude {
    pid: u32,
    proc_start: Option<serde_json::Value>,
    status: Option<String>,
    waiting_for: Option<String>,
    status_updated_at: Option<serde_json::Value>,
}

impl From<Claude> for Status {
    fn from(found: Claude) -> Self {
        let turn = match found.status.as_deref() {
            Some("idle") => Some(TurnSeen::Idle),
            Some("busy") => Some(TurnSeen::Running),
            Some("waiting") => {
                let on = found.waiting_for.unwrap_or_else(|| "a person".to_owned());
                Some(TurnSeen::Waiting { on })
            }
            _ => None,
        };
        let start_ticks = found.proc_start.and_then(|start| match start {
            serde_json::Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        });
        let since_unix_ms = found.status_updated_at.and_then(|since| since.as_u64());
        Status { pid: found.pid, start_ticks, turn, since_unix_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c46b_claudes_status_file_tells_its_turn() {
        let read = |text: &str| read(StatusFormat::Claude, text.as_bytes());
        let status = |turn| Some(Status { pid: 7, start_ticks: Some(4711), turn, since_unix_ms: None });
        assert_eq!(read(r#"{"pid":7,"procStart":"4711","status":"idle","version":"2"}"#), status(Some(TurnSeen::Idle)));
        assert_eq!(read(r#"{"pid":7,"procStart":4711,"status":"busy"}"#), status(Some(TurnSeen::Running)));
        let waiting = TurnSeen::Waiting { on: "permission prompt".to_owned() };
        let text = r#"{"pid":7,"procStart":"4711","status":"waiting","waitingFor":"permission prompt"}"#;
        assert_eq!(read(text), status(Some(waiting)));
        assert_eq!(read(r#"{"pid":7,"procStart":"4711","status":"pondering"}"#), status(None));
        assert_eq!(read(r#"{"pid":7,"stat"#), None, "half of it");
    }

    #[test]
    fn c46b_claudes_status_file_tells_since_when() {
        let since = |text: &str| read(StatusFormat::Claude, text.as_bytes()).unwrap().since_unix_ms;
        assert_eq!(since(r#"{"pid":7,"status":"busy","statusUpdatedAt":1764450000123}"#), Some(1_764_450_000_123));
        assert_eq!(since(r#"{"pid":7,"status":"busy","statusUpdatedAt":"at noon"}"#), None, "of another version");
    }
}
