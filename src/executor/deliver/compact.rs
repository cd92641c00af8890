//! `compact`: a command of the program's own, typed as a delivery is, and confirmed by the program's record (C56).

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::gate::Open;
use super::submit::Submitted;
use super::{Delivery, Failure, Terms, Tried, What};
use crate::executor::folder_watch::FolderWatch;
use crate::executor::hand::Hand;
use crate::executor::launch::{ms, tail};
use crate::model::delivery::DeliveryStep;
use crate::model::event::{VerbEnded, VerbOutcome};
use crate::model::id::Lsn;
use crate::model::session::{Source, TypedVerb};
use crate::runtime::envelope::Typed;
use crate::runtime::spec::Compact;
use crate::runtime::transcript::{self, Behind};

/// Longest until the record is looked at again, should a change go unnoticed.
const LOOK: Duration = Duration::from_millis(1_000);

/// Types the command and reports how that ended. A lane that is cut meanwhile says nothing of it: the end of its session
/// does.
pub(in crate::executor) async fn compact(hand: &Hand, ready_deadline_ms: u64, human_typing_hold_ms: u64, cause: Lsn) {
    let started = Instant::now();
    let outcome = match prepare(hand, ready_deadline_ms, human_typing_hold_ms, cause, started).await {
        Ok((delivery, compact)) => delivery.command(&compact).await,
        Err(outcome) => outcome,
    };
    let took_ms = ms(started.elapsed());
    hand.voice.because(Some(cause)).say(VerbEnded { verb: TypedVerb::Compact, outcome, took_ms });
}

async fn prepare(
    hand: &Hand,
    ready_deadline_ms: u64,
    human_typing_hold_ms: u64,
    cause: Lsn,
    started: Instant,
) -> Result<(Delivery<'_>, Compact), VerbOutcome> {
    let runtime = &hand.name.peer.runtime;
    let refused = |why| Err(VerbOutcome::Refused { why });
    let Some(spec) = hand.spec.clone() else { return refused(format!("no runtime `{runtime}` is known here")) };
    let Some(compact) = spec.verbs.compact.clone() else {
        return refused(format!("the runtime `{runtime}` names no command that compacts ([verbs] in its file)"));
    };
    let values = match hand.values(None).await {
        Ok(values) => values,
        Err(why) => return Err(VerbOutcome::Failed { step: DeliveryStep::Open, why, typed: false }),
    };
    let terms =
        Terms { what: What::Command, managed: None, last_delivered: None, ready_deadline_ms, human_typing_hold_ms };
    // The newline at its end submits where no key does.
    let end = if spec.input.submit.is_empty() { "\n" } else { "" };
    let typed = Typed { text: format!("{}{end}", compact.command), first_line: compact.command.clone() };
    let voice = hand.voice.because(Some(cause));
    Ok((Delivery { hand, terms, voice, spec, values, typed, started }, compact))
}

impl From<Failure> for VerbOutcome {
    fn from(Failure { step, why, typed }: Failure) -> Self {
        VerbOutcome::Failed { step, why, typed }
    }
}

impl Delivery<'_> {
    async fn command(&self, compact: &Compact) -> VerbOutcome {
        loop {
            let open = match self.until_open().await {
                Ok(open) => open,
                Err(failure) => return failure.into(),
            };
            let behind = Behind::now(&self.spec, &self.values);
            let typing = self.hand.typing.lock().await;
            match self.paste(&open).await {
                Ok(Tried::Typed) => {
                    let submitted = self.submit(&open, None).await;
                    drop(typing);
                    return match submitted {
                        Ok(submitted) => self.confirmed(&open, compact, &behind, &submitted).await,
                        Err(failure) => failure.into(),
                    };
                }
                Ok(Tried::Refused) => {}
                Ok(Tried::NotKnown { .. }) => {
                    drop(typing);
                    sleep(LOOK).await;
                }
                Err(failure) => return failure.into(),
            }
        }
    }

    /// A summary takes as long as a turn of the model; while the screen moves, the clock stands.
    async fn confirmed(&self, open: &Open, compact: &Compact, behind: &Behind, submitted: &Submitted) -> VerbOutcome {
        let mut watch = FolderWatch::new(transcript::watch_dirs(&self.spec, &self.values)).ok();
        let mut clock = self.clock();
        loop {
            if behind.shows(&self.spec, &self.values, &compact.recorded) {
                return VerbOutcome::Confirmed { by: Source::Transcript };
            }
            if let Some(waited_ms) = self.is_up(&mut clock) {
                let look = self.look(&open.pane).await.ok();
                let screen = look.map(|look| tail(&look.screen)).unwrap_or_default();
                return VerbOutcome::Unconfirmed { waited_ms, screen };
            }
            self.press_again(open, submitted).await;
            let moved = async {
                match watch.as_mut() {
                    Some(watch) => watch.moved().await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            if matches!(tokio::time::timeout(LOOK, moved).await, Ok(false)) {
                watch = None;
            }
        }
    }
}
