//! A session's folder, made before its pane: secret, launch order, and the generation that may start.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::home::{Home, SessionFiles};
use crate::model::effect::SessionName;
use crate::runtime::placeholders::Secret;
use crate::runtime::spec::Spec;

/// From the request to end until the whole tree is killed.
pub const GRACE_MS: u64 = 3_000;

/// A file or folder of a session could not be made.
#[derive(Debug, thiserror::Error)]
#[error("could not make {}", path.display())]
pub struct SessionFileError {
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

/// Makes the session's folders, each 0700. Making them twice is making them once.
pub fn make_folders(home: &Home, name: &SessionName, files: &SessionFiles) -> Result<(), SessionFileError> {
    let (socket, screen) = (home.tmux_socket(name), files.screen_clock());
    let parents = [&socket, &screen].into_iter().filter_map(|file| file.parent()).map(Path::to_owned);
    for path in [home.clients(), files.dir().to_owned(), files.spool()].into_iter().chain(parents) {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|source| SessionFileError { path, source })?;
    }
    Ok(())
}

/// The session's secret, made and written if it has none yet: 32 random bytes, in hexadecimal.
pub fn secret(files: &SessionFiles) -> Result<Secret, SessionFileError> {
    let path = files.secret();
    let kept = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => random::<32>().and_then(|bytes| {
            let secret = hexadecimal(&bytes);
            write_whole(&path, secret.as_bytes()).map(|()| secret)
        }),
        kept => kept,
    };
    kept.map(Secret).map_err(|source| SessionFileError { path, source })
}

/// Writes what the program is told beside its own system prompt.
pub fn write_prompt(files: &SessionFiles, text: &str) -> Result<(), SessionFileError> {
    let path = files.prompt();
    write_whole(&path, text.as_bytes()).map_err(|source| SessionFileError { path, source })
}

/// Writes what the program reads as settings of its own.
pub fn write_settings(files: &SessionFiles, settings: &str) -> Result<(), SessionFileError> {
    let path = files.settings();
    write_whole(&path, settings.as_bytes()).map_err(|source| SessionFileError { path, source })
}

/// Says that this generation, and no other, may start (C16).
pub fn want(home: &Home, name: &SessionName) -> Result<(), SessionFileError> {
    let path = home.identity(&name.peer).wanted();
    let written = write_whole(&path, name.generation.to_string().as_bytes());
    written.map_err(|source| SessionFileError { path, source })
}

/// Nobody ever sees half a file: written beside, then renamed.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(bytes)?;
    fs::rename(&beside, path)
}

/// The program's whole environment (C21): ours, without tmux's and our own variables and without what the runtime's
/// file takes out; then what that file sets; then where the session's home and secret are; the identity last.
pub fn environment(
    inherited: impl Iterator<Item = (String, String)>,
    spec: &Spec,
    set: BTreeMap<String, String>,
    home: &Home,
    name: &SessionName,
) -> BTreeMap<String, String> {
    let ours = |key: &str| key == "TMUX" || key.starts_with("TMUX_") || key.starts_with("DORMOUSE_");
    let dropped = |key: &str| ours(key) || spec.unset.iter().any(|name| name == key);
    let mut env: BTreeMap<String, String> = inherited.filter(|(key, _)| !dropped(key)).collect();
    env.extend(set);
    // A home spread over the XDG folders is not one folder: its sessions find it as any shell does.
    if home.config == home.state {
        env.insert("DORMOUSE_HOME".to_owned(), home.state.display().to_string());
    }
    let own = [
        ("DORMOUSE_SESSION", home.session(name).secret().display().to_string()),
        ("PEER_PERSONALITY", name.peer.personality.to_string()),
        ("PEER_RUNTIME", name.peer.runtime.to_string()),
        ("PEER_IDENTITY", name.peer.to_string()),
    ];
    env.extend(own.map(|(key, value)| (key.to_owned(), value)));
    env
}

/// A random version 4 UUID in its usual form.
pub fn new_uuid() -> io::Result<String> {
    let mut bytes = random::<16>()?;
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hexadecimal(&bytes);
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
