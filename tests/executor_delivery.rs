//! Deliveries into real programs in real tmux: exact bytes, proof, and what is refused.

mod executor_world;

use dormouse::model::delivery::{DeliveryOutcome, Proof};
use dormouse::model::event::{Event, Fact};
use dormouse::model::id::Lsn;
use dormouse::model::session::Ending;

use executor_world::{World, deliver, delivery, until};

/// The smallest runtime a user may write.
const CAT: &str = r#"
argv = ["sh", "-c", "exec cat >> inbox.txt"]
[input]
bracketed_paste = false
submit = ""
[proof]
transcript = "{cwd}/inbox.txt"
"#;

/// Raw terminal, bracketed paste: what it reads is what was typed, brackets and Enter and all.
const RAW: &str = r#"
argv = ["sh", "-c", "stty raw -echo; printf '\\033[?2004h'; exec cat >> inbox.txt"]
[proof]
transcript = "{cwd}/inbox.txt"
"#;

fn nasty() -> String {
    let mut text =
        String::from("-n --help 'single' \"double\" $(touch /tmp/x) `id` ; | & > #{pane_id} %H ~ \\\n😀 ünïcödé;\n");
    for row in 0..8 {
        text.push_str(&format!("{row}\t{}\n", "abc; $X ".repeat(87)));
    }
    text.push(';');
    text
}

fn inbox(world: &World) -> String {
    std::fs::read_to_string(world.folder.join("inbox.txt")).unwrap_or_default()
}

/// C25, C26: through a terminal in line mode, byte for byte.
#[tokio::test]
async fn c26_a_nasty_message_arrives_intact_in_a_program_that_reads_lines() {
    let mut world = World::new(&[("cat", CAT)], &nasty());
    let name = world.open("cat-ada", 3).await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    let (outcome, before) = world.delivery_ends().await;
    assert_eq!(outcome, DeliveryOutcome::Proven { proof: Proof::Transcript });
    assert!(before.iter().any(|draft| matches!(draft.event, Event::Fact(Fact::DeliveryBegun(_)))));
    assert!(before.iter().all(|draft| draft.cause == Some(Lsn(7)) && draft.subject.message.is_some()), "{before:?}");

    let wanted = format!("\n{}\n[end of message ", nasty());
    until("the last line", || inbox(&world).contains(&wanted)).await;
    assert!(inbox(&world).ends_with("]\n"), "the newline at the end submits");
    assert_eq!(world.end(&name).await.ending, Ending::Signal { signal: 15 });
}

/// C26, C27: bracketed, raw, then one Enter and no more.
#[tokio::test]
async fn c26_a_nasty_message_arrives_intact_in_a_program_with_bracketed_paste() {
    let mut world = World::new(&[("raw", RAW)], &nasty());
    let name = world.open("raw-ada", 3).await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    let (outcome, _) = world.delivery_ends().await;
    assert_eq!(outcome, DeliveryOutcome::Proven { proof: Proof::Transcript });

    until("the Enter", || inbox(&world).ends_with("\x1b[201~\r")).await;
    let typed = inbox(&world);
    assert!(typed.starts_with("\x1b[200~[from user:ada] message "), "{typed}");
    assert!(typed.contains(&format!("\n{}\n[end of message ", nasty())));
    assert_eq!(typed.matches('\r').count(), 1);
    assert_eq!(world.tmux(&name, &["list-buffers"]), "", "buffers never outlive the delivery");
    world.end(&name).await;
}

/// C26: many KiB on many lines, into both kinds of program.
#[tokio::test]
async fn c26_two_hundred_kibibytes_arrive_intact() {
    let text = (0..3_200).map(|row| format!("{row:05} {}", "x".repeat(58))).collect::<Vec<_>>().join("\n");
    assert!(text.len() > 200 * 1024);
    let mut world = World::new(&[("cat", CAT), ("raw", RAW)], &text);
    for (generation, identity) in [(3, "cat-ada"), (4, "raw-ada")] {
        let name = world.open(identity, generation).await;
        world.run(Lsn(7), deliver(delivery(&name, u128::from(generation))));
        let (outcome, _) = world.delivery_ends().await;
        assert_eq!(outcome, DeliveryOutcome::Proven { proof: Proof::Transcript });
        until("all of it", || inbox(&world).contains(&format!("\n{text}\n[end of message "))).await;
        world.end(&name).await;
        std::fs::remove_file(world.folder.join("inbox.txt")).unwrap();
    }
}

/// What a terminal in line mode would cut off, silently, is refused for it.
#[tokio::test]
async fn a_line_too_long_for_line_mode_is_refused_before_anything_is_typed() {
    let mut world = World::new(&[("cat", CAT)], &"x".repeat(4096));
    let name = world.open("cat-ada", 3).await;
    world.run(Lsn(7), deliver(delivery(&name, 1)));
    let (outcome, before) = world.delivery_ends().await;
    let DeliveryOutcome::Impossible { why } = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("4095") && why.contains("4096"), "{why}");
    assert_eq!(before, [], "no attempt was begun");
    assert_eq!(inbox(&world), "");
    world.end(&name).await;
}

/// C30: one at a time, in the order they were given.
#[tokio::test]
async fn c30_deliveries_of_one_session_follow_each_other() {
    let mut world = World::new(&[("cat", CAT)], "text");
    let name = world.open("cat-ada", 3).await;
    for message in 1..=5 {
        world.run(Lsn(100 + message), deliver(delivery(&name, u128::from(message))));
    }
    for message in 1..=5 {
        let (outcome, _) = world.delivery_ends().await;
        assert_eq!(outcome, DeliveryOutcome::Proven { proof: Proof::Transcript }, "message {message}");
    }
    until("the last line", || inbox(&world).matches("[end of message").count() == 5).await;
    let order: Vec<_> = inbox(&world).lines().filter(|line| line.starts_with("[from")).map(str::to_owned).collect();
    assert!(order.is_sorted(), "{order:?}");
    world.end(&name).await;
}
