//! Which tmux this is, and what follows from it.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// What `program -V` prints: no server is asked, and nothing of a home is needed.
///
/// # Errors
///
/// It cannot be started.
pub fn printed_version(program: &Path) -> io::Result<String> {
    let output = Command::new(program).arg("-V").stdin(Stdio::null()).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A tmux release: `3.3a` is 3.3 to us, for no letter ever changed what we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    pub major: u32,
    pub minor: u32,
}

impl Version {
    /// The oldest one whose behaviour was measured.
    pub const OLDEST: Version = Version { major: 3, minor: 2 };
    /// `master` and OpenBSD's own builds carry no release number: they are newer than every release.
    const NEWEST: Version = Version { major: u32::MAX, minor: 0 };

    /// Reads what `tmux -V` prints: `tmux 3.3a`, `tmux next-3.8`, `tmux master`, `tmux openbsd-7.6`.
    pub fn parse(printed: &str) -> Option<Version> {
        let word = printed.trim().strip_prefix("tmux ")?.trim();
        if word == "master" || word.starts_with("openbsd-") {
            return Some(Self::NEWEST);
        }
        let number = word.strip_prefix("next-").unwrap_or(word);
        let (major, rest) = number.split_once('.')?;
        let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some(Version { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    /// From 3.7 on a paste is rewritten by `vis(3)` unless `-S` is given; before, `-S` is an unknown flag.
    pub fn paste_needs_raw_flag(self) -> bool {
        self >= Version { major: 3, minor: 7 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_version_is_read() {
        let at = |major, minor| Some(Version { major, minor });
        assert_eq!(Version::parse("tmux 3.3a\n"), at(3, 3));
        assert_eq!(Version::parse("tmux 3.5a"), at(3, 5));
        assert_eq!(Version::parse("tmux next-3.8"), at(3, 8));
        assert_eq!(Version::parse("tmux 3.10"), at(3, 10));
        assert!(Version::parse("tmux master") > at(99, 0));
        assert!(Version::parse("tmux openbsd-7.6") > at(99, 0));
        assert_eq!(Version::parse("screen 4.9"), None);
    }

    #[test]
    fn the_raw_flag_is_given_from_3_7_on() {
        assert!(!Version { major: 3, minor: 6 }.paste_needs_raw_flag());
        assert!(Version { major: 3, minor: 7 }.paste_needs_raw_flag());
        assert!(Version::NEWEST.paste_needs_raw_flag());
    }
}
