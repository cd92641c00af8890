//! Words and figures of a script.

use serde::Deserialize;

use crate::config::quantity::{duration_text, parse_duration};
use crate::explain::view::Phase;
use crate::model::event::{KINDS, Kind};
use crate::model::name::Identity;
use crate::sim::faults::Fault;
use crate::sim::fleet;

/// Milliseconds since the world began, as `HH:MM:SS` or `HH:MM:SS.mmm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::sim) struct Moment(pub u64);

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        moment(&text).map(Moment).ok_or_else(|| format!("`{text}` is no moment: expected HH:MM:SS or HH:MM:SS.mmm"))
    }
}

fn moment(text: &str) -> Option<u64> {
    let (whole, ms) = match text.split_once('.') {
        Some((whole, ms)) if ms.len() == 3 => (whole, number(ms)?),
        Some(_) => return None,
        None => (text, 0),
    };
    let parts: Vec<u64> =
        whole.split(':').map(|part| number(part).filter(|_| part.len() == 2)).collect::<Option<_>>()?;
    match parts[..] {
        [hours, minutes @ 0..60, seconds @ 0..60] => Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + ms),
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A moment as a script has it.
pub(super) fn moment_text(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, ms % 1000)
}

/// Nothing in a story lasts longer, so that no clock of its world overflows.
const SPAN_MS_MAX: u64 = 1_000 * 86_400_000;

/// Milliseconds, as settings have them: `20s`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::sim) struct Span(pub u64);

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match parse_duration(&text) {
            Ok(ms @ ..=SPAN_MS_MAX) => Ok(Span(ms)),
            Ok(_) => Err(format!("`{text}` is longer than any story: expected at most {}", duration_text(SPAN_MS_MAX))),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// One of the world's peers, under its default runtime unless an identity names another of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::sim) struct Peer(pub Identity);

impl TryFrom<String> for Peer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let all = fleet::registrations();
        let own = all.iter().flat_map(|peer| {
            let profile = &peer.profile;
            profile.runtimes.iter().map(|runtime| Identity::new(runtime.clone(), profile.personality.clone()))
        });
        let by_default = all.iter().map(fleet::identity).find(|peer| peer.personality.as_str() == text);
        by_default.or_else(|| own.into_iter().find(|peer| peer.to_string() == text)).map(Peer).ok_or_else(|| {
            let names: Vec<String> = all.iter().map(|peer| peer.profile.personality.to_string()).collect();
            format!("`{text}` is no peer of this world: expected one of {}", names.join(", "))
        })
    }
}

/// A fault, by the words a trace has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(in crate::sim) struct FaultName(pub Fault);

impl TryFrom<String> for FaultName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Fault::ALL.iter().find(|fault| fault.word() == text);
        found.copied().map(FaultName).ok_or_else(|| {
            let words: Vec<&str> = Fault::ALL.iter().map(|fault| fault.word()).collect();
            format!("`{text}` is no fault: expected one of \"{}\"", words.join("\", \""))
        })
    }
}

/// A kind of record, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct KindName(pub Kind);

impl TryFrom<String> for KindName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = KINDS.iter().find(|kind| kind.name == text);
        found.copied().map(KindName).ok_or_else(|| format!("`{text}` is no kind of record"))
    }
}

/// What a peer is, as `ls` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PhaseName(pub Phase);

impl TryFrom<String> for PhaseName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        use Phase::{Asleep, External, Live, Quarantined, Reaping, Stopped, Waking};
        let all = [Asleep, Waking, Live, Reaping, Stopped, Quarantined, External];
        let found = all.into_iter().find(|phase| phase.word() == text);
        found.map(PhaseName).ok_or_else(|| {
            format!("`{text}` is nothing a peer can be: expected one of {}", all.map(Phase::word).join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_it_is_written() {
        for ms in [0, 250, 130_000, 3_723_004, 99 * 3_600_000] {
            assert_eq!(moment(&moment_text(ms)), Some(ms));
        }
        assert_eq!(moment("00:02:10"), Some(130_000));
        for bad in ["", "2:10", "00:60:00", "00:00:60", "0:00:00", "00:00:00.5", "00:00:+1", "00:00:00:00", "1h"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn nothing_lasts_so_long_that_a_clock_overflows() {
        let span = |text: &str| Span::try_from(text.to_owned());
        assert_eq!(span("1000d"), Ok(Span(86_400_000_000)));
        assert!(span("1001d").unwrap_err().contains("expected at most 1000d"));
        assert!(span("20").unwrap_err().contains("such as `20s`"));
    }

    #[test]
    fn a_peer_is_known_by_either_name() {
        let peer = |text: &str| Peer::try_from(text.to_owned());
        assert_eq!(peer("ada"), peer("teller-ada"));
        assert_ne!(peer("silent-ada").unwrap(), peer("ada").unwrap());
        assert!(peer("router-ada").unwrap_err().contains("expected one of ada, bob"));
    }
}
