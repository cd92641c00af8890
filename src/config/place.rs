//! Where home is: one folder, or the XDG folders.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use crate::home::Home;

/// Why no home could be found.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    #[error("cannot tell where home is: neither DORMOUSE_HOME nor HOME nor {variable} is set")]
    NoHome { variable: &'static str },
    #[error("cannot make {} absolute", dir.display())]
    NotAbsolute {
        dir: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// The home that `--home`, else `DORMOUSE_HOME`, else the XDG folders name. Creates nothing.
///
/// `$XDG_CONFIG_HOME/dormouse` (else `~/.config`), `$XDG_STATE_HOME/dormouse` (else `~/.local/state`),
/// `$XDG_RUNTIME_DIR/dormouse` (else `run` in the state folder). As the XDG specification asks, a variable that is empty
/// or holds a relative path counts as not set.
///
/// # Errors
///
/// Without `HOME` where a fallback needs it, or when a relative folder is given and there is no current one.
pub fn home<K, V>(flag: Option<&Path>, env: impl IntoIterator<Item = (K, V)>) -> Result<Home, HomeError>
where
    K: Into<OsString>,
    V: Into<OsString>,
{
    let env: BTreeMap<OsString, OsString> = env.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
    let value = |name: &str| env.get(OsStr::new(name)).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(dir) = flag.map(Path::to_owned).or_else(|| value("DORMOUSE_HOME")) {
        // Agents run in folders of their own: what they inherit must mean the same place there.
        let absolute = std::path::absolute(&dir).map_err(|source| HomeError::NotAbsolute { dir, source })?;
        return Ok(Home::under(&absolute));
    }
    let xdg = |variable: &'static str, fallback: &str| {
        let in_home = || value("HOME").filter(|dir| dir.is_absolute()).map(|dir| dir.join(fallback));
        let dir = value(variable).filter(|dir| dir.is_absolute()).or_else(in_home);
        dir.map(|dir| dir.join("dormouse")).ok_or(HomeError::NoHome { variable })
    };
    let config = xdg("XDG_CONFIG_HOME", ".config")?;
    let state = xdg("XDG_STATE_HOME", ".local/state")?;
    let run = match value("XDG_RUNTIME_DIR").filter(|dir| dir.is_absolute()) {
        Some(dir) => dir.join("dormouse"),
        None => state.join("run"),
    };
    Ok(Home { config, state, run })
}
