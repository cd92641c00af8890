//! Names of peers: personality, runtime, and the identity made of both (contract, section 1).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

/// The characters of a name, in place: a history is full of names, and none is worth a trip to the allocator. All are
/// ASCII and none is zero, so that the bytes have the order of the texts.
#[derive(Clone, Eq)]
struct Chars {
    bytes: [u8; NAME_CHARS_MAX],
    length: u8,
}

impl Chars {
    /// Two numbers with the order of the texts: every map of peers compares names all the time.
    fn half(&self, which: usize) -> u128 {
        self.bytes[which * NAME_CHARS_MAX / 2..].first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
    }
}

/// Nothing behind the last character tells two names apart, so that the length need not be asked for.
impl PartialEq for Chars {
    fn eq(&self, other: &Self) -> bool {
        self.half(0) == other.half(0) && self.half(1) == other.half(1)
    }
}

impl Hash for Chars {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl Ord for Chars {
    fn cmp(&self, other: &Self) -> Ordering {
        self.half(0).cmp(&other.half(0)).then_with(|| self.half(1).cmp(&other.half(1)))
    }
}

impl PartialOrd for Chars {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Chars {
    /// A lower-case letter, then letters, digits and what `further` allows; none if `text` is anything else.
    fn of(text: &str, further: fn(u8) -> bool) -> Option<Self> {
        let mut bytes = [0; NAME_CHARS_MAX];
        bytes.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        // No way out in the middle: names are right nearly always, and a branch for each byte costs more than the bytes.
        let fits = |byte: u8| byte.is_ascii_lowercase() | byte.is_ascii_digit() | further(byte);
        let all_fit = text.bytes().fold(true, |all, byte| all & fits(byte));
        let begins = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        (all_fit & begins).then_some(Self { bytes, length: text.len() as u8 })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

/// Reads a text as what it names, without keeping a copy of it.
struct Named<T>(PhantomData<T>);

impl<T: FromStr<Err = NameError>> Visitor<'_> for Named<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $further:expr, $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Chars);

        impl $name {
            pub fn new(text: &str) -> Result<Self, NameError> {
                Chars::of(text, $further).map(Self).ok_or_else(|| NameError::$error { found: text.to_owned() })
            }

            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.as_str()).finish()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.as_str().fmt(f)
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
                name.as_str().to_owned()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Named(PhantomData))
            }
        }
    };
}

name_type!(
    /// A peer's own name: `^[a-z][a-z0-9-]{0,31}$`.
    Personality, |byte| byte == b'-', Personality
);
name_type!(
    /// How a peer is present: `^[a-z][a-z0-9]{0,31}$`. No dash, so that an identity splits at its first one.
    Runtime, |_| false, Runtime
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub runtime: Runtime,
    pub personality: Personality,
}

impl Ord for Identity {
    /// By runtime, then by personality. Nearly always two have one runtime, and that is seen faster than an order.
    fn cmp(&self, other: &Self) -> Ordering {
        if self.runtime == other.runtime {
            self.personality.cmp(&other.personality)
        } else {
            self.runtime.cmp(&other.runtime)
        }
    }
}

impl PartialOrd for Identity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
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
        let dash = text.bytes().position(|byte| byte == b'-').ok_or_else(bad)?;
        let (runtime, personality) = (&text[..dash], &text[dash + 1..]);
        Ok(Self { runtime: runtime.parse().map_err(|_| bad())?, personality: personality.parse().map_err(|_| bad())? })
    }
}

impl Serialize for Identity {
    /// Its text, put together in place: nearly every record names a peer, and formatting it takes longer than the rest.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (runtime, personality) = (&self.runtime.0, &self.personality.0);
        let dash = usize::from(runtime.length);
        let length = dash + 1 + usize::from(personality.length);
        let mut text = [b'-'; 2 * NAME_CHARS_MAX + 1];
        // All bytes of both, with what is behind their last: a copy of a known length is an instruction or two.
        text[..NAME_CHARS_MAX].copy_from_slice(&runtime.bytes);
        text[dash] = b'-';
        text[dash + 1..][..NAME_CHARS_MAX].copy_from_slice(&personality.bytes);
        serializer.serialize_str(std::str::from_utf8(&text[..length]).map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Named(PhantomData))
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
    fn a_name_begins_with_a_letter_and_holds_nothing_else_than_it_may() {
        let longest = format!("a{}", "9".repeat(NAME_CHARS_MAX - 1));
        for text in ["a", "a9", "ada9x", &longest] {
            assert_eq!(Runtime::new(text).map(String::from).as_deref(), Ok(text));
            assert_eq!(Personality::new(text).map(String::from).as_deref(), Ok(text));
        }
        assert!(Personality::new("a-").is_ok() && Runtime::new("a-").is_err(), "only a personality has dashes");
        for text in
            ["", "9a", "-a", "A", "aB", "a_", "a\0", "\0", "a{", "a`", "a/", "a:", "é", "aé", &format!("{longest}9")]
        {
            assert!(Runtime::new(text).is_err(), "{text:?}");
            assert!(Personality::new(text).is_err(), "{text:?}");
        }
    }

    /// A name's text has an order, and maps of peers rest on it.
    #[test]
    fn names_have_the_order_of_their_texts() {
        let longest = "z".repeat(NAME_CHARS_MAX);
        let mut texts = ["ada", "a", "ad", "ada-", "b0", "a9", "zz", "ada-bob", &longest, &longest[1..]];
        let mut names = texts.map(|text| Personality::new(text).unwrap());
        texts.sort_unstable();
        names.sort_unstable();
        assert_eq!(names.each_ref().map(Personality::as_str), texts);
        assert!(Personality::new(&"z".repeat(NAME_CHARS_MAX + 1)).is_err());
    }

    #[test]
    fn an_identity_splits_at_its_first_dash() {
        let identity: Identity = "claude-release-notes".parse().unwrap();
        assert_eq!(identity.runtime.as_str(), "claude");
        assert_eq!(identity.personality.as_str(), "release-notes");
        assert!("claude".parse::<Identity>().is_err());
        assert!("-ada".parse::<Identity>().is_err());
    }

    #[test]
    fn an_identity_is_written_as_its_text_however_long() {
        let longest = format!("{}-{}", "r".repeat(NAME_CHARS_MAX), "p".repeat(NAME_CHARS_MAX));
        for text in ["a-b", "claude-release-notes", &longest, &longest[31..], &longest[..34]] {
            let identity: Identity = text.parse().unwrap();
            assert_eq!(serde_json::to_string(&identity).unwrap(), format!("\"{text}\""));
        }
    }
}
