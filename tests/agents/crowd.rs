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
use crate::daemon_fixture::until;
use crate::place::Place;
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

/// C13, C14: none is lost and none comes twice.
#[track_caller]
fn two_hundred_arrive_once(place: &Place, prompts: Prompts) {
    let load = Load::begin();
    let sent: Vec<MessageId> = (0..MESSAGES)
        .map(|number| {
            place.send(PEERS[number % PEERS.len()], &format!("number {number}\n\tof many: $(touch made) `!`"))
        })
        .collect();
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

    let last: Vec<_> = sent.iter().rev().take(PEERS.len()).collect();
    until("the model to be asked for the last", || last.iter().all(|message| times(place, prompts, **message) > 0));
    // A request holds the whole conversation before it.
    for conversation in place.model.asked().iter().map(prompts) {
        let told =
            conversation.iter().filter_map(|said| said.split_once("] message ")?.1.split_once(',')?.0.parse().ok());
        let told: Vec<MessageId> = told.collect();
        let once: BTreeSet<_> = told.iter().collect();
        assert_eq!(once.len(), told.len(), "one came twice: {told:?}");
        waiting.extend(told);
    }
    assert_eq!(waiting, sent.into_iter().collect(), "what was delivered is what the model was told");
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
