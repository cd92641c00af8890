//! `whynot`: every guard that holds, and what time alone would bring, as whole texts.

mod agents;
mod gates;
mod guards;
#[path = "../behaviour/script.rs"]
#[allow(dead_code, reason = "a question takes what it needs of it")]
mod script;
#[path = "../behaviour/world.rs"]
#[allow(dead_code, reason = "a question takes what it needs of it")]
mod world;

use dormouse::explain::whynot::{Question, WhyNot, whynot};
use dormouse::model::event::{DaemonReady, DaemonStarted, DaemonStopped, SettingsChanged};
use dormouse::model::profile::Registration;
use dormouse::model::record::Subject;
use dormouse::model::settings::Settings;
use dormouse::model::state::SessionPhase;
use dormouse::model::time::Timestamp;
use dormouse::policy::deadline::next_deadline;
use jiff::tz::TimeZone;

use script::happens;
use world::{World, ephemeral, on};

/// What became of `ada`, line by line of a script without its decisions, and then what is asked of her.
fn asked(shape: impl FnOnce(&mut Registration), script: &str, question: Question) -> (World, WhyNot) {
    let mut world = World::new();
    world.see(Subject::NONE, DaemonStarted { version: "0".to_owned(), pid: 1, tmux: None });
    world.see(Subject::NONE, DaemonReady { adopted: 0, gone: 0, not_known: 0 });
    world.add("ada", shape);
    let start = world.now;
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (time, what) = line.split_once(' ').expect("a time and what happens");
        let seconds: u64 = time.strip_suffix('s').and_then(|time| time.parse().ok()).expect("seconds");
        let left_ms = seconds * 1_000 - world.now.since(start);
        match world.state.daemon.as_ref().is_some_and(|daemon| daemon.running) {
            true => drop(world.pass(left_ms)),
            // Nobody is there to take up a deadline.
            false => world.now = world.now.plus_ms(left_ms),
        }
        match what.trim() {
            "daemon stops" => drop(world.see(Subject::NONE, DaemonStopped { why: "a signal".to_owned() })),
            "add bob" => world.add("bob", |_| {}),
            "one boot at a time" => {
                let settings = Settings { boots_max: 1, ..world.state.settings.clone() };
                drop(world.see(Subject::NONE, SettingsChanged { settings, given: None }));
            }
            what if what.starts_with("held b by ") => gates::held(&mut world, what),
            what => drop(happens(&mut world, what)),
        }
    }
    let peer = world.identity("ada");
    let answer = whynot(&world.state, &peer, question, world.now);
    (world, answer)
}

#[track_caller]
fn says(shape: impl FnOnce(&mut Registration), script: &str, question: Question, expected: &str) {
    let (world, answer) = asked(shape, script, question);
    let text = answer.text(world.now, &TimeZone::UTC, None);
    let expected: String = expected.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    let text: String = text.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    assert_eq!(text, expected, "\n{text}");
    promise_is_kept(world, question, &answer);
}

/// What is said to come by itself comes, at that moment and not before; what is said not to come does not, for a day.
#[track_caller]
fn promise_is_kept(mut world: World, question: Question, answer: &WhyNot) {
    let kind = match question {
        Question::Reaped => "reaped",
        Question::Woken | Question::Resumed => "wake_decided",
        Question::Delivered => "delivery_decided",
    };
    if answer.without_daemon || answer.undated.is_some() {
        assert_eq!(answer.by_itself, None, "nobody can promise it");
        return;
    }
    match &answer.by_itself {
        Some(coming) => {
            assert!(coming.in_ms == 0 || !comes(&mut world, coming.in_ms - 1, kind), "it came too soon");
            assert!(comes(&mut world, 1, kind), "it did not come");
        }
        None if answer.moot.is_some() => {}
        None => {
            match &answer.first {
                Some(first) => {
                    assert!(first.in_ms == 0 || !comes(&mut world, first.in_ms - 1, first.brings), "it came too soon");
                    assert!(comes(&mut world, 1, first.brings), "it did not come");
                }
                // C40: what waits is woken for as soon as the session before is gone.
                None if question == Question::Delivered => {
                    assert!(!comes(&mut world, 86_400_000, "wake_decided"), "its wake came all the same");
                }
                None => {}
            }
            assert!(!comes(&mut world, 86_400_000, kind), "it came all the same");
        }
    }
}

