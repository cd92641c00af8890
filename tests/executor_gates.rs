//! What a delivery waits for, and what it never types into.

mod executor_world;

use std::time::Duration;

use dormouse::model::delivery::{DeliveryOutcome, DeliveryStep, Gate, Proof};
use dormouse::model::effect::{DeliverMessage, SessionName, Task};
use dormouse::model::event::{DeliveryWaiting, Fact};
use dormouse::model::id::{Lsn, MessageId};
use dormouse::model::session::Ending;

use executor_world::{Person, World, agent, deliver, delivery, until};

async fn world(does: &str) -> (World, SessionName) {
    let mut world = World::new(&[("agent", &agent(does))], "line\nline");
    let name = world.open("agent-ada", 3).await;
    (world, name)
}

async fn waits(world: &mut World) -> Gate {
    world
        .until(
            |fact| if let Fact::DeliveryWaiting(DeliveryWaiting { gate }) = fact { Some(gate.clone()) } else { None },
        )
        .await
        .0
}

fn keys(world: &World) -> String {
    std::fs::read_to_string(world.folder.join("keys.txt")).unwrap_or_default()
}

/// C27: the paste is seen to have landed, then one Enter.
#[tokio::test]
async fn c27_enter_is_pressed_once_the_paste_has_landed() {
    let (mut world, name) = world("").await;
    for message in 1..=3 {
        world.run(Lsn(7), deliver(delivery(&name, message)));
        assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    }
    assert_eq!(keys(&world), "enter\nenter\nenter\n");
    world.end(&name).await;
}

/// C31: a swallowed Enter is pressed again while the paste is still in the box.
#[tokio::test]
async fn c31_a_swallowed_enter_is_pressed_again() {
    let (mut world, name) = world("swallow").await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    assert_eq!(keys(&world), "enter\nenter\n");
    world.end(&name).await;
}

/// C27, C31: what a person has pasted since the key was pressed is not submitted for them.
#[tokio::test]
async fn c31_a_paste_that_is_not_this_one_is_not_submitted() {
    let (mut world, name) = world("swallow").await;
    world.run(Lsn(7), deliver(DeliverMessage { ready_deadline_ms: 2_500, ..delivery(&name, 1) }));
    world.until(|fact| matches!(fact, Fact::DeliveryBegun(_)).then_some(())).await;
    until("the first key", || keys(&world) == "enter\n").await;
    world.tmux(&name, &["set-buffer", "a\nthought", ";", "paste-buffer", "-pr", "-t", "=agent-ada:"]);
    let (outcome, _) = world.delivery_ends().await;
    assert!(matches!(outcome, DeliveryOutcome::Unproven { .. }), "{outcome:?}");
    assert_eq!(keys(&world), "enter\n");
    assert!(!world.folder.join("inbox.txt").exists());
    world.end(&name).await;
}

/// C27: a permission dialog swallows the paste; an Enter now would approve a tool call.
#[tokio::test]
async fn c27_no_enter_is_pressed_into_a_permission_dialog() {
    let (mut world, name) = world("permission").await;
    let order = DeliverMessage { ready_deadline_ms: 1_500, ..delivery(&name, 1) };
    world.run(Lsn(7), deliver(order));
    let (outcome, _) = world.delivery_ends().await;
    assert!(matches!(outcome, DeliveryOutcome::Failed { step: DeliveryStep::Land, typed: true, .. }), "{outcome:?}");
    assert_eq!(keys(&world), "");
    world.run(Lsn(8), deliver(delivery(&name, 2)));
    assert!(matches!(waits(&mut world).await, Gate::NeedsPerson { on } if on.contains("proceed")));
    assert_eq!(world.end(&name).await.ending, Ending::Signal { signal: 15 });
}

/// C27: a boot's dialog may come after the box, and takes what is typed. That is seen and said, not waited out.
#[tokio::test]
async fn c27_no_enter_is_pressed_into_a_dialog_that_opens_over_the_box() {
    let (mut world, name) = world("late").await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    let (outcome, _) = world.delivery_ends().await;
    let DeliveryOutcome::Failed { step: DeliveryStep::Land, why, typed: true } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("`folder-trust`"), "{why}");
    assert_eq!(keys(&world), "");
    world.end(&name).await;
}

