//! Wakes: slots, order, first inputs, failures (C15-C20, C28, C29, C51).

use dormouse::explain::queue::queue;
use dormouse::explain::view;
use dormouse::model::event::{Event, Fact, RuntimeTraits, RuntimesChanged};
use dormouse::model::record::Subject;

use crate::script::{check, happens};
use crate::world::{World, ephemeral, on, runtimes};

/// C20: at most four boot at once, the rest in the order of their messages; an open box gives its slot back.
#[test]
fn c20_wakes_wait_for_a_slot_in_the_order_of_their_messages() {
    let mut world = World::new();
    for name in ["f", "e", "d", "c", "b", "a"] {
        world.add(name, |_| {});
    }
    check(
        &mut world,
        "0s send f1 to f => wake_decided[fresh first_wake]
         0s send e1 to e => wake_decided[fresh first_wake]
         0s send d1 to d => wake_decided[fresh first_wake]
         0s send c1 to c => wake_decided[fresh first_wake]
         1s send b1 to b => wake_refused[boot_slots]
         1s send a1 to a => wake_refused[boot_slots]
         2s box e        => delivery_decided, wake_decided[fresh first_wake]",
    );
    assert!(world.state.presences[&world.identity("b")].session.is_some(), "b asked before a");
}

/// C20: a slot is given back after 20 s, whatever the boot does.
#[test]
fn c20_a_slot_is_given_back_after_twenty_seconds() {
    let mut world = World::new();
    for name in ["a", "b", "c", "d", "e"] {
        world.add(name, |_| {});
    }
    check(
        &mut world,
        "0s send a1 to a => wake_decided[fresh first_wake]
         1s send b1 to b => wake_decided[fresh first_wake]
         1s send c1 to c => wake_decided[fresh first_wake]
         1s send d1 to d => wake_decided[fresh first_wake]
         1s send e1 to e => wake_refused[boot_slots]
         20s passes      => boot_slot_released, wake_decided[fresh first_wake]",
    );
}

/// C20, C51: peers whose last wake failed share one slot; one peer's trouble never stops the work for another.
#[test]
fn c51_failed_peers_share_one_slot_and_others_go_on() {
    let mut world = World::new();
    for name in ["a", "b", "c"] {
        world.add(name, |_| {});
    }
    check(
        &mut world,
        "0s send a1 to a           => wake_decided[fresh first_wake]
         0s send b1 to b           => wake_decided[fresh first_wake]
         1s launch-failed a boot nothing => wake_failed, wake_refused[retry_delay]
         1s launch-failed b boot nothing => wake_failed, wake_refused[retry_delay]
         2s passes                 => wake_decided[fresh first_wake], wake_refused[failed_boot_slot]
         3s send c1 to c           => wake_decided[fresh first_wake]",
    );
}

/// C19: a bare bring-up is ready as soon as the box is open; with a prompt, the prompt is typed as a message.
#[test]
fn c19_a_bare_bring_up_is_ready_at_the_open_box() {
    let mut world = World::new();
    world.add("ada", |_| {});
    world.add("bob", |registration| registration.profile.initial_prompt = Some("You are bob.".into()));
    check(
        &mut world,
        "0s new ada     => wake_decided[fresh new]
         1s started ada =>
         2s box ada     => session_ready
         3s new bob     => wake_decided[fresh new]
         4s up bob      => delivery_decided, delivered, session_ready",
    );
}

/// C28, C29: a wake without proof fails with its phase, and the live session it left is ended; the message is tried
/// again in a fresh one.
#[test]
fn c29_a_failed_wake_that_leaves_a_live_session_ends_it() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada       => wake_decided[fresh first_wake]
         1s started ada         =>
         1s box ada             => delivery_decided
         2s begun a ada         =>
         122s unproven a ada    => delivery_failed, wake_failed, reaped[wake_failed]
         123s gone ada signal:15 => session_ended, wake_decided[fresh first_wake]
         124s up ada            => delivery_decided, delivered, session_ready",
    );
}

