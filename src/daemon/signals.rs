//! What the daemon is told by signals.

use std::sync::mpsc::Sender;

use tokio::signal::unix::{SignalKind, signal};

use super::input::Input;
use super::mcp::Refusals;
use super::run::DaemonError;

/// SIGTERM and SIGINT end it in order (C61), SIGHUP has it read its settings again (C3a).
///
/// Of `refusals` what was only counted is told before the end: behind it nothing is written.
pub(super) fn hear(inputs: Sender<Input>, refusals: Refusals) -> Result<(), DaemonError> {
    for (kind, name) in [(SignalKind::terminate(), "SIGTERM"), (SignalKind::interrupt(), "SIGINT")] {
        let mut caught = signal(kind).map_err(DaemonError::Threads)?;
        let (inputs, refusals) = (inputs.clone(), refusals.clone());
        tokio::spawn(async move {
            while caught.recv().await.is_some() {
                refusals.tell_rest();
                let _ = inputs.send(Input::Stop { why: name.to_owned() });
            }
        });
    }
    let mut reload = signal(SignalKind::hangup()).map_err(DaemonError::Threads)?;
    tokio::spawn(async move {
        while reload.recv().await.is_some() {
            let _ = inputs.send(Input::Reload);
        }
    });
    Ok(())
}