/// C27: a text that is not ours stays where it is, and is never submitted.
#[tokio::test]
async fn c27_a_box_with_somebodys_text_is_waited_for() {
    let (mut world, name) = world("").await;
    world.tmux(&name, &["send-keys", "-t", "=agent-ada:", "-l", "draft"]);
    until("the draft", || world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]).contains("draft")).await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    assert_eq!(waits(&mut world).await, Gate::BoxNotEmpty);
    assert_eq!(keys(&world), "");
    world.tmux(&name, &["send-keys", "-t", "=agent-ada:", "C-u"]);
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    let inbox = std::fs::read_to_string(world.folder.join("inbox.txt")).unwrap();
    assert!(!inbox.contains("draft"));
    world.end(&name).await;
}

/// C27: a program that was interrupted before its first word puts what it was given back into its box, whoever pressed the
/// key. Nobody would ever take it out again; a text that names another message is somebody's.
#[tokio::test]
async fn c27_a_message_that_came_back_into_the_box_makes_room() {
    let (mut world, name) = world("").await;
    let types = |text: &str| {
        world.tmux(&name, &["send-keys", "-t", "=agent-ada:", "-l", text]);
    };
    types(&format!("[from user:ada] message {}, attempt 1, then", MessageId(1)));
    let screen = || world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]);
    until("the text", || screen().contains("attempt 1, then")).await;
    world.run(Lsn(7), deliver(DeliverMessage { last_delivered: Some(MessageId(5)), ..delivery(&name, 2) }));
    assert_eq!(waits(&mut world).await, Gate::BoxNotEmpty);
    world.tmux(&name, &["send-keys", "-t", "=agent-ada:", "C-u"]);
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    world.tmux(&name, &["send-keys", "-t", "=agent-ada:", "-l", &format!("message {}, attempt 1, then", MessageId(2))]);
    let screen = || world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]);
    until("the text", || screen().lines().any(|line| line.starts_with("❯ message"))).await;
    world.run(Lsn(8), deliver(DeliverMessage { last_delivered: Some(MessageId(2)), ..delivery(&name, 3) }));
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    let inbox = std::fs::read_to_string(world.folder.join("inbox.txt")).unwrap();
    assert!(!inbox.contains("attempt 1, then"), "{inbox}");
    world.end(&name).await;
}

/// C27: a program that missed the signal of a new size shows no box for ever; it is told again.
#[tokio::test]
async fn c27_a_program_that_missed_its_new_size_is_told_again() {
    let (mut world, name) = world("deaf").await;
    let person = Person::attach(&world, &name).await;
    // Said twice: the signal of it came before the first time.
    until("the new size", || {
        let size = world.tmux(&name, &["display-message", "-p", "-t", "=agent-ada:", "#{pane_height} #{pane_width}"]);
        let sizes = std::fs::read_to_string(world.folder.join("sizes.txt")).unwrap_or_default();
        let said = sizes.lines().rev().take_while(|said| *said == size.trim()).count();
        size.trim().ends_with(" 90") && said >= 2
    })
    .await;
    assert!(!world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]).contains('❯'));
    std::fs::write(world.folder.join("hears.txt"), "").unwrap();
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    assert_eq!(waits(&mut world).await, Gate::BoxNotOpen);
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    person.leave(&world, &name);
    world.end(&name).await;
}

/// C33a: a busy program is delivered to when its turn has ended.
#[tokio::test]
async fn c33a_a_running_turn_is_waited_for() {
    let (mut world, name) = world("").await;
    let order = DeliverMessage { turn_running: true, ..delivery(&name, 1) };
    world.run(Lsn(7), deliver(order));
    assert_eq!(waits(&mut world).await, Gate::TurnRunning);
    world.executor.tell_turn(&name, false);
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    world.end(&name).await;
}

