//! The decision space, and the parts of it that no world can reach, each with its reason.

use super::{Branch, Cell, Class, Phase};
use crate::model::event::KINDS;

use Phase::{
    Asks, Asleep, Booting, Ending, External, Launching, New, Nobody, Open, Quarantined, Rests, Stopped, Works,
};

/// Every kind of fact.
pub fn facts() -> impl Iterator<Item = &'static str> {
    KINDS.iter().filter(|kind| kind.class == Class::Fact).map(|kind| kind.name)
}

/// Each of them in each phase.
pub fn cells() -> impl Iterator<Item = Cell> {
    facts().flat_map(|fact| Phase::ALL.iter().map(move |phase| (fact, *phase)))
}

/// Why no world can reach this cell.
pub fn impossible(cell: Cell) -> Option<&'static str> {
    find(IMPOSSIBLE, cell)
}

/// Why few worlds reach this cell: what has to come together.
pub fn rare(cell: Cell) -> Option<&'static str> {
    find(RARE, cell)
}

type Rows = &'static [(&'static [&'static str], &'static [Phase], &'static str)];

fn find(rows: Rows, (fact, phase): Cell) -> Option<&'static str> {
    rows.iter().find(|(facts, phases, _)| facts.contains(&fact) && phases.contains(&phase)).map(|(.., why)| *why)
}

const NO_SESSION: &[Phase] = &[Nobody, New, External, Asleep, Stopped, Quarantined];
const SOMEBODY: &[Phase] =
    &[New, External, Asleep, Stopped, Quarantined, Launching, Booting, Open, Works, Asks, Rests, Ending];

const OF_NOBODY: &[&str] = &[
    "daemon_started",
    "daemon_stopped",
    "settings_changed",
    "settings_unreadable",
    "runtimes_changed",
    "deadline_passed",
    "daemon_ready",
    "snapshot_taken",
    "history_removed",
];
const OF_A_PEER: &[&str] = &[
    "peer_registered",
    "remove_requested",
    "profile_changed",
    "profile_unreadable",
    "stop_requested",
    "start_requested",
    "new_requested",
    "refresh_requested",
    "attach_requested",
    "run_requested",
    "interrupt_requested",
    "compact_requested",
    "cancel_requested",
    "retry_requested",
    "delivery_waiting",
    "delivery_begun",
    "delivery_ended",
    "delivery_settled",
    "orphan_ended",
    "kill_failed",
];
const OF_A_BOOT: &[&str] = &["session_started", "launch_failed", "dialog_answered", "box_opened"];
const OF_A_SESSION: &[&str] = &["session_looked", "session_gone", "session_adopted"];
const OF_A_TURN: &[&str] = &["turn_observed", "prompt_taken", "conversation_named"];

const IMPOSSIBLE: Rows = &[
    (OF_NOBODY, SOMEBODY, "it is about the daemon, and about no peer"),
    (&["interrupt_requested"], &[New, External, Asleep, Stopped, Quarantined, Ending], "refused: it is not live (C56)"),
    (&["compact_requested"], &[External, Stopped, Quarantined], "refused (C5, C15)"),
    (&["attach_requested", "compact_requested"], &[New], "refused: there is nothing to resume (C17)"),
    (&["verb_waiting"], NO_SESSION, "what is typed into a session is told of before its end"),
    (&["verb_ended"], &[Nobody, External], "it names a session of ours"),
    (&["verb_waiting"], &[Launching, Booting, Open], "a command waits for a session that is ready"),
    (&["record_lost"], &[Nobody], "`journal salvage` writes it, into a journal that no daemon has written"),
    (&["record_lost"], SOMEBODY, "`journal salvage` writes it, into a journal that no daemon has written"),
    (&["call_refused"], &[Nobody], "worlds have no sockets that somebody could call at"),
    (&["call_refused"], SOMEBODY, "worlds have no sockets that somebody could call at"),
    (&["attention_called"], &[Nobody], "only the daemon's own thread calls about its journal, and worlds have none"),
    (OF_A_PEER, &[Nobody], "it names its peer"),
    (&["profile_changed", "profile_unreadable"], &[New], "a profile is of a registered peer"),
    (&["cancel_requested", "retry_requested"], &[New], "a message is known as long as its peer"),
    (&["stop_requested", "new_requested", "attach_requested", "run_requested"], &[External], "refused (C5)"),
    (&["new_requested", "attach_requested", "run_requested"], &[Stopped, Quarantined], "refused (C15)"),
    (&["run_requested"], &[Launching, Booting, Open, Works, Asks, Rests, Ending], "refused (C15)"),
    (&["done_called", "fresh_called"], NO_SESSION, "refused: an agent's own calls come out of its session (C55)"),
    (&["message_accepted"], &[Stopped], "refused (C52)"),
    (
        &["delivery_begun"],
        &[New, Asleep, Stopped, Quarantined, Launching, Booting, Ending],
        "stale: its session is over",
    ),
    (
        &["delivery_waiting"],
        &[Asleep, Stopped, Quarantined, Launching, Booting],
        "a lane says nothing when its session is gone, or before its box is open",
    ),
    (OF_A_BOOT, NO_SESSION, "a boot is cut off before its session is over"),
    (OF_A_BOOT, &[Open, Works, Asks, Rests], "a boot ends once, and says nothing after it"),
    (&["dialog_answered", "box_opened"], &[Launching], "the process that boots has been told of"),
    (OF_A_SESSION, NO_SESSION, "what is seen of a session comes before its end"),
    (&["session_not_known"], &[Nobody, External], "it names a session of ours"),
    (OF_A_TURN, &[Nobody, External], "it is said from inside a session of ours"),
    (&["session_looked"], &[Launching, Booting, Open], "only what is ready is looked at"),
];

