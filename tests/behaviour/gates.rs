//! C15 and C17 as tables, one row each.

use dormouse::model::event::{Decision, Event, Fact, ProfileChanged, RuntimesChanged};
use dormouse::model::record::Subject;
use dormouse::model::request::{PeerName, Verb};
use dormouse::model::session::{WakeBranch, WakeGate, WakeMode};

use crate::script::check;
use crate::world::{World, ephemeral, managed, on, user};

/// The branch that decides a wake of `ada` for a message about `known`, and whether it is fresh.
fn branch(world: &mut World) -> (WakeBranch, bool) {
    let mut send = world.message("ada", user(), "hello");
    send.topic = Some("known".to_owned());
    let group = world.request(Verb::Send(Box::new(send)));
    let decided = group.iter().find_map(|record| match &record.event {
        Event::Decision(Decision::WakeDecided(wake)) => Some((wake.branch, wake.mode == WakeMode::Fresh)),
        _ => None,
    });
    decided.unwrap_or_else(|| panic!("not woken: {group:?}"))
}

/// A fresh world with a peer, brought to a state by a script.
fn world(shape: impl FnOnce(&mut dormouse::model::profile::Registration), script: &str) -> World {
    let mut world = World::new();
    world.add("ada", shape);
    check(&mut world, script);
    world
}

/// The gate that holds `ada` back, as the last event about it says.
fn gate(world: &World) -> WakeGate {
    let presence = &world.state.presences[&world.identity("ada")];
    presence.last_gate.clone().expect("a gate holds it back")
}

/// A world in which `ada` has died so often that she is in quarantine, with a message waiting.
const QUARANTINED: &str = "0s send a to ada    => wake_decided[fresh first_wake]
     1s gone ada exit:1  => session_died, wake_failed, wake_refused[retry_delay]
     9s passes           => wake_decided[fresh died]
     9s gone ada exit:1  => session_died, wake_failed, wake_refused[retry_delay]
     20s passes          => wake_decided[fresh died]
     20s gone ada exit:1 => session_died, wake_failed, quarantined, wake_refused[quarantined]";

/// C15: the gates in their order, one row each, each refusal an event with its reason.
#[test]
fn c15_each_gate_refuses_with_its_reason() {
    const SEND: &str = "0s send x to ada";
    let undeclared = {
        let mut world = world(|_| {}, "");
        world.see(Subject::NONE, RuntimesChanged { runtimes: Vec::new() });
        world
    };
    let crowded = {
        let mut world = world(|_| {}, "");
        for name in ["b", "c", "d", "e"] {
            world.add(name, |_| {});
            check(&mut world, &format!("0s send {name}1 to {name} => wake_decided[fresh first_wake]"));
        }
        world
    };
    type Holds = fn(&WakeGate) -> bool;
    let table: [(World, String, Holds); 5] = [
        // Checked first; and what waits is delivered to where it lives (C5).
        (
            world(managed, ""),
            format!("{SEND} => delivery_decided\n0s send y to ada => wake_refused[managed_elsewhere]"),
            |gate| matches!(gate, WakeGate::ManagedElsewhere { by } if by == "somebody"),
        ),
        (undeclared, format!("{SEND} => wake_refused[runtime_not_declared]"), |gate| {
            *gate == WakeGate::RuntimeNotDeclared
        }),
        (
            world(ephemeral, "0s send a to ada => wake_decided[fresh ephemeral]\n0s send b to ada =>"),
            "0s stop ada => stop_set, reaped[stopped]
             1s gone ada signal:15 => session_ended, wake_refused[stopped]"
                .to_owned(),
            |gate| matches!(gate, WakeGate::Stopped { .. }),
        ),
        (world(|_| {}, ""), QUARANTINED.to_owned(), |gate| matches!(gate, WakeGate::Quarantined { left_ms: 281_000 })),
        (crowded, format!("{SEND} => wake_refused[boot_slots]"), |gate| {
            *gate == WakeGate::BootSlots { booting: 4, boots_max: 4 }
        }),
    ];
    for (mut world, script, holds) in table {
        check(&mut world, &script);
        let gate = gate(&world);
        assert!(holds(&gate), "{gate:?}");
    }
}

