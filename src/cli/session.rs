//! The session this program runs in, if it runs in one: its secret, and the spool for what nobody hears (C61a).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::error::CliError;
use crate::home::SessionFiles;
use crate::observe::spool;
use crate::protocol::Call;

/// The session whose secret file `DORMOUSE_SESSION` names.
#[derive(Clone, Debug)]
pub struct Session {
    secret: PathBuf,
}

impl Session {
    /// None outside sessions.
    pub fn of_environment() -> Option<Self> {
        env::var_os("DORMOUSE_SESSION").filter(|path| !path.is_empty()).map(|path| Self { secret: path.into() })
    }

    /// What the file holds. That, and nothing else, makes a call the session's own.
    pub fn secret(&self) -> Result<String, CliError> {
        let read = fs::read_to_string(&self.secret);
        let secret = read.map_err(|source| CliError::Secret { path: self.secret.clone(), source })?;
        Ok(secret.trim().to_owned())
    }

    /// Where the daemon of a session's home answers. None: the file lies where no session's does.
    pub fn control_socket(&self) -> Option<PathBuf> {
        Some(SessionFiles::at(self.secret.parent()?).run()?.join("control.sock"))
    }

    /// Keeps `call` until the daemon takes it: synced when this returns. Whose it is, its folder says; a copy of the
    /// secret would be one more place to lose it from.
    pub fn spool(&self, call: &Call) -> Result<(), CliError> {
        let files = SessionFiles::at(self.secret.parent().unwrap_or(Path::new(".")));
        let call = Call { secret: None, ..call.clone() };
        spool::write(&files, &call.to_line()).map_err(|source| CliError::Spool { source })?;
        Ok(())
    }
}