const RARE: Rows = &[
    (
        OF_A_TURN,
        &[New, Asleep, Stopped, Quarantined, Launching, Booting],
        "a session that is gone has left its word in the spool, or once more what was written and not answered",
    ),
    (&["prompt_taken", "conversation_named"], &[Asks, Rests, Ending], "a turn begins, and its beginning is heard late"),
    (&["conversation_named"], &[Works], "a turn begins, and its beginning is heard late"),
    (
        &["session_not_known"],
        &[New, Asleep, Stopped, Quarantined],
        "nobody could tell how it ended, and it was over already",
    ),
    (&["done_called", "fresh_called"], &[Launching], "a word of the session before, in the moments of a launch"),
    (
        &["retry_requested"],
        &[Launching, Booting, Stopped, Quarantined],
        "a message is dead, and another one wakes its peer",
    ),
    (OF_A_BOOT, &[Ending], "the boot's next step and what ends its session are heard in the same turn, in this order"),
    (
        &["delivery_waiting", "session_looked"],
        &[Ending],
        "what is seen and what ends the session are heard in one turn",
    ),
    (
        &["delivery_ended", "delivery_settled", "kill_failed"],
        &[New, Asleep, Stopped, Quarantined, Launching, Booting, Open, Works, Asks, Rests, Ending],
        "it was asked for twice, once before a restart, and answered when all was over",
    ),
    (
        &["kill_failed"],
        &[New, External, Asleep, Stopped, Quarantined, Launching, Booting, Open, Works, Asks, Rests],
        "a start finds what is left of a session that is gone, and cannot end it",
    ),
    (
        &["orphan_ended"],
        &[External, Booting, Open, Works, Asks, Rests, Ending],
        "a start finds what is left of a session before the one that lives, or of one from before somebody else kept it",
    ),
    (
        &["interrupt_requested", "compact_requested", "verb_ended"],
        &[New, Launching, Booting, Open, Asks, Rests, Ending],
        "these phases are short, or few ask for it in them",
    ),
    (
        &["verb_ended"],
        &[Asleep, Stopped, Quarantined],
        "the session was gone when its key was to be pressed, and that is said, too",
    ),
    (&["verb_waiting"], &[Asks, Rests, Ending], "it was told of as the turn ended"),
    (&["attach_requested"], &[Ending], "somebody attaches while an idle session ends"),
    (&["attention_called"], SOMEBODY, "the command is run while the peer goes on"),
    (
        &[
            "remove_requested",
            "stop_requested",
            "start_requested",
            "new_requested",
            "refresh_requested",
            "attach_requested",
            "cancel_requested",
            "retry_requested",
            "message_refused",
            "peer_registered",
            "profile_changed",
            "profile_unreadable",
            "done_called",
            "fresh_called",
            "delivery_begun",
            "session_not_known",
        ],
        &[Asks, Open, New, Ending],
        "these phases are short, and it has to come in one of them",
    ),
];

