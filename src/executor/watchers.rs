//! What is heard of a session between effects: its end, once (C44), and its turns.

use std::sync::Arc;
use std::time::Duration;

use super::hand::Hand;
use super::lane::Shared;
use super::{last_words, status_watch, title_watch, transcript_watch};
use crate::model::effect::Liveness;
use crate::model::event::{SessionGone, SessionNotKnown, TurnObserved, TurnSeen};
use crate::model::session::Source;
use crate::observe::{self, FileChange};
use crate::runtime::spec::TurnSource;
use crate::shim::files::Terminal;
use crate::shim::process;

/// Until a question that could not be answered is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Watches a session from here on. Watching it twice is watching it once. `known` is what its program's words are
/// known to be by now: what it said since is told.
pub(super) fn watch(hand: &Arc<Hand>, shared: &Arc<Shared>, known: Terminal) {
    if !shared.may_watch() {
        return;
    }
    shared.keep(hand.ground.tasks.spawn(end(Arc::clone(hand), Arc::clone(shared))).abort_handle());
    let tells = |source| hand.spec.as_ref().is_some_and(|spec| spec.turn.source.contains(&source));
    if hand.spec.as_ref().is_some_and(|spec| spec.turn.status_file.is_some()) {
        shared.keep(hand.ground.tasks.spawn(status_watch::watch(Arc::clone(hand))).abort_handle());
    }
    if tells(TurnSource::Transcript) {
        shared.keep(hand.ground.tasks.spawn(transcript_watch::watch(Arc::clone(hand))).abort_handle());
    }
    if tells(TurnSource::Title) {
        shared.keep(hand.ground.tasks.spawn(title_watch::watch(Arc::clone(hand))).abort_handle());
    }
    if tells(TurnSource::Terminal) {
        shared.keep(hand.ground.tasks.spawn(turns(Arc::clone(hand), known)).abort_handle());
    }
}

async fn end(hand: Arc<Hand>, shared: Arc<Shared>) {
    let mut said = None;
    loop {
        let mut liveness = observe::watch_end(&hand.ground.home, &hand.name).await;
        if let Liveness::NotKnown { why } = &liveness {
            if said.as_ref() != Some(why) {
                let question = "how it ended".to_owned();
                hand.voice.say(SessionNotKnown { question, why: why.clone() });
                said = Some(why.clone());
            }
            // Without a word. What is left of its tree is ended, and then it can be told, with what was found. A failure
            // is the next round's answer.
            if its_process_is_gone(&hand)
                && let Ok(ended) = observe::end_tree(&hand.ground.home, &hand.name).await
            {
                liveness = ended.liveness;
            }
        }
        if let Liveness::Gone { ending, lived_ms, strays } = liveness {
            // What was under way is told first: it may have been done before the end.
            shared.cut().await;
            // An end that was asked for is verified and told by the lane, with all that it found.
            if shared.end_asked.borrow().is_none() && shared.may_tell_gone() {
                if hand.is_booting() {
                    last_words::tell(&hand, &ending).await;
                }
                hand.voice.say(SessionGone { ending, lived_ms, strays, found_at_start: false });
            }
            return;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

/// Known for certain: a question that fails ends nothing (C43).
fn its_process_is_gone(hand: &Hand) -> bool {
    let Ok(Some(born)) = hand.born() else { return false };
    process::stat(born.pid).is_ok_and(|found| !found.is_some_and(|found| found.is_alive_since(born.start_ticks)))
}

async fn turns(hand: Arc<Hand>, mut known: Terminal) {
    let Ok(mut files) = observe::watch_files(&hand.ground.home, &hand.name) else {
        let why = "its files cannot be watched".to_owned();
        hand.voice.say(SessionNotKnown { question: "what its turns do".to_owned(), why });
        return;
    };
    loop {
        match files.next().await {
            Ok(Some(FileChange::Terminal(now))) => {
                for turn in turns_between(&known, &now) {
                    hand.voice.say(TurnObserved { turn, source: Source::Terminal, turn_id: None, said_at: None });
                }
                known = now;
            }
            Ok(Some(FileChange::Status) | None) => return,
            // After an overflow everything is told again.
            Ok(Some(FileChange::Born | FileChange::Spool)) | Err(observe::WatchError::Overflow { .. }) => {}
            Err(_) => return,
        }
    }
}

/// What the program said from one state of its terminal to the next. Two changes may have come as one: a turn that
/// began and ended in between is told as both.
fn turns_between(known: &Terminal, now: &Terminal) -> Vec<TurnSeen> {
    if known.turn == now.turn && known.turns_started == now.turns_started && known.turns_ended == now.turns_ended {
        return Vec::new();
    }
    let unseen = now.turns_started > known.turns_started && now.turn != Some(TurnSeen::Running);
    unseen.then_some(TurnSeen::Running).into_iter().chain(now.turn.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal(turn: TurnSeen, started: u32, ended: u32) -> Terminal {
        Terminal { turn: Some(turn), turns_started: started, turns_ended: ended, ..Terminal::default() }
    }

    /// C46b: as many ends as beginnings, even when the file changed faster than it was read.
    #[test]
    fn c46b_a_turn_between_two_looks_is_told_whole() {
        let before = terminal(TurnSeen::Idle, 1, 1);
        assert_eq!(turns_between(&before, &terminal(TurnSeen::Idle, 2, 2)), [TurnSeen::Running, TurnSeen::Idle]);
        assert_eq!(turns_between(&before, &terminal(TurnSeen::Running, 2, 1)), [TurnSeen::Running]);
        assert_eq!(turns_between(&before, &before), []);
        let titled = Terminal { title: Some("x".to_owned()), ..before.clone() };
        assert_eq!(turns_between(&before, &titled), [], "a title is no turn");
    }
}
