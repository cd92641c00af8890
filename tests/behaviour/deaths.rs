//! Life and death of sessions (C43-C51).

use dormouse::explain::because::because;
use dormouse::model::event::{Decision, Event, LaunchFailed, WakePhase};
use dormouse::model::session::Turn;
use jiff::tz::TimeZone;

use crate::script::check;
use crate::world::{World, ephemeral, on};

fn live() -> World {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]
         0s up ada        => delivery_decided, delivered, session_ready
         0s turn ada idle =>",
    );
    world
}

/// C45, C47: idle for an hour since the last sign of life: parked first, then ended, and never a death.
#[test]
fn c45_an_idle_session_is_parked_and_reaped() {
    let mut world = live();
    check(
        &mut world,
        "3599s passes          =>
         1h passes             => look_decided
         1h looked ada 1h      => parked, reaped[idle]
         3601s gone ada signal:15 => session_ended",
    );
    let presence = &world.state.presences[&world.identity("ada")];
    assert!(presence.park.is_some() && presence.deaths.is_empty());
}

/// C45: a transcript that moved since moves the idle clock; a screen that ticks at rest does not.
#[test]
fn c45_the_transcript_moves_the_idle_clock_and_the_screen_does_not() {
    check(
        &mut live(),
        "1h passes                   => look_decided
         1h looked ada transcript:600s =>
         2h passes                   => look_decided
         2h looked ada screen:1s     => parked, reaped[idle]",
    );
}

/// C46: a running turn, a person being waited for: never idle, however long.
#[test]
fn c46_a_running_turn_and_a_waiting_person_are_never_idle() {
    check(
        &mut live(),
        "1s turn ada running =>
         50h passes          => kept[turn_running]
         50h turn ada waiting =>
         99h passes          => kept[waits_for_person]
         99h turn ada idle   =>
         100h passes         => look_decided",
    );
}

/// C43: a look that failed is not known, and nothing is decided on it; it is asked again.
#[test]
fn c43_a_failed_look_decides_nothing() {
    check(
        &mut live(),
        "1h passes           => look_decided
         1h look-fails ada   =>
         3609s passes        =>
         3610s passes        => look_decided
         3610s look-fails ada =>
         3620s passes        => look_decided
         3620s looked ada 1h => parked, reaped[idle]",
    );
}

/// C44: a death is a session that ended without a decision of ours and without having finished.
#[test]
fn c44_a_signal_is_a_death_and_exit_zero_at_rest_is_not() {
    check(&mut live(), "9s gone ada signal:9 => session_died");
    check(&mut live(), "9s gone ada signal:11 => session_died");
    check(&mut live(), "9s gone ada exit:3 => session_died");
    check(&mut live(), "9s gone ada terminal => session_died");
    check(&mut live(), "9s gone ada unseen => session_died");
    check(&mut live(), "9s gone ada exit:0 => parked, session_finished");
}

/// C44: recorded once, however often it is reported.
#[test]
fn c44_a_death_is_recorded_once() {
    let mut world = live();
    let subject = world.of_session("ada");
    let gone = dormouse::model::event::SessionGone {
        ending: dormouse::model::session::Ending::Signal { signal: 9 },
        lived_ms: 1,
        strays: 0,
        found_at_start: false,
    };
    assert_eq!(world.see(subject.clone(), gone.clone()).len(), 2);
    assert_eq!(world.see(subject, gone), []);
}

/// C48: three deaths in 300 s quarantine the peer until the oldest leaves the window; then what waits is woken.
#[test]
fn c48_three_deaths_in_the_window_quarantine_until_the_oldest_leaves_it() {
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(
        &mut world,
        "0s send a to ada      => wake_decided[fresh ephemeral]
         0s gone ada exit:1    => session_died, wake_failed, wake_refused[retry_delay]
         1s passes             => drained, wake_decided[fresh ephemeral]
         1s gone ada exit:1    => session_died, wake_failed, wake_refused[retry_delay]
         3s passes             => drained, wake_decided[fresh ephemeral]
         3s gone ada exit:1    => session_died, wake_failed, quarantined, wake_refused[quarantined]
         299s passes           =>
         300s passes           => quarantine_lifted, drained, wake_decided[fresh ephemeral]",
    );
}

/// C48: a turn known to have ended well empties the ring; an operator's start lifts the quarantine (C53).
#[test]
fn c48_a_good_turn_empties_the_ring_and_start_lifts() {
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(
        &mut world,
        "0s send a to ada      => wake_decided[fresh ephemeral]
         0s gone ada exit:1    => session_died, wake_failed, wake_refused[retry_delay]
         1s passes             => drained, wake_decided[fresh ephemeral]
         1s gone ada exit:1    => session_died, wake_failed, wake_refused[retry_delay]
         3s passes             => drained, wake_decided[fresh ephemeral]
         3s up ada             => delivery_decided, delivered, session_ready
         4s turn ada running   =>
         5s turn ada idle      =>",
    );
    assert!(world.state.presences[&world.identity("ada")].deaths.is_empty());
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(
        &mut world,
        "0s send a to ada      => wake_decided[fresh ephemeral]
         0s gone ada exit:1    => session_died, wake_failed, wake_refused[retry_delay]
         1s passes             => drained, wake_decided[fresh ephemeral]
         1s gone ada exit:1    => session_died, wake_failed, wake_refused[retry_delay]
         3s passes             => drained, wake_decided[fresh ephemeral]
         3s gone ada exit:1    => session_died, wake_failed, quarantined, wake_refused[quarantined]
         4s start ada          => quarantine_lifted, drained, wake_decided[fresh ephemeral]",
    );
}

