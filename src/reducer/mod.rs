//! The fold: one record in, the state changed, effects out. Pure and total: a record that happened cannot be an error.

mod daemon;
mod delivery;
mod ending;
pub mod invariant;
mod life;
mod message;
mod peer;
mod startup;
mod turn;
mod verb;
mod wake;

use crate::model::effect::{Effect, SessionName, Task};
use crate::model::event::{Decision, Event, Fact};
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::state::{Presence, Session, State};

/// Folds `record` into `state` and returns what it asks of the world.
pub fn apply(state: &mut State, record: &Record) -> Vec<Effect> {
    state.lsn = record.lsn;
    state.now = Some(record.at);
    let tasks = match &record.event {
        Event::Fact(fact) => apply_fact(state, record, fact),
        Event::Decision(decision) => apply_decision(state, record, decision),
    };
    tasks.into_iter().map(|task| Effect { cause: record.lsn, task }).collect()
}

fn apply_fact(state: &mut State, record: &Record, fact: &Fact) -> Vec<Task> {
    match fact {
        Fact::DaemonReady(_) => startup::daemon_ready(state, record),
        Fact::DaemonStarted(fact) => startup::daemon_started(state, record, fact),
        Fact::DaemonStopped(_) => daemon::daemon_stopped(state),
        Fact::SettingsChanged(fact) => daemon::settings_changed(state, fact),
        Fact::RuntimesChanged(fact) => daemon::runtimes_changed(state, fact),
        Fact::SnapshotTaken(fact) => daemon::snapshot_taken(state, fact),
        Fact::HistoryRemoved(fact) => daemon::history_removed(state, record, fact),
        Fact::PeerRegistered(fact) => peer::peer_registered(state, record, fact),
        Fact::ProfileChanged(fact) => peer::profile_changed(state, fact),
        Fact::ProfileUnreadable(fact) => peer::profile_unreadable(state, fact),
        Fact::NewRequested(fact) => peer::new_requested(state, record, fact),
        Fact::AttachRequested(fact) => peer::attach_requested(state, record, fact),
        Fact::RunRequested(fact) => peer::run_requested(state, record, fact),
        Fact::InterruptRequested(_) => verb::interrupt_requested(state, record),
        Fact::CompactRequested(fact) => verb::compact_requested(state, record, fact),
        Fact::MessageAccepted(fact) => message::message_accepted(state, record, fact),
        Fact::DeliveryWaiting(fact) => delivery::delivery_waiting(state, record, fact),
        Fact::DeliveryBegun(fact) => delivery::delivery_begun(state, record, fact),
        Fact::DeliveryEnded(fact) => delivery::delivery_ended(state, record, fact),
        Fact::SessionStarted(fact) => wake::session_started(state, record, fact),
        Fact::LaunchFailed(fact) => wake::launch_failed(state, record, fact),
        Fact::BoxOpened(_) => wake::box_opened(state, record),
        Fact::TurnObserved(fact) => turn::turn_observed(state, record, fact),
        Fact::ConversationNamed(fact) => life::conversation_named(state, record, fact),
        Fact::SessionLooked(fact) => life::session_looked(state, record, fact),
        Fact::SessionNotKnown(_) => life::session_not_known(state, record),
        Fact::SessionAdopted(fact) => startup::session_adopted(state, record, fact),
        Fact::KillFailed(_) => ending::kill_failed(state, record),
        Fact::VerbEnded(fact) => verb::verb_ended(state, record, fact),
        // Asked or observed; what follows from it is a decision of its own.
        Fact::SettingsUnreadable(_)
        | Fact::RecordLost(_)
        | Fact::CallRefused(_)
        | Fact::DeadlinePassed(_)
        | Fact::AttentionCalled(_)
        | Fact::RemoveRequested(_)
        | Fact::RequestRefused(_)
        | Fact::StopRequested(_)
        | Fact::StartRequested(_)
        | Fact::RefreshRequested(_)
        | Fact::DoneCalled(_)
        | Fact::FreshCalled(_)
        | Fact::MessageRefused(_)
        | Fact::CancelRequested(_)
        | Fact::RetryRequested(_)
        | Fact::DeliverySettled(_)
        | Fact::PromptTaken(_)
        | Fact::DialogAnswered(_)
        | Fact::SessionGone(_)
        | Fact::VerbWaiting(_)
        | Fact::OrphanEnded(_) => Vec::new(),
    }
}

