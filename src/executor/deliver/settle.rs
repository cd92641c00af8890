//! A delivery in doubt: what the runtime's own record says of it, and what of it still stands in the box (C34).

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use crate::executor::folder_watch::FolderWatch;
use crate::executor::hand::Hand;
use crate::executor::launch::reads_screen;
use crate::executor::tmux::{Look, Pane};
use crate::model::delivery::{RecordMark, Settlement};
use crate::model::effect::Liveness;
use crate::model::event::{DeliverySettled, TurnSeen};
use crate::model::id::{Lsn, MessageId};
use crate::model::message::TextPrint;
use crate::observe;
use crate::runtime::screen::{self, Reading};
use crate::runtime::spec::{Spec, TurnSource};
use crate::runtime::transcript::{self, RecordSearch};

/// A key that clears one line takes as many rounds as a paste has lines; the box of a long one shows a placeholder.
const CLEAR_ROUNDS_MAX: u32 = 64;

/// How long a program that is at rest may take to write down what it was given, or to show it: half a second was seen of
/// one on a busy machine. A daemon that was killed in mid-delivery and is back at once is quicker than that.
const LAG: Duration = Duration::from_secs(3);
/// Longest until the next look, should a change go unnoticed.
const LOOK: Duration = Duration::from_millis(500);

/// What is known of it from before.
#[derive(Clone, Copy, Debug)]
pub(in crate::executor) struct TypedBefore<'a> {
    pub mark: Option<&'a RecordMark>,
    pub print: Option<TextPrint>,
}

/// Looks for this attempt in the record, and empties the box of what is left of it.
pub(in crate::executor) async fn settle(
    hand: &Hand,
    message: MessageId,
    attempt: u32,
    typed: TypedBefore<'_>,
    cause: Lsn,
) {
    let settlement = until_told(hand, message, attempt, typed).await;
    hand.voice.because(Some(cause)).about(message).say(DeliverySettled { settlement });
}