/// C15: already live is the last gate: an operator hears of it, a message is delivered to the session that is there.
#[test]
fn c15_a_folder_launch_beside_a_live_session_is_refused() {
    let mut world = world(|_| {}, "0s send a to ada => wake_decided[fresh first_wake]\n0s run ada =>");
    let last = world.records.pop().expect("a refusal");
    assert!(matches!(last.event, Event::Fact(Fact::RequestRefused(refused)) if refused.rule == "C15"));
}

/// C15: a stopped peer refuses the message itself; one that was queued before the stop waits for the start.
#[test]
fn c15_a_stopped_peer_is_not_woken_and_drains_when_started() {
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh ephemeral]
         1s send b to ada =>
         2s stop ada      => stop_set, reaped[stopped]
         3s gone ada signal:15 => session_ended, wake_refused[stopped]
         4s start ada     => stop_cleared, drained, wake_decided[fresh ephemeral]",
    );
}

/// C15: at most one live session; a second message does not wake again.
#[test]
fn c16_a_second_message_does_not_wake_a_waking_peer_again() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0ms send a to ada => wake_decided[fresh first_wake]
         1ms send b to ada =>",
    );
}

/// C17: fresh or resumed, row by row, in the contract's order.
#[test]
fn c17_fresh_or_resumed_is_decided_in_order() {
    const PARKED: &str = "0s send a to ada about known => wake_decided[fresh first_wake]
         1s up ada       => delivery_decided, delivered, session_ready
         2s turn ada idle =>
         3s stop ada     => stop_set, parked, reaped[stopped]
         4s gone ada signal:15 => session_ended
         5s start ada    => stop_cleared";
    const DIED: &str = "0s send a to ada => wake_decided[fresh first_wake]
         1s up ada        => delivery_decided, delivered, session_ready
         2s gone ada signal:9 => session_died";
    let telegram = |r: &mut dormouse::model::profile::Registration| r.profile.converses_with_people = true;
    let resumes = |r: &mut dormouse::model::profile::Registration| r.profile.resume_on_death = true;
    let fresh = true;
    let table: Vec<(&str, World, WakeBranch, bool)> = vec![
        (
            "3 refresh mark",
            world(|_| {}, &format!("{PARKED}\n6s refresh ada => refresh_marked")),
            WakeBranch::RefreshMark,
            fresh,
        ),
        ("4 ephemeral", world(ephemeral, ""), WakeBranch::Ephemeral, fresh),
        ("5 never parked", world(|_| {}, ""), WakeBranch::FirstWake, fresh),
        ("5 died", world(|_| {}, DIED), WakeBranch::Died, fresh),
        ("5 died, resume_on_death", world(resumes, DIED), WakeBranch::ResumeOnDeath, !fresh),
        ("6 human conversation", world(telegram, PARKED), WakeBranch::HumanConversation, !fresh),
        ("7 known topic", world(|_| {}, PARKED), WakeBranch::TopicKnown, !fresh),
    ];
    for (row, mut world, branch, is_fresh) in table {
        assert_eq!(self::branch(&mut world), (branch, is_fresh), "{row}");
    }
    check(&mut world(|_| {}, PARKED), "6s send b to ada about other => wake_decided[fresh topic_new]");
    check(&mut world(|_| {}, PARKED), "6s send b to ada => wake_decided[fresh no_topic]");
    check(&mut world(|_| {}, PARKED), "6s attach ada => wake_decided[resumed attach]");
    check(&mut world(|_| {}, PARKED), "6s new ada => wake_decided[fresh new]");
    check(&mut world(|_| {}, PARKED), "6s run ada => wake_decided[fresh folder_launch]");
}

/// C17: a folder launch consumes nothing: what was parked before can still be resumed.
#[test]
fn c17_a_folder_launch_consumes_no_park() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]
         1s up ada        => delivery_decided, delivered, session_ready
         2s turn ada idle =>
         3s stop ada      => stop_set, parked, reaped[stopped]
         4s gone ada signal:15 => session_ended
         5s start ada     => stop_cleared
         6s run ada       => wake_decided[fresh folder_launch]",
    );
    assert!(world.state.presences[&world.identity("ada")].park.is_some());
}

/// C17: a runtime that cannot resume starts fresh where a resume was meant, and the branch says what was meant.
#[test]
fn c17_what_cannot_be_resumed_is_fresh() {
    let mut world = World::new();
    world.add("ada", |registration| {
        on("plain")(registration);
        registration.profile.converses_with_people = true;
    });
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]
         1s up ada        => delivery_decided, delivered, session_ready
         2s stop ada      => stop_set, parked, reaped[stopped]
         3s gone ada signal:15 => session_ended
         4s start ada     => stop_cleared
         5s send b to ada => wake_decided[fresh human_conversation]",
    );
}

