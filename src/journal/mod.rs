//! Durability: the append-only journal (C7, I1, I3 to I5, I7 to I9).
//!
//! `journal-format.md` specifies the bytes and argues for them. In the order in which the modules know each other:
//! [`mod@format`] is bytes and numbers; [`storage`] is the only door to files for the writer; `window` and `scan` read a
//! segment frame by frame; [`recovery`] decides what the end of a journal means; [`Journal`] appends; [`Reader`],
//! [`RecordSource`] and [`audit`] read beside it.

mod active;
#[allow(clippy::disallowed_methods, reason = "a door: every byte of a journal")]
pub mod audit;
mod batch;
mod committed;
#[allow(clippy::disallowed_methods, reason = "a door: the journal's files")]
mod directory;
pub mod format;
mod lookup;
#[allow(clippy::disallowed_methods, reason = "a door: segments of a journal, beside its writer")]
mod reader;
pub mod recovery;
pub mod salvage;
mod scan;
mod source;
pub mod storage;
#[allow(clippy::disallowed_methods, reason = "a door: memory maps of sealed segments")]
mod window;
mod writer;
mod zeros;

pub use audit::{
    Damage, DamageKind, DigestPrefix, Head, NotADigest, NoteSays, SegmentReport, SetAside, Since, TornBytes,
    Verification, head, quarantine, stat, verify,
};
pub use committed::Committed;
pub use directory::DirStorage;
pub use reader::{ReadError, Reader, Records};
pub use recovery::{OpenError, Recovered, TornTail};
pub use scan::Fault;
pub use source::RecordSource;
pub use storage::{LockOutcome, Storage, StorageFile};
pub use writer::{AppendError, Journal, Options};
