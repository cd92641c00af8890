//! How figures, times and foreign text are worded.

use jiff::tz::TimeZone;

use crate::model::text::visible;
use crate::model::time::Timestamp;

/// `3604` as `3,604`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Milliseconds to the second, for figures that are compared: `850 ms`, `4.2 s`, `1 h 4 s`.
pub fn seconds(ms: u64) -> String {
    match ms {
        0 => return "0 s".to_owned(),
        1..1_000 => return format!("{ms} ms"),
        1_000..60_000 if !ms.is_multiple_of(1_000) => return format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => {}
    }
    let s = ms / 1_000;
    let parts = [(s / 86_400, "d"), (s / 3_600 % 24, "h"), (s / 60 % 60, "min"), (s % 60, "s")];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{} {unit}", number(*n))).collect();
    parts.join(" ")
}

/// Milliseconds as a person says them: `850 ms`, `4.2 s`, `12 min 5 s`, `3 h 7 min`, `2 d 4 h`.
pub fn span(ms: u64) -> String {
    let (s, min, h) = (ms / 1_000, ms / 60_000, ms / 3_600_000);
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{} {large_unit}", number(large)),
        _ => format!("{} {large_unit} {small} {small_unit}", number(large)),
    };
    match ms {
        0..60_000 => seconds(ms),
        60_000..3_600_000 => two(min, "min", s % 60, "s"),
        3_600_000..86_400_000 => two(h, "h", min % 60, "min"),
        _ => two(h / 24, "d", h % 24, "h"),
    }
}

/// `1 death`, `2 deaths`.
pub fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

fn moment(at: Timestamp) -> jiff::Timestamp {
    // A wall clock beyond the year 9999 is damage of its own; it must not hide the rest of the record.
    i64::try_from(at.wall_us)
        .ok()
        .and_then(|us| jiff::Timestamp::from_microsecond(us).ok())
        .unwrap_or(jiff::Timestamp::MAX)
}

/// RFC 3339, UTC, milliseconds: `2026-03-01T03:12:07.250Z`.
pub fn rfc3339(at: Timestamp) -> String {
    moment(at).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Date and time with milliseconds, local to `zone`.
pub fn date_time(at: Timestamp, zone: &TimeZone) -> String {
    moment(at).to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}

/// `03:12`, local to `zone`.
pub fn time_of_day(at: Timestamp, zone: &TimeZone) -> String {
    moment(at).to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

/// `2026-03-01`, local to `zone`.
pub fn date(at: Timestamp, zone: &TimeZone) -> String {
    moment(at).to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string()
}

/// The time of day of `at`, with its date if that is another than the one of `seen_from`.
pub fn clock(at: Timestamp, seen_from: Timestamp, zone: &TimeZone) -> String {
    let (at, seen_from) = (moment(at).to_zoned(zone.clone()), moment(seen_from).to_zoned(zone.clone()));
    let format = if at.date() == seen_from.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    at.strftime(format).to_string()
}

/// One line that may be printed on any terminal: what a program or a sender put into a record stays text (C12).
pub fn one_line(text: &str) -> String {
    visible(text).text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::BootId;

    #[test]
    fn figures_read_well_at_every_size() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        let figures = [0, 850, 4_250, 20_000, 3_604_000].map(seconds);
        assert_eq!(figures, ["0 s", "850 ms", "4.2 s", "20 s", "1 h 4 s"]);
        let spans = [4_250, 725_000, 11_220_000, 7_200_000, 187_200_000].map(span);
        assert_eq!(spans, ["4.2 s", "12 min 5 s", "3 h 7 min", "2 h", "2 d 4 h"]);
    }

    #[test]
    fn times_are_utc_in_json_and_local_in_text() {
        let at = |us| Timestamp { wall_us: us, awake_ms: 0, boot: BootId(1) };
        let now = at(1_772_334_727_250_000);
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(rfc3339(now), "2026-03-01T03:12:07.250Z");
        assert_eq!(date_time(now, &berlin), "2026-03-01 04:12:07.250");
        assert_eq!((time_of_day(now, &berlin), date(now, &berlin)), ("04:12".to_owned(), "2026-03-01".to_owned()));
        assert_eq!(clock(now, now, &berlin), "04:12:07");
        assert_eq!(clock(at(1_772_234_727_250_000), now, &berlin), "2026-02-28 00:25:27");
        assert_eq!(rfc3339(at(u64::MAX)), "9999-12-30T22:00:00.999Z", "a wild clock is shown, not a panic");
    }

    /// C12: what a screen or a sender brought into a record cannot command the reader's terminal.
    #[test]
    fn c12_foreign_text_stays_text() {
        assert_eq!(one_line("a\u{1b}[2J\n\tb"), "a␛[2J b");
    }
}
