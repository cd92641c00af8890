//! Agents' way in: MCP over streamable HTTP on 127.0.0.1 (C62).
//!
//! It listens before the journal is read, so that a program that starts beside the daemon finds its tools: the handshake is
//! answered by what lies on disk alone, and only a tool's call needs the loop.

mod admission;
mod bearer;
mod connection;
mod desk;
mod owner;
mod places;
mod port;
mod refusals;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::control::Door;
use crate::model::effect::SessionName;
use bearer::Bearers;

pub use desk::{Counter, Desk};
pub use port::{ListenError, Listening, kept_port, listen};
pub use refusals::Refusals;

/// What every connection needs.
struct Front {
    door: Arc<Door>,
    bearers: Bearers,
    refusals: Refusals,
    places: places::Places,
    port: u16,
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front").field("port", &self.port).finish_non_exhaustive()
    }
}

/// Serves until the task is dropped; calls under way are dropped with it.
pub async fn serve(listening: Listening, door: Arc<Door>, refusals: Refusals) {
    let Listening { listener, port } = listening;
    let bearers = Bearers::new(door.home.clone());
    let front = Arc::new(Front { door, bearers, refusals, places: places::Places::default(), port });
    accept(&listener, &front).await;
}

async fn accept(listener: &TcpListener, front: &Arc<Front>) {
    let mut callers = tokio::task::JoinSet::new();
    loop {
        while callers.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, from)) => {
                let front = Arc::clone(front);
                callers.spawn(async move { connection::serve(stream, from, &front).await });
            }
            Err(error) => {
                // Out of file descriptors: the caller stays in the queue, and trying at once would spin.
                tracing::warn!(%error, "cannot accept a caller at the mcp door");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// The loop's counter for one session's calls.
struct Own {
    door: Arc<Door>,
    session: SessionName,
}
