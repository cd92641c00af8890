//! Being told when something in a folder of a program's own changes.

use std::io;
use std::path::{Path, PathBuf};

use super::folders::{Changes, Folder};

/// A folder that a program writes to, watched; while it is not there, the nearest one above it.
#[derive(Debug)]
pub struct ProgramFolder {
    wanted: PathBuf,
    watched: PathBuf,
    changes: Changes,
}

impl ProgramFolder {
    /// What changes after this call is not missed: look once after it, then wait.
    ///
    /// # Errors
    ///
    /// The system has no room for one more watch.
    pub fn watch(folder: &Path) -> io::Result<Self> {
        let watched = nearest(folder).to_owned();
        let changes = Changes::of(&[(&watched, Folder::Program)])?;
        Ok(Self { wanted: folder.to_owned(), watched, changes })
    }

    /// Returns when something has changed since the last call; several changes may come as one.
    ///
    /// # Errors
    ///
    /// The watch itself failed.
    pub async fn changed(&mut self) -> io::Result<()> {
        let first = self.changes.next().await?;
        self.changes.all_with(first);
        // Made, or taken away.
        if nearest(&self.wanted) != self.watched {
            *self = Self::watch(&self.wanted.clone())?;
        }
        Ok(())
    }
}

fn nearest(folder: &Path) -> &Path {
    folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_file_that_is_written_in_place_in_a_folder_that_comes_later_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/sessions");
        let mut watch = ProgramFolder::watch(&folder).unwrap();
        let changed =
            async |watch: &mut ProgramFolder| tokio::time::timeout(Duration::from_secs(5), watch.changed()).await;
        std::fs::create_dir_all(&folder).unwrap();
        while watch.watched != folder {
            changed(&mut watch).await.unwrap().unwrap();
        }
        let file = folder.join("7.json");
        for text in ["busy", "idle"] {
            std::fs::write(&file, text).unwrap();
            changed(&mut watch).await.unwrap().unwrap();
        }
    }
}