/// C49: a kill that could not be verified is asked for again.
#[test]
fn c49_a_failed_kill_is_repeated() {
    check(
        &mut live(),
        "1s stop ada           => stop_set, parked, reaped[stopped]
         2s kill-failed ada    =>
         12s passes            => kill_repeated
         13s gone ada signal:9 => session_ended",
    );
}

/// C50: there is no blind lifetime limit.
#[test]
fn c50_there_is_no_lifetime_limit() {
    let mut world = live();
    check(&mut world, "1s turn ada running =>\n9000h passes => kept[turn_running]");
}

/// C50a: opening a laptop reaps nothing: limits count awake time, wall-clock jumps decide nothing.
#[test]
fn c50a_a_machine_that_slept_reaps_nothing() {
    let mut world = live();
    world.now.wall_us += 48 * 3_600_000_000;
    check(&mut world, "10s passes =>");
}

/// C46b: a turn has ended only when as many have ended as were submitted, or when the program itself says idle.
#[test]
fn c46b_as_many_ends_as_submissions() {
    let mut world = live();
    check(
        &mut world,
        "1s send b to ada    => delivery_decided
         1s begun b ada      =>
         1s proven b ada     => delivered
         2s send c to ada    => delivery_decided
         2s begun c ada      =>
         2s proven c ada     => delivered
         3s turn ada running =>
         4s turn ada ended   =>
         5s turn ada ended   =>",
    );
    assert_eq!(world.session("ada").turns_open, 0);
}

/// C46b: what is said late or twice of a turn that is over ends no other one, though it is the newest word.
#[test]
fn c46b_an_end_for_another_turn_ends_nothing() {
    let mut world = live();
    check(
        &mut world,
        "1s turn ada running:t1 =>
         2s turn ada ended:t1   =>
         3s turn ada running:t2 =>
         4s turn ada ended:t1   =>
         5s turn ada failed:t1  =>
         5s turn ada running:t1 =>",
    );
    assert!(matches!(world.session("ada").turn, Turn::Running { judged: false, .. }), "t2 runs");
    check(&mut world, "6s turn ada ended:t2 =>");
    assert!(matches!(world.session("ada").turn, Turn::Ended { judged: false, .. }));
    // Its beginning was not heard, and its end has a name that is new.
    check(
        &mut world,
        "7s send b to ada     => delivery_decided
         7s begun b ada       =>
         7s proven b ada      => delivered
         8s turn ada ended:t2 =>",
    );
    assert!(matches!(world.session("ada").turn, Turn::Running { .. }), "t2 had ended before");
    check(
        &mut world,
        "9s turn ada ended:t3    =>
         10s turn ada running:t1 =>",
    );
    assert!(matches!(world.session("ada").turn, Turn::Ended { .. }), "t1 is long over");
}

/// A router is long-lived and shows no activity: nobody can say that it is idle, so nobody ends it.
#[test]
fn c43_a_router_is_never_idle() {
    let mut world = World::new();
    world.add("ada", on("relay"));
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]
         0s up ada        => delivery_decided, delivered, session_ready
         900h passes      =>",
    );
}

/// C46: a program that tells nothing never says that its dialog was answered: its screen is looked at again.
#[test]
fn c46_a_silent_program_that_waited_for_a_person_is_looked_at_again() {
    let mut world = World::new();
    world.add("ada", on("plain"));
    check(
        &mut world,
        "0s  send a to ada      => wake_decided[fresh first_wake]
         0s  up ada             => delivery_decided, delivered, session_ready
         20s passes             => look_decided
         20s asks ada           =>
         620s passes            => look_decided
         620s asks ada          =>
         1220s passes           => look_decided
         1220s looked ada 1200s => turn_judged",
    );
}

/// A session that a person is attached to is in use: it is not reaped under their hands (C57), armed or idle.
#[test]
fn c57_an_attached_session_is_not_reaped() {
    check(
        &mut live(),
        "1h passes               => look_decided
         1h looked ada attached  =>
         2h passes               => look_decided
         2h looked ada 1h        => parked, reaped[idle]",
    );
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(
        &mut world,
        "0s  send a to ada       => wake_decided[fresh ephemeral]
         1s  up ada              => delivery_decided, delivered, session_ready
         2s  done ada            => armed
         2s  turn ada idle       =>
         22s passes              => look_decided
         22s looked ada attached =>
         42s passes              => look_decided
         42s looked ada 1h       => reaped[done]",
    );
}

/// C28, C29: a program that ends under its boot has told its owner why; its death is counted once, and nobody says otherwise.
#[test]
fn c28_a_program_that_ends_under_its_boot_leaves_its_last_words() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(&mut world, "0s send a to ada => wake_decided[fresh first_wake]\n1s started ada =>");
    let (phase, screen) = (WakePhase::Boot, Some("at line 3\n\nno such model: x".to_owned()));
    let failed = LaunchFailed { phase, why: "the program exited with code 1".to_owned(), screen, left_session: false };
    let subject = world.of_session("ada");
    assert_eq!(world.see(subject, failed.clone()).len(), 1, "its end is told behind it");
    check(&mut world, "1s gone ada exit:1 => session_died, wake_failed, wake_refused[retry_delay]");
    let decided = world.records.iter().find_map(|record| match &record.event {
        Event::Decision(Decision::WakeFailed(decided)) => {
            Some((decided.screen.clone(), because(record, &TimeZone::UTC)))
        }
        _ => None,
    });
    let (screen, says) = decided.unwrap();
    assert_eq!(screen, failed.screen);
    assert!(says.contains("; it said last `at line 3 / no such model: x`; its death has been counted (C29)"), "{says}");
    assert_eq!(world.state.presences[&world.identity("ada")].deaths.len(), 1);
}