/// C29: a wake that leaves nothing counts as a death; one that could not even be launched does not (C43).
#[test]
fn c29_a_failed_wake_that_leaves_nothing_counts_as_a_death() {
    let mut world = World::new();
    world.add("ada", |_| {});
    world.add("bob", |_| {});
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]
         1s launch-failed ada boot nothing => wake_failed, wake_refused[retry_delay]
         1s send b to bob => wake_decided[fresh first_wake]
         1s launch-failed bob launch nothing => wake_failed, wake_refused[retry_delay]",
    );
    assert_eq!(world.state.presences[&world.identity("ada")].deaths.len(), 1);
    assert_eq!(world.state.presences[&world.identity("bob")].deaths.len(), 0);
}

/// C13: what could not even be typed is tried again in the session that is there; the session stays.
#[test]
fn c13_a_first_input_that_was_never_typed_is_tried_again_in_the_same_session() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada          => wake_decided[fresh first_wake]
         1s started ada            =>
         1s box ada                => delivery_decided
         2s failed a ada untyped   => delivery_failed
         3s passes                 => delivery_decided
         3s begun a ada            =>
         3s proven a ada           => delivered, session_ready",
    );
}

/// C54: a refresh mark waits for the next natural wake; `new` does not.
#[test]
fn c54_new_replaces_whatever_is_there() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada       => wake_decided[fresh first_wake]
         1s up ada              => delivery_decided, delivered, session_ready
         2s turn ada running    =>
         3s refresh ada         => refresh_marked
         4s new ada             => reaped[replaced]
         5s gone ada signal:15  => session_ended, wake_decided[fresh new]",
    );
}

/// C52a: a worker's task that an operator cut off goes back to the head, not counted, marked.
#[test]
fn c52a_a_task_cut_off_by_an_operator_goes_back_to_the_head() {
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(
        &mut world,
        "0s send a to ada       => wake_decided[fresh ephemeral]
         0s send b to ada       =>
         1s up ada              => delivery_decided, delivered, session_ready
         2s new ada             => reaped[replaced]
         3s gone ada signal:15  => session_ended, message_requeued, wake_decided[fresh new]",
    );
    let a = world.messages["a"];
    assert_eq!(world.session("ada").first_input, Some(a));
    assert!(world.state.messages[&a].possible_duplicate);
    assert_eq!(world.state.messages[&a].unfinished, 0);
}

/// C28: whoever asks why nothing moves hears first why the last wake has failed, until one has come up.
#[test]
fn c28_why_the_last_wake_failed_is_said_wherever_one_looks() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]
         1s launch-failed ada boot nothing => wake_failed, wake_refused[retry_delay]",
    );
    let said = |world: &World| view::ls(&world.state, |_| None).remove(0).wake_failed.map(|failed| failed.why);
    assert_eq!(said(&world).as_deref(), Some("no"));
    let table = view::table(&view::ls(&world.state, |_| None), world.now);
    assert_eq!(table[1][3], "wake failed: no");
    let waits = queue(&world.state, None, world.now).remove(0).waits_for;
    assert!(waits.contains("; the last wake failed: no"), "{waits}");
    check(
        &mut world,
        "62s passes       => wake_decided[fresh first_wake], boot_slot_released
         63s started ada  =>
         63s box ada      => delivery_decided
         63s begun a ada  =>
         64s proven a ada => delivered, session_ready",
    );
    assert_eq!(said(&world), None);
}

/// What the last park can be resumed by.
fn parked(world: &World) -> Option<String> {
    world.state.presences[&world.identity("ada")].park.as_ref().expect("it is parked").resume_ref.clone()
}

