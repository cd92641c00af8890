//! What recovery has set aside: bytes of batches that were acknowledged to nobody.

use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::labels::window;
use crate::journal::directory;
use crate::journal::format::seal::Note;
use crate::journal::format::{KIND_NOTE, segment_first_lsn};
use crate::journal::lookup;
use crate::journal::reader::{ReadError, segments};
use crate::journal::scan::Scan;

/// A file of the quarantine.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SetAside {
    /// In the journal's folder.
    pub file: String,
    /// File name.
    pub segment: String,
    /// Where the bytes stood.
    pub offset: u64,
    pub bytes: u64,
    /// Wall clock, microseconds since 1970.
    #[serde(skip)]
    pub at_us: u64,
    pub note: NoteSays,
}

/// What the segment's own NOTE says of the file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteSays {
    /// They are the ones that were set aside.
    Matches,
    /// They are not.
    Differs,
    /// There is none: the segment held no whole record and was replaced, or it is not there any more.
    Nothing,
}

/// What stands in the quarantine of the journal in `dir`, in the order of segments.
///
/// # Errors
///
/// No such journal, or a file that cannot be read.
pub fn quarantine(dir: &Path) -> Result<Vec<SetAside>, ReadError> {
    segments(dir)?;
    let folder = dir.join(directory::QUARANTINE);
    let mut names = match directory::list(&folder) {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(ReadError::io(&folder, error)),
    };
    names.sort();
    let mut found = Vec::new();
    for name in names {
        // Anything else in the folder is none of ours.
        if let Some((segment, offset)) = place(&name) {
            found.push(set_aside(dir, &name, segment, offset)?);
        }
    }
    Ok(found)
}

/// The segment and the offset that a file's name says.
fn place(name: &str) -> Option<(&str, u64)> {
    let (place, length) = name.rsplit_once('-')?;
    let (segment, offset) = place.rsplit_once('-')?;
    length.parse::<u64>().ok()?;
    segment_first_lsn(segment)?;
    Some((segment, offset.parse().ok()?))
}

fn set_aside(dir: &Path, name: &str, segment: &str, offset: u64) -> Result<SetAside, ReadError> {
    let path = dir.join(directory::QUARANTINE).join(name);
    let bytes = std::fs::read(&path).map_err(|error| ReadError::io(&path, error))?;
    let modified = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
    let modified = modified.map_err(|error| ReadError::io(&path, error))?;
    let since_1970 = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let note = match note(dir, segment, offset) {
        None => NoteSays::Nothing,
        Some(note) if note.bytes == bytes.len() as u64 && note.digest == *blake3::hash(&bytes).as_bytes() => {
            NoteSays::Matches
        }
        Some(_) => NoteSays::Differs,
    };
    Ok(SetAside {
        file: format!("{}/{name}", directory::QUARANTINE),
        segment: segment.to_owned(),
        offset,
        bytes: bytes.len() as u64,
        at_us: since_1970.as_micros() as u64,
        note,
    })
}

/// The NOTE about bytes at `offset` of `segment`, which stands where they stood.
fn note(dir: &Path, segment: &str, offset: u64) -> Option<Note> {
    let mut window = window(&dir.join(segment)).ok()?;
    let header = lookup::header(&mut window, segment_first_lsn(segment)?).ok()?;
    let mut scan = Scan::new(window, header);
    let mut found = None;
    while let Ok(Some(frame)) = scan.step() {
        if frame.header.kind == KIND_NOTE {
            found = Note::decode(frame.payload).filter(|note| note.offset == offset).or(found);
        }
    }
    found
}
