//! Message ids, made where a message enters.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::id::MessageId;

/// Random bytes of one id: ten of them are used.
type Random = [u8; 16];

/// Those of the next ids. The system is asked for many at a time: it takes as long as for one.
static AHEAD: Mutex<Vec<Random>> = Mutex::new(Vec::new());
const AHEAD_MAX: usize = 64;

/// A new id: sorts by the wall clock's millisecond, unique by 80 random bits.
///
/// # Panics
///
/// If the operating system has no randomness to give, which Linux and macOS exclude once they have booted.
pub fn message_id() -> MessageId {
    let wall_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    // Fits for ten thousand years; the generator cuts both to their 48 and 80 bits.
    let wall_ms = u64::try_from(wall_ms).unwrap_or(u64::MAX);
    MessageId(ulid::Ulid::from_parts(wall_ms, u128::from_le_bytes(random())).0)
}

fn random() -> Random {
    let mut ahead = AHEAD.lock().unwrap_or_else(PoisonError::into_inner);
    ahead.pop().unwrap_or_else(|| {
        let mut bytes = [0; AHEAD_MAX * size_of::<Random>()];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes after its boot");
        let (all, _) = bytes.as_chunks();
        ahead.extend_from_slice(&all[1..]);
        all[0]
    })
}
