//! What daemon, command line and hooks say to each other over the control socket. Pure.
//!
//! A connection carries one [`Call`], a JSON object on one line, and the [`Reply`] lines that answer it; a caller that
//! closes its writing side before the last of them has gone away. Both sides name the version they speak, and a
//! daemon answers another one with an error that says which it speaks itself.
//!
//! A call that says `more` has others behind it on the same connection. They are answered in the order in which they came,
//! also where they came before an answer: the replies to one end with `ok` or `error`. A call that is refused ends
//! nothing; a line that is no call, or longer than one may be, ends the connection with its answer, and what stands behind
//! it was not taken up.

mod call;
mod reply;
pub mod tools;

pub use call::{AddPeer, Call, CallError, Hook, SendMessage, Undone, Verb, Wait};
pub use reply::{
    Added, Answered, Changed, Joined, Peeked, Problem, ProblemCode, Reply, ReplyError, Sent, SentOutcome, TypedInto,
    Viewed,
};

/// The version spoken here. An addition that an older daemon would have to ignore is a new one: a flag that is
/// silently not honoured is worse than an error.
pub const VERSION: u32 = 1;

/// Longest call or reply line whose size no setting decides, in bytes.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Longest call line when a message may have `message_bytes_max` bytes: JSON writes a control character in six.
pub fn call_bytes_max(message_bytes_max: u32) -> usize {
    LINE_BYTES_MAX + 6 * message_bytes_max as usize
}

#[cfg(test)]
mod tests;
