//! The socket's place: a folder and a name that only its owner can reach (C22, C62).

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use super::lock::DaemonLock;
use crate::home::{Home, SOCKET_BYTES_MAX};

/// Why there is no control socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("the socket path {} has {bytes} bytes, the kernel takes at most {bytes_max}", path.display())]
    TooLong { path: PathBuf, bytes: usize, bytes_max: usize },
    #[error("{} belongs to uid {found}, expected uid {expected}", folder.display())]
    Owner { folder: PathBuf, found: u32, expected: u32 },
    #[error("{} has mode {found:04o}, expected 0700: others could reach the sessions in it", folder.display())]
    Mode { folder: PathBuf, found: u32 },
    #[error("{} is in the way: it is no socket", path.display())]
    NotASocket { path: PathBuf },
    #[error("cannot {what} {}", path.display())]
    Io { what: &'static str, path: PathBuf, source: io::Error },
}

/// Listens on the home's control socket, 0600 in its 0700 folder.
///
/// What a daemon before left there is removed: the lock proves that nobody listens on it any more.
///
/// # Errors
///
/// Nothing is left behind, but for the folder. Must be called within a tokio runtime.
pub fn bind(home: &Home, _held: &DaemonLock) -> Result<UnixListener, SocketError> {
    fits(home)?;
    private_folder(&home.run)?;
    let path = home.control_socket();
    let io = |what| {
        let path = path.clone();
        move |source| SocketError::Io { what, path, source }
    };
    match fs::symlink_metadata(&path) {
        Ok(meta) if meta.file_type().is_socket() => fs::remove_file(&path).map_err(io("remove the stale socket"))?,
        Ok(_) => return Err(SocketError::NotASocket { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io("look at")(error)),
    }
    let listener = UnixListener::bind(&path).map_err(io("listen on"))?;
    // Until here the folder alone keeps others out; a umask would be the whole process's.
    fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(io("protect"))?;
    Ok(listener)
}

/// Whether the kernel takes the control socket's path (C22). Touches nothing.
///
/// # Errors
///
/// Too long, with the length it has and may have.
pub fn fits(home: &Home) -> Result<(), SocketError> {
    let path = home.control_socket();
    let bytes = path.as_os_str().len();
    if bytes > SOCKET_BYTES_MAX {
        return Err(SocketError::TooLong { path, bytes, bytes_max: SOCKET_BYTES_MAX });
    }
    Ok(())
}

/// Makes `folder` if it is not there, and verifies that it is nobody's but ours.
pub(super) fn private_folder(folder: &Path) -> Result<(), SocketError> {
    let io = |what| move |source| SocketError::Io { what, path: folder.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io("make"))?;
    let meta = fs::metadata(folder).map_err(io("look at"))?;
    let uid = rustix::process::geteuid().as_raw();
    if meta.uid() != uid {
        return Err(SocketError::Owner { folder: folder.to_owned(), found: meta.uid(), expected: uid });
    }
    match meta.mode() & 0o7777 {
        mode if mode & 0o077 == 0 => Ok(()),
        mode => Err(SocketError::Mode { folder: folder.to_owned(), found: mode }),
    }
}
