//! Moments as people write them: RFC 3339, `14:05`, `2h` ago, `yesterday`, or an lsn.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::config::quantity::parse_duration;
use crate::model::id::Lsn;
use crate::model::record::Record;
use crate::model::time::Timestamp as Instant;

/// A moment in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Lsn(Lsn),
    /// Microseconds since 1970.
    Wall(u64),
}

/// A text that names no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is no moment: expected RFC 3339, a clock time such as 14:05, a time ago such as 2h, yesterday, or an lsn"
)]
pub struct NoMoment {
    found: String,
}

impl When {
    /// Reads `text` as seen now, here.
    pub fn parse(text: &str) -> Result<Self, NoMoment> {
        Self::seen_from(text, &Zoned::now())
    }

    /// A clock time is the last one there was; a date without a zone is a local one.
    fn seen_from(text: &str, now: &Zoned) -> Result<Self, NoMoment> {
        let refused = || NoMoment { found: text.to_owned() };
        if let Ok(lsn) = text.parse() {
            return Ok(When::Lsn(Lsn(lsn)));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Self::wall(at).ok_or_else(refused);
        }
        if let Ok(ms) = parse_duration(text) {
            let ago = i64::try_from(ms).ok().map(SignedDuration::from_millis);
            let at = ago.and_then(|ago| now.timestamp().checked_sub(ago).ok());
            return at.and_then(Self::wall).ok_or_else(refused);
        }
        let local = match text {
            "now" => Some(now.datetime()),
            "today" => Some(now.date().at(0, 0, 0, 0)),
            "yesterday" => now.date().yesterday().ok().map(|date| date.at(0, 0, 0, 0)),
            text => local(text, now),
        };
        let at = local.and_then(|local| local.to_zoned(now.time_zone().clone()).ok());
        at.and_then(|at| Self::wall(at.timestamp())).ok_or_else(refused)
    }

    /// This moment by the clocks of the machine whose newest record was made at `last` then: ages count from it.
    pub fn told_from(self, last: Instant) -> Instant {
        match self {
            When::Lsn(_) => last,
            When::Wall(wall_us) => {
                let later_ms = wall_us.saturating_sub(last.wall_us) / 1_000;
                Instant { wall_us, awake_ms: last.awake_ms + later_ms, boot: last.boot }
            }
        }
    }

    fn wall(at: Timestamp) -> Option<Self> {
        u64::try_from(at.as_microsecond()).ok().map(When::Wall)
    }

    /// Whether `record` was made before this moment, or is the very one.
    pub fn is_after_or_at(self, record: &Record) -> bool {
        match self {
            When::Lsn(lsn) => record.lsn <= lsn,
            When::Wall(wall_us) => record.at.wall_us <= wall_us,
        }
    }
}

fn local(text: &str, now: &Zoned) -> Option<DateTime> {
    if let Ok(local) = text.parse::<DateTime>() {
        return Some(local);
    }
    let time: Time = text.parse().ok()?;
    let today = now.date().to_datetime(time);
    if today <= now.datetime() { Some(today) } else { now.date().yesterday().ok().map(|date| date.to_datetime(time)) }
}

/// Where the person is.
pub fn zone() -> TimeZone {
    TimeZone::system()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Option<String> {
        let now: Zoned = "2026-11-22T14:00:00+01:00[Europe/Berlin]".parse().unwrap();
        match When::seen_from(text, &now).ok()? {
            When::Lsn(lsn) => Some(format!("lsn {lsn}")),
            When::Wall(us) => Some(Timestamp::from_microsecond(i64::try_from(us).unwrap()).unwrap().to_string()),
        }
    }

    #[test]
    fn moments_are_read_as_a_person_means_them() {
        for (text, at) in [
            ("813", "lsn 813"),
            ("2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z"),
            ("2026-11-22T12:00:00", "2026-11-22T11:00:00Z"),
            ("2026-11-21", "2026-11-20T23:00:00Z"),
            ("2h", "2026-11-22T11:00:00Z"),
            ("1h30m", "2026-11-22T11:30:00Z"),
            ("13:30", "2026-11-22T12:30:00Z"),
            ("14:05", "2026-11-21T13:05:00Z"),
            ("yesterday", "2026-11-20T23:00:00Z"),
            ("today", "2026-11-21T23:00:00Z"),
            ("now", "2026-11-22T13:00:00Z"),
        ] {
            assert_eq!(seen(text).as_deref(), Some(at), "{text}");
        }
        for text in ["", "soon", "25:00", "-3", "2026-13-01", "1000000d"] {
            assert_eq!(seen(text), None, "{text}");
        }
    }
}