const PREFIX: Option<&str> = Some("no two of the ten names begin alike");

/// A decision or a refusal, the reason it names, and why no world gets there, if none can.
#[rustfmt::skip]
pub const BRANCHES: &[(&str, &str, Option<&str>)] = &[
    ("request_refused", "already live", None),
    ("request_refused", "already typed", None),
    ("request_refused", "cannot resume", None),
    ("request_refused", "folder is held", None),
    ("request_refused", "live", None),
    ("request_refused", "managed elsewhere", None),
    ("request_refused", "name is held", None),
    ("request_refused", "no such message", None),
    ("request_refused", "no such peer", None),
    ("request_refused", "not a name", None),
    ("request_refused", "not dead", None),
    ("request_refused", "not from a session", None),
    ("request_refused", "no turn", None),
    ("request_refused", "not live", None),
    ("request_refused", "nothing to resume", None),
    ("request_refused", "quarantined", None),
    ("request_refused", "runtime not declared", None),
    ("request_refused", "runtime not known", None),
    ("request_refused", "session has ended", None),
    ("request_refused", "several peers", PREFIX),
    ("request_refused", "stopped", None),
    ("request_refused", "under way", None),
    ("message_refused", "NUL", None),
    ("message_refused", "empty", None),
    ("message_refused", "id not printable", None),
    ("message_refused", "id of another text", None),
    ("message_refused", "no such peer", None),
    ("message_refused", "not a name", None),
    ("message_refused", "queue full", None),
    ("message_refused", "runtime not declared", None),
    ("message_refused", "several peers", PREFIX),
    ("message_refused", "stopped", None),
    ("message_refused", "to a person from outside", None),
    ("message_refused", "to a person without a name", None),
    ("message_refused", "to oneself", None),
    ("message_refused", "too long", None),
    ("message_refused", "topic not printable", None),
    ("message_refused", "topic too long", None),
    ("wake_decided", "attach, fresh", None),
    ("wake_decided", "attach, resumed", None),
    ("wake_decided", "compact, fresh", None),
    ("wake_decided", "compact, resumed", None),
    ("wake_decided", "died", None),
    ("wake_decided", "ephemeral", None),
    ("wake_decided", "first wake", None),
    ("wake_decided", "folder launch", None),
    ("wake_decided", "human conversation, fresh", None),
    ("wake_decided", "human conversation, resumed", None),
    ("wake_decided", "new", None),
    ("wake_decided", "no topic", None),
    ("wake_decided", "refresh mark", None),
    ("wake_decided", "resume failed", None),
    ("wake_decided", "resume on death", None),
    ("wake_decided", "topic known, fresh", None),
    ("wake_decided", "topic known, resumed", None),
    ("wake_decided", "topic new", None),
    ("wake_refused", "already live", Some("who has a session is not asked")),
    ("wake_refused", "boot slots", None),
    ("wake_refused", "failed boot slot", None),
    ("wake_refused", "managed elsewhere", None),
    ("wake_refused", "quarantined", None),
    ("wake_refused", "retry delay", None),
    ("wake_refused", "runtime not declared", None),
    ("wake_refused", "stopped", None),
    ("session_ready", "bare", None),
    ("session_ready", "first input", None),
    ("wake_failed", "boot, nothing left", None),
    ("wake_failed", "boot, something left", None),
    ("wake_failed", "first input, nothing left", None),
    ("wake_failed", "first input, something left", None),
    ("wake_failed", "launch, nothing left", None),
    ("wake_failed", "launch, something left", None),
    ("wake_failed", "nobody watched", None),
    ("boot_slot_released", "", None),
    ("delivery_decided", "first input", None),
    ("delivery_decided", "first input, again", None),
    ("delivery_decided", "next", None),
    ("delivery_decided", "next, again", None),
    ("delivered", "answer", None),
    ("delivered", "hook", None),
    ("delivered", "keys", None),
    ("delivered", "screen", Some("no program of these worlds is read off its screen")),
    ("delivered", "transcript", None),
    ("delivered", "transcript, byte for byte", None),
    ("delivery_failed", "not typed", None),
    ("delivery_failed", "typed", None),
    ("message_dead", "impossible", None),
    ("message_dead", "too many deliveries failed", None),
    ("message_dead", "too many sessions died", None),
    ("message_cancelled", "as asked", None),
    ("message_cancelled", "its peer was removed", None),
    ("message_requeued", "an operator ended its session", None),
    ("message_requeued", "as asked", None),
    ("message_requeued", "before anything was typed", None),
    ("message_requeued", "its session died", None),
    ("message_requeued", "the record cannot tell", None),
    ("message_requeued", "the record does not hold it", None),
    ("task_done", "answered", None),
    ("task_done", "without a word", None),
    ("report_made", "to a peer", None),
    ("report_made", "to somebody outside", None),
    ("answer_kept", "", None),
    ("armed", "by a message", None),
    ("armed", "by its own word", None),
    ("turn_judged", "it answered", None),
    ("turn_judged", "it said so", None),
    ("turn_judged", "silent", None),
    ("look_decided", "answer", None),
    ("look_decided", "delivery", None),
    ("look_decided", "hook", None),
    ("look_decided", "person", None),
    ("look_decided", "screen", None),
    ("look_decided", "status file", None),
    ("look_decided", "terminal", None),
    ("look_decided", "title", Some("made-up programs have no titles: what they say, they say on their terminal")),
    ("look_decided", "transcript", None),
    ("look_decided", "wake", None),
    ("reaped", "done", None),
    ("reaped", "idle", None),
    ("reaped", "removed", None),
    ("reaped", "replaced", None),
    ("reaped", "stopped", None),
    ("reaped", "unarmed", None),
    ("reaped", "unneeded", None),
    ("reaped", "wake_failed", None),
    ("kept", "delivery in flight", Some("a delivery on its way is looked at by nobody")),
    ("kept", "background work", None),
    ("kept", "message waiting", None),
    ("kept", "not known", Some("what is ready has had its first input, or needs none")),
    ("kept", "turn running", None),
    ("kept", "waits for a person", None),
    ("drained", "", None),
    ("parked", "with its conversation", None),
    ("parked", "without one", None),
    ("session_died", "could not be started", None),
    ("session_died", "exited", None),
    ("session_died", "killed", None),
    ("session_died", "lost its terminal", None),
    ("session_died", "machine down", None),
    ("session_died", "never started", Some("that is a wake that failed")),
    ("session_died", "not known", None),
    ("session_finished", "in peace", None),
    ("session_finished", "it had answered", None),
    ("session_ended", "", None),
    ("quarantined", "", None),
    ("quarantine_lifted", "by an operator", None),
    ("quarantine_lifted", "the window has passed", None),
    ("kill_repeated", "", None),
    ("stop_set", "", None),
    ("stop_cleared", "", None),
    ("refresh_marked", "by an operator", None),
    ("refresh_marked", "by the agent", None),
    ("peer_forgotten", "at once", None),
    ("peer_forgotten", "once it was gone", None),
    ("verb_decided", "compact", None),
    ("verb_decided", "interrupt", None),
    ("verb_given_up", "its daemon ended", None),
    ("verb_given_up", "its session is gone", None),
    ("verb_given_up", "not resumed", None),
];

const NO_RESUME: &str = "a wake waits, and its runtime's file comes to say meanwhile that it cannot resume";

/// Ways that few worlds go, and what has to come together.
const RARE_BRANCHES: &[(&str, &str, &str)] = &[
    ("kept", "message waiting", "a session is idle while a message waits for it that cannot be typed"),
    ("wake_decided", "attach, fresh", NO_RESUME),
    ("wake_decided", "compact, fresh", NO_RESUME),
    ("verb_given_up", "its daemon ended", "the daemon ends between the decision and the key"),
    ("verb_given_up", "not resumed", NO_RESUME),
    ("wake_decided", "human conversation, fresh", "what was put aside has no conversation that could be resumed"),
    ("session_died", "could not be started", "nearly always that is a wake that failed"),
    ("session_died", "not known", "whoever watched it cannot tell, and it was ready"),
    ("kept", "waits for a person", "a person lets it wait for as long as silence may last"),
    ("look_decided", "status file", "the last word is that of a status file, and a hook nearly always comes after it"),
];

/// Why few worlds go this way.
pub fn rare_branch((kind, reason): Branch) -> Option<&'static str> {
    RARE_BRANCHES.iter().find(|row| (row.0, row.1) == (kind, reason)).map(|(.., why)| *why)
}
