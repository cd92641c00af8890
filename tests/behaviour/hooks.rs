//! What hooks mean: the newest word wins, a prompt is proof, work in the background keeps (C14, C46, C46b).

use dormouse::model::delivery::Proof;
use dormouse::model::effect::Task;
use dormouse::model::event::{ConversationNamed, Decision, DeliveryBegun, Event, PromptTaken, TurnObserved, TurnSeen};
use dormouse::model::message::TextPrint;
use dormouse::model::session::{Source, Turn};
use dormouse::model::time::Timestamp;

use crate::script::check;
use crate::world::{World, ephemeral};

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

fn turn(world: &World) -> Turn {
    world.session("ada").turn.clone()
}

/// C46b: each word is told by a process of its own, and the later one may be heard first.
#[test]
fn c46b_of_two_words_that_are_heard_the_wrong_way_round_the_later_one_stands() {
    let mut world = live();
    check(
        &mut world,
        "10s turn ada running:t2 1s-ago =>
         10s turn ada ended:t1 2s-ago   =>",
    );
    assert!(matches!(turn(&world), Turn::Running { judged: false, .. }), "{:?}", turn(&world));
    check(&mut world, "20s turn ada ended:t2 =>\n21s turn ada running:t2 2s-ago =>\n22s turn ada waiting 3s-ago =>");
    assert!(matches!(turn(&world), Turn::Ended { judged: false, .. }), "{:?}", turn(&world));
}

/// C46b: a word that was answered too late, and came again out of the spool, is one word.
#[test]
fn c46b_a_word_that_is_heard_twice_ends_one_turn() {
    let mut world = live();
    check(
        &mut world,
        "1s send b to ada          => delivery_decided
         2s begun b ada            =>
         3s turn ada running       =>
         3s proven b ada           => delivered
         10s turn ada ended 1s-ago =>
         11s send c to ada         => delivery_decided
         12s begun c ada           =>
         12s proven c ada          => delivered
         13s turn ada ended 4s-ago =>",
    );
    assert!(matches!(turn(&world), Turn::Running { judged: false, .. }), "{:?}", turn(&world));
}

/// C46: its turn is over, and it will wake itself up: neither idle nor quiet, but it takes a message.
#[test]
fn c46_work_in_the_background_keeps_a_session_and_takes_messages() {
    let mut world = live();
    check(
        &mut world,
        "1s turn ada running:t1    =>
         2s turn ada background:t1 =>
         3s turn ada idle          =>
         99h passes                => kept[background_work]
         99h send b to ada         => delivery_decided",
    );
    let Some(Task::DeliverMessage(order)) = world.effects.last().map(|effect| &effect.task) else { panic!() };
    assert!(!order.turn_running);
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(
        &mut world,
        "0s send a to ada           => wake_decided[fresh ephemeral]
         0s up ada                  => delivery_decided, delivered, session_ready
         1s answer b from ada to user:root => answer_kept, armed
         2s turn ada background:t1  =>
         99h passes                 => kept[background_work]
         99h turn ada ended:t2      =>",
    );
    assert!(matches!(turn(&world), Turn::Ended { judged: false, .. }), "{:?}", turn(&world));
}

/// C46, C34: the hook of its turn's end may be heard before its record is looked at: the proof then says nothing new of that turn.
#[test]
fn c46_work_told_of_before_its_task_was_proven_keeps_the_session() {
    let mut world = World::new();
    world.add("ada", ephemeral);
    check(
        &mut world,
        "0s send a to ada           => wake_decided[fresh ephemeral]
         1s started ada             =>
         2s box ada                 => delivery_decided
         3s begun a ada             =>
         4s done ada                => armed
         4s turn ada background:t1  =>
         5s proven a ada            => delivered, session_ready
         64s turn ada idle:t1       =>
         99h passes                 => kept[background_work]",
    );
}

/// C46b: the turn it was woken up for may go unheard, but not that it is idle after it. The same turn's rest says no more
/// than its end did.
#[test]
fn c46b_who_is_idle_after_another_turn_has_come_back_from_the_background() {
    let mut world = live();
    check(
        &mut world,
        "1s turn ada running:t1    =>
         2s turn ada background:t1 =>
         62s turn ada idle:t1      =>",
    );
    assert!(matches!(turn(&world), Turn::Background { .. }), "{:?}", turn(&world));
    check(
        &mut world,
        "30m turn ada idle:t2              =>
         31m turn ada background:t1 31m-ago =>",
    );
    assert!(matches!(turn(&world), Turn::Ended { judged: false, .. }), "{:?}", turn(&world));
    // A hook that failed is no reason to keep it for ever.
    check(&mut world, "2h passes => look_decided");
}

/// C46b: its status file is read at once, and the hook of that end may come behind it.
#[test]
fn c46b_the_end_of_a_later_turn_is_an_end_though_rest_was_heard_first() {
    let mut world = live();
    check(
        &mut world,
        "1s turn ada running:t1        =>
         2s turn ada background:t1     =>
         9s turn ada idle              =>
         10s turn ada ended:t0 9s-ago  =>",
    );
    assert!(matches!(turn(&world), Turn::Background { .. }), "an older one: {:?}", turn(&world));
    check(&mut world, "11s turn ada ended:t2 3s-ago =>");
    assert!(matches!(turn(&world), Turn::Ended { judged: false, .. }), "{:?}", turn(&world));
}

