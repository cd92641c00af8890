//! One delivery: gates, paste, landing, submit, proof; a unit that nothing of ours comes between (C30).

mod compact;
mod gate;
mod proof;
mod settle;
mod submit;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::MutexGuard;
use tokio::time::Instant;

pub(super) use compact::compact;
pub(super) use proof::last_look;
pub(super) use settle::{TypedBefore, clear, settle};

use self::gate::Open;
use super::hand::{Hand, InFlight};
use super::launch::ms;
use super::tmux::{Look, Pane, Pasted, TmuxError, in_full};
use super::tty::{LINE_BYTES_MAX, Tty};
use super::voice::Voice;
use crate::model::delivery::{DeliveryOutcome, DeliveryStep, Gate, Proof, RecordMark};
use crate::model::effect::DeliverMessage;
use crate::model::event::{DeliveryBegun, DeliveryEnded, DeliveryWaiting, RuntimeKind, VerbWaiting};
use crate::model::id::{Lsn, MessageId};
use crate::model::message::TextPrint;
use crate::model::profile::Managed;
use crate::model::session::TypedVerb;
use crate::runtime::envelope::{self, Typed};
use crate::runtime::placeholders::Values;
use crate::runtime::spec::Spec;
use crate::runtime::transcript::{self, RecordSearch};

/// Longest a program may leave a paste unread or unshown before the delivery gives up on it.
const LAND_MS_MAX: u64 = 30_000;
/// Between two tries to paste while tmux cannot be asked.
const ASK_AGAIN_MS: u64 = 1_000;

/// How a delivery fails, as its event says it.
#[derive(Debug)]
struct Failure {
    step: DeliveryStep,
    why: String,
    typed: bool,
}

impl Failure {
    fn before_typing(step: DeliveryStep, why: impl Into<String>) -> Self {
        Self { step, why: why.into(), typed: false }
    }

    fn after_typing(step: DeliveryStep, why: impl Into<String>) -> Self {
        Self { step, why: why.into(), typed: true }
    }
}

impl From<Failure> for DeliveryOutcome {
    fn from(Failure { step, why, typed }: Failure) -> Self {
        DeliveryOutcome::Failed { step, why, typed }
    }
}

/// What came of one try to paste.
enum Tried {
    Typed,
    /// The pane took nothing.
    Refused,
    /// tmux could not be asked, and nothing was typed.
    NotKnown {
        why: String,
    },
}

/// What is typed: a message, or a command of the program's own (C56).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Message(MessageId),
    Command,
}

/// On what terms.
struct Terms<'a> {
    what: What,
    managed: Option<&'a Managed>,
    last_delivered: Option<MessageId>,
    ready_deadline_ms: u64,
    human_typing_hold_ms: u64,
}

/// One delivery under way.
struct Delivery<'a> {
    hand: &'a Hand,
    terms: Terms<'a>,
    voice: Voice,
    spec: Arc<Spec>,
    values: Values,
    typed: Typed,
    started: Instant,
}

/// Delivers one message and reports how that ended. A lane that is cut meanwhile drops this and reports by itself what
/// [`Hand::take_in_flight`] gives it.
pub(super) async fn deliver(hand: &Hand, order: &DeliverMessage, cause: Lsn) {
    let voice = hand.voice.because(Some(cause)).about(order.message);
    let started = Instant::now();
    let first_line = String::new();
    let (attempt, record, print) = (order.attempt, None, None);
    hand.begin(InFlight { voice: voice.clone(), attempt, started, typed: false, record, first_line, print });
    let outcome = match Delivery::prepare(hand, order, voice, started).await {
        Ok(delivery) => delivery.run(attempt).await,
        Err(failure) => Some(failure.into()),
    };
    if let Some(outcome) = outcome
        && let Some(in_flight) = hand.take_in_flight()
    {
        in_flight.ended(outcome);
    }
}

impl InFlight {
    /// Reports the end of this delivery.
    pub(super) fn ended(self, outcome: DeliveryOutcome) {
        let took_ms = ms(self.started.elapsed());
        self.voice.say(DeliveryEnded { attempt: self.attempt, outcome, took_ms });
    }
}

