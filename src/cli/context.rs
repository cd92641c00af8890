//! What every verb stands in: the home, the form of its output, the session it is called from.

use std::env;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::client::{self, Heard, Patience};
use super::error::CliError;
use super::render::Output;
use super::session::Session;
use crate::config;
use crate::daemon::control::mint;
use crate::home::Home;
use crate::protocol::{Call, Changed, Problem, ProblemCode, Reply, Verb};

#[derive(Clone, Debug)]
pub struct Context {
    pub home: Home,
    pub output: Output,
    pub session: Option<Session>,
}

impl Context {
    pub fn new(home: Option<&Path>, json: bool) -> Result<Self, CliError> {
        let home = config::home(home, env::vars_os())?;
        Ok(Self { home, output: Output { json }, session: Session::of_environment() })
    }

    /// A question: it changes nothing, so it does not matter who asks.
    pub fn ask<T: DeserializeOwned>(&self, verb: Verb) -> Result<T, CliError> {
        self.hear(&Call::new(mint::message_id(), verb))
    }

    /// Whether a daemon serves this home now.
    pub fn is_served(&self) -> bool {
        std::os::unix::net::UnixStream::connect(self.home.control_socket()).is_ok()
    }

    /// A change, in the name of the session this runs in, if it does.
    pub fn change<T: DeserializeOwned>(&self, verb: Verb, reason: Option<String>) -> Result<T, CliError> {
        self.hear(&self.call(verb, reason)?)
    }

    /// A plain change, and one line about it.
    pub fn change_and_say(&self, verb: Verb, reason: Option<String>, done: &str) -> Result<(), CliError> {
        let changed: Changed = self.change(verb, reason)?;
        self.output.print(&changed, || says(&changed, done))
    }

    /// The same of a mark that may be there already: nothing follows then.
    pub fn mark_and_say(&self, verb: Verb, reason: Option<String>, done: &str, already: &str) -> Result<(), CliError> {
        let changed: Changed = self.change(verb, reason)?;
        self.output.print(&changed, || match (&changed.led_to[..], &changed.peer) {
            ([], Some(peer)) => format!("{peer} {already}: nothing changed (record {})", changed.lsn),
            _ => says(&changed, done),
        })
    }

    /// The call as this process makes it.
    pub fn call(&self, verb: Verb, reason: Option<String>) -> Result<Call, CliError> {
        let secret = self.session.as_ref().map(Session::secret).transpose()?;
        Ok(Call { secret, reason, ..Call::new(mint::message_id(), verb) })
    }

    fn hear<T: DeserializeOwned>(&self, call: &Call) -> Result<T, CliError> {
        let patience = if call.verb.waits() { Patience::Endless } else { Patience::Long };
        match client::call(&self.home.control_socket(), call, patience)? {
            Heard::Done(data) => Ok(Reply::read(data)?),
            Heard::OnlyAccepted(_) => Err(Problem::failed("the daemon went away before its answer").into()),
        }
    }

    /// A session's own word: spooled when the daemon does not take it at once, or does not know whether it has (C61a,
    /// C63). `None`: it was spooled.
    pub fn hear_or_spool(&self, call: &Call) -> Result<Option<Heard>, CliError> {
        let socket = self.home.control_socket();
        let Some(session) = &self.session else {
            return client::call(&socket, call, Patience::Long).map(Some);
        };
        match client::call(&socket, call, Patience::Short) {
            Err(error) if nobody_heard(&error) => session.spool(call).map(|()| None),
            // Where the disk takes no spool either, what the daemon said is the better story.
            Err(error) if is_in_doubt(&error) => session.spool(call).map_or(Err(error), |()| Ok(None)),
            heard => heard.map(Some),
        }
    }
}

/// Whether a call may not have been heard at all. It may have been, and is the same call then when the spool brings it
/// again.
fn nobody_heard(error: &CliError) -> bool {
    match error {
        CliError::NotRunning { .. } | CliError::NoAnswer { .. } | CliError::Lost { .. } => true,
        CliError::Problem(problem) => matches!(problem.code, ProblemCode::Ending | ProblemCode::Busy),
        _ => false,
    }
}

/// Whether the journal failed under a call that was heard. The spool brings the same call again once the journal is open:
/// said anew by hand it would be another one.
fn is_in_doubt(error: &CliError) -> bool {
    matches!(error, CliError::Problem(problem) if problem.in_doubt)
}

/// "stopped claude-ada (record 813)".
pub fn says(changed: &Changed, done: &str) -> String {
    let what = match (&changed.message, &changed.peer) {
        (Some(message), _) => message.to_string(),
        (None, Some(peer)) => peer.to_string(),
        (None, None) => String::new(),
    };
    let cancelled: String = match (&changed.message, &changed.cancelled[..]) {
        (None, [_, ..]) => changed.cancelled.iter().map(|message| format!("\ncancelled {message}")).collect(),
        _ => String::new(),
    };
    format!("{done} {what} (record {}){cancelled}", changed.lsn)
}
