//! Ephemeral workers: one task, one fresh session (C35-C42).

use dormouse::model::event::{Decision, Event, ProfileChanged, SettingsChanged};
use dormouse::model::profile::WakePolicy;
use dormouse::model::record::Subject;
use dormouse::model::settings::Settings;

use crate::script::check;
use crate::world::{World, ephemeral, on};

fn worker() -> World {
    let mut world = World::new();
    world.add("ada", ephemeral);
    world
}

/// C35, C36, C37, C40: the whole life of a task; the next one starts the moment the session is gone.
#[test]
fn c35_each_task_gets_one_fresh_session() {
    check(
        &mut worker(),
        "0s  send a to ada     => wake_decided[fresh ephemeral]
         0s  send b to ada     =>
         1s  up ada            => delivery_decided, delivered, session_ready
         1s  turn ada running  =>
         5s  answer r from ada to user:root => answer_kept, armed
         30s turn ada idle     =>
         49s passes            =>
         50s passes            => look_decided
         50s looked ada 1h     => reaped[done]
         51s gone ada signal:15 => session_ended, task_done[answered], drained, wake_decided[fresh ephemeral]",
    );
}

/// C37, C46: an armed worker that still thinks is not quiet: silence is not the end of a turn.
#[test]
fn c37_an_armed_worker_that_still_thinks_is_kept() {
    check(
        &mut worker(),
        "0s  send a to ada     => wake_decided[fresh ephemeral]
         1s  up ada            => delivery_decided, delivered, session_ready
         1s  turn ada running  =>
         5s  answer r from ada to user:root => answer_kept, armed
         9h  passes            => kept[turn_running]
         9h  turn ada idle     =>
         10h passes            => look_decided",
    );
}

/// C36: `--progress` does not arm; a worker's own `done` does.
#[test]
fn c36_progress_does_not_arm_and_done_does() {
    check(
        &mut worker(),
        "0s send a to ada     => wake_decided[fresh ephemeral]
         1s up ada            => delivery_decided, delivered, session_ready
         2s progress p from ada to user:root => answer_kept
         3s done ada          => armed
         4s done ada          =>",
    );
}

/// C36: an arm belongs to its generation and never ends a later session.
#[test]
fn c36_an_arm_never_ends_a_later_session() {
    let mut world = worker();
    check(
        &mut world,
        "0s send a to ada   => wake_decided[fresh ephemeral]
         0s send b to ada   =>
         1s up ada          => delivery_decided, delivered, session_ready
         2s done ada        => armed
         2s turn ada idle   =>
         3s gone ada exit:0 => session_finished, task_done[answered], drained, wake_decided[fresh ephemeral]
         4s up ada          => delivery_decided, delivered, session_ready
         5s turn ada idle   =>
         60s passes         =>",
    );
    assert!(world.session("ada").armed.is_none());
}

/// C38, C39: a worker that ended without a word does not block its queue: true silence ends it, and it is no death.
#[test]
fn c38_an_unarmed_worker_is_reaped_after_true_silence() {
    let mut world = worker();
    check(
        &mut world,
        "0s   send a to ada    => wake_decided[fresh ephemeral]
         0s   send b to ada    =>
         1s   up ada           => delivery_decided, delivered, session_ready
         5s   turn ada running =>
         10s  turn ada idle    =>
         609s passes           =>
         610s passes           => look_decided
         610s looked ada 600s  => reaped[unarmed]
         611s gone ada signal:15 => session_ended, task_done[without_a_word], drained, wake_decided[fresh ephemeral]",
    );
    let presence = &world.state.presences[&world.identity("ada")];
    assert!(presence.deaths.is_empty() && presence.park.is_none());
}

/// C41: a task leaves the queue only when the wake that carried it proved it.
#[test]
fn c41_a_task_that_was_not_proven_stays_in_the_queue() {
    let mut world = worker();
    check(
        &mut world,
        "0s send a to ada        => wake_decided[fresh ephemeral]
         1s gone ada exit:1      => session_died, wake_failed, wake_refused[retry_delay]",
    );
    let presence = &world.state.presences[&world.identity("ada")];
    assert_eq!(presence.queue.front(), Some(&world.messages["a"]));
}

