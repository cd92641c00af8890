//! Living and ending: turns, silence, reaps, deaths.

use crate::explain::phrase::{count, seconds, span};
use crate::model::event::{
    Armed, ConversationNamed, Kept, KeptBecause, KillFailed, KillRepeated, LookDecided, Parked, QuarantineLifted,
    Quarantined, Reaped, SessionDied, SessionEnded, SessionFinished, SessionGone, SessionLooked, SessionNotKnown,
    TurnJudged, TurnObserved, TurnSeen,
};
use crate::model::session::{ArmedBy, ReapReason, Source, Turn};

use super::Here;

pub fn turn_observed(it: &TurnObserved) -> String {
    let id = it.turn_id.as_ref().map_or_else(String::new, |id| format!(" `{id}`"));
    format!("the program's turn{id} {}, says {}", turn_seen(&it.turn), source(it.source))
}

/// What was seen of a turn, as what follows "the turn".
pub fn turn_seen(turn: &TurnSeen) -> String {
    match turn {
        TurnSeen::Running => "is running".to_owned(),
        TurnSeen::Ended => "has ended".to_owned(),
        TurnSeen::Idle => "is over: the program is idle".to_owned(),
        TurnSeen::Waiting { on } => format!("waits for a person: {on}"),
        TurnSeen::Failed { reason } => format!("has failed: {reason}"),
        TurnSeen::Background { on } => format!("has ended, and work goes on in the background: {on}"),
        TurnSeen::Alive => "is not spoken of: a sign of life".to_owned(),
    }
}

/// Where a sign of life came from, as a noun.
pub fn source(source: Source) -> &'static str {
    match source {
        Source::Hook => "a hook",
        Source::StatusFile => "the program's status file",
        Source::Transcript => "the transcript",
        Source::Terminal => "the program's own word on its terminal",
        Source::Title => "the program's title",
        Source::Screen => "the screen",
        Source::Person => "a person who was attached",
        Source::Delivery => "a delivery",
        Source::Answer => "an answer",
        Source::Wake => "the wake",
    }
}

pub fn conversation_named(it: &ConversationNamed) -> String {
    format!(
        "its conversation is called `{}`, says {}; a later wake may resume it by that (C17)",
        it.resume_ref,
        source(it.source)
    )
}

pub fn session_looked(it: &SessionLooked) -> String {
    let silent = |name: &str, ms: Option<u64>| match ms {
        Some(0) => format!("the {name} has just moved"),
        Some(ms) => format!("the {name} has been silent for {}", seconds(ms)),
        None => format!("there is no {name}"),
    };
    let (screen, transcript) = (silent("screen", it.screen_silent_ms), silent("transcript", it.transcript_silent_ms));
    let person = it.waiting_on.as_ref().map_or_else(String::new, |on| format!("; a dialog needs a person: {on}"));
    let attached = if it.attached { "; a person is attached" } else { "" };
    let working = if it.working { "; the screen says that it is at work" } else { "" };
    format!("looked at: {screen}, {transcript}{person}{attached}{working}")
}

pub fn session_not_known(it: &SessionNotKnown) -> String {
    // Early records name only what was looked at, or ask.
    let question = match it.question.as_str() {
        "does it live?" => "whether it lives".to_owned(),
        said if said.contains(' ') => said.to_owned(),
        looked_at => format!("what its {looked_at} shows"),
    };
    format!("nobody can say {question}: {}; nothing is decided on it (C43)", it.why)
}

pub fn session_gone(it: &SessionGone) -> String {
    let found = if it.found_at_start { "; found so at the daemon's start" } else { "" };
    let lived = format!("{}{}", it.ending.at_least(), span(it.lived_ms));
    format!("the session {} after {lived}{}{found}", it.ending, strays(it.strays))
}

fn strays(strays: u32) -> String {
    match strays {
        0 => String::new(),
        n => format!("; {} of its tree had to be killed (C49)", count(n.into(), "process", "processes")),
    }
}

pub fn kill_failed(it: &KillFailed) -> String {
    let survivors = count(it.survivors.into(), "process", "processes");
    format!("the kill could not be verified: {}; {survivors} left (C49)", it.why)
}

pub fn armed(it: &Armed) -> String {
    let by = match it.by {
        ArmedBy::Message { message } => format!("it has sent message {message}"),
        ArmedBy::Done => "it has said that it is done".to_owned(),
    };
    format!("may be ended once it is quiet (armed): {by} (C36)")
}

pub fn turn_judged(it: &TurnJudged, here: Here<'_>) -> String {
    let turn = match &it.turn {
        Turn::Unknown => "is not known".to_owned(),
        Turn::Running { since, .. } => format!("has been running since {}", here.clock(*since)),
        Turn::Ended { at, .. } => format!("ended at {}", here.clock(*at)),
        Turn::Waiting { since, on } => format!("has waited for a person since {}: {on}", here.clock(*since)),
        Turn::Failed { at, reason } => format!("failed at {}: {reason}", here.clock(*at)),
        Turn::Background { since, on } => format!("ended at {}, and work goes on: {on}", here.clock(*since)),
    };
    format!("judged, not known: the turn {turn}, for {} (C46a)", it.because)
}

