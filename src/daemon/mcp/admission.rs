//! Which calls are heard: those that mean this very place, and show a live session's secret (C62).

use std::net::SocketAddr;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HOST, ORIGIN};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Front;
use super::bearer::Holder;
use super::owner::{Owner, owner};
use super::refusals::Why;
use crate::model::effect::SessionName;
use crate::protocol::call_bytes_max;

/// For the loop to say whether a session still lives. The handshake waits for no disk.
const PATIENCE: Duration = Duration::from_millis(100);
/// Longest body while the loop cannot say what the setting is.
const MESSAGE_BYTES: u32 = 1 << 20;

/// A call that is not heard, and whose it would have been.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) why: Why,
    pub(super) session: Option<SessionName>,
}

impl From<Why> for Refused {
    fn from(why: Why) -> Self {
        Self { why, session: None }
    }
}

/// Whose call is heard, and how long its body may be.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) session: SessionName,
    pub(super) body_bytes_max: usize,
}

/// A browser that was led here by a name (DNS rebinding) says that name as `Host`, and the page's as `Origin`.
pub(super) fn from_this_machine(headers: &HeaderMap, port: u16) -> Result<(), Why> {
    let mut hosts = headers.get_all(HOST).iter();
    let own = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let is_own =
        hosts.next().is_some_and(|host| own.iter().any(|own| host.as_bytes().eq_ignore_ascii_case(own.as_bytes())));
    if !is_own || hosts.next().is_some() {
        return Err(Why::Host);
    }
    // Agents are no web pages: whatever the page is called, it has no business here.
    if headers.contains_key(ORIGIN) { Err(Why::Origin) } else { Ok(()) }
}

/// The session that calls.
pub(super) async fn admit(front: &Front, headers: &HeaderMap, from: SocketAddr) -> Result<Admitted, Refused> {
    let secret = secret(headers)?;
    let session = match front.bearers.holder(secret).await {
        Holder::Session(session) => session,
        Holder::Ended(session) => return Err(ended(session)),
        Holder::Nobody => return Err(Why::WrongSecret.into()),
    };
    if !owner_of(from, front.port).await.may_call(rustix::process::geteuid().as_raw()) {
        return Err(Refused { why: Why::OtherUser, session: Some(session) });
    }
    let default = Admitted { session: session.clone(), body_bytes_max: call_bytes_max(MESSAGE_BYTES) };
    if !front.door.inputs.serves() {
        return Ok(default);
    }
    match timeout(PATIENCE, front.door.lives(session.clone())).await {
        Ok(Ok((true, bytes))) => Ok(Admitted { session, body_bytes_max: call_bytes_max(bytes) }),
        Ok(Ok((false, _))) => Err(ended(session)),
        // The loop cannot say, or not now: a tool's call will be told so.
        Ok(Err(_)) | Err(_) => Ok(default),
    }
}

/// The kernel walks all its connections for that.
async fn owner_of(from: SocketAddr, port: u16) -> Owner {
    spawn_blocking(move || owner(from, port)).await.unwrap_or(Owner::Nobody)
}

fn ended(session: SessionName) -> Refused {
    Refused { why: Why::EndedSession, session: Some(session) }
}

fn secret(headers: &HeaderMap) -> Result<&str, Why> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or(Why::NoSecret)?;
    match value.split_once(' ') {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") && !secret.trim().is_empty() => {
            Ok(secret.trim())
        }
        _ => Err(Why::NoSecret),
    }
}