/// C41a: a session that dies before its task is answered: given again once, then dead, and the sender is told (C13).
#[test]
fn c41a_an_unfinished_task_is_given_again_once() {
    let mut world = worker();
    check(
        &mut world,
        "0s send a to ada         => wake_decided[fresh ephemeral]
         1s up ada                => delivery_decided, delivered, session_ready
         2s gone ada signal:9     => session_died, message_requeued, drained, wake_decided[fresh ephemeral]
         3s started ada           =>
         3s box ada               => delivery_decided",
    );
    let again = world.effects.iter().rev().find_map(|effect| match &effect.task {
        dormouse::model::effect::Task::DeliverMessage(deliver) => Some(deliver.clone()),
        _ => None,
    });
    let again = again.expect("it is delivered again");
    assert_eq!(again.attempt, 2);
    assert_eq!(again.envelope.session_before.unwrap().ending.to_string(), "died by signal 9");
    check(
        &mut world,
        "3s begun a ada           =>
         3s proven a ada          => delivered, session_ready
         4s gone ada signal:9     => session_died, message_dead, report_made",
    );
    assert!(world.state.presences[&world.identity("ada")].dead.contains(&world.messages["a"]));
}

/// C41a: where no task is given again, one session is told of as one.
#[test]
fn c41a_a_task_that_is_never_given_again_is_dead_with_its_one_session() {
    let mut world = worker();
    let settings = Settings { unfinished_retries: 0, ..Settings::default() };
    world.see(Subject::NONE, SettingsChanged { settings, given: None });
    check(
        &mut world,
        "0s send a to ada         => wake_decided[fresh ephemeral]
         1s up ada                => delivery_decided, delivered, session_ready
         2s gone ada signal:9     => session_died, message_dead, report_made",
    );
    let why = world.records.iter().find_map(|record| match &record.event {
        Event::Decision(Decision::MessageDead(dead)) => Some(dead.why.as_str()),
        _ => None,
    });
    assert_eq!(why, Some("its session died by signal 9, before it was answered"));
}

/// C44a: exit 0 in the middle of a task is a task done without a word; after it was armed, answered.
#[test]
fn c44a_exit_zero_in_a_task_is_done_without_a_word() {
    check(
        &mut worker(),
        "0s send a to ada     => wake_decided[fresh ephemeral]
         1s up ada            => delivery_decided, delivered, session_ready
         2s gone ada exit:0   => session_finished, task_done[without_a_word]",
    );
}

/// C41a: a worker that crashes after its answer has done its task; the crash still counts (C48).
#[test]
fn c41a_a_crash_after_the_answer_leaves_no_unfinished_task() {
    let mut world = worker();
    check(
        &mut world,
        "0s send a to ada     => wake_decided[fresh ephemeral]
         1s up ada            => delivery_decided, delivered, session_ready
         2s answer r from ada to user:root => answer_kept, armed
         3s gone ada signal:11 => session_died, task_done[answered]",
    );
    assert_eq!(world.state.presences[&world.identity("ada")].deaths.len(), 1);
}

/// C46a: a program that does not tell its turns has them judged: by its answer, or by silence of screen and transcript.
#[test]
fn c46a_turns_of_a_plain_program_are_judged() {
    let mut world = World::new();
    world.add("ada", |registration| {
        on("plain")(registration);
        ephemeral(registration);
    });
    check(
        &mut world,
        "0s  send a to ada    => wake_decided[fresh ephemeral]
         0s  send b to ada    =>
         1s  up ada           => delivery_decided, delivered, session_ready
         20s passes           =>
         21s passes           => look_decided
         21s looked ada 5s    =>
         36s passes           => look_decided
         36s looked ada 20s   => turn_judged
         615s passes          =>
         616s passes          => look_decided
         616s looked ada 600s => reaped[unarmed]",
    );
}

/// C46a: a screen that never rests counts for at most the unarmed bound.
#[test]
fn c46a_a_restless_screen_counts_for_at_most_the_unarmed_bound() {
    let mut world = World::new();
    world.add("ada", |registration| {
        on("plain")(registration);
        ephemeral(registration);
    });
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh ephemeral]\n0s up ada => delivery_decided, delivered, session_ready",
    );
    let mut looks = 0;
    while world.session("ada").looking
        || matches!(world.session("ada").turn, dormouse::model::session::Turn::Running { .. })
    {
        if world.session("ada").looking {
            looks += 1;
            let subject = world.of_session("ada");
            world.see(
                subject,
                dormouse::model::event::SessionLooked {
                    screen_silent_ms: Some(0),
                    transcript_silent_ms: None,
                    waiting_on: None,
                    attached: false,
                    working: false,
                },
            );
        }
        world.pass(1_000);
        assert!(looks < 100);
    }
    let lived_ms = world.now.since(world.session("ada").woken);
    assert!((600_000..640_000).contains(&lived_ms), "{lived_ms}");
}

/// C46a: the answer of a plain program ends its turn, and its quiet time begins.
#[test]
fn c46a_the_answer_ends_a_judged_turn() {
    let mut world = World::new();
    world.add("ada", |registration| {
        on("plain")(registration);
        ephemeral(registration);
    });
    check(
        &mut world,
        "0s  send a to ada    => wake_decided[fresh ephemeral]
         1s  up ada           => delivery_decided, delivered, session_ready
         2s  answer r from ada to user:root => answer_kept, armed, turn_judged
         22s passes           => look_decided
         22s looked ada 1s    => reaped[done]",
    );
}