/// C17: the name of a conversation is chosen before its first word, and until then no program finds it again.
#[test]
fn c17_a_session_in_which_nothing_was_said_leaves_nothing_to_resume() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s new ada            => wake_decided[fresh new]
         1s up ada             => session_ready
         2s turn ada idle      =>
         3s turn ada alive     =>
         4s stop ada           => stop_set, parked, reaped[stopped]
         5s gone ada signal:15 => session_ended
         6s start ada          => stop_cleared",
    );
    assert_eq!(parked(&world), None);
    let records = happens(&mut world, "attach ada");
    let Event::Fact(Fact::RequestRefused(refused)) = &records.last().unwrap().event else { panic!("{records:?}") };
    assert!(
        refused.why.ends_with("nothing was said in its last one, or its program never named it"),
        "{}",
        refused.why
    );
}

/// C17: by hand is said as well, and so is what an end cut off; and what was resumed has been spoken in before.
#[test]
fn c17_whatever_was_said_is_resumed() {
    let up = "0s new ada => wake_decided[fresh new]\n1s up ada => session_ready\n2s turn ada idle =>\n";
    for said in [
        "3s turn ada running:t1 =>\n4s turn ada idle:t1 =>",
        "3s turn ada running =>\n4s turn ada idle =>",
        "3s turn ada failed:t1 =>\n4s turn ada idle =>",
        "3s send a to ada => delivery_decided\n3s begun a ada =>",
        "3s send a to ada => delivery_decided\n3s begun a ada =>\n3s proven a ada => delivered",
    ] {
        let mut world = World::new();
        world.add("ada", |_| {});
        check(&mut world, &format!("{up}{said}\n5s stop ada => stop_set, parked, reaped[stopped]"));
        assert!(parked(&world).is_some(), "{said}");
        check(&mut world, "6s gone ada signal:15 => session_ended");
        if said.ends_with("delivered") {
            check(
                &mut world,
                "7s start ada          => stop_cleared
                 8s attach ada         => wake_decided[resumed attach]
                 9s up ada             => session_ready
                 10s stop ada          => stop_set, parked, reaped[stopped]",
            );
            assert!(parked(&world).is_some());
        }
    }
}

/// C17, C46a: of a program that tells nothing nobody knows what was said by hand.
#[test]
fn c17_a_silent_programs_conversation_is_resumed_by_its_name() {
    let mut world = World::new();
    world.add("ada", on("plain"));
    let runtimes = runtimes().into_iter().map(|it| RuntimeTraits { can_resume: true, ..it }).collect();
    world.see(Subject::NONE, RuntimesChanged { runtimes });
    check(
        &mut world,
        "0s new ada  => wake_decided[fresh new]
         1s up ada   => session_ready
         2s stop ada => stop_set, parked, reaped[stopped]",
    );
    assert!(parked(&world).is_some());
}

/// C17: nor does one that died before anything was said come back by its name, again and again.
#[test]
fn c17_a_death_before_the_first_word_leaves_nothing_to_resume() {
    let mut world = World::new();
    world.add("ada", |registration| registration.profile.resume_on_death = true);
    check(
        &mut world,
        "0s new ada           => wake_decided[fresh new]
         1s up ada            => session_ready
         2s gone ada signal:9 => session_died
         3s send a to ada     => wake_decided[fresh died]",
    );
}

/// As parked, with `known` among its topics.
const PARKED: &str = "0s send a to ada about known => wake_decided[fresh first_wake]
     1s up ada       => delivery_decided, delivered, session_ready
     2s turn ada idle =>
     3s stop ada     => stop_set, parked, reaped[stopped]
     4s gone ada signal:15 => session_ended
     5s start ada    => stop_cleared
     6s send b to ada about known => wake_decided[resumed topic_known]";

fn put_aside() -> World {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(&mut world, PARKED);
    world
}

/// As [`put_aside`], resumed and put aside once more.
fn put_aside_again() -> World {
    let mut world = put_aside();
    check(
        &mut world,
        "7s up ada          => delivery_decided, delivered, session_ready
         8s turn ada idle   =>
         9s stop ada        => stop_set, parked, reaped[stopped]
         9s gone ada signal:15 => session_ended",
    );
    world
}

