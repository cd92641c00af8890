//! Many messages at once, on a machine that is busy.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use dormouse::model::delivery::DeliveryOutcome;
use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::id::MessageId;

use crate::alike::{Prompts, times};
use crate::daemon_fixture::{Tail, until};
use crate::model::Asked;
use crate::place::Place;
use crate::tools::{peer, place};
use crate::{anthropic, claude, codex, openai};

const PEERS: [&str; 4] = ["ada", "bob", "cleo", "dan"];
const MESSAGES: usize = 200;
/// Nobody waits for a single one that long: the whole of it, with both processors taken by others.
const PATIENCE: Duration = Duration::from_secs(540);

/// As many threads as processors that do nothing but take time, for as long as they are kept.
struct Load(Arc<AtomicBool>);

impl Load {
    fn begin() -> Self {
        let goes_on = Arc::new(AtomicBool::new(true));
        for _ in 0..thread::available_parallelism().unwrap().get() {
            let goes_on = Arc::clone(&goes_on);
            thread::spawn(move || {
                while goes_on.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(goes_on)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn text(number: usize) -> String {
    format!("number {number}\n\tof many: $(touch made) `!`")
}

/// The messages, in the order in which they were sent.
fn sends_two_hundred(place: &Place) -> Vec<MessageId> {
    (0..MESSAGES).map(|number| place.send(PEERS[number % PEERS.len()], &text(number))).collect()
}

/// C13, C14: none is lost and none comes twice.
#[track_caller]
fn two_hundred_arrive_once(place: &Place, prompts: Prompts) {
    let load = Load::begin();
    let sent = sends_two_hundred(place);
    let mut waiting: BTreeSet<MessageId> = sent.iter().copied().collect();
    let all = place.world.tail().find(PATIENCE, |record| {
        match &record.event {
            Event::Decision(Decision::Delivered(delivered)) => {
                assert!(!delivered.possible_duplicate, "{record:?}");
                assert!(record.subject.message.is_some_and(|message| waiting.remove(&message)), "twice: {record:?}");
            }
            Event::Decision(Decision::MessageDead(_) | Decision::WakeFailed(_)) => panic!("{}", place.world.story()),
            Event::Fact(Fact::DeliveryEnded(ended)) => {
                assert!(matches!(ended.outcome, DeliveryOutcome::Proven { .. }), "{record:?}")
            }
            _ => {}
        }
        waiting.is_empty().then_some(())
    });
    assert!(all.is_some(), "{} of {MESSAGES} never came: {waiting:?}\n{}", waiting.len(), place.world.story());
    drop(load);
    are_told_once(place, prompts, &sent);
}

/// C34, C61: nor where the daemon is killed in the middle of it, again and again, with both programs in its care and the machine busy.
#[test]
fn c61_two_hundred_messages_reach_both_once_each_though_the_daemon_is_killed() {
    const KILLS: usize = 8;
    let mut place = place();
    for (name, runtime) in PEERS.into_iter().zip(["claude", "codex"].into_iter().cycle()) {
        peer(&place, name, runtime, &["--consent", "trust_folder"]);
    }
    let load = Load::begin();
    let sent = sends_two_hundred(&place);
    let mut waiting: BTreeSet<MessageId> = sent.iter().copied().collect();
    let mut tail = place.world.tail();
    for kills in 1..=KILLS {
        let left = MESSAGES - kills * MESSAGES / (KILLS + 1);
        until_delivered(&place, &mut tail, &mut waiting, left);
        place.world.kill();
        place.world.start();
    }
    until_delivered(&place, &mut tail, &mut waiting, 0);
    drop(load);
    let prompts = |asked: &Asked| if asked.is_claude() { anthropic::prompts(asked) } else { openai::prompts(asked) };
    are_told_once(&place, prompts, &sent);
}

/// Returns once no more than `left` of the messages are still to come.
#[track_caller]
fn until_delivered(place: &Place, tail: &mut Tail, waiting: &mut BTreeSet<MessageId>, left: usize) {
    let all = tail.find(PATIENCE, |record| {
        match &record.event {
            Event::Decision(Decision::Delivered(_)) => {
                assert!(record.subject.message.is_some_and(|message| waiting.remove(&message)), "twice: {record:?}");
            }
            Event::Decision(Decision::MessageDead(_) | Decision::WakeFailed(_)) => panic!("{}", place.world.story()),
            _ => {}
        }
        (waiting.len() <= left).then_some(())
    });
    assert!(all.is_some(), "{} of {MESSAGES} never came: {waiting:?}\n{}", waiting.len(), place.world.story());
}

/// What was delivered is what the models were told.
#[track_caller]
fn are_told_once(place: &Place, prompts: Prompts, sent: &[MessageId]) {
    let last: Vec<_> = sent.iter().rev().take(PEERS.len()).collect();
    until("the model to be asked for the last", || last.iter().all(|message| times(place, prompts, **message) > 0));
    let mut all = BTreeSet::new();
    // A request holds the whole conversation before it.
    for conversation in place.model.asked().iter().map(prompts) {
        let mut told: Vec<MessageId> = Vec::new();
        let mut numbers = Vec::new();
        for said in &conversation {
            let name = said.split_once("] message ").and_then(|(_, rest)| rest.split_once(',')?.0.parse().ok());
            let Some(message) = name else { continue };
            let number = sent.iter().position(|it| *it == message).expect("it was sent");
            let whole = format!("\n{}\n[end of message ", text(number)).replace('\t', "    ");
            assert!(said.replace('\t', "    ").contains(&whole), "{number} is not whole: {said}");
            told.push(message);
            numbers.push(number);
        }
        assert!(numbers.is_sorted(), "C9: out of order: {numbers:?}");
        let once: BTreeSet<_> = told.iter().copied().collect();
        assert_eq!(once.len(), told.len(), "one came twice: {told:?}");
        all.extend(once);
    }
    assert_eq!(all, sent.iter().copied().collect());
    place.world.audit_is_clean();
}

#[test]
fn c14_two_hundred_messages_reach_claude_once_each_on_a_busy_machine() {
    two_hundred_arrive_once(&claude::team(&PEERS, &[]), anthropic::prompts);
}

#[test]
fn c14_two_hundred_messages_reach_codex_once_each_on_a_busy_machine() {
    two_hundred_arrive_once(&codex::team(&PEERS, &[]), openai::prompts);
}
