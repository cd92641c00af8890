//! Waking: the decision, the boot, what keeps a peer asleep.

use crate::explain::phrase::{count, one_line, seconds, span};
use crate::model::event::{
    BootSlotReleased, BoxOpened, DialogAnswered, Drained, LaunchFailed, OrphanEnded, SessionAdopted, SessionReady,
    SessionStarted, WakeDecided, WakeFailed, WakePhase, WakeRefused,
};
use crate::model::session::{WakeBranch, WakeGate, WakeMode, WakeReason};

use super::Here;
use super::life::turn_seen;

pub fn decided(it: &WakeDecided) -> String {
    let mode = match it.mode {
        WakeMode::Fresh => "fresh",
        WakeMode::Resumed { .. } => "resumed",
    };
    let cannot =
        if it.mode == WakeMode::Fresh && resumes(it.branch) { ", but nothing of it can be resumed" } else { "" };
    let mut says = format!("woken {mode} for {}: {}{cannot} (C17)", reason(it.reason), branch(it.branch));
    says += &format!("; {} of {} sessions booting at once (C20)", it.booting, it.boots_max);
    if let Some(park) = it.park {
        says += &format!("; takes what was parked at record {park}");
    }
    if it.attempt > 1 {
        says += &format!("; attempt {}", it.attempt);
    }
    if it.possible_duplicate {
        says += "; its message may be a duplicate (C34)";
    }
    says
}

fn reason(reason: WakeReason) -> &'static str {
    match reason {
        WakeReason::Message => "a message",
        WakeReason::Drain => "the next task of its queue",
        WakeReason::Attach => "a person who attaches",
        WakeReason::New => "a new session that was asked for",
        WakeReason::FolderLaunch => "its user",
        WakeReason::Compact => "a compaction that was asked for",
    }
}

/// The branch resumes, if the runtime can and knows by what.
fn resumes(branch: WakeBranch) -> bool {
    use WakeBranch::{Attach, Compact, HumanConversation, TopicKnown};
    matches!(branch, Attach | Compact | HumanConversation | TopicKnown)
}

/// Which line of C17 decided, as a clause.
pub fn branch(branch: WakeBranch) -> &'static str {
    match branch {
        WakeBranch::FolderLaunch => "a launch from the folder is fresh",
        WakeBranch::Attach => "an attach resumes",
        WakeBranch::New => "`new` is fresh, whatever was there",
        WakeBranch::RefreshMark => "it was marked for a refresh",
        WakeBranch::Ephemeral => "an ephemeral peer gets a fresh session for each task",
        WakeBranch::FirstWake => "nothing was ever parked",
        WakeBranch::Died => "the session before died",
        WakeBranch::ResumeOnDeath => "the session before died, and the peer resumes on death",
        WakeBranch::HumanConversation => "people converse with it, so the conversation goes on",
        WakeBranch::TopicKnown => "the message's topic belongs to the parked session",
        WakeBranch::TopicNew => "the message's topic is new to the parked session",
        WakeBranch::NoTopic => "the message has no topic",
        WakeBranch::Compact => "a conversation is resumed to be compacted",
        WakeBranch::ResumeFailed => "its program ended each time that its conversation was to be resumed",
    }
}

pub fn refused(it: &WakeRefused, here: Here<'_>) -> String {
    let since = match &it.gate {
        WakeGate::Stopped { since } => format!(", since {}", here.clock(*since)),
        _ => String::new(),
    };
    format!("not woken: {}{since}", gate(&it.gate))
}

/// What keeps a peer from being woken, as a clause with its rule.
pub fn gate(gate: &WakeGate) -> String {
    format!("{} ({})", gate_clause(gate), gate_rule(gate))
}

/// The same, without the rule.
pub fn gate_clause(gate: &WakeGate) -> String {
    match gate {
        WakeGate::ManagedElsewhere { by } => format!("{by} keeps it alive, not we"),
        WakeGate::RuntimeNotDeclared => "its runtime is unknown or not declared by the peer".to_owned(),
        WakeGate::Stopped { .. } => "it is stopped".to_owned(),
        WakeGate::Quarantined { left_ms } => format!("it is quarantined for {} more", span(*left_ms)),
        WakeGate::AlreadyLive => "it is already live".to_owned(),
        WakeGate::BootSlots { boots_max: 1, .. } => "the only boot slot is taken".to_owned(),
        WakeGate::BootSlots { booting, boots_max } => format!("{booting} of {boots_max} boot slots are taken"),
        WakeGate::FailedBootSlot => {
            "its last wake failed, and such peers share one boot slot, which another one has".to_owned()
        }
        WakeGate::RetryDelay { left_ms } => {
            format!("its next attempt is due in {}", span(*left_ms))
        }
    }
}