/// C17, C29: a wake that fails has spent nothing: what it was to resume is resumed by the next one.
#[test]
fn c17_a_wake_that_fails_gives_back_what_it_took() {
    for fails in [
        "7s gone ada exit:1 => session_died, wake_failed, wake_refused[retry_delay]",
        "7s launch-failed ada launch nothing => wake_failed, wake_refused[retry_delay]",
        "7s launch-failed ada boot left => wake_failed, reaped[wake_failed]
         7s gone ada signal:15 => session_ended, wake_refused[retry_delay]",
        "7s box ada => delivery_decided
         7s begun b ada =>
         8s unproven b ada => delivery_failed, wake_failed, reaped[wake_failed]
         8s gone ada signal:15 => session_ended, wake_refused[retry_delay]",
    ] {
        let mut world = put_aside();
        check(&mut world, &format!("{fails}\n20s passes => wake_decided[resumed topic_known]"));
        check(&mut world, "1s up ada => delivery_decided, delivered, session_ready");
        assert!(world.session("ada").taken.is_none() && world.state.presences[&world.identity("ada")].park.is_none());
    }
}

/// C17: a launch from the folder consumes nothing, and one in which nothing was said leaves nothing that could take the place
/// of what was parked before.
#[test]
fn c17_a_folder_launch_in_which_nothing_was_said_leaves_what_was_parked() {
    let mut world = put_aside_again();
    check(
        &mut world,
        "10s start ada      => stop_cleared
         11s run ada        => wake_decided[fresh folder_launch]
         12s started ada    =>
         13s box ada        => session_ready
         14s stop ada       => stop_set, parked, reaped[stopped]
         14s gone ada signal:15 => session_ended
         15s start ada      => stop_cleared
         16s send c to ada about known => wake_decided[resumed topic_known]",
    );
}

/// C17: what the program cannot read must not keep the peer from its messages for ever; what ended it is not forgotten
/// before a fresh one is ready.
#[test]
fn c17_a_conversation_that_ends_its_program_each_time_is_left_behind() {
    let mut world = put_aside();
    check(
        &mut world,
        "7s gone ada exit:1  => session_died, wake_failed, wake_refused[retry_delay]
         8s passes           => wake_decided[resumed topic_known]
         9s gone ada exit:1  => session_died, wake_failed, wake_refused[retry_delay]
         11s passes          => wake_decided[fresh resume_failed]
         310s gone ada exit:1 => boot_slot_released, session_died, wake_failed, wake_refused[retry_delay]",
    );
    assert!(world.state.presences[&world.identity("ada")].park.is_some(), "the fresh one has not come either");
    check(
        &mut world,
        "4s passes           => wake_decided[fresh resume_failed]
         5s up ada         => delivery_decided, delivered, session_ready",
    );
    let presence = &world.state.presences[&world.identity("ada")];
    assert!(presence.park.is_none() && presence.resumes_failed == 0);
}

/// C17, C54: a refresh is still asked for where the fresh session never came; what was before `new` is not wanted any more.
#[test]
fn c17_what_an_operator_put_away_does_not_come_back() {
    let mut world = put_aside_again();
    check(
        &mut world,
        "9s start ada       => stop_cleared
         10s refresh ada    => refresh_marked
         11s send c to ada about known => wake_decided[fresh refresh_mark]
         12s gone ada exit:1 => session_died, wake_failed, wake_refused[retry_delay]
         13s passes         => wake_decided[fresh refresh_mark]",
    );
    let mut world = put_aside_again();
    check(
        &mut world,
        "10s start ada      => stop_cleared
         10s new ada        => wake_decided[fresh new]
         11s gone ada exit:1 => session_died, wake_failed",
    );
    assert!(world.state.presences[&world.identity("ada")].park.is_none());
}
