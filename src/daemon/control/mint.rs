//! Message ids, made where a message enters.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::id::MessageId;

/// A new id: sorts by the wall clock's millisecond, unique by 80 random bits.
///
/// # Panics
///
/// If the operating system has no randomness to give, which Linux and macOS exclude once they have booted.
pub fn message_id() -> MessageId {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the operating system gives random bytes after its boot");
    let wall_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    // Fits for ten thousand years; the generator cuts both to their 48 and 80 bits.
    let wall_ms = u64::try_from(wall_ms).unwrap_or(u64::MAX);
    MessageId(ulid::Ulid::from_parts(wall_ms, u128::from_le_bytes(random)).0)
}