/// C14: what was proven by a hook or an answer needs no second proof.
#[tokio::test]
async fn c14_a_proof_from_elsewhere_ends_the_delivery() {
    let file = agent("").replace("inbox.txt", "elsewhere.txt");
    let mut world = World::new(&[("agent", &file)], "text");
    let name = world.open("agent-ada", 3).await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    world.until(|fact| matches!(fact, Fact::DeliveryBegun(_)).then_some(())).await;
    until("the Enter", || keys(&world) == "enter\n").await;
    world.executor.tell_proven(&name, MessageId(1), Proof::Answer);
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Answer });
    world.end(&name).await;
}

/// C28: submitted, and no proof in time: the event holds the last lines of the screen.
#[tokio::test]
async fn c28_without_proof_the_delivery_is_unproven() {
    let file = agent("").replace("inbox.txt", "elsewhere.txt");
    let mut world = World::new(&[("agent", &file)], "text");
    let name = world.open("agent-ada", 3).await;
    let order = DeliverMessage { ready_deadline_ms: 1_000, ..delivery(&name, 1) };
    world.run(Lsn(7), deliver(order));
    let (outcome, _) = world.delivery_ends().await;
    let DeliveryOutcome::Unproven { waited_ms, screen } = outcome else { panic!("{outcome:?}") };
    assert!(waited_ms >= 1_000 && screen.contains('❯'), "{waited_ms} {screen}");
    world.end(&name).await;
}

/// C52a: ending a generation cuts its lane: what was under way and what waited is told, then the end, once.
#[tokio::test]
async fn c52a_an_end_cuts_the_lane() {
    let (mut world, name) = world("").await;
    for (cause, message) in [(7, 1), (8, 2)] {
        world.run(Lsn(cause), deliver(DeliverMessage { turn_running: true, ..delivery(&name, message) }));
    }
    assert_eq!(waits(&mut world).await, Gate::TurnRunning);
    world.run(Lsn(9), Task::EndSession { session: name.clone() });
    let (gone, before) =
        world.until(|fact| if let Fact::SessionGone(gone) = fact { Some(gone.clone()) } else { None }).await;
    assert_eq!(gone.ending, Ending::Signal { signal: 15 });
    let cut: Vec<_> = before.iter().map(|draft| (draft.subject.message, draft.cause)).collect();
    assert_eq!(cut, [(Some(MessageId(1)), Some(Lsn(7))), (Some(MessageId(2)), Some(Lsn(8)))]);
    tokio::time::timeout(Duration::from_millis(200), world.next()).await.expect_err("the end is told once");
}

/// C32: while a person is attached and has text in the composer, a delivery waits; after the hold it says so again.
#[tokio::test]
async fn c32_a_person_who_types_is_waited_for() {
    let (mut world, name) = world("").await;
    let person = Person::attach(&world, &name).await;
    world.tmux(&name, &["send-keys", "-t", "=agent-ada:", "-l", "draft"]);
    until("the draft", || world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]).contains("draft")).await;
    world.run(Lsn(7), deliver(DeliverMessage { human_typing_hold_ms: 100, ..delivery(&name, 1) }));
    assert!(matches!(waits(&mut world).await, Gate::PersonTyping { waited_ms: 0..100 }));
    assert!(matches!(waits(&mut world).await, Gate::PersonTyping { waited_ms: 100.. }));
    world.tmux(&name, &["send-keys", "-t", "=agent-ada:", "C-u"]);
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    person.leave(&world, &name);
    world.end(&name).await;
}

/// C27: a person who scrolls in a tmux mode is not thrown out of it by a paste.
#[tokio::test]
async fn c27_a_person_in_copy_mode_is_waited_for() {
    let (mut world, name) = world("").await;
    let person = Person::attach(&world, &name).await;
    world.tmux(&name, &["copy-mode", "-t", "=agent-ada:"]);
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    assert_eq!(waits(&mut world).await, Gate::PaneInMode);
    world.tmux(&name, &["copy-mode", "-q", "-t", "=agent-ada:"]);
    assert_eq!(world.delivery_ends().await.0, DeliveryOutcome::Proven { proof: Proof::Transcript });
    person.leave(&world, &name);
    world.end(&name).await;
}
