//! Profile files: what a folder says of the peer that lives in it (C1, C2, C3a).

mod parse;
mod write;

use std::io;
use std::path::{Path, PathBuf};

pub use parse::parse;
pub use write::{draft, update, write_new};

use crate::model::profile::Profile;

/// Where we read and write a profile, in the peer's folder.
pub const PROFILE: &str = ".dormouse/peer-profile.json";
/// Read as it is where there is no [`PROFILE`], and never written (C1, C3a).
pub const FOREIGN_PROFILE: &str = ".iapeer/peer-profile.json";
/// Larger than any profile; what is larger is no profile.
const PROFILE_BYTES_MAX: u64 = 1 << 20;

/// Why a folder has no usable profile, or could not be given one.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("{} has no profile: neither {PROFILE} nor {FOREIGN_PROFILE}", folder.display())]
    None { folder: PathBuf },
    #[error("cannot read {}", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is no regular file", file.display())]
    NotAFile { file: PathBuf },
    #[error("{} has {found} bytes, expected at most {max}", file.display())]
    TooLarge { file: PathBuf, found: u64, max: u64 },
    #[error("{} is not UTF-8 at byte {offset}", file.display())]
    NotUnicode { file: PathBuf, offset: usize },
    #[error("{} starts with a byte order mark, expected `{{`", file.display())]
    ByteOrderMark { file: PathBuf },
    #[error("{}:{line}:{column}: {problem}", file.display())]
    Json { file: PathBuf, line: usize, column: usize, problem: String },
    #[error("{} has no `{field}`", file.display())]
    Missing { file: PathBuf, field: &'static str },
    #[error("{}: {problem}", file.display())]
    Field { file: PathBuf, problem: String },
    #[error("{} exists already", file.display())]
    Exists { file: PathBuf },
    #[error("cannot write {}", file.display())]
    Unwritable {
        file: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The profile of the peer in `folder`: [`PROFILE`], else [`FOREIGN_PROFILE`].
///
/// # Errors
///
/// No such file, or one that cannot be used, with its path and the position. A broken [`PROFILE`] is an error even where
/// there is a good [`FOREIGN_PROFILE`]: the user's last word must not silently give way to an older one.
pub fn read(folder: &Path) -> Result<Profile, ProfileError> {
    let (file, text) = read_text(folder)?;
    parse(&text, &file)
}

/// The text of the folder's profile, and the file it came from.
fn read_text(folder: &Path) -> Result<(PathBuf, String), ProfileError> {
    for name in [PROFILE, FOREIGN_PROFILE] {
        let file = folder.join(name);
        match text_of(&file) {
            Ok(text) => return Ok((file, text)),
            Err(ProfileError::Unreadable { source, .. }) if is_absent(&source) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ProfileError::None { folder: folder.to_owned() })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A pipe in a profile's place would hold up every peer's wake, so what it is comes first.
fn text_of(file: &Path) -> Result<String, ProfileError> {
    let unreadable = |source| ProfileError::Unreadable { file: file.to_owned(), source };
    let metadata = std::fs::metadata(file).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(ProfileError::NotAFile { file: file.to_owned() });
    }
    if metadata.len() > PROFILE_BYTES_MAX {
        return Err(ProfileError::TooLarge { file: file.to_owned(), found: metadata.len(), max: PROFILE_BYTES_MAX });
    }
    let bytes = std::fs::read(file).map_err(unreadable)?;
    String::from_utf8(bytes)
        .map_err(|error| ProfileError::NotUnicode { file: file.to_owned(), offset: error.utf8_error().valid_up_to() })
}