fn apply_decision(state: &mut State, record: &Record, decision: &Decision) -> Vec<Task> {
    match decision {
        Decision::WakeDecided(decision) => wake::wake_decided(state, record, decision),
        Decision::WakeRefused(decision) => wake::wake_refused(state, record, decision),
        Decision::SessionReady(_) => wake::session_ready(state, record),
        Decision::WakeFailed(decision) => wake::wake_failed(state, record, decision),
        Decision::BootSlotReleased(_) => wake::boot_slot_released(state, record),
        Decision::DeliveryDecided(decision) => delivery::delivery_decided(state, record, decision),
        Decision::Delivered(_) => delivery::delivered(state, record),
        Decision::DeliveryFailed(decision) => delivery::delivery_failed(state, record, decision),
        Decision::MessageDead(decision) => message::message_dead(state, record, decision),
        Decision::MessageCancelled(_) => message::message_cancelled(state, record),
        Decision::MessageRequeued(decision) => message::message_requeued(state, record, decision),
        Decision::TaskDone(_) => message::task_done(state, record),
        Decision::ReportMade(decision) => message::report_made(state, record, decision),
        Decision::Armed(_) => life::armed(state, record),
        Decision::TurnJudged(decision) => life::turn_judged(state, record, decision),
        Decision::LookDecided(_) => life::look_decided(state, record),
        Decision::Reaped(decision) => ending::reaped(state, record, decision),
        Decision::Kept(decision) => life::kept(state, record, decision),
        Decision::Parked(decision) => ending::parked(state, record, decision),
        Decision::SessionDied(decision) => ending::session_died(state, record, decision),
        Decision::SessionFinished(decision) => ending::session_finished(state, record, decision),
        Decision::SessionEnded(decision) => ending::session_ended(state, record, decision),
        Decision::KillRepeated(_) => ending::kill_repeated(state, record),
        Decision::Quarantined(decision) => ending::quarantined(state, record, decision),
        Decision::QuarantineLifted(decision) => ending::quarantine_lifted(state, record, decision),
        Decision::StopSet(_) => peer::stop_set(state, record),
        Decision::StopCleared(_) => peer::stop_cleared(state, record),
        Decision::RefreshMarked(_) => peer::refresh_marked(state, record),
        Decision::PeerForgotten(_) => peer::peer_forgotten(state, record),
        Decision::VerbDecided(decision) => verb::verb_decided(state, record, decision),
        Decision::VerbGivenUp(decision) => verb::verb_given_up(state, record, decision),
        // Said for the reader; nothing in the state depends on it.
        Decision::AnswerKept(_) | Decision::Drained(_) => Vec::new(),
    }
}

/// The presence a record is about, made if it is the first to speak of it.
fn presence<'a>(state: &'a mut State, record: &Record) -> Option<&'a mut Presence> {
    let peer = record.subject.peer.as_ref()?;
    Some(state.presences.get_or_insert_with(peer, || Presence::new(record.at)))
}

/// The session a record is about, unless it is gone or a later one has its place.
fn session<'a>(state: &'a mut State, record: &Record) -> Option<&'a mut Session> {
    let generation = record.subject.generation?;
    let presence = state.presences.get_mut(record.subject.peer.as_ref()?)?;
    presence.session.as_mut().filter(|session| session.generation == generation)
}

fn session_name(peer: &Identity, session: &Session) -> SessionName {
    SessionName { peer: peer.clone(), generation: session.generation }
}