pub fn gate_rule(gate: &WakeGate) -> &'static str {
    match gate {
        WakeGate::ManagedElsewhere { .. } => "C5",
        WakeGate::RuntimeNotDeclared => "C15",
        WakeGate::Stopped { .. } => "C52",
        WakeGate::Quarantined { .. } => "C48",
        WakeGate::AlreadyLive => "C16",
        WakeGate::BootSlots { .. } | WakeGate::FailedBootSlot => "C20",
        WakeGate::RetryDelay { .. } => "C13",
    }
}

pub fn drained(it: &Drained) -> String {
    let depth = count(it.queue_depth.into(), "task", "tasks");
    format!("no session of this worker is left, so its next task starts at once; {depth} in the queue (C40)")
}

pub fn session_started(it: &SessionStarted) -> String {
    format!("the program was started after {}, in process {}", seconds(it.took_ms), it.pid)
}

pub fn launch_failed(it: &LaunchFailed) -> String {
    let left = if it.left_session { "; a session is left and has to be ended (C29)" } else { "" };
    let said = last_words(it.screen.as_deref().filter(|_| !it.left_session));
    format!("{} failed: {}{said}{left}", phase(it.phase), it.why)
}

/// The last rows of the screen of a program that has ended.
fn last_words(screen: Option<&str>) -> String {
    const ROWS: usize = 3;
    const CHARS_MAX: usize = 400;
    let rows: Vec<String> = screen.unwrap_or_default().lines().map(one_line).filter(|row| !row.is_empty()).collect();
    let last: String = rows[rows.len().saturating_sub(ROWS)..].join(" / ").chars().take(CHARS_MAX).collect();
    if last.is_empty() { last } else { format!("; it said last `{last}`") }
}

fn phase(phase: WakePhase) -> &'static str {
    match phase {
        WakePhase::Launch => "the launch",
        WakePhase::Boot => "the boot",
        WakePhase::Deliver => "the first delivery",
        WakePhase::Unwatched => "the boot, while no daemon watched,",
    }
}

pub fn dialog_answered(it: &DialogAnswered) -> String {
    let consent = it.consent.as_ref().map_or_else(String::new, |consent| format!(", by the consent `{consent}`"));
    format!("the dialog `{}` was answered with {}{consent}, seeing `{}` (C24)", it.dialog, it.key, it.saw)
}

pub fn box_opened(it: &BoxOpened) -> String {
    format!("the input box is there after {} of boot", seconds(it.boot_ms))
}

pub fn session_ready(it: &SessionReady) -> String {
    format!("ready {} after the wake was decided (C28)", seconds(it.wake_ms))
}

pub fn failed(it: &WakeFailed) -> String {
    let counted = match (it.counted, it.left_session, it.phase) {
        (true, ..) => "; counts as a death (C29)",
        // It ended by itself: the record before this one has counted it.
        (false, false, WakePhase::Boot | WakePhase::Deliver) => "; its death has been counted (C29)",
        (false, ..) => "; not counted as a death",
    };
    let said = last_words(it.screen.as_deref().filter(|_| !it.left_session));
    let left = if it.left_session { "; the session it left is ended (C29)" } else { "" };
    let retry = match it.retry_in_ms {
        0 => "at once".to_owned(),
        ms => format!("in {} at the earliest", seconds(ms)),
    };
    format!(
        "the wake failed: {} failed: {}{said}{counted}{left}; what waits for it is tried again {retry}",
        phase(it.phase),
        it.why
    )
}

pub fn boot_slot_released(it: &BootSlotReleased) -> String {
    format!("the boot slot was held for {} and is free for others; the boot goes on (C20)", seconds(it.held_ms))
}

pub fn session_adopted(it: &SessionAdopted) -> String {
    let turn = it.turn.as_ref().map_or_else(String::new, |turn| format!("; its turn {}", turn_seen(turn)));
    format!("found alive at the daemon's start and taken over, process {}{turn} (C60)", it.pid)
}

pub fn orphan_ended(it: &OrphanEnded) -> String {
    let strays = count(it.strays.into(), "process", "processes");
    format!("no record knows it, so it was ended at the daemon's start: {}, {strays} (C60)", it.what)
}
