//! The loop's thread: everything that waits becomes one turn, one sync, one set of effects.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::{broadcast, mpsc, oneshot};

use super::company::Company;
use super::ears::{Ears, conversation};
use super::hands::{Order, Orders, Told};
use super::input::{Answer, Ask, Input};
use super::refusing;
use super::spools::{self, Reading, Spooled};
use crate::executor::tmux::in_full;
use crate::home::Home;
use crate::journal::{AppendError, Committed, Storage};
use crate::model::delivery::Proof;
use crate::model::effect::{AttentionKind, SessionName};
use crate::model::event::{DaemonStopped, DeadlinePassed, Decision, Delivered, Event, Fact};
use crate::model::record::{Draft, Record, Subject};
use crate::model::state::Session;
use crate::observe::clock;
use crate::supervisor::{Asked, Host, Kept, Outcome, Supervisor, Turn};

/// Inputs taken up in one turn: more would make the first of them wait too long.
const TURN_MAX: usize = 1024;
/// Quiet time after which the journal gets its mark, and history is looked after.
const QUIET: Duration = Duration::from_millis(250);

/// Why the loop came back.
pub(super) enum Ended {
    Stopped,
    /// Nothing can be written any more (C63).
    JournalFailed(AppendError),
    /// What was asked with SIGHUP, to be done by who has settings and runtimes.
    Reload,
}

/// The loop over one opened journal.
pub(super) struct Turning<S: Storage, H: Host> {
    pub supervisor: Supervisor<S, H>,
    pub home: Home,
    pub ears: Ears,
    pub orders: Orders,
    pub answers: Answers,
    pub records: broadcast::Sender<Arc<Record>>,
    pub unmarked: bool,
    pub company: Company,
    /// A person has been told that the disk is nearly full.
    pub low_said: bool,
}

/// Answers of one turn, to be told where their callers wait: from this thread, each of them would wake the other by a
/// system call of its own.
pub(super) type Answers = mpsc::UnboundedSender<Vec<(oneshot::Sender<Answer>, Answer)>>;

/// Tells callers their answers until the loop ends.
pub(super) async fn tell_callers(mut answers: mpsc::UnboundedReceiver<Vec<(oneshot::Sender<Answer>, Answer)>>) {
    while let Some(turn) = answers.recv().await {
        for (caller, answer) in turn {
            // Who waited may have gone.
            let _ = caller.send(answer);
        }
    }
}

/// Who waits for the outcome of one thing that was asked.
enum Waiter {
    Caller(oneshot::Sender<Answer>),
    Durable(Option<oneshot::Sender<()>>),
    Spool { session: SessionName, name: String },
    Nobody,
}

/// Everything one turn takes up.
#[derive(Default)]
struct Gathered {
    asked: Vec<Asked>,
    waiters: Vec<Waiter>,
    end: Option<Ended>,
}

impl Gathered {
    fn add(&mut self, asked: Asked, waiter: Waiter) {
        self.asked.push(asked);
        self.waiters.push(waiter);
    }

    fn is_empty(&self) -> bool {
        self.asked.is_empty() && self.end.is_none()
    }

    fn has_room(&self) -> bool {
        self.asked.len() < TURN_MAX && self.end.is_none()
    }

    fn ask(&mut self, Ask { request, answer }: Ask) {
        self.add(Asked::Request(request), Waiter::Caller(answer));
    }

    /// What belongs together; its last part is what is waited for.
    fn all(&mut self, mut asked: Vec<Asked>, waiter: Waiter) {
        let Some(last) = asked.pop() else { return };
        asked.into_iter().for_each(|asked| self.add(asked, Waiter::Nobody));
        self.add(last, waiter);
    }

    fn spooled(&mut self, calls: Vec<Spooled>) {
        for Spooled { session, name, asked } in calls {
            self.all(asked, Waiter::Spool { session, name });
        }
    }
}

impl<S: Storage, H: Host> Turning<S, H> {
    /// Turns until a signal, a reload or a journal that fails.
    pub(super) fn run(&mut self, inputs: &Receiver<Input>) -> Ended {
        loop {
            let mut gathered = Gathered::default();
            self.gather_all(inputs, &mut gathered);
            let expected = self.company.expected(gathered.asked.len());
            if gathered.is_empty() {
                match inputs.recv_timeout(self.patience()) {
                    Ok(input) => self.gather(input, &mut gathered),
                    Err(RecvTimeoutError::Timeout) => self.deadline(&mut gathered),
                    Err(RecvTimeoutError::Disconnected) => return Ended::Stopped,
                }
                self.gather_all(inputs, &mut gathered);
            }
            self.gather_company(inputs, expected, &mut gathered);
            let Gathered { asked, waiters, end } = gathered;
            if !asked.is_empty()
                && let Err(error) = self.turn(asked, waiters)
            {
                return Ended::JournalFailed(error);
            }
            if let Some(end) = end {
                return end;
            }
        }
    }