/// In a world in which every look finds silence, what boots now does not come up, and what is ended from now on is gone at once.
fn comes(world: &mut World, ms: u64, kind: &str) -> bool {
    let was_ending = is_ending(world);
    let end = world.now.plus_ms(ms);
    let mut records = Vec::new();
    let boot_ends = boot_ends(world);
    loop {
        let next = next_deadline(&world.state).map_or(end, |deadline| deadline.at);
        let ahead = boot_ends.filter(|at| at.awake_ms > world.now.awake_ms).map_or(end, |at| at);
        let next = next.awake_ms.min(ahead.awake_ms);
        let step = next.clamp(world.now.awake_ms, end.awake_ms) - world.now.awake_ms;
        records.extend(world.pass(step));
        if step > 0 && boot_ends == Some(world.now) {
            records.extend(happens(world, "launch-failed ada boot left"));
        }
        if !was_ending && is_ending(world) {
            records.extend(happens(world, "gone ada signal:15"));
        }
        let looked_at = world.state.presences.values().any(|it| it.session.as_ref().is_some_and(|it| it.looking));
        if looked_at {
            records.extend(happens(world, "looked ada 48h"));
        } else if step == 0 || world.now == end {
            records.extend(world.pass(end.awake_ms - world.now.awake_ms));
            return records.iter().any(|record| record.event.kind().name == kind);
        }
    }
}

fn is_ending(world: &World) -> bool {
    let session = world.state.presences.get(&world.identity("ada")).and_then(|it| it.session.as_ref());
    session.is_some_and(|session| session.is_ending())
}

/// When the executor gives ada's boot up.
fn boot_ends(world: &World) -> Option<Timestamp> {
    let session = world.state.presences.get(&world.identity("ada"))?.session.as_ref()?;
    let boots = matches!(session.phase, SessionPhase::Launching | SessionPhase::Booting);
    boots.then(|| session.woken.plus_ms(world.state.settings.boot_deadline_ms))
}

const AT_REST: &str = "0s send a to ada
    1s up ada
    1s turn ada running
    5s turn ada idle";

