//! Names of peers: personality, runtime, and the identity made of both (contract, section 1).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest personality or runtime name, in characters.
pub const NAME_CHARS_MAX: usize = 32;

/// Why a text cannot name something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error(
        "`{found}` is no personality: expected a lower-case letter, then at most 31 lower-case letters, digits or dashes"
    )]
    Personality { found: String },
    #[error("`{found}` is no runtime: expected a lower-case letter, then at most 31 lower-case letters or digits")]
    Runtime { found: String },
    #[error("`{found}` is no identity: expected RUNTIME-PERSONALITY")]
    Identity { found: String },
    #[error(
        "the folder name `{found}` gives no personality: it comes out as `{normalised}`; name the peer with --name"
    )]
    Folder { found: String, normalised: String },
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn new(text: &str) -> Result<Self, NameError> {
                if $valid(text) { Ok(Self(text.to_owned())) } else { Err(NameError::$error { found: text.to_owned() }) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

fn starts_with_letter(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= NAME_CHARS_MAX
}

fn is_personality(text: &str) -> bool {
    starts_with_letter(text) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn is_runtime(text: &str) -> bool {
    starts_with_letter(text) && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

name_type!(
    /// A peer's own name: `^[a-z][a-z0-9-]{0,31}$`.
    Personality, is_personality, Personality
);
name_type!(
    /// How a peer is present: `^[a-z][a-z0-9]{0,31}$`. No dash, so that an identity splits at its first one.
    Runtime, is_runtime, Runtime
);

impl Personality {
    /// The name a folder gives by default: ASCII, lower case, runs of other characters one dash, cut to 32.
    ///
    /// # Errors
    ///
    /// A name that comes out empty or starts with a digit is refused, never invented.
    pub fn from_folder(folder_name: &str) -> Result<Self, NameError> {
        let mut normalised = String::new();
        for c in folder_name.chars().map(|c| c.to_ascii_lowercase()) {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                normalised.push(c);
            } else if !normalised.is_empty() && !normalised.ends_with('-') {
                normalised.push('-');
            }
        }
        normalised.truncate(NAME_CHARS_MAX);
        let name = normalised.trim_end_matches('-');
        Self::new(name).map_err(|_| NameError::Folder { found: folder_name.to_owned(), normalised: name.to_owned() })
    }
}

/// `<runtime>-<personality>`: names the tmux session, the queue, everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identity {
    pub runtime: Runtime,
    pub personality: Personality,
}

impl Identity {
    pub fn new(runtime: Runtime, personality: Personality) -> Self {
        Self { runtime, personality }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.runtime, self.personality)
    }
}

impl FromStr for Identity {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let bad = || NameError::Identity { found: text.to_owned() };
        let (runtime, personality) = text.split_once('-').ok_or_else(bad)?;
        Ok(Self { runtime: runtime.parse().map_err(|_| bad())?, personality: personality.parse().map_err(|_| bad())? })
    }
}

impl TryFrom<String> for Identity {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> String {
        identity.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_name_is_normalised_and_never_invented() {
        let name = |folder: &str| Personality::from_folder(folder).map(String::from).ok();
        assert_eq!(name("Release Notes (old)").as_deref(), Some("release-notes-old"));
        assert_eq!(name("--ada__").as_deref(), Some("ada"));
        let long = "a".repeat(40);
        assert_eq!(name(&long).as_deref(), Some("a".repeat(32).as_str()));
        assert_eq!(name("2024-plans"), None, "starts with a digit");
        assert_eq!(name("日本"), None, "comes out empty");
    }

    #[test]
    fn an_identity_splits_at_its_first_dash() {
        let identity: Identity = "claude-release-notes".parse().unwrap();
        assert_eq!(identity.runtime.as_str(), "claude");
        assert_eq!(identity.personality.as_str(), "release-notes");
        assert!("claude".parse::<Identity>().is_err());
        assert!("-ada".parse::<Identity>().is_err());
    }
}
