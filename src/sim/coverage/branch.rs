//! Which way a rule went: the decision, and the reason it names.

use crate::model::actor::Sender;
use crate::model::delivery::{DeliveryOutcome, Proof, Settlement};
use crate::model::event::{
    Decision, Event, Fact, KeptBecause, MessageRequeued, SessionDied, WakeDecided, WakeFailed, WakePhase,
};
use crate::model::record::Record;
use crate::model::session::{ArmedBy, Ending, Source, TaskEnd, WakeBranch, WakeGate, WakeMode};

use super::refusal;

/// The branch that `record` stands for; none of a fact that is no refusal. `cause` is the record that it names.
pub fn branch(record: &Record, cause: Option<&Record>) -> Option<&'static str> {
    match &record.event {
        Event::Decision(decision) => Some(of_decision(decision, cause.map(|cause| &cause.event))),
        Event::Fact(Fact::MessageRefused(refused)) => Some(refusal::of_message(&refused.why)),
        Event::Fact(Fact::RequestRefused(refused)) => Some(refusal::of_request(&refused.why)),
        Event::Fact(_) => None,
    }
}

fn of_decision(decision: &Decision, cause: Option<&Event>) -> &'static str {
    let fact = match cause {
        Some(Event::Fact(fact)) => Some(fact),
        Some(Event::Decision(_)) | None => None,
    };
    match decision {
        Decision::WakeDecided(wake) => woken(wake),
        Decision::WakeRefused(refused) => gate(&refused.gate),
        Decision::SessionReady(_) => match cause {
            Some(Event::Decision(Decision::Delivered(_))) => "first input",
            _ => "bare",
        },
        Decision::WakeFailed(failed) => wake_failed(failed),
        Decision::DeliveryDecided(it) => match (it.first_input, it.possible_duplicate) {
            (true, false) => "first input",
            (true, true) => "first input, again",
            (false, false) => "next",
            (false, true) => "next, again",
        },
        Decision::Delivered(delivered) => proof(delivered.proof),
        Decision::DeliveryFailed(failed) if failed.possible_duplicate => "typed",
        Decision::DeliveryFailed(_) => "not typed",
        Decision::MessageDead(_) => dead(fact),
        Decision::MessageCancelled(_) => match fact {
            Some(Fact::RemoveRequested(_)) => "its peer was removed",
            _ => "as asked",
        },
        Decision::MessageRequeued(requeued) => back(requeued, fact),
        Decision::TaskDone(done) => match done.how {
            TaskEnd::Answered => "answered",
            TaskEnd::WithoutAWord => "without a word",
        },
        Decision::ReportMade(report) => match report.to {
            Sender::Session { .. } => "to a peer",
            _ => "to somebody outside",
        },
        Decision::Armed(armed) => match armed.by {
            ArmedBy::Message { .. } => "by a message",
            ArmedBy::Done => "by its own word",
        },
        Decision::TurnJudged(_) => match fact {
            Some(Fact::MessageAccepted(_)) => "it answered",
            Some(Fact::DoneCalled(_)) => "it said so",
            _ => "silent",
        },
        Decision::LookDecided(look) => source(look.source),
        Decision::Reaped(reaped) => reaped.reason.word(),
        Decision::Kept(kept) => because(kept.why),
        Decision::Parked(parked) if parked.resume_ref.is_some() => "with its conversation",
        Decision::Parked(_) => "without one",
        Decision::SessionDied(died) => ending(died),
        Decision::SessionFinished(finished) if finished.armed => "it had answered",
        Decision::SessionFinished(_) => "in peace",
        Decision::QuarantineLifted(lifted) if lifted.by_operator => "by an operator",
        Decision::QuarantineLifted(_) => "the window has passed",
        Decision::RefreshMarked(_) => match fact {
            Some(Fact::FreshCalled(_)) => "by the agent",
            _ => "by an operator",
        },
        Decision::PeerForgotten(_) => match fact {
            Some(Fact::RemoveRequested(_)) => "at once",
            _ => "once it was gone",
        },
        Decision::VerbDecided(decided) => decided.verb.word(),
        Decision::VerbGivenUp(given_up) if given_up.why.contains("daemon") => "its daemon ended",
        Decision::VerbGivenUp(given_up) if given_up.why.contains("resumed") => "not resumed",
        Decision::VerbGivenUp(_) => "its session is gone",
        Decision::BootSlotReleased(_)
        | Decision::AnswerKept(_)
        | Decision::Drained(_)
        | Decision::SessionEnded(_)
        | Decision::Quarantined(_)
        | Decision::KillRepeated(_)
        | Decision::StopSet(_)
        | Decision::StopCleared(_) => "",
    }
}

