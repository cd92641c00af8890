//! A program's own status file, as long as its session lives (C46b).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::hand::Hand;
use crate::model::event::{TurnObserved, TurnSeen};
use crate::model::session::Source;
use crate::observe::{ProgramFolder, clock};
use crate::runtime::placeholders::{Values, expand};
use crate::runtime::spec::{Spec, StatusFile};
use crate::runtime::status::{self, Status};
use crate::shim::files::Born;
use crate::shim::process;

/// Tells what the file says, at first and whenever it says something else.
pub(super) async fn watch(hand: Arc<Hand>) {
    let Some((file, born)) = place(&hand).await else { return };
    let Some(format) = wanted(&hand).map(|wanted| wanted.format) else { return };
    let folder = file.parent().unwrap_or(Path::new("/")).to_owned();
    let mut said = None;
    let mut watch = match ProgramFolder::watch(&folder) {
        Ok(watch) => watch,
        Err(error) => return hand.cannot_watch("status file", &error),
    };
    loop {
        let status = fs::read(&file).ok().and_then(|text| status::read(format, &text));
        let status = status.filter(|status| is_of(status, &born));
        if let Some(Status { turn: Some(turn), since_unix_ms, .. }) = status {
            hand.status_was_read();
            if said.as_ref() != Some(&turn) {
                tell(&hand, turn.clone(), since_unix_ms);
                said = Some(turn);
            }
        }
        if let Err(error) = watch.changed().await {
            return hand.cannot_watch("status file", &error);
        }
    }
}

fn wanted(hand: &Hand) -> Option<StatusFile> {
    hand.spec.as_ref().and_then(|spec: &Arc<Spec>| spec.turn.status_file.clone())
}

/// The file of this session's program, and what is known of that program.
async fn place(hand: &Hand) -> Option<(PathBuf, Born)> {
    let (wanted, born) = (wanted(hand)?, hand.born().ok()??);
    let values = hand.values(None).await.ok()?;
    let values = Values { pid: Some(born.program_pid), ..values };
    Some((expand(&wanted.path, &values).ok()?.into(), born))
}

/// A number comes again: the file may be left over from somebody else.
fn is_of(status: &Status, born: &Born) -> bool {
    let starts =
        |ticks| process::stat(status.pid).is_ok_and(|found| found.is_some_and(|found| found.start_ticks == ticks));
    status.pid == born.program_pid && status.start_ticks.is_none_or(starts)
}

/// It may have stood there for long when a daemon begins to watch, and a hook have spoken since (C46).
fn tell(hand: &Hand, turn: TurnSeen, since_unix_ms: Option<u64>) {
    let said_at = Some(since_unix_ms.map_or_else(clock::now, clock::at_wall_ms));
    hand.voice.say(TurnObserved { turn, source: Source::StatusFile, turn_id: None, said_at });
}