/// C14: an answer in the task's own turn, from its own generation, is proof as well.
#[test]
fn c14_an_answer_is_proof() {
    check(
        &mut worker(),
        "0s send a to ada   => wake_decided[fresh ephemeral]
         1s started ada     =>
         1s box ada         => delivery_decided
         2s begun a ada     =>
         2s turn ada running =>
         3s answer r from ada to user:root => answer_kept, delivered, armed, session_ready
         4s proven a ada    =>",
    );
}

/// C42: both ephemeral and human-conversational: ephemeral wins.
#[test]
fn c42_ephemeral_wins_over_human_conversation() {
    let mut world = World::new();
    world.add("ada", |registration| {
        ephemeral(registration);
        registration.profile.converses_with_people = true;
    });
    check(&mut world, "0s send a to ada => wake_decided[fresh ephemeral]");
}

/// C46b: a program may be done before its record shows that it began: its own word is newer than what a proof means.
#[test]
fn c46b_a_turn_that_was_over_before_the_proof_does_not_begin_with_it() {
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(
        &mut world,
        "0s  send a to ada              => wake_decided[fresh ephemeral]
         0s  started ada                =>
         0s  turn ada idle              =>
         0s  box ada                    => delivery_decided
         1s  begun a ada                =>
         1s  turn ada running           =>
         2s  turn ada idle              =>
         2s  proven a ada               => delivered, session_ready
         3s  answer b from ada to user:root => answer_kept, armed
         23s passes                     => look_decided
         23s looked ada 1h              => reaped[done]",
    );
}

/// C35: a worker that was brought up bare makes room for the first task: it gets a fresh session of its own.
#[test]
fn c35_a_bare_worker_makes_room_for_a_task() {
    check(
        &mut worker(),
        "0s new ada              => wake_decided[fresh new]
         0s started ada          =>
         0s box ada              => session_ready
         5s send a to ada        => reaped[unneeded]
         5s gone ada signal:15   => session_ended, drained, wake_decided[fresh ephemeral]",
    );
}

/// C3, C35: a router is never idle, so one that stands in the way of a task is ended once it has taken what was typed.
#[test]
fn c35_a_task_does_not_wait_for_a_router_for_ever() {
    let mut world = World::new();
    world.add("ada", on("relay"));
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]\n1s up ada => delivery_decided, delivered, session_ready",
    );
    let mut profile = world.state.peers.values().next().unwrap().registration.profile.clone();
    profile.wake_policy = WakePolicy::Ephemeral;
    world.see(Subject::peer(&world.identity("ada")), ProfileChanged { profile });
    check(
        &mut world,
        "2s send b to ada => parked, reaped[unneeded]\n3s gone ada signal:15 => session_ended, drained, wake_decided[fresh ephemeral]",
    );
}

/// C37, C38: a worker on a router is reaped as any other, or its queue would wait for ever.
#[test]
fn c37_a_worker_on_a_router_goes_when_it_has_answered() {
    let mut world = World::new();
    world.add("ada", |registration| {
        on("relay")(registration);
        ephemeral(registration);
    });
    check(
        &mut world,
        "0s  send a to ada              => wake_decided[fresh ephemeral]
         1s  up ada                     => delivery_decided, delivered, session_ready
         2s  answer r from ada to user:root => answer_kept, armed, turn_judged
         22s passes                     => look_decided
         22s looked ada 20s             => reaped[done]",
    );
}

/// C45, C3: a message that waits behind a task of its peer's time as a worker does not keep the session before both.
#[test]
fn c45_a_message_behind_a_task_keeps_no_session() {
    let mut world = World::new();
    world.add("ada", |_| {});
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]\n0s up ada => delivery_decided, delivered, session_ready",
    );
    check(&mut world, "1s turn ada running =>\n1s turn ada idle =>");
    let persistent = world.state.peers.values().next().unwrap().registration.profile.clone();
    let profile = dormouse::model::profile::Profile { wake_policy: WakePolicy::Ephemeral, ..persistent.clone() };
    let subject = Subject::peer(&world.identity("ada"));
    world.see(subject.clone(), ProfileChanged { profile });
    check(&mut world, "2s send task to ada =>");
    world.see(subject, ProfileChanged { profile: persistent });
    check(
        &mut world,
        "3s send b to ada         =>
         3601s passes             => look_decided
         3601s looked ada 3600s   => parked, reaped[idle]
         3602s gone ada signal:15 => session_ended, drained, wake_decided[fresh ephemeral]",
    );
}
