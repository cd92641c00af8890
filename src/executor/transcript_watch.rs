//! A program's own record as a source of turn ends (C46b): the last real entry, where nothing exacter has told of the end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::folder_watch::FolderWatch;
use super::hand::Hand;
use crate::model::event::{TurnObserved, TurnSeen};
use crate::model::session::Source;
use crate::observe::clock;
use crate::runtime::placeholders::Values;
use crate::runtime::spec::{Spec, TurnSource};
use crate::runtime::transcript::{LastEntries, LastEntry, OfTurn, watch_dirs};

/// For so long an end must have stood last: hooks and status files tell of the same end sooner and better, and what waited
/// in a queue of the program's own begins at once.
const STANDS: Duration = Duration::from_secs(1);

const MOMENT: Duration = Duration::from_millis(50);

/// Tells of each end in the record from here on that nothing else has told of.
pub(super) async fn watch(hand: Arc<Hand>) {
    let Some(spec) = hand.spec.clone() else { return };
    let Ok(values) = hand.values(None).await else { return };
    let entries = LastEntries::from_now(&spec, &values);
    let mut folders = match FolderWatch::new(watch_dirs(&spec, &values)) {
        Ok(folders) => folders,
        Err(error) => return hand.cannot_watch("record", &error),
    };
    let mut judged: Option<LastEntry> = None;
    loop {
        // Another conversation has another file.
        let Ok(values) = hand.values(None).await else { return };
        let last = || entries.find(&spec, &values, hand.conversation().as_deref());
        if let Some(end) = last().filter(|it| it.says != OfTurn::Goes && judged.as_ref() != Some(it)) {
            let said_at = Some(clock::now());
            tokio::time::sleep(STANDS).await;
            if last().as_ref() != Some(&end) {
                continue;
            }
            let turn = match &end.says {
                // That it has failed may be known, and not why.
                OfTurn::Fails { reason } => Some(TurnSeen::Failed { reason: reason.clone() }),
                OfTurn::Ends | OfTurn::Goes => is_news(&hand, &spec).then_some(TurnSeen::Idle),
            };
            if let Some(turn) = turn {
                hand.voice.say(TurnObserved {
                    turn,
                    source: Source::Transcript,
                    turn_id: end.turn_id.clone(),
                    said_at,
                });
            }
            judged = Some(end);
        }
        if let Err(error) = moved(&mut folders, &spec, &values).await {
            return hand.cannot_watch("record", &error);
        }
    }
}

/// Entries come one after the other: what comes within a moment is looked at once. Folders are made as conversations begin.
async fn moved(folders: &mut FolderWatch, spec: &Spec, values: &Values) -> io::Result<()> {
    folders.moved().await?;
    tokio::time::sleep(MOMENT).await;
    folders.wants(watch_dirs(spec, values))
}

/// A turn is still taken to run; where the record alone tells of turns, every end is news.
fn is_news(hand: &Hand, spec: &Spec) -> bool {
    let is_exacter =
        |source: &TurnSource| matches!(source, TurnSource::Hooks | TurnSource::StatusFile | TurnSource::Terminal);
    hand.told.borrow().turn_running || !spec.turn.source.iter().any(is_exacter)
}
