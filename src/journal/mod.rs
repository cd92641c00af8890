//! Durability: the append-only journal (C7, I1, I3 to I5, I7 to I9).
//!
//! `journal-format.md` specifies the bytes and argues for them. In the order in which the modules know each other:
//! [`mod@format`] is bytes and numbers; [`storage`] is the only door to files for the writer; `window` and `scan` read a
//! segment frame by frame; [`recovery`] decides where folding begins and what the end of a journal means; [`Journal`]
//! appends, takes snapshots, and removes what [`retention`] says may go; [`Indexer`] notes what lies where in sealed
//! segments; [`Reader`], [`RecordSource`] and [`audit`] read beside it.

mod active;
mod ahead;
mod append_error;
#[allow(clippy::disallowed_methods, reason = "a door: every byte of a journal")]
pub mod audit;
mod batch;
mod blocks;
mod committed;
#[allow(clippy::disallowed_methods, reason = "a door: the journal's files")]
mod directory;
mod fold;
pub mod format;
mod index;
mod keep;
mod lookup;
mod patience;
mod question;
#[allow(clippy::disallowed_methods, reason = "a door: segments of a journal, beside its writer")]
mod reader;
pub mod recovery;
pub mod retention;
pub mod salvage;
mod scan;
pub mod slice;
mod snapshot;
mod source;
pub mod storage;
mod window;
mod writer;
mod zeros;

pub use ahead::DiskLow;
pub use append_error::AppendError;
pub use audit::{
    Damage, DamageKind, DigestPrefix, Head, Labelled, NotADigest, NoteSays, SegmentReport, SetAside, Since, TornBytes,
    Verification, head, quarantine, stat, verify, verify_watched,
};
pub use committed::Committed;
pub use directory::DirStorage;
pub use fold::Fold;
pub use format::snapshot::Snapshot;
pub use index::{IndexError, Indexer};
pub use question::Question;
pub use reader::{Found, Order, ReadError, Reader, Records};
pub use recovery::{OpenError, Recovered, TornTail};
pub use retention::SealedSegment;
pub use scan::Fault;
pub use snapshot::{NotUsed, SnapshotError, Snapshots, Unusable, snapshots};
pub use source::RecordSource;
pub use storage::{LockOutcome, Storage, StorageFile};
pub use writer::{Journal, Options};