/// What is in the record has arrived; what stands in the box is cleared. Neither is the last word before the program has
/// been at rest for as long as it may lag: a paste or its Enter may be on its way.
async fn until_told(hand: &Hand, message: MessageId, attempt: u32, typed: TypedBefore<'_>) -> Settlement {
    let mut watch = FolderWatch::new(folders(hand).await).ok();
    let mut at_rest_since = Instant::now();
    loop {
        let settlement = settlement(hand, message, attempt, typed).await;
        if matches!(settlement, Settlement::Found | Settlement::FoundExact) {
            return settlement;
        }
        // A hook has said it meanwhile, and that is how it is settled.
        if hand.told.borrow().proven.is_some_and(|(proven, _)| proven == message) {
            return Settlement::Found;
        }
        clear(hand, Some(message)).await;
        if is_at_work(hand).await {
            at_rest_since = Instant::now();
        }
        if at_rest_since.elapsed() >= LAG || !can_tell_later(hand) {
            return settlement;
        }
        let moved = async {
            match watch.as_mut() {
                Some(watch) => watch.moved().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        if matches!(tokio::time::timeout(LOOK, moved).await, Ok(false)) {
            watch = None;
        }
    }
}

/// The record's folders, and the session's own for what the program says to its terminal.
async fn folders(hand: &Hand) -> Vec<PathBuf> {
    let screen = hand.files.screen_clock().parent().map(ToOwned::to_owned);
    let record = match (&hand.spec, hand.values(None).await) {
        (Some(spec), Ok(values)) => transcript::watch_dirs(spec, &values),
        _ => Vec::new(),
    };
    record.into_iter().chain(screen).collect()
}

/// Whether there is anything to be seen at all, in a record or in a box, and somebody who may yet put it there.
fn can_tell_later(hand: &Hand) -> bool {
    let shows = hand.spec.as_ref().is_some_and(|spec| spec.proof.transcript.is_some() || reads_screen(spec));
    shows && !matches!(observe::liveness(&hand.ground.home, &hand.name), Liveness::Gone { .. })
}

/// In the turn that the message has begun, as far as terminal and screen tell.
async fn is_at_work(hand: &Hand) -> bool {
    let Some(spec) = &hand.spec else { return false };
    if spec.turn.source.contains(&TurnSource::Terminal) {
        return hand.terminal().is_ok_and(|terminal| terminal.turn == Some(TurnSeen::Running));
    }
    if !reads_screen(spec) {
        return false;
    }
    let Ok(pane) = hand.pane(None).await else { return false };
    pane.look().await.is_ok_and(|look| screen::read(spec, &look.screen).working)
}

async fn settlement(hand: &Hand, message: MessageId, attempt: u32, typed: TypedBefore<'_>) -> Settlement {
    let cannot = |why: &str| Settlement::CannotTell { why: why.to_owned() };
    let Some(spec) = hand.spec.as_ref() else { return cannot("its runtime is not known here any more") };
    if spec.proof.transcript.is_none() {
        return cannot("its runtime keeps no record");
    }
    let values = match hand.values(None).await {
        Ok(values) => values,
        Err(why) => return Settlement::CannotTell { why },
    };
    let needle = names_attempt(message, attempt);
    let needle = spec.input.normalised(&needle);
    let mut search = RecordSearch::new(spec, &values, typed.mark, &needle);
    match search.found() {
        Ok(true) => {
            hand.knows_conversation(search.conversation());
            if search.is_exact(typed.print) { Settlement::FoundExact } else { Settlement::Found }
        }
        Ok(false) => Settlement::Absent,
        Err(error) => Settlement::CannotTell { why: format!("the record cannot be read: {error}") },
    }
}

/// The piece of an envelope's first line that names message and attempt, and stands in no other line ever typed.
fn names_attempt(message: MessageId, attempt: u32) -> String {
    format!("message {message}, attempt {attempt}, ")
}

/// Only what is known to be a paste of ours: it is seen to have landed, no person is there, and the runtime's file says
/// how to empty the box. What cannot be cleared keeps the box closed, and the next delivery waits and says so.
pub(in crate::executor) async fn clear(hand: &Hand, message: Option<MessageId>) {
    clear_what(hand, |spec, look| residue(spec, look, message)).await;
}

/// As [`clear`], of a box whose text itself names `message`.
pub(super) async fn clear_named(hand: &Hand, message: MessageId) {
    clear_what(hand, |spec, look| named_in_box(spec, look, message)).await;
}

async fn clear_what(hand: &Hand, ours: impl Fn(&Spec, &Look) -> Option<String>) {
    let Some(spec) = hand.spec.as_ref().filter(|spec| reads_screen(spec) && !spec.input.clear.is_empty()) else {
        return;
    };
    let Ok(pane) = hand.pane(None).await else { return };
    for _ in 0..CLEAR_ROUNDS_MAX {
        let Ok(look) = pane.look().await else { return };
        let Some(line) = ours(spec, &look) else { return };
        if !press_all(spec, &pane, &look, &line).await {
            return;
        }
    }
}

fn residue(spec: &Spec, look: &Look, message: Option<MessageId>) -> Option<String> {
    let landed = || spec.input.landed.as_ref()?.find_iter(&look.screen).last().map(|found| found.as_str().to_owned());
    match is_left(spec, look)?.landed {
        Some(true) => landed(),
        _ => named_in_box(spec, look, message?),
    }
}

/// The line of the box that names `message`.
pub(super) fn named_in_box(spec: &Spec, look: &Look, message: MessageId) -> Option<String> {
    is_left(spec, look)?;
    // A conversation shows the same words above the box.
    let in_box = look.screen.get(spec.input.screen.as_ref()?.find_iter(&look.screen).last()?.start()..)?;
    let name = message.to_string();
    in_box.lines().find(|line| line.contains(&name)).map(str::to_owned)
}

/// What is read off a screen whose box holds something that nobody is there to go on with.
fn is_left<'a>(spec: &'a Spec, look: &'a Look) -> Option<Reading<'a>> {
    let reading = screen::read(spec, &look.screen);
    let closed =
        look.dead || look.in_mode || look.attached > 0 || reading.waiting.is_some() || reading.dialog.is_some();
    Some(reading).filter(|it| !closed && it.box_open == Some(true) && it.box_empty == Some(false))
}

/// True: the first key was pressed. Those behind it need a box that has not moved: what one press has not emptied is
/// looked at again.
async fn press_all(spec: &Spec, pane: &Pane, look: &Look, line: &str) -> bool {
    let mut pressed_any = false;
    for key in &spec.input.clear {
        match pane.press_if_unchanged(key, Some(look), line).await {
            Ok(pressed) if pressed.pressed => pressed_any = true,
            Ok(_) | Err(_) => break,
        }
    }
    pressed_any
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::model::actor::Sender;
    use crate::model::effect::Envelope;
    use crate::model::message::Purpose;
    use crate::model::name::Runtime;
    use crate::model::time::{BootId, Timestamp};
    use crate::runtime::{envelope, parse};

    /// C34: what a restart looks for is what was typed, though sender and time are not at hand any more.
    #[test]
    fn c34_an_attempt_is_found_by_its_name_alone() {
        let envelope = Envelope {
            from: Sender::User { name: "ada".to_owned(), uid: 1000 },
            sent: Timestamp { wall_us: 1_700_000_000_000_000, awake_ms: 1, boot: BootId(1) },
            topic: None,
            purpose: Purpose::Message,
            possible_duplicate: false,
            session_before: None,
            reply_asked: false,
        };
        let typed = envelope::compose(None, &envelope, MessageId(7), 2, "text", None, &TimeZone::UTC);
        assert!(typed.first_line.contains(&names_attempt(MessageId(7), 2)), "{}", typed.first_line);
        assert!(!typed.first_line.contains(&names_attempt(MessageId(7), 1)));
    }

    const DEMO: &str = include_str!("../../runtime/builtin/demo.toml");

    fn box_with(above: &str, text: &str) -> Look {
        let rule = "─".repeat(30);
        Look { screen: format!("{above}\n{rule}\n❯ {text}\n{rule}\n"), ..Look::default() }
    }

    /// C32: only what is in the box is ours to clear, and only if it is ours.
    #[test]
    fn c32_a_persons_text_below_the_same_message_is_no_residue() {
        let spec = parse(&Runtime::new("demo").unwrap(), DEMO, Path::new("demo.toml")).unwrap();
        let above = format!("❯ [from user:ada] message {}, attempt 1, then", MessageId(7));
        assert_eq!(residue(&spec, &box_with(&above, "half a thought"), Some(MessageId(7))), None);
        let ours = residue(&spec, &box_with(&above, "[pasted 3 lines]"), Some(MessageId(7)));
        assert_eq!(ours.as_deref(), Some("❯ [pasted 3 lines]"));
        let inline = format!("[from user:ada] message {}", MessageId(7));
        assert!(residue(&spec, &box_with("", &inline), Some(MessageId(7))).is_some());
        assert_eq!(residue(&spec, &box_with("", &inline), Some(MessageId(8))), None);
        let attached = Look { attached: 1, ..box_with("", &inline) };
        assert_eq!(residue(&spec, &attached, Some(MessageId(7))), None, "somebody is there");
    }
}