fn woken(wake: &WakeDecided) -> &'static str {
    let resumed = matches!(wake.mode, WakeMode::Resumed { .. });
    match (wake.branch, resumed) {
        (WakeBranch::FolderLaunch, _) => "folder launch",
        (WakeBranch::Attach, true) => "attach, resumed",
        (WakeBranch::Attach, false) => "attach, fresh",
        (WakeBranch::New, _) => "new",
        (WakeBranch::RefreshMark, _) => "refresh mark",
        (WakeBranch::Ephemeral, _) => "ephemeral",
        (WakeBranch::FirstWake, _) => "first wake",
        (WakeBranch::Died, _) => "died",
        (WakeBranch::ResumeOnDeath, _) => "resume on death",
        (WakeBranch::HumanConversation, true) => "human conversation, resumed",
        (WakeBranch::HumanConversation, false) => "human conversation, fresh",
        (WakeBranch::TopicKnown, true) => "topic known, resumed",
        (WakeBranch::TopicKnown, false) => "topic known, fresh",
        (WakeBranch::TopicNew, _) => "topic new",
        (WakeBranch::NoTopic, _) => "no topic",
        (WakeBranch::Compact, true) => "compact, resumed",
        (WakeBranch::Compact, false) => "compact, fresh",
        (WakeBranch::ResumeFailed, _) => "resume failed",
    }
}

fn gate(gate: &WakeGate) -> &'static str {
    match gate {
        WakeGate::ManagedElsewhere { .. } => "managed elsewhere",
        WakeGate::RuntimeNotDeclared => "runtime not declared",
        WakeGate::Stopped { .. } => "stopped",
        WakeGate::Quarantined { .. } => "quarantined",
        WakeGate::AlreadyLive => "already live",
        WakeGate::BootSlots { .. } => "boot slots",
        WakeGate::FailedBootSlot => "failed boot slot",
        WakeGate::RetryDelay { .. } => "retry delay",
    }
}

fn wake_failed(failed: &WakeFailed) -> &'static str {
    match (failed.phase, failed.left_session) {
        (WakePhase::Launch, true) => "launch, something left",
        (WakePhase::Launch, false) => "launch, nothing left",
        (WakePhase::Boot, true) => "boot, something left",
        (WakePhase::Boot, false) => "boot, nothing left",
        (WakePhase::Deliver, true) => "first input, something left",
        (WakePhase::Deliver, false) => "first input, nothing left",
        (WakePhase::Unwatched, _) => "nobody watched",
    }
}

fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::Hook => "hook",
        Proof::Transcript => "transcript",
        Proof::TranscriptExact => "transcript, byte for byte",
        Proof::Answer => "answer",
        Proof::Screen => "screen",
        Proof::Keys => "keys",
    }
}

fn dead(fact: Option<&Fact>) -> &'static str {
    match fact {
        Some(Fact::DeliveryEnded(ended)) if matches!(ended.outcome, DeliveryOutcome::Impossible { .. }) => "impossible",
        Some(Fact::DeliveryEnded(_)) => "too many deliveries failed",
        _ => "too many sessions died",
    }
}

fn back(requeued: &MessageRequeued, fact: Option<&Fact>) -> &'static str {
    match fact {
        Some(Fact::RetryRequested(_)) => "as asked",
        Some(Fact::DeliverySettled(settled)) => match settled.settlement {
            Settlement::Absent => "the record does not hold it",
            Settlement::CannotTell { .. } | Settlement::Found | Settlement::FoundExact => "the record cannot tell",
        },
        _ if requeued.counted => "its session died",
        _ if requeued.possible_duplicate => "an operator ended its session",
        _ => "before anything was typed",
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Hook => "hook",
        Source::StatusFile => "status file",
        Source::Transcript => "transcript",
        Source::Terminal => "terminal",
        Source::Screen => "screen",
        Source::Delivery => "delivery",
        Source::Answer => "answer",
        Source::Wake => "wake",
        Source::Person => "person",
        Source::Title => "title",
    }
}

fn because(why: KeptBecause) -> &'static str {
    match why {
        KeptBecause::TurnRunning => "turn running",
        KeptBecause::WaitsForPerson => "waits for a person",
        KeptBecause::DeliveryInFlight => "delivery in flight",
        KeptBecause::MessageWaiting => "message waiting",
        KeptBecause::BackgroundWork => "background work",
        KeptBecause::NotKnown => "not known",
    }
}

fn ending(died: &SessionDied) -> &'static str {
    match &died.ending {
        Ending::Code { .. } => "exited",
        Ending::Signal { .. } => "killed",
        Ending::ExecFailed { .. } => "could not be started",
        Ending::TerminalLost { .. } => "lost its terminal",
        Ending::NeverStarted => "never started",
        Ending::MachineDown => "machine down",
        Ending::NotKnown { .. } => "not known",
    }
}
