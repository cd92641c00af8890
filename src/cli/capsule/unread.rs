//! What could not be read of the journal that a capsule was cut out of: whoever reads the capsule has to know it.

use std::fs;

use super::MANIFEST;
use super::open::Folder;
use crate::cli::history::History;
use crate::journal::ReadError;
use crate::model::id::Lsn;

/// A place that could not be read when the capsule was made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    pub segment: String,
    pub offset: u64,
    /// The first record that could not be read, and the one with which reading went on.
    pub first_lsn: Lsn,
    pub next_lsn: Option<Lsn>,
    /// The evidence.
    pub what: String,
}

/// What `history` has met so far.
pub fn met(history: &History) -> Vec<Place> {
    let directory = format!("{}/", history.dir.display());
    let places = history.each_unread(|error, next_lsn| Place::of(error, next_lsn, &directory));
    places.into_iter().flatten().collect()
}

/// What the manifest of the capsule in `folder` says of it; nothing of a journal that is itself there.
pub fn read(folder: &Folder) -> Vec<Place> {
    #[derive(serde::Deserialize)]
    struct Manifest {
        unread: Vec<Place>,
    }
    let Folder::OfCapsule(unpacked) = folder else { return Vec::new() };
    let text = fs::read_to_string(unpacked.path.join(MANIFEST)).unwrap_or_default();
    serde_json::from_str(&text).map_or_else(|_| Vec::new(), |manifest: Manifest| manifest.unread)
}

impl Place {
    /// The capsule is for others: where the journal lies is nothing to them.
    fn of(error: &ReadError, next_lsn: Option<Lsn>, directory: &str) -> Option<Self> {
        if let ReadError::NotCopied { segment, offset, first, what, .. } = error {
            let (segment, what) = (segment.clone(), what.clone());
            return Some(Self { segment, offset: *offset, first_lsn: *first, next_lsn, what });
        }
        let (segment, offset) = error.place()?;
        let segment = segment.file_name()?.to_string_lossy().into_owned();
        let what = crate::cli::error::sentence(error).replace(directory, "");
        Some(Self { segment, offset, first_lsn: error.first_unread()?, next_lsn, what })
    }
}

impl From<Place> for ReadError {
    fn from(place: Place) -> Self {
        let Place { segment, offset, first_lsn, next_lsn, what } = place;
        ReadError::NotCopied { segment, offset, first: first_lsn, next: next_lsn, what }
    }
}
