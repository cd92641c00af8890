//! A program at rest leaves by itself before it is ended (C49); one that is not at rest gets no key (C27).

mod executor_world;

use std::time::{Duration, Instant};

use dormouse::model::effect::SessionName;
use dormouse::model::event::Fact;
use dormouse::model::id::Lsn;
use dormouse::model::session::Ending;

use executor_world::{World, agent, deliver, delivery, until};

const TERMINATED: Ending = Ending::Signal { signal: 15 };

fn leaves_by_keys(does: &str) -> String {
    format!("{}\n[verbs]\nexit = [\"C-d\", \"C-d\"]\n", agent(does))
}

async fn open(file: &str) -> (World, SessionName) {
    let mut world = World::new(&[("agent", file)], "text");
    let name = world.open("agent-ada", 3).await;
    (world, name)
}

/// How often it was told to leave.
fn told_to_leave(world: &World) -> usize {
    std::fs::read_to_string(world.folder.join("left.txt")).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn c49_a_program_at_rest_leaves_by_itself() {
    let (mut world, name) = open(&leaves_by_keys("leaves")).await;
    let ended = world.end(&name).await;
    assert_eq!((ended.ending, ended.strays), (Ending::Code { code: 0 }, 0));
    assert_eq!(told_to_leave(&world), 2);
    assert!(!world.home.tmux_socket(&name).exists());
}

#[tokio::test]
async fn c49_a_program_that_names_no_such_keys_is_ended_by_signal() {
    let (mut world, name) = open(&agent("leaves")).await;
    assert_eq!(world.end(&name).await.ending, TERMINATED);
    assert_eq!(told_to_leave(&world), 0);
}

/// C49: nobody waits for long for one that was told to leave and stays.
#[tokio::test]
async fn c49_a_program_that_stays_is_ended_all_the_same() {
    let (mut world, name) = open(&leaves_by_keys("stays")).await;
    let began = Instant::now();
    assert_eq!(world.end(&name).await.ending, TERMINATED);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(told_to_leave(&world), 2);
}

/// C27: a text in the box would be edited, and a question answered.
#[tokio::test]
async fn c27_no_key_is_pressed_over_a_persons_text() {
    let (mut world, name) = open(&leaves_by_keys("leaves")).await;
    world.tmux(&name, &["send-keys", "-t", "=agent-ada:", "-l", "half a thought"]);
    until("the text", || world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]).contains("thought")).await;
    assert_eq!(world.end(&name).await.ending, TERMINATED);
    assert_eq!(told_to_leave(&world), 0);
}

#[tokio::test]
async fn c27_no_key_is_pressed_into_a_question() {
    let (mut world, name) = open(&leaves_by_keys("leaves permission")).await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    world.until(|fact| matches!(fact, Fact::DeliveryBegun(_)).then_some(())).await;
    until("the question", || world.tmux(&name, &["capture-pane", "-p", "-t", "=agent-ada:"]).contains("proceed?"))
        .await;
    assert_eq!(world.end(&name).await.ending, TERMINATED);
    assert_eq!(told_to_leave(&world), 0);
}

/// C46: a turn that is known to run is nothing to leave from, whatever the screen shows.
#[tokio::test]
async fn c46_no_key_is_pressed_while_a_turn_is_known_to_run() {
    let (mut world, name) = open(&leaves_by_keys("leaves")).await;
    world.executor.tell_turn(&name, true);
    assert_eq!(world.end(&name).await.ending, TERMINATED);
    assert_eq!(told_to_leave(&world), 0);
}