/// C17: a session that went down with the machine counts as parked, and against nobody (C48).
#[test]
fn c17_a_session_that_went_down_with_the_machine_counts_as_parked() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada about t => wake_decided[fresh first_wake]
         1s up ada                => delivery_decided, delivered, session_ready
         2s gone ada machine      => session_died, parked
         3s send b to ada about t => wake_decided[resumed topic_known]",
    );
    assert!(world.state.presences[&world.identity("ada")].deaths.is_empty());
}

/// C18: a session's topics accumulate, at most sixteen, and a fresh wake starts the set anew.
#[test]
fn c18_topics_accumulate_and_are_bounded() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada about t0 => wake_decided[fresh first_wake]
         1s up ada                 => delivery_decided, delivered, session_ready",
    );
    for n in 1..=17 {
        let at = n + 1;
        check(&mut world, &format!("0s send m{n} to ada about t{n} => delivery_decided"));
        check(&mut world, &format!("0s begun m{n} ada =>\n0s proven m{n} ada => delivered"));
        assert!(world.session("ada").topics.len() <= 16, "{at}");
    }
    assert_eq!(world.session("ada").topics.first().unwrap(), "t2");
    assert_eq!(world.session("ada").topics.last().unwrap(), "t17");
}

/// C3: a change of policy is an event, and a message is handled by the policy in force when it was accepted.
#[test]
fn c3_a_message_keeps_the_policy_it_was_accepted_under() {
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(&mut world, "0s send a to ada => wake_decided[fresh ephemeral]\n0s send b to ada =>");
    let mut profile = world.state.peers.values().next().unwrap().registration.profile.clone();
    profile.wake_policy = dormouse::model::profile::WakePolicy::Persistent;
    world.see(Subject::peer(&world.identity("ada")), ProfileChanged { profile });
    check(
        &mut world,
        "1s up ada              => delivery_decided, delivered, session_ready
         2s answer r from ada to user:root => answer_kept, armed
         3s turn ada idle       =>
         4s gone ada exit:0     => session_finished, task_done[answered], drained, wake_decided[fresh ephemeral]",
    );
}

/// C10: without an explicit runtime a message goes to the default one; C17.2: nothing to resume is an error.
#[test]
fn c17_attach_with_nothing_to_resume_is_refused() {
    let mut world = World::new();
    world.add("ada", |_| {});
    let group = world.request(Verb::Attach { peer: PeerName("ada".into()), mint: dormouse::model::id::MessageId(1) });
    assert!(matches!(&group[0].event, Event::Fact(Fact::RequestRefused(r)) if r.rule == "C17"));
}

/// C15: of two gates that hold, the first in the contract's order is the one that is named.
#[test]
fn c15_the_first_gate_in_order_is_named() {
    let quarantined = || {
        let mut world = World::new();
        world.add("ada", ephemeral);
        check(
            &mut world,
            &QUARANTINED
                .replace("first_wake", "ephemeral")
                .replace("died]", "ephemeral]")
                .replace("9s passes           => ", "9s passes           => drained, ")
                .replace("20s passes          => ", "20s passes          => drained, "),
        );
        world
    };
    // Quarantined, then stopped: stopped comes first.
    let mut world = quarantined();
    check(&mut world, "0s stop ada => stop_set, wake_refused[stopped]");
    // Then its runtime goes: that comes before both.
    let group = world.see(Subject::NONE, RuntimesChanged { runtimes: Vec::new() });
    let gates: Vec<WakeGate> = group
        .iter()
        .filter_map(|record| match &record.event {
            Event::Decision(Decision::WakeRefused(refused)) => Some(refused.gate.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(gates, [WakeGate::RuntimeNotDeclared]);
    // And whoever else keeps it alive comes before all.
    let mut registration = crate::world::registration("demo", "ada");
    managed(&mut registration);
    let event = dormouse::model::event::PeerRegistered { registration, reason: None };
    let subject = Subject::peer(&world.identity("ada"));
    world.see(subject, event);
    assert!(matches!(gate(&world), WakeGate::ManagedElsewhere { .. }), "{:?}", gate(&world));
}
