//! The port: told to every program at its start, so the same one for as long as the home lives.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tokio::net::TcpListener;

use crate::home::Home;

/// Why nobody can listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on 127.0.0.1:{port} for agents' calls (`mcp_port`)")]
    Taken {
        port: u16,
        #[source]
        source: io::Error,
    },
    #[error("cannot write {}", path.display())]
    NotKept {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// A port that is ours.
#[derive(Debug)]
pub struct Listening {
    pub(super) listener: TcpListener,
    pub(super) port: u16,
}

impl Listening {
    /// What programs are given.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }
}

/// Listens on `wanted`; for 0 on the port this home had before, else on one that the system chooses, which is kept.
/// Sessions outlive the daemon, and know the port they were started with.
///
/// # Errors
///
/// A port that was asked for is not to be had, or the one that was chosen cannot be kept.
pub async fn listen(home: &Home, wanted: u16) -> Result<Listening, ListenError> {
    if let Some(port) = kept_port(home).filter(|_| wanted == 0) {
        match bind(port).await {
            Ok(listening) => return Ok(listening),
            Err(error) => tracing::warn!(
                port,
                %error,
                "the port agents knew is taken: sessions of before cannot call by MCP any more, later ones get another; `dormouse doctor` names them"
            ),
        }
    }
    let listening = bind(wanted).await.map_err(|source| ListenError::Taken { port: wanted, source })?;
    let path = home.mcp_port();
    keep(&path, listening.port).map_err(|source| ListenError::NotKept { path, source })?;
    Ok(listening)
}

async fn bind(port: u16) -> io::Result<Listening> {
    let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)).await?;
    let port = listener.local_addr()?.port();
    Ok(Listening { listener, port })
}

/// The port that this home had last, and has now if its daemon serves.
pub fn kept_port(home: &Home) -> Option<u16> {
    fs::read_to_string(home.mcp_port()).ok()?.trim().parse().ok().filter(|port| *port != 0)
}

/// Written beside and renamed: nobody reads half a number.
fn keep(path: &Path, port: u16) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    writeln!(file, "{port}")?;
    fs::rename(&beside, path)
}