    /// What waits already.
    fn gather_all(&mut self, inputs: &Receiver<Input>, gathered: &mut Gathered) {
        while gathered.has_room()
            && let Ok(input) = inputs.try_recv()
        {
            self.gather(input, gathered);
        }
    }

    /// What is about to come, if it is worth a moment.
    fn gather_company(&mut self, inputs: &Receiver<Input>, expected: usize, gathered: &mut Gathered) {
        while (1..expected).contains(&gathered.asked.len())
            && gathered.has_room()
            && let Some(patience) = self.company.patience(Instant::now())
            && let Ok(input) = inputs.recv_timeout(patience)
        {
            self.gather(input, gathered);
            self.gather_all(inputs, gathered);
        }
    }

    /// Until the next deadline or the mark; without either, until something comes.
    fn patience(&self) -> Duration {
        const NOTHING_DUE: Duration = Duration::from_secs(24 * 3600);
        let now = clock::now();
        let deadline = self.supervisor.next_deadline();
        let left = deadline.map(|deadline| Duration::from_millis(deadline.at.awake_ms.saturating_sub(now.awake_ms)));
        let left = left.unwrap_or(NOTHING_DUE);
        if self.unmarked { left.min(QUIET) } else { left }
    }

    fn gather(&mut self, input: Input, gathered: &mut Gathered) {
        match input {
            Input::Ask(ask) => gathered.ask(ask),
            Input::AskAll(asks) => asks.into_iter().for_each(|ask| gathered.ask(ask)),
            Input::Report(report) => {
                if let (Event::Fact(Fact::SessionGone(_)), Some(session)) = (&report.draft.event, named(&report.draft))
                {
                    // What the agent said last comes before its end (C61a).
                    gathered.spooled(self.spool(&session));
                }
                gathered.add(Asked::seen(report.draft), Waiter::Durable(report.durable));
            }
            Input::Read(question) => question(Ok((self.supervisor.state(), clock::now()))),
            Input::Peek { session, answer } => self.order(Order::Peek { session, answer }),
            Input::Heard { drafts, answer } => {
                gathered.all(drafts.into_iter().map(Asked::seen).collect(), Waiter::Caller(answer));
            }
            Input::Spooled { session } => gathered.spooled(self.spool(&session)),
            Input::Reload => gathered.end = Some(Ended::Reload),
            Input::Stop { why } => {
                let stopped = Draft::own(Subject::NONE, None, DaemonStopped { why });
                gathered.add(Asked::seen(stopped), Waiter::Nobody);
                gathered.end = Some(Ended::Stopped);
            }
        }
    }

    fn spool(&self, session: &SessionName) -> Vec<Spooled> {
        let conversation = |session: &SessionName| conversation(self.supervisor.state(), session);
        spools::read(Reading { home: &self.home, ears: &self.ears, conversation: &conversation }, session)
    }

    /// The deadline that made the loop wake, or the mark of a quiet journal.
    fn deadline(&mut self, gathered: &mut Gathered) {
        let now = clock::now();
        if let Some(deadline) = self.supervisor.next_deadline().filter(|d| d.at.awake_ms <= now.awake_ms) {
            let passed = Draft::own(Subject::NONE, None, DeadlinePassed { deadline: deadline.kind });
            gathered.add(Asked::seen(passed), Waiter::Nobody);
        } else if self.unmarked {
            self.unmarked = false;
            match self.supervisor.keep_quiet(now) {
                Ok(kept) => {
                    self.tell_kept(kept);
                    self.say_of_low_disk();
                }
                Err(error) => gathered.end = Some(Ended::JournalFailed(error)),
            }
        }
    }

    fn turn(&mut self, asked: Vec<Asked>, waiters: Vec<Waiter>) -> Result<(), AppendError> {
        let callers = waiters.iter().filter(|waiter| matches!(waiter, Waiter::Caller(_))).count();
        let begun = Instant::now();
        match self.supervisor.turn(clock::now(), asked) {
            Ok(turn) => {
                let ended = Instant::now();
                self.company = Company::of(callers, ended - begun, ended);
                self.unmarked = true;
                self.tell(turn, waiters);
                let kept = self.supervisor.keep_busy(clock::now())?;
                self.tell_kept(kept);
                self.say_of_low_disk();
                Ok(())
            }
            Err(error) => {
                refuse(waiters, &error);
                Err(error)
            }
        }
    }

    /// Once, until there is room again: records are still taken, and there is time to do something about it (C63).
    fn say_of_low_disk(&mut self) {
        let says = self.supervisor.disk_low().map(|low| crate::executor::tmux::in_full(low));
        if let (Some(says), false) = (&says, self.low_said) {
            tracing::warn!(says, "the disk is nearly full: the journal goes on until its segment is");
            let settings = &self.supervisor.state().settings;
            refusing::call(&self.orders, settings, AttentionKind::DiskLow, says.clone());
        }
        self.low_said = says.is_some();
    }

