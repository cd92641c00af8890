//! Who calls: what the kernel says, and what a session's secret proves (C62). Never a name that a call claims.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::net::UnixStream;

use super::Door;
use crate::model::actor::{Actor, Sender};
use crate::model::effect::SessionName;
use crate::model::state::State;
use crate::model::text::has_control;
use crate::protocol::{Call, Problem};

/// Longest `--from`, in characters.
const FROM_CHARS_MAX: usize = 64;

/// What the kernel says of the process at the other end.
#[derive(Clone, Debug)]
pub(super) struct Credentials {
    uid: u32,
    pid: u32,
    /// What it called itself at the first call that asked.
    program: OnceLock<String>,
}

/// A caller, and in whose name its messages go.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct Caller {
    pub actor: Actor,
    pub sender: Sender,
}

/// Live sessions by the content of their secret files, as last read.
#[derive(Debug, Default)]
pub(super) struct Secrets(Mutex<BTreeMap<String, SessionName>>);

impl Credentials {
    /// # Errors
    ///
    /// Refused when the process is another user's, root excepted: root could read every secret anyway.
    pub fn of(stream: &UnixStream) -> Result<Self, Problem> {
        let peer = stream.peer_cred().map_err(|error| Problem::failed(format!("who calls is not known: {error}")))?;
        let own = rustix::process::geteuid().as_raw();
        if peer.uid() != own && peer.uid() != 0 {
            return Err(Problem::refused(format!("this daemon serves uid {own}, the caller is uid {}", peer.uid())));
        }
        let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
        Ok(Self { uid: peer.uid(), pid, program: OnceLock::new() })
    }
}

impl Door {
    /// Who makes this call.
    pub(super) async fn caller(&self, credentials: &Credentials, call: &Call) -> Result<Caller, Problem> {
        match (&call.secret, &call.from) {
            (Some(_), Some(_)) => Err(Problem::from_inside_a_session()),
            (Some(secret), None) => Ok(self.holder(secret.trim()).await?.into()),
            (None, from) => self.outside(credentials, from.as_deref()),
        }
    }

    /// Who makes a call outside sessions, and who it says it is.
    pub(super) fn outside(&self, credentials: &Credentials, from: Option<&str>) -> Result<Caller, Problem> {
        let uid = credentials.uid;
        let program = credentials.program.get_or_init(|| self.names.program(credentials.pid)).clone();
        let actor = Actor::User { uid, pid: credentials.pid, program };
        let sender = match from {
            Some(name) => Sender::Unverified { name: claimed(name)?, uid },
            None => Sender::User { name: self.names.user(uid), uid },
        };
        Ok(Caller { actor, sender })
    }

    /// The live session whose secret this is. Secrets never change within a generation, so a known one costs no file;
    /// whether its session still lives is asked each time.
    pub(super) async fn holder(&self, secret: &str) -> Result<SessionName, Problem> {
        let known = self.secrets.0.lock().unwrap_or_else(PoisonError::into_inner).get(secret).cloned();
        let live = self.read(|state, _| live_sessions(state)).await?;
        if let Some(known) = known
            && live.contains(&known)
        {
            return Ok(known);
        }
        let secrets: BTreeMap<String, SessionName> = live
            .into_iter()
            .filter_map(|name| {
                let text = fs::read_to_string(self.home.session(&name).secret()).ok()?;
                let text = text.trim();
                (!text.is_empty()).then(|| (text.to_owned(), name))
            })
            .collect();
        let found = secrets.get(secret).cloned();
        *self.secrets.0.lock().unwrap_or_else(PoisonError::into_inner) = secrets;
        found.ok_or_else(|| {
            Problem::refused("the secret belongs to no live session (C62)")
                .hint("the session that `DORMOUSE_SESSION` names has ended, or belongs to another home")
        })
    }
}

impl Door {
    /// Whether the caller is there, and how long a message may be.
    pub(in crate::daemon) async fn lives(&self, session: SessionName) -> Result<(bool, u32), Problem> {
        self.read(move |state, _| {
            (state.session(&session.peer, session.generation).is_some(), state.settings.message_bytes_max)
        })
        .await
    }
}

/// Every session there is, ending ones included: their last words are still their own.
fn live_sessions(state: &State) -> Vec<SessionName> {
    let of = |(peer, presence): (&_, &crate::model::state::Presence)| {
        let session = presence.session.as_ref()?;
        Some(SessionName { peer: Clone::clone(peer), generation: session.generation })
    };
    state.presences.iter().filter_map(of).collect()
}

/// A claimed name, which must not look like more than that in an envelope's first line (C12a).
fn claimed(name: &str) -> Result<String, Problem> {
    let too_long = name.chars().count() > FROM_CHARS_MAX;
    if name.trim().is_empty() || too_long || has_control(name) || name.contains(['[', ']', '(', ')']) {
        return Err(Problem::refused(format!(
            "`{}` cannot be a sender's name: expected 1 to {FROM_CHARS_MAX} characters, no control characters, no brackets \
             (C12a)",
            crate::model::text::visible(name).text
        ))
        .hint("the message was not accepted"));
    }
    Ok(name.to_owned())
}

impl From<SessionName> for Caller {
    fn from(SessionName { peer, generation }: SessionName) -> Self {
        Self { actor: Actor::Session { peer: peer.clone(), generation }, sender: Sender::Session { peer, generation } }
    }
}
