//! A world that panics has broken a promise that no oracle looks after. Its seed, and how far it came, must not be lost
//! with its thread.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use super::oracle::Broken;

/// Stands where others have the name of an oracle.
pub const STOPPED: &str = "it stopped";

thread_local! {
    /// What the panic in the world of this thread says, empty so far; none: this thread is in no world.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Goes through `live` of a world; a panic in it is a promise that it breaks.
///
/// Nothing is printed: whoever tries shorter runs of a world meets the same panic hundreds of times.
pub fn unless_it_stops(live: impl FnOnce()) -> Option<Broken> {
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if !is_noted(panic) {
                others(panic);
            }
        }));
    });
    SAID.set(Some(String::new()));
    let ended = catch_unwind(AssertUnwindSafe(live));
    let said = SAID.take().unwrap_or_default();
    ended.err().map(|_| Broken { oracle: STOPPED, rule: "I2", what: said })
}

/// Keeps what is said in a world, with its place, which is told nowhere else.
fn is_noted(panic: &PanicHookInfo<'_>) -> bool {
    SAID.with_borrow_mut(|said| {
        let Some(said) = said else { return false };
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        *said = format!("{place}: {}", panic.payload_as_str().unwrap_or("no words"));
        // Only where `RUST_BACKTRACE` asks for it.
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            said.push_str(&format!("\n{trace}"));
        }
        true
    })
}
