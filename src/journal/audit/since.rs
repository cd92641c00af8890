//! What a digest that was noted once proves now.

use std::fmt;
use std::str::FromStr;

use super::{Damage, DamageKind, SealSeen, Verification, hex};
use crate::model::id::Lsn;

/// Fewer digits could be met by chance, or by somebody who tries for an afternoon.
const DIGITS_MIN: usize = 16;
const DIGITS_MAX: usize = 64;

/// The head of a journal as somebody noted it, or at least its first 16 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestPrefix(String);

/// Text that cannot be a head's digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{found}` is no digest: expected {DIGITS_MIN} to {DIGITS_MAX} hexadecimal digits, as `journal head` prints them"
)]
pub struct NotADigest {
    found: String,
}

impl FromStr for DigestPrefix {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let length = (DIGITS_MIN..=DIGITS_MAX).contains(&text.len());
        if length && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(NotADigest { found: text.to_owned() })
        }
    }
}

impl fmt::Display for DigestPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is proved about the records up to the seal that was noted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Since {
    /// Every byte up to this seal is as it was when its digest was noted.
    Unchanged { segment: String, last_lsn: Lsn },
    /// The journal knows this digest, and what it stood for is not there any more as it was.
    Changed { segment: String, offset: u64, lsn: Lsn, what: String },
    /// Retention has removed the segment; the digest is the one that was written down then.
    Removed { first_kept: Lsn },
    /// No seal here has it, and none refers to it.
    Unknown,
}

impl Verification {
    /// Whether anything up to the seal with this digest has changed since it was noted.
    pub fn since(&self, noted: &DigestPrefix) -> Since {
        let is_noted = |digest: &str| digest.starts_with(&noted.0);
        if let Some(seal) = self.seals.iter().find(|seal| is_noted(&hex(&seal.head))) {
            return match self.damage_up_to(seal) {
                None => Since::Unchanged { segment: seal.segment.clone(), last_lsn: seal.last_lsn },
                Some(Damage { segment, offset, lsn, what, .. }) => {
                    Since::Changed { segment: segment.clone(), offset: *offset, lsn: *lsn, what: what.clone() }
                }
            };
        }
        if let Some((_, first_kept)) = self.removed.iter().find(|(head, _)| is_noted(head)) {
            return Since::Removed { first_kept: *first_kept };
        }
        // The seal after it still says what it was.
        let after = self.seals.iter().enumerate().find(|(_, seal)| is_noted(&hex(&seal.previous)));
        match after {
            Some((index, seal)) => {
                let before = index.checked_sub(1).map(|before| &self.seals[before]);
                let lost = || (seal.segment.clone(), Lsn(1));
                let (segment, lsn) = before.map_or_else(lost, |before| (before.segment.clone(), before.last_lsn));
                let what = format!("{} follows a seal with this digest, and no such seal is there", seal.segment);
                Since::Changed { segment, offset: 0, lsn, what }
            }
            None => Since::Unknown,
        }
    }

    fn damage_up_to(&self, seal: &SealSeen) -> Option<&Damage> {
        let before = |(index, damage): &(usize, &Damage)| {
            let loss = damage.kind == DamageKind::Missing && damage.lsn <= seal.last_lsn;
            (self.strangers..seal.damage_before).contains(index) || loss
        };
        self.damage.iter().enumerate().find(before).map(|(_, damage)| damage)
    }
}
