//! Each record as a sentence: what happened or was concluded, with the figures that were compared.
//!
//! The dispatch is exhaustive, so that no kind can be added without its sentence.

mod daemon;
mod deliver;
mod history;
mod life;
mod message;
mod peer;
mod verb;
mod wake;

use jiff::tz::TimeZone;

use crate::model::event::{Decision, Event, Fact};
use crate::model::record::Record;
use crate::model::time::Timestamp;

use super::phrase::{clock, one_line};

pub use deliver::gate as delivery_gate;
pub use life::source as turn_source;
pub use wake::{
    branch as wake_branch, gate as wake_gate, gate_clause as wake_gate_clause, gate_rule as wake_gate_rule,
};

/// From where a sentence is spoken: its record's moment, in the reader's zone.
#[derive(Clone, Copy)]
struct Here<'a> {
    at: Timestamp,
    zone: &'a TimeZone,
}

impl Here<'_> {
    fn clock(self, at: Timestamp) -> String {
        clock(at, self.at, self.zone)
    }
}

/// The rule's sentence with its figures, in plain English: one line, no full stop, times local to `zone`.
pub fn because(record: &Record, zone: &TimeZone) -> String {
    let here = Here { at: record.at, zone };
    one_line(&match &record.event {
        Event::Fact(fact) => of_fact(fact),
        Event::Decision(decision) => of_decision(decision, here),
    })
}

fn of_fact(fact: &Fact) -> String {
    match fact {
        Fact::DaemonStarted(it) => daemon::started(it),
        Fact::DaemonReady(it) => daemon::ready(it),
        Fact::SnapshotTaken(it) => history::snapshot_taken(it),
        Fact::HistoryRemoved(it) => history::removed(it),
        Fact::RecordLost(it) => history::record_lost(it),
        Fact::CallRefused(it) => daemon::call_refused(it),
        Fact::DaemonStopped(it) => daemon::stopped(it),
        Fact::SettingsChanged(it) => daemon::settings_changed(it),
        Fact::SettingsUnreadable(it) => daemon::settings_unreadable(it),
        Fact::RuntimesChanged(it) => daemon::runtimes_changed(it),
        Fact::DeadlinePassed(it) => daemon::deadline_passed(it),
        Fact::AttentionCalled(it) => daemon::attention_called(it),
        Fact::PeerRegistered(it) => peer::registered(it),
        Fact::RemoveRequested(it) => peer::remove_requested(it),
        Fact::ProfileChanged(it) => peer::profile_changed(it),
        Fact::ProfileUnreadable(it) => peer::profile_unreadable(it),
        Fact::RequestRefused(it) => peer::request_refused(it),
        Fact::StopRequested(it) => peer::stop_requested(it),
        Fact::StartRequested(it) => peer::start_requested(it),
        Fact::NewRequested(it) => peer::new_requested(it),
        Fact::RefreshRequested(it) => peer::refresh_requested(it),
        Fact::AttachRequested(it) => peer::attach_requested(it),
        Fact::RunRequested(it) => peer::run_requested(it),
        Fact::DoneCalled(it) => peer::done_called(it),
        Fact::FreshCalled(it) => peer::fresh_called(it),
        Fact::InterruptRequested(it) => verb::interrupt_requested(it),
        Fact::CompactRequested(it) => verb::compact_requested(it),
        Fact::MessageAccepted(it) => message::accepted(it),
        Fact::MessageRefused(it) => message::refused(it),
        Fact::CancelRequested(it) => message::cancel_requested(it),
        Fact::RetryRequested(it) => message::retry_requested(it),
        Fact::DeliveryWaiting(it) => deliver::waiting(it),
        Fact::DeliveryBegun(it) => deliver::begun(it),
        Fact::PromptTaken(it) => deliver::prompt_taken(it),
        Fact::DeliveryEnded(it) => deliver::ended(it),
        Fact::DeliverySettled(it) => deliver::settled(it),
        Fact::SessionStarted(it) => wake::session_started(it),
        Fact::LaunchFailed(it) => wake::launch_failed(it),
        Fact::DialogAnswered(it) => wake::dialog_answered(it),
        Fact::BoxOpened(it) => wake::box_opened(it),
        Fact::TurnObserved(it) => life::turn_observed(it),
        Fact::ConversationNamed(it) => life::conversation_named(it),
        Fact::SessionLooked(it) => life::session_looked(it),
        Fact::SessionNotKnown(it) => life::session_not_known(it),
        Fact::SessionGone(it) => life::session_gone(it),
        Fact::SessionAdopted(it) => wake::session_adopted(it),
        Fact::OrphanEnded(it) => wake::orphan_ended(it),
        Fact::KillFailed(it) => life::kill_failed(it),
        Fact::VerbWaiting(it) => verb::waiting(it),
        Fact::VerbEnded(it) => verb::ended(it),
    }
}

fn of_decision(decision: &Decision, here: Here<'_>) -> String {
    match decision {
        Decision::WakeDecided(it) => wake::decided(it),
        Decision::WakeRefused(it) => wake::refused(it, here),
        Decision::SessionReady(it) => wake::session_ready(it),
        Decision::WakeFailed(it) => wake::failed(it),
        Decision::BootSlotReleased(it) => wake::boot_slot_released(it),
        Decision::DeliveryDecided(it) => deliver::decided(it),
        Decision::Delivered(it) => deliver::delivered(it),
        Decision::DeliveryFailed(it) => deliver::failed(it),
        Decision::MessageDead(it) => message::dead(it),
        Decision::MessageCancelled(it) => message::cancelled(it),
        Decision::MessageRequeued(it) => message::requeued(it),
        Decision::TaskDone(it) => message::task_done(it),
        Decision::ReportMade(it) => message::report_made(it),
        Decision::AnswerKept(it) => message::answer_kept(it),
        Decision::Armed(it) => life::armed(it),
        Decision::TurnJudged(it) => life::turn_judged(it, here),
        Decision::LookDecided(it) => life::look_decided(it, here),
        Decision::Reaped(it) => life::reaped(it, here),
        Decision::Kept(it) => life::kept(it),
        Decision::Drained(it) => wake::drained(it),
        Decision::Parked(it) => life::parked(it),
        Decision::SessionDied(it) => life::died(it),
        Decision::SessionFinished(it) => life::finished(it),
        Decision::SessionEnded(it) => life::session_ended(it),
        Decision::Quarantined(it) => life::quarantined(it, here),
        Decision::QuarantineLifted(it) => life::quarantine_lifted(it),
        Decision::KillRepeated(it) => life::kill_repeated(it),
        Decision::StopSet(it) => peer::stop_set(it),
        Decision::StopCleared(it) => peer::stop_cleared(it),
        Decision::RefreshMarked(it) => peer::refresh_marked(it),
        Decision::PeerForgotten(it) => peer::forgotten(it),
        Decision::VerbDecided(it) => verb::decided(it),
        Decision::VerbGivenUp(it) => verb::given_up(it),
    }
}

/// What the one who asked gave as a reason.
fn given(reason: Option<&String>) -> String {
    reason.map_or_else(String::new, |reason| format!("; reason given: {reason}"))
}