impl<'a> Delivery<'a> {
    async fn prepare(
        hand: &'a Hand,
        order: &'a DeliverMessage,
        voice: Voice,
        started: Instant,
    ) -> Result<Self, Failure> {
        let cannot = |why: String| Failure::before_typing(DeliveryStep::Open, why);
        let unknown = || cannot(format!("no runtime `{}` is known here", hand.name.peer.runtime));
        let spec = hand.spec.clone().ok_or_else(unknown)?;
        let text = (hand.ground.texts)(order.accepted).map_err(cannot)?;
        let prompt = order.initial_prompt.as_deref();
        let prefix = Some(spec.input.prefix.as_str());
        let zone = jiff::tz::TimeZone::system();
        let mut typed = envelope::compose(prefix, &order.envelope, order.message, order.attempt, &text, prompt, &zone);
        if typed.text.is_empty() {
            return Err(cannot("there is nothing to type".to_owned()));
        }
        if spec.input.submit.is_empty() {
            typed.text.push('\n');
        }
        let values = hand.values(order.managed.as_ref()).await.map_err(cannot)?;
        let terms = Terms {
            what: What::Message(order.message),
            managed: order.managed.as_ref(),
            last_delivered: order.last_delivered,
            ready_deadline_ms: order.ready_deadline_ms,
            human_typing_hold_ms: order.human_typing_hold_ms,
        };
        Ok(Self { hand, terms, voice, spec, values, typed, started })
    }

    /// None: the journal took no more records, and so there is nobody to tell.
    async fn run(self, attempt: u32) -> Option<DeliveryOutcome> {
        let mut open = match self.until_open().await {
            Ok(open) => open,
            Err(failure) => return Some(failure.into()),
        };
        if let Some(impossible) = self.line_too_long(&open) {
            return Some(impossible);
        }
        let record = transcript::mark(&self.spec, &self.values);
        self.begun(attempt, record.clone()).await?;
        let mut said = None;
        loop {
            let typing = self.hand.typing.lock().await;
            match self.paste(&open).await {
                Ok(Tried::Typed) => return Some(self.carry_through(&open, record.as_ref(), typing).await),
                // Refused between look and paste: a person scrolls, or it has just died. The gates know which.
                Ok(Tried::Refused) => {}
                // Asked again for as long as it takes: a machine in want is no failure of the message (C13, C43).
                Ok(Tried::NotKnown { why }) => {
                    if said.as_ref() != Some(&why) {
                        self.waiting(Gate::NotKnown { why: why.clone() });
                        said = Some(why);
                    }
                    drop(typing);
                    tokio::time::sleep(Duration::from_millis(ASK_AGAIN_MS)).await;
                }
                Err(failure) => return Some(failure.into()),
            }
            match self.until_open().await {
                Ok(again) => open = again,
                Err(failure) => return Some(failure.into()),
            }
        }
    }

    /// The attempt is on disk before a byte of it is typed (C14).
    async fn begun(&self, attempt: u32, mark: Option<RecordMark>) -> Option<()> {
        let bytes = u32::try_from(self.typed.text.len()).unwrap_or(u32::MAX);
        let print = self.print_as_recorded();
        let begun = DeliveryBegun { attempt, mark: mark.clone(), bytes, print };
        self.voice.say_durably(begun).await.ok()?;
        self.hand.begin(InFlight {
            voice: self.voice.clone(),
            attempt,
            started: self.started,
            typed: false,
            record: mark,
            first_line: self.typed.first_line.clone(),
            print: Some(print),
        });
        Some(())
    }

    /// A terminal in line mode cuts longer lines off, silently.
    fn line_too_long(&self, open: &Open) -> Option<DeliveryOutcome> {
        let longest = self.typed.text.lines().map(str::len).max().unwrap_or_default();
        let fits = self.spec.input.bracketed_paste
            || longest <= LINE_BYTES_MAX
            || !matches!(open.tty.is_in_line_mode(), Ok(true));
        (!fits).then(|| DeliveryOutcome::Impossible {
            why: format!(
                "its terminal is in line mode and takes lines of at most {LINE_BYTES_MAX} bytes; this message has one of {longest}"
            ),
        })
    }

