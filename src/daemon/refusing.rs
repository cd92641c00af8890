//! While the journal cannot be written nothing is decided or done; the daemon stays up and says so (C63).

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::hands::{Order, Orders};
use super::input::{Answer, Input};
use crate::model::effect::{Attention, AttentionKind};
use crate::model::settings::Settings;

/// First and longest delay between two tries to open the journal again.
const DELAY_MIN: Duration = Duration::from_secs(1);
const DELAY_MAX: Duration = Duration::from_secs(60);

/// The delay after a try that followed `last`.
pub(super) fn next_delay(last: Option<Duration>) -> Duration {
    last.map_or(DELAY_MIN, |last| (last * 2).min(DELAY_MAX))
}

/// Tells a person of the journal, past the journal.
pub(super) fn call(orders: &Orders, settings: &Settings, what: AttentionKind, says: String) {
    let command = settings.on_attention.clone();
    let attention = Attention { command, what, peer: None, message: None, says };
    // Closed only when the daemon is ending.
    let _ = orders.send(Order::SayOfJournal(Box::new(attention)));
}

/// What was asked meanwhile.
pub(super) enum Heard {
    TryAgain,
    Stop,
}

/// Answers everybody with `why` until it is time to try again. Reports are dropped: they were never used, and the
/// world is looked at anew once the journal is open (C60).
pub(super) fn refuse_for(inputs: &Receiver<Input>, delay: Duration, why: &str) -> Heard {
    let until = Instant::now() + delay;
    loop {
        let input = match inputs.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(input) => input,
            Err(RecvTimeoutError::Timeout) => return Heard::TryAgain,
            Err(RecvTimeoutError::Disconnected) => return Heard::Stop,
        };
        let refuse = |answer: oneshot::Sender<Answer>| {
            // Who asked may have gone.
            let _ = answer.send(Answer::JournalRefuses { why: why.to_owned(), in_doubt: false });
        };
        match input {
            Input::Ask(ask) => refuse(ask.answer),
            Input::AskAll(asks) => asks.into_iter().for_each(|ask| refuse(ask.answer)),
            Input::Heard { answer, .. } => refuse(answer),
            Input::Peek { answer, .. } => {
                let _ = answer.send(Err(format!("the journal cannot be written: {why}")));
            }
            Input::Read(question) => question(Err(why)),
            Input::Stop { .. } => return Heard::Stop,
            // A spool keeps what lies in it.
            Input::Report(_) | Input::Spooled { .. } | Input::Reload => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C63: a disk that stays broken is not read through again and again.
    #[test]
    fn c63_the_delay_between_two_tries_grows_up_to_a_minute() {
        let mut delays = Vec::new();
        for _ in 0..8 {
            delays.push(next_delay(delays.last().copied()));
        }
        assert_eq!(delays.iter().map(Duration::as_secs).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