    /// Nobody is told anything before it is durable (I1): only here is a turn opened.
    pub(super) fn announce(&self, groups: &[Vec<Record>]) {
        for record in groups.iter().flatten() {
            self.tell_hands(record);
            if self.records.receiver_count() > 0 {
                // Nobody listening any more is no trouble.
                let _ = self.records.send(Arc::new(record.clone()));
            }
        }
    }

    /// Of snapshots and removals: what was said in the journal, and what could not be done.
    pub(super) fn tell_kept(&self, kept: Kept) {
        warn_of(&kept);
        for turn in kept.turns {
            self.announce(&turn.into_inner().groups);
        }
    }

    fn tell(&self, turn: Committed<Turn>, waiters: Vec<Waiter>) {
        let Turn { mut groups, outcomes } = turn.into_inner();
        self.announce(&groups);
        let mut answers = Vec::new();
        for (outcome, waiter) in outcomes.into_iter().zip(waiters) {
            match waiter {
                Waiter::Caller(caller) => answers.push((caller, answered(outcome, &mut groups))),
                Waiter::Durable(durable) => {
                    if let (Outcome::Recorded { .. }, Some(durable)) = (outcome, durable) {
                        let _ = durable.send(());
                    }
                }
                Waiter::Spool { session, name } => spools::remove(&self.home, &session, &name),
                Waiter::Nobody => {}
            }
        }
        if !answers.is_empty() {
            // Closed only when the daemon is ending.
            let _ = self.answers.send(answers);
        }
    }

    /// What a lane that waits for a turn or a proof must hear at once.
    fn tell_hands(&self, record: &Record) {
        let (Some(peer), Some(generation)) = (&record.subject.peer, record.subject.generation) else { return };
        let session = SessionName { peer: peer.clone(), generation };
        let told = match &record.event {
            Event::Fact(Fact::TurnObserved(_)) => {
                // What the word means, and not what it says: it may have come late.
                let known = self.supervisor.state().session(peer, generation);
                Told::Turn { session, running: known.is_some_and(Session::is_told_running) }
            }
            Event::Fact(Fact::ConversationNamed(named)) => {
                Told::Conversation { session, name: named.resume_ref.clone() }
            }
            Event::Fact(Fact::SessionStarted(_) | Fact::SessionAdopted(_)) => {
                let known = self.supervisor.state().session(peer, generation);
                let Some(name) = known.and_then(|session| session.resume_ref.clone()) else { return };
                Told::Conversation { session, name }
            }
            Event::Decision(Decision::Delivered(Delivered {
                proof: proof @ (Proof::Answer | Proof::Hook), ..
            })) => {
                let Some(message) = record.subject.message else { return };
                Told::Proven { session, message, proof: *proof }
            }
            _ => return,
        };
        self.order(Order::Tell(told));
    }

    fn order(&self, order: Order) {
        // Closed only when the daemon is ending.
        let _ = self.orders.send(order);
    }
}

/// Nothing is lost by it: a start takes longer, or history takes more room.
pub(super) fn warn_of(kept: &Kept) {
    for error in &kept.failed {
        tracing::warn!(error = in_full(error), "history could not be looked after, and will be later");
    }
}

fn named(draft: &Draft) -> Option<SessionName> {
    Some(SessionName { peer: draft.subject.peer.clone()?, generation: draft.subject.generation? })
}

/// Takes the records of an answer out of `groups`: each is one asker's.
fn answered(outcome: Outcome, groups: &mut [Vec<Record>]) -> Answer {
    let group = match outcome {
        Outcome::Known { message, accepted, queue_depth } => return Answer::Known { message, accepted, queue_depth },
        Outcome::Recorded { group } => groups.get_mut(group).map(std::mem::take).unwrap_or_default(),
        Outcome::Stale => Vec::new(),
    };
    match group.first().map(|record| &record.event) {
        Some(Event::Fact(Fact::RequestRefused(refused))) => {
            Answer::Refused { rule: refused.rule.clone(), why: refused.why.clone(), hint: refused.hint.clone() }
        }
        Some(Event::Fact(Fact::MessageRefused(refused))) => {
            Answer::Refused { rule: refused.rule.clone(), why: refused.why.clone(), hint: refused.hint.clone() }
        }
        _ => Answer::Done(group),
    }
}

fn refuse(waiters: Vec<Waiter>, error: &AppendError) {
    let (why, in_doubt) = (in_full(error), !error.left_journal_usable());
    for waiter in waiters {
        if let Waiter::Caller(answer) = waiter {
            let _ = answer.send(Answer::JournalRefuses { why: why.clone(), in_doubt });
        }
    }
}
