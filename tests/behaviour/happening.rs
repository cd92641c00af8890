//! Anything that may honestly happen to a small team, one thing at a time.

use dormouse::model::delivery::{DeliveryOutcome, Proof};
use dormouse::model::event::{
    DaemonReady, DaemonStarted, DeliveryBegun, DeliveryEnded, HistoryRemoved, RetentionReason, SnapshotTaken,
};
use dormouse::model::message::Fate;
use dormouse::model::message::TextPrint;
use dormouse::model::record::Subject;
use dormouse::model::session::WakeMode;

use crate::script;
use crate::world::{World, ephemeral, on};

const PEERS: [&str; 3] = ["ada", "bob", "eve"];

/// A worker, a persistent peer, and a worker whose program does not tell its turns.
pub fn fleet() -> World {
    let mut world = World::new();
    world.add("ada", ephemeral);
    world.add("bob", |_| {});
    world.add("eve", |registration| {
        on("plain")(registration);
        ephemeral(registration);
    });
    world
}

/// One thing that happens now, by `what`, to one or two of the peers, by `who`; what makes no sense at this moment is left
/// out.
pub fn happens(world: &mut World, what: u8, who: u8) {
    step(world, what % 33, PEERS[usize::from(who % 3)], PEERS[usize::from(who / 3 % 3)]);
}

fn step(world: &mut World, what: u8, peer: &str, other: &str) {
    let name = format!("m{}", world.records.len());
    let line = match what {
        0..=2 => format!("send {name} to {peer}"),
        3 => format!("send {name} to {peer} about {other}"),
        4 => format!("stop {peer}"),
        5 => format!("start {peer}"),
        6 => format!("refresh {peer}"),
        7 => format!("new {peer}"),
        8 => return about_newest(world, "cancel", peer),
        9 => return about_newest(world, "retry", peer),
        10 => return restart(world),
        32 => return of_the_journal(world),
        _ => return of_session(world, what, peer, other, &name),
    };
    script::happens(world, &line);
}

fn of_session(world: &mut World, what: u8, peer: &str, other: &str, name: &str) {
    let presence = &world.state.presences[&world.identity(peer)];
    let Some(session) = &presence.session else { return };
    let (ending, booting) = (session.is_ending(), !session.is_ready());
    let resumed = matches!(session.mode, WakeMode::Resumed { .. });
    let line = match what {
        11 if !ending => format!("started {peer}"),
        12 if !ending => format!("box {peer}"),
        13 | 14 if !ending && booting && !resumed => format!("up {peer}"),
        15 if !ending => return delivered(world, peer, true),
        16 if !ending => return delivered(world, peer, false),
        17 => format!("turn {peer} running"),
        18 => format!("turn {peer} idle"),
        19 => format!("turn {peer} ended"),
        20 => format!("turn {peer} waiting"),
        21 => format!("done {peer}"),
        22 => format!("fresh {peer}"),
        23 => format!("looked {peer} 1h"),
        24 => format!("look-fails {peer}"),
        25 => format!("gone {peer} signal:9"),
        26 => format!("gone {peer} exit:0"),
        27 => format!("gone {peer} machine"),
        28 if !ending => format!("launch-failed {peer} boot nothing"),
        29 if ending => format!("kill-failed {peer}"),
        30 if peer != other => format!("answer {name} from {peer} to {other}"),
        31 if peer != other => format!("progress {name} from {peer} to {other}"),
        _ => return,
    };
    script::happens(world, &line);
}

fn about_newest(world: &mut World, verb: &str, peer: &str) {
    let identity = world.identity(peer);
    let newest = world.state.messages.iter().rfind(|(_, message)| message.to == identity).map(|(id, _)| *id);
    let Some(message) = newest else { return };
    world.messages.insert("newest".to_owned(), message);
    script::happens(world, &format!("{verb} newest"));
}

/// What the session delivers is typed, and is proven or not.
fn delivered(world: &mut World, peer: &str, proven: bool) {
    let Some(message) = world.session(peer).delivering else { return };
    let Fate::Delivering { generation, .. } = world.state.messages[&message].fate else { return };
    let subject = Subject::session(&world.identity(peer), generation).with_message(message);
    let attempt = world.state.messages[&message].attempts + 1;
    if world.see(subject.clone(), DeliveryBegun { attempt, mark: None, bytes: 9, print: TextPrint::of("") }).is_empty()
    {
        return;
    }
    let outcome = match proven {
        true => DeliveryOutcome::Proven { proof: Proof::Transcript },
        false => DeliveryOutcome::Unproven { waited_ms: 120_000, screen: String::new() },
    };
    world.see(subject, DeliveryEnded { attempt, outcome, took_ms: 4 });
}

/// Another daemon takes over; whoever lived has ended with the machine.
fn restart(world: &mut World) {
    world.see(Subject::NONE, DaemonStarted { version: "0".into(), pid: 1, tmux: None });
    for peer in PEERS {
        let identity = world.identity(peer);
        if world.state.presences[&identity].session.is_some() {
            script::gone(world, peer, "machine", true);
        }
    }
    world.see(Subject::NONE, DaemonReady { adopted: 0, gone: 0, not_known: 0 });
}

/// The journal's own events, as they come between the others.
fn of_the_journal(world: &mut World) {
    let through = world.state.lsn;
    world.see(Subject::NONE, SnapshotTaken { through, bytes: 7, digest: "a5".repeat(32) });
    let because = RetentionReason::Age { age_ms: 2, age_ms_max: 1 };
    let removed = HistoryRemoved { first_kept: through, segments: 1, bytes: 9, head: "5a".repeat(32), because };
    world.see(Subject::NONE, removed);
}