pub fn look_decided(it: &LookDecided, here: Here<'_>) -> String {
    let (silent, sign, at) = (seconds(it.silent_ms), source(it.source), here.clock(it.last_sign));
    format!("to be looked at before anything is decided: silent for {silent}; last sign of life was {sign} at {at}")
}

pub fn reaped(it: &Reaped, here: Here<'_>) -> String {
    match &it.reason {
        ReapReason::Idle { idle_ms, idle_ms_max, last_sign, source: from } => format!(
            "its session is ended (reaped): idle for {}, limit {}; last sign of life was {} at {} (C45)",
            seconds(*idle_ms),
            seconds(*idle_ms_max),
            source(*from),
            here.clock(*last_sign)
        ),
        ReapReason::Done { armed, quiet_ms, quiet_ms_max } => format!(
            "its session is ended (reaped): it has answered (armed at record {armed}), its turn has ended, and it has been quiet for {}, limit {} (C37)",
            seconds(*quiet_ms),
            seconds(*quiet_ms_max)
        ),
        ReapReason::Unarmed { silent_ms, silent_ms_max } => format!(
            "its session is ended (reaped): never answered, and silent for {}, limit {} (C38)",
            seconds(*silent_ms),
            seconds(*silent_ms_max)
        ),
        ReapReason::Stopped => "its session is ended (reaped): an operator stopped the peer (C52)".to_owned(),
        ReapReason::Replaced => "its session is ended (reaped): a new session was asked for (C54)".to_owned(),
        ReapReason::Removed => "its session is ended (reaped): the peer is forgotten (C4)".to_owned(),
        ReapReason::WakeFailed => "its session is ended (reaped): its wake failed and left it (C29)".to_owned(),
        ReapReason::Unneeded => {
            "its session is ended (reaped): it has no task, and each task gets a session of its own (C35)".to_owned()
        }
    }
}

pub fn kept(it: &Kept) -> String {
    format!("kept, however silent: {}", kept_because(it.why))
}

/// What keeps a session, as a clause.
pub fn kept_because(why: KeptBecause) -> &'static str {
    match why {
        KeptBecause::TurnRunning => "its turn is running (C46)",
        KeptBecause::WaitsForPerson => "it waits for a person (C46)",
        KeptBecause::DeliveryInFlight => "a delivery is in flight (C37)",
        KeptBecause::MessageWaiting => "a message waits for it (C45)",
        KeptBecause::BackgroundWork => "work of its own goes on in the background (C46)",
        KeptBecause::NotKnown => "nobody can say what it does (C43)",
    }
}

pub fn parked(it: &Parked) -> String {
    let resume = match &it.resume_ref {
        Some(resume_ref) => format!("its conversation `{resume_ref}` can be resumed"),
        None => "nothing of it can be resumed: its program gave it no name, or nothing was said in it".to_owned(),
    };
    let topics = match it.topics[..] {
        [] => String::new(),
        _ => format!("; topics `{}`", it.topics.join("`, `")),
    };
    format!("put aside for later (parked): {resume}{topics} (C47)")
}

pub fn died(it: &SessionDied) -> String {
    let (deaths, window) = (count(it.deaths.into(), "death", "deaths"), seconds(it.window_ms));
    let task = it.task.map_or_else(String::new, |task| format!("; unfinished: message {task} (C41a)"));
    let lived = format!("{}{}", it.ending.at_least(), span(it.lived_ms));
    let counted = if it.counted { String::new() } else { "not counted against it; ".to_owned() };
    format!(
        "died, for nobody had decided its end: the session {} after {lived}; {counted}{deaths} in {window}, limit {} \
         (C48){task}",
        it.ending, it.deaths_max
    )
}

pub fn finished(it: &SessionFinished) -> String {
    let how = if it.armed { "it had answered" } else { "no turn was running" };
    format!("finished, which is no death: the program ended by itself after {}, and {how} (C44a)", span(it.lived_ms))
}

pub fn session_ended(it: &SessionEnded) -> String {
    let took = if it.took_ms == 0 { "at once".to_owned() } else { format!("within {}", seconds(it.took_ms)) };
    format!("ended as decided at record {}: it {} {took}{}", it.reaped, it.ending, strays(it.strays))
}

pub fn quarantined(it: &Quarantined, here: Here<'_>) -> String {
    let deaths: Vec<String> = it.deaths.iter().map(ToString::to_string).collect();
    format!(
        "quarantined: {} within {} (records {}), so nothing wakes it until {} or `dormouse start` (C48)",
        count(deaths.len() as u64, "death", "deaths"),
        seconds(it.window_ms),
        deaths.join(", "),
        here.clock(it.until)
    )
}

pub fn quarantine_lifted(it: &QuarantineLifted) -> String {
    if it.by_operator {
        "wakes are allowed again: `start` lifted the quarantine (C53)".to_owned()
    } else {
        "wakes are allowed again: the oldest death has left the window (C48)".to_owned()
    }
}

pub fn kill_repeated(it: &KillRepeated) -> String {
    let since = seconds(it.since_ms);
    format!("asked to end it again: the end decided at record {} could not be verified for {since} (C49)", it.reaped)
}