fn says(world: &mut World, turn: TurnSeen, source: Source, said_at: Timestamp) {
    let subject = world.of_session("ada");
    world.see(subject, TurnObserved { turn, source, turn_id: None, said_at: Some(said_at) });
}

/// C46: a status file lags behind the hook that says that work goes on. A daemon that begins to read it in between finds there
/// what was before that hook, and then rest, in the record too: neither knows anything of that work.
#[test]
fn c46_what_a_status_file_said_before_the_hook_ends_no_background_work() {
    let mut world = live();
    check(&mut world, "1s turn ada running:t1 =>");
    let begun = world.now;
    check(&mut world, "30s turn ada background:t1 =>\n31s passes =>");
    says(&mut world, TurnSeen::Running, Source::StatusFile, begun);
    assert!(matches!(turn(&world), Turn::Background { .. }), "{:?}", turn(&world));
    for source in [Source::Transcript, Source::StatusFile] {
        let now = world.now;
        says(&mut world, TurnSeen::Idle, source, now);
    }
    check(&mut world, "99h passes => kept[background_work]");
}

/// C46b, C50a: what a status file says is known by the wall clock alone. The machine may have slept since, or its clock been
/// set: what either clock has behind the newest word is news.
#[test]
fn c46b_what_a_status_file_said_before_a_sleep_is_news() {
    for (wall_s, awake_s, runs) in
        [(9, 9, false), (1, -3600, false), (-3600, 1, false), (-1, -3600, true), (-1, -1, true)]
    {
        let mut world = live();
        check(&mut world, "50m turn ada running:t1 =>\n3h passes => kept[turn_running]");
        let newest = world.session("ada").turn_said.unwrap();
        let said = Timestamp {
            wall_us: newest.wall_us.checked_add_signed(wall_s * 1_000_000).unwrap(),
            awake_ms: newest.awake_ms.checked_add_signed(awake_s * 1_000).unwrap(),
            ..newest
        };
        says(&mut world, TurnSeen::Idle, Source::StatusFile, said);
        assert_eq!(matches!(turn(&world), Turn::Running { .. }), runs, "{wall_s} {awake_s}: {:?}", turn(&world));
    }
}

