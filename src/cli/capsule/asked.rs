//! Which journal this process reads in place of its home's: errors name it as it was named to them, and so do the next steps.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A process has one verb, and that reads one journal. Errors that are made far below know only where they have read it.
static ASKED: Mutex<Option<Asked>> = Mutex::new(None);

struct Asked {
    named: PathBuf,
    unpacked: Option<PathBuf>,
}

/// The journal or capsule `named` is read; out of the folder `unpacked`, if that is a capsule.
pub fn note(named: &Path, unpacked: Option<&Path>) {
    let asked = Asked { named: named.to_owned(), unpacked: unpacked.map(Path::to_owned) };
    *ASKED.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
}

/// `text` with the files of a capsule by its name: where they were unpacked is gone by the time somebody reads it.
pub fn reworded(text: &str) -> String {
    let asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Asked { named, unpacked: Some(unpacked) }) = &*asked else { return text.to_owned() };
    text.replace(&format!("{}/", unpacked.display()), &format!("{}/journal/", named.display()))
}

/// What a verb that is to read the same journal needs: ` --journal FILE`, or nothing.
pub fn option() -> String {
    let asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    asked.as_ref().map_or_else(String::new, |asked| format!(" --journal {}", asked.named.display()))
}