    async fn paste(&self, open: &Open) -> Result<Tried, Failure> {
        let input = &self.spec.input;
        // Nothing stands before a router's input, so its key can follow at once. Everywhere else the key waits for a look.
        let key = Some(input.submit.as_str()).filter(|key| self.is_router() && !key.is_empty());
        self.hand.typed(true);
        match open.pane.paste(&self.typed.text, input.bracketed_paste, key).await {
            Ok(Pasted::Typed) => Ok(Tried::Typed),
            Ok(Pasted::Refused) => {
                self.hand.typed(false);
                Ok(Tried::Refused)
            }
            Err(error) if error.is_answer() => Err(Failure::before_typing(DeliveryStep::Paste, in_full(&error))),
            Err(error) if error.stopped_short() => {
                self.hand.typed(false);
                Ok(Tried::NotKnown { why: in_full(&error) })
            }
            Err(error) => Err(Failure::after_typing(DeliveryStep::Paste, in_full(&error))),
        }
    }

    /// From the paste on: landed, submitted, proven. No other key comes between paste and submit.
    async fn carry_through(
        &self,
        open: &Open,
        record: Option<&RecordMark>,
        typing: MutexGuard<'_, ()>,
    ) -> DeliveryOutcome {
        let submitted = self.submit(open, record).await;
        drop(typing);
        match submitted {
            Ok(submitted) if self.spec.proof.keys => {
                drop(submitted);
                DeliveryOutcome::Proven { proof: Proof::Keys }
            }
            Ok(submitted) => self.prove(open, record, submitted).await,
            Err(failure) => {
                // What the program took before it failed the rest is no failure of the message.
                match self.recorded(record) {
                    Some(proof) => DeliveryOutcome::Proven { proof },
                    None => failure.into(),
                }
            }
        }
    }

    /// Whether this is a delivery of `message`.
    fn is_of(&self, message: MessageId) -> bool {
        matches!(self.terms.what, What::Message(own) if own == message)
    }

    fn is_router(&self) -> bool {
        self.spec.kind == RuntimeKind::Router
    }

    /// Whether the runtime's record holds this very attempt, behind what was noted before the paste.
    fn recorded(&self, record: Option<&RecordMark>) -> Option<Proof> {
        self.spec.proof.transcript.as_ref()?;
        let mut search = self.search(record);
        search.found().unwrap_or(false).then(|| self.proven_by(&search))
    }

    fn search(&self, record: Option<&RecordMark>) -> RecordSearch<'_> {
        let line = self.first_line_as_recorded();
        RecordSearch::new(&self.spec, &self.values, record, &line)
    }

    fn proven_by(&self, search: &RecordSearch<'_>) -> Proof {
        proof::of_record(search, Some(self.print_as_recorded()))
    }

    fn first_line_as_recorded(&self) -> String {
        self.spec.input.normalised(&self.typed.first_line).into_owned()
    }

    fn print_as_recorded(&self) -> TextPrint {
        TextPrint::of(&self.spec.input.normalised(&self.typed.text))
    }

    async fn look(&self, pane: &Pane) -> Result<Look, TmuxError> {
        pane.look().await
    }

    fn waiting(&self, gate: Gate) {
        match self.terms.what {
            What::Message(_) => self.voice.say(DeliveryWaiting { gate }),
            What::Command => self.voice.say(VerbWaiting { verb: TypedVerb::Compact, gate }),
        }
    }

    /// The runtime's own word counts before the settings'.
    fn ready_deadline_ms(&self) -> u64 {
        self.spec.limits.ready_deadline_ms.unwrap_or(self.terms.ready_deadline_ms)
    }

    fn land_deadline(&self) -> Duration {
        Duration::from_millis(LAND_MS_MAX.min(self.ready_deadline_ms()))
    }

    fn tty(&self, pane: &Pane) -> Result<Tty, Failure> {
        let gone = |error| {
            Failure::before_typing(
                DeliveryStep::Open,
                format!("its terminal {} is gone: {error}", pane.tty().display()),
            )
        };
        Tty::open(pane.tty()).map_err(gone)
    }
}