/// C46b: a program may say on its terminal that it has failed, and in its record why, each first.
#[test]
fn c46b_why_a_turn_has_failed_is_worth_more_than_that_it_has() {
    let reason = |world: &World| match turn(world) {
        Turn::Failed { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    for said in [
        "2s turn ada failed-unnamed =>\n3s turn ada failed =>",
        "2s turn ada failed-unnamed =>\n3s turn ada failed 2s-ago =>",
        "2s turn ada failed =>\n3s turn ada failed-unnamed =>",
    ] {
        let mut world = live();
        check(&mut world, &format!("1s turn ada running =>\n{said}"));
        assert_eq!(reason(&world), "usage limit", "{said}");
        check(&mut world, "4s turn ada running =>\n5s turn ada failed-unnamed =>");
        assert_eq!(reason(&world), "unnamed error", "another turn");
    }
}

/// C46b: that it is idle is said at once by its status file, how its turn ended only by a hook behind it.
#[test]
fn c46b_how_a_turn_ended_is_worth_more_than_that_it_is_over() {
    let mut world = live();
    check(
        &mut world,
        "1s turn ada running:t1           =>
         2s turn ada idle                 =>
         3s turn ada background:t1 2s-ago =>",
    );
    assert!(matches!(turn(&world), Turn::Background { .. }), "{:?}", turn(&world));
    check(&mut world, "4s turn ada running:t2 =>\n5s turn ada failed:t2 =>");
    for source in [Source::StatusFile, Source::Title] {
        let subject = world.of_session("ada");
        world.see(subject, TurnObserved { turn: TurnSeen::Idle, source, turn_id: None, said_at: None });
        assert!(matches!(turn(&world), Turn::Failed { .. }), "{source:?}: {:?}", turn(&world));
    }
}

/// C45: a sign of life moves the idle clock and nothing else.
#[test]
fn c45_a_child_agents_word_keeps_its_session_from_being_idle() {
    let mut world = live();
    check(
        &mut world,
        "59m turn ada alive =>
         1h passes          =>
         119m passes        => look_decided",
    );
    assert!(matches!(turn(&world), Turn::Ended { .. }));
}

/// A person is called once for a wait, however many see it and in whatever words.
#[test]
fn c46_a_wait_that_two_sources_tell_of_calls_a_person_once() {
    let mut world = live();
    let calls = |world: &World| world.effects.iter().filter(|e| matches!(e.task, Task::CallAttention(_))).count();
    let wait = |world: &mut World, source, on: &str| {
        let turn = TurnSeen::Waiting { on: on.to_owned() };
        let subject = world.of_session("ada");
        world.see(subject, TurnObserved { turn, source, turn_id: None, said_at: None });
    };
    wait(&mut world, Source::Hook, "permission to use Bash");
    wait(&mut world, Source::StatusFile, "permission prompt");
    assert_eq!(calls(&world), 1);
    check(&mut world, "1s turn ada running =>");
    wait(&mut world, Source::StatusFile, "permission prompt");
    assert_eq!(calls(&world), 2, "another one");
}

fn begun(world: &mut World, typed: &str) {
    check(world, "1s send b to ada => delivery_decided");
    let subject = world.of_session("ada").with_message(world.messages["b"]);
    world.see(subject, DeliveryBegun { attempt: 1, mark: None, bytes: 5, print: TextPrint::of(typed) });
}

fn taken(world: &mut World, attempt: u32, prompt: &str) -> Vec<Proof> {
    let subject = world.of_session("ada").with_message(world.messages["b"]);
    let records = world.see(subject, PromptTaken { attempt, print: TextPrint::of(prompt), said_at: None });
    let proofs = records.into_iter().filter_map(|record| match record.event {
        Event::Decision(Decision::Delivered(delivered)) => Some(delivered.proof),
        _ => None,
    });
    proofs.collect()
}

/// C14: exact means every byte, of this very attempt, once.
#[test]
fn c14_a_prompt_proves_its_message_byte_for_byte() {
    let mut world = live();
    begun(&mut world, "hello");
    assert_eq!(taken(&mut world, 1, "hell"), []);
    assert_eq!(taken(&mut world, 2, "hello"), []);
    assert_eq!(taken(&mut world, 1, "hello"), [Proof::Hook]);
    assert_eq!(taken(&mut world, 1, "hello"), []);
}

/// C17: the name it learns is the one it parks.
#[test]
fn c17_a_park_keeps_the_name_that_the_program_gave_its_conversation() {
    let mut world = live();
    let subject = world.of_session("ada");
    world.see(subject, ConversationNamed { resume_ref: "c0ffee".to_owned(), source: Source::Hook });
    check(&mut world, "1h passes => look_decided\n1h looked ada 1h => parked, reaped[idle]");
    let parked = world.records.iter().find_map(|record| match &record.event {
        Event::Decision(Decision::Parked(parked)) => parked.resume_ref.clone(),
        _ => None,
    });
    assert_eq!(parked.as_deref(), Some("c0ffee"));
}

/// C33a: a program that should tell its turns and never says a word keeps no message waiting for the end of one.
#[test]
fn c33a_a_turn_that_nobody_tells_of_holds_no_message_back() {
    let mut world = World::new();
    world.add("ada", |_| {});
    let running = |world: &World| match world.effects.last().map(|effect| &effect.task) {
        Some(Task::DeliverMessage(order)) => order.turn_running,
        other => panic!("{other:?}"),
    };
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]
         0s up ada        => delivery_decided, delivered, session_ready
         1s send b to ada => delivery_decided",
    );
    assert!(!running(&world), "nobody has said so");
    check(
        &mut world,
        "2s turn ada running =>\n2s begun b ada =>\n2s proven b ada => delivered\n3s send c to ada => delivery_decided",
    );
    assert!(running(&world));
}

/// C46b: the beginning of an interrupted turn may go unheard, and the record show its message when it is over. Rest after a
/// turn that nobody had heard of tells of that turn; rest after an earlier one does not.
#[test]
fn c46b_rest_after_an_unheard_turn_is_the_end_of_what_was_typed() {
    for (rests, runs) in [("idle:t2", false), ("idle:t1", true)] {
        let mut world = live();
        check(
            &mut world,
            &format!(
                "1s turn ada running:t1 =>
                 2s turn ada ended:t1   =>
                 3s send b to ada       => delivery_decided
                 3s begun b ada         =>
                 4s turn ada {rests}    =>
                 5s proven b ada        => delivered"
            ),
        );
        assert_eq!(matches!(turn(&world), Turn::Running { .. }), runs, "{rests}: {:?}", turn(&world));
    }
}

/// C46b: a record may show the end of a fast turn together with what that turn was about, and the end be heard first.
#[test]
fn c46b_a_turn_that_its_record_ended_before_the_proof_is_over() {
    for (source, runs) in [(Source::Transcript, false), (Source::StatusFile, true)] {
        let mut world = World::new();
        world.add("ada", |_| {});
        check(
            &mut world,
            "0s send a to ada => wake_decided[fresh first_wake]
             1s started ada   =>
             1s box ada       => delivery_decided
             1s begun a ada   =>",
        );
        let subject = world.of_session("ada");
        world.see(subject, TurnObserved { turn: TurnSeen::Idle, source, turn_id: None, said_at: Some(world.now) });
        check(&mut world, "1s proven a ada => delivered, session_ready");
        // A status file says as much before the program has begun on anything.
        assert_eq!(matches!(world.session("ada").turn, Turn::Running { .. }), runs, "{source:?}");
    }
}
