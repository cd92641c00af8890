//! What stands in the way, as an agent is told of it: moves that bring what it has asked for, and destroy nothing.

use dormouse::explain::cause::{Obstacle, obstacle};
use dormouse::explain::whynot::Question;
use dormouse::model::profile::Registration;

use crate::{AT_REST, asked};

fn told(shape: fn(&mut Registration), script: &str, question: Question) -> Obstacle {
    obstacle(asked(shape, script, question).1)
}

fn moves(obstacle: &Obstacle) -> Vec<(Option<&'static str>, &str)> {
    obstacle.next.iter().map(|it| (it.tool, it.what.as_str())).collect()
}

/// C17: a message without a topic wakes a parked peer fresh, and what was parked is gone.
#[test]
fn c17_no_move_gives_up_the_conversation_that_is_asked_for() {
    let parked = "4000s looked ada 1h\n4001s gone ada signal:15\n4002s passes";
    let of_mice = format!("0s send a to ada about mice\n1s up ada\n1s turn ada running\n5s turn ada idle\n{parked}");
    let by_topic = told(|_| {}, &of_mice, Question::Resumed);
    let sends: Vec<&str> = moves(&by_topic).into_iter().filter_map(|(tool, what)| tool.map(|_| what)).collect();
    let [only] = sends[..] else { panic!("{by_topic:?}") };
    assert!(only.contains("only a message with such a `topic`") && only.contains("`mice`"), "{only}");
    let without = told(|_| {}, &format!("{AT_REST}\n{parked}"), Question::Resumed);
    assert!(moves(&without).iter().all(|(tool, _)| tool.is_none()), "{without:?}");
    // What is asked for there is any wake.
    let woken = told(|_| {}, &of_mice, Question::Woken);
    assert_eq!(moves(&woken)[0].0, Some("send_to_peer"), "{woken:?}");
}

/// C37, C40: what a worker's next task waits for ends by itself, and an agent is told when.
#[test]
fn c40_the_next_task_of_a_worker_comes_by_itself() {
    let armed =
        "0s send a to ada\n1s up ada\n1s turn ada running\n5s answer r from ada to user:root\n6s turn ada idle\n";
    let task = told(crate::world::ephemeral, &format!("{armed}7s send b to ada\n24s passes"), Question::Delivered);
    let wait = "wait 2 s: its session is ended by itself then, unless its turn starts, or something is heard of it; and it is \
                woken for what waits";
    assert_eq!((task.code, moves(&task)[0]), ("C35", (None, wait)), "{task:?}");
}