#[test]
fn c45_a_session_at_rest_is_not_reaped_before_its_time() {
    says(|_| {}, &format!("{AT_REST}\n605s passes"), Question::Reaped, "demo-ada is not reaped:
            it has been idle for 10 min of 1 h (setting `idle`), counted from the program's own word on its terminal (C45)
            until that time is over, in 50 min
            In 50 min, at 23:13:25, by itself: its session is ended (reaped): idle for 1 h, limit 1 h; last sign of life was the program's own word on its terminal at 22:13:25 (C45); unless its turn starts, a message comes for it, or somebody attaches.");
}

#[test]
fn c46_a_session_in_its_turn_is_not_reaped() {
    says(
        |_| {},
        "0s send a to ada\n1s up ada\n1s turn ada running\n700s passes",
        Question::Reaped,
        "demo-ada is not reaped:
            its turn has been running for 11 min 39 s (C46)
            until the turn ends
            Time alone does not bring it.",
    );
}

#[test]
fn c37_an_armed_worker_is_not_reaped_before_it_is_quiet() {
    let script = "0s send a to ada\n1s up ada\n1s turn ada running\n5s answer r from ada to user:root\n30s turn ada idle\n40s passes";
    says(ephemeral, script, Question::Reaped, "demo-ada is not reaped:
            it has answered, and has been quiet for 10 s of 20 s since (setting `ephemeral_quiet`), counted from the program's own word on its terminal (C37)
            until that time is over, in 10 s
            In 10 s, at 22:14:10, by itself: its session is ended (reaped): it has answered (armed at record 17), its turn has ended, and it has been quiet for 20 s, limit 20 s (C37); unless its turn starts, or something is heard of it.");
}

#[test]
fn c38_a_worker_without_a_word_is_kept_for_a_while() {
    says(ephemeral, &format!("{AT_REST}\n100s passes"), Question::Reaped, "demo-ada is not reaped:
            it has not answered, and has been silent for 1 min 35 s of 10 min (setting `ephemeral_unarmed_idle`), counted from the program's own word on its terminal (C38)
            until that time is over, in 8 min 25 s
            In 8 min 25 s, at 22:23:25, by itself: its session is ended (reaped): never answered, and silent for 10 min, limit 10 min (C38); unless it answers, its turn starts, or something is heard of it.");
}

#[test]
fn c46a_a_judged_turn_ends_first() {
    says(on("plain"), "0s send a to ada\n1s up ada\n11s passes", Question::Reaped, "plain-ada is not reaped:
            its turn counts as running until it has been silent for long enough: 10 s of 20 s (setting `ephemeral_quiet`), counted from a delivery; only then the next clock runs (C46a)
            until that time is over, in 10 s
            In 59 min 50 s, at 23:13:21, by itself: its session is ended (reaped): idle for 1 h, limit 1 h; last sign of life was a delivery at 22:13:21 (C45); unless its screen or its transcript moves.");
}

#[test]
fn c28_a_session_that_boots_is_not_reaped() {
    says(
        |_| {},
        "0s send a to ada\n1s started ada",
        Question::Reaped,
        "demo-ada is not reaped:
            it was woken 1 s ago and still boots: its input box has 4 min to open (setting `boot_deadline`) (C28)
            until it is ready, or its wake has failed, in 3 min 59 s
            In 3 min 59 s, at 22:17:20, by itself: its wake fails, for the input box did not open in 4 min, and the \
            session that it leaves is ended (C28, C29); unless its box opens, or its runtime's file gives it another time.",
    );
}

#[test]
fn c5_a_managed_peer_is_never_reaped() {
    says(
        world::managed,
        "0s send a to ada",
        Question::Reaped,
        "demo-ada is not reaped:
            something else keeps it alive, and it is never reaped by us (C5)
            until it is registered again without `--managed-by`: `dormouse add`
            Time alone does not bring it.",
    );
}

#[test]
fn c44_what_has_no_session_cannot_be_reaped() {
    says(|_| {}, "0s passes", Question::Reaped, "demo-ada: it has no session that could be reaped");
}

#[test]
fn c52_a_stopped_peer_is_not_woken() {
    says(
        |_| {},
        "0s send a to ada\n1s up ada\n1s turn ada running\n2s turn ada idle\n3s send b to ada\n3s stop ada\n4s gone ada signal:15",
        Question::Woken,
        "demo-ada is not woken:
            it has been stopped for 1 s (C52)
            until somebody starts it: `dormouse start`
            Time alone does not bring it.",
    );
}

#[test]
fn c17_nothing_asks_for_a_wake() {
    says(
        |_| {},
        "0s passes",
        Question::Woken,
        "demo-ada is not woken:
            nothing asks for it: no message waits, and nobody has called for it (C17)
            until a message comes: `dormouse send`, or somebody attaches
            Time alone does not bring it.",
    );
}

#[test]
fn c33a_a_message_waits_for_a_session_that_boots() {
    says(
        |_| {},
        "0s send a to ada\n1s started ada",
        Question::Delivered,
        "demo-ada is not delivered to:
            the session boots (C28)
            until its input box is there, or its wake has failed
            In 3 min 59 s, at 22:17:20, by itself: its wake fails, for the input box did not open in 4 min, and the \
            session that it leaves is ended (C28, C29); unless its box opens, or its runtime's file gives it another time. \
            Then it is woken for what waits, and its program has to open its input box.",
    );
}

#[test]
fn c30_a_message_waits_behind_one_that_is_under_way() {
    says(
        |_| {},
        &format!("{AT_REST}\n6s send b to ada\n6s begun b ada"),
        Question::Delivered,
        "demo-ada is not delivered to:
            message 00000000000000000000000002 was typed, and its proof is waited for (C14)
            until the program has been seen to take it
            Time alone does not bring it.",
    );
}

#[test]
fn c35_a_task_waits_for_a_session_of_its_own() {
    says(
        ephemeral,
        &format!("{AT_REST}\n6s send b to ada"),
        Question::Delivered,
        "demo-ada is not delivered to:
            message 00000000000000000000000002 is a task, and each task gets a session of its own (C35)
            until the worker's session has ended
            In 9 min 59 s, at 22:23:25, by itself: its session is ended (reaped): never answered, and silent for 10 min, \
            limit 10 min (C38); unless it answers, its turn starts, or something is heard of it. Then it is woken for what \
            waits, and its program has to open its input box.",
    );
}

#[test]
fn c17_a_message_without_a_topic_resumes_nothing() {
    let script = "0s send a to ada about mice\n1s up ada\n1s turn ada running\n2s turn ada idle\n4000s looked ada 1h\n4001s gone ada signal:15";
    says(
        |_| {},
        script,
        Question::Resumed,
        "demo-ada is not resumed:
            a message without a topic of the parked session would wake it fresh (C17)
            until a message of one of its topics is what wakes it: `mice`; or somebody attaches
            nothing asks for it: no message waits, and nobody has called for it (C17)
            until such a message comes, or somebody attaches
            Time alone does not bring it: all of this stands in its way.",
    );
}

#[test]
fn c46_a_session_that_asks_for_permission_is_not_reaped() {
    let script = "0s send a to ada\n1s up ada\n1s turn ada running\n5s turn ada waiting\n4000s passes";
    says(
        |_| {},
        script,
        Question::Reaped,
        "demo-ada is not reaped:
            it has waited for a person for 1 h 6 min: permission (C46)
            until somebody has answered: `dormouse attach`
            Time alone does not bring it.",
    );
}

#[test]
fn c43_a_session_of_which_nothing_is_known_is_not_reaped() {
    says(|_| {}, "0s new ada\n1s started ada\n2s box ada\n3s passes", Question::Reaped, "demo-ada is not reaped:
            it has been idle for 1 s of 1 h (setting `idle`), counted from the wake (C45)
            until that time is over, in 59 min 59 s
            In 59 min 59 s, at 23:13:22, by itself: its session is ended (reaped): idle for 1 h, limit 1 h; last sign of life was the wake at 22:13:22 (C45); unless its turn starts, a message comes for it, or somebody attaches.");
}

#[test]
fn c48_a_quarantined_peer_is_not_woken() {
    let dies = |at: u32| format!("{at}s send m{at} to ada\n{at}s up ada\n{at}s gone ada signal:9\n");
    let script = format!("{}{}{}80s send last to ada", dies(1), dies(20), dies(60));
    says(|_| {}, &script, Question::Woken, "demo-ada is not woken:
        it is quarantined for 3 min 41 s more (C48)
        until that has passed, or somebody starts it: `dormouse start`
        In 3 min 41 s, at 22:18:21, by itself: woken fresh for a message: the session before died (C17); 1 of 4 sessions \
        booting at once (C20); unless somebody stops it or calls its messages back.");
}

#[test]
fn c17_a_session_that_died_is_not_resumed() {
    says(
        |_| {},
        &format!("{AT_REST}\n6s gone ada signal:9\n7s passes"),
        Question::Resumed,
        "demo-ada is not resumed:
            its next wake is a fresh one: the session before died (C17)
            until the profile says `resume_on_death`, or somebody attaches
            nothing asks for it: no message waits, and nobody has called for it (C17)
            until there is something to resume, and then a message comes or somebody attaches
            Time alone does not bring it: all of this stands in its way.",
    );
}

#[test]
fn c13_a_message_waits_for_its_next_attempt() {
    says(
        |_| {},
        &format!("{AT_REST}\n6s send b to ada\n6s begun b ada\n7s failed b ada clean"),
        Question::Delivered,
        "demo-ada is not delivered to:
            message 00000000000000000000000002 waits 1 s more for its next attempt; the last one failed: at the paste: no (C13)
            until that has passed
            In 1 s, at 22:13:28, by itself: handed to the live session, attempt 2; unless somebody stops it or calls the message back.",
    );
}
