//! Anything that may honestly happen to a team, in any order: what must hold holds after every record.

use dormouse::model::delivery::{DeliveryOutcome, Proof};
use dormouse::model::event::{DaemonReady, DaemonStarted, DeliveryBegun, DeliveryEnded};
use dormouse::model::message::Fate;
use dormouse::model::record::Subject;
use dormouse::model::session::WakeMode;
use dormouse::model::state::State;
use dormouse::policy::deadline::next_deadline;
use dormouse::reducer::{apply, invariant};

use super::Input;
use crate::script;
use crate::world::{World, ephemeral, on};

const STEPS_MAX: usize = 200;
const PEERS: [&str; 3] = ["ada", "bob", "eve"];

/// Steps of four bytes: what, to whom, and how long after the one before. What makes no sense at that moment is left
/// out. The world itself audits its records at its end.
pub fn run(bytes: &[u8]) {
    let mut world = World::new();
    world.add("ada", ephemeral);
    world.add("bob", |_| {});
    world.add("eve", |registration| {
        on("plain")(registration);
        ephemeral(registration);
    });
    let mut input = Input(bytes);
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        let (what, who, wait) = (input.u8(), input.u8(), input.u16());
        // Up to 18 hours, the short waits as likely as the long ones.
        world.pass(u64::from(wait & 0xFFF) << (wait >> 12));
        step(&mut world, what, PEERS[usize::from(who % 3)], PEERS[usize::from(who / 3 % 3)]);
        assert_eq!(invariant::check(&world.state), []);
        let due = next_deadline(&world.state).is_some_and(|next| next.at.awake_ms + 60_000 < world.now.awake_ms);
        assert!(!due, "a deadline has passed and nobody was told");
    }
    let mut again = State::default();
    for record in &world.records {
        apply(&mut again, record);
    }
    assert_eq!(again, world.state, "folding the journal gives the live state");
}

fn step(world: &mut World, what: u8, peer: &str, other: &str) {
    let name = format!("m{}", world.records.len());
    let line = match what % 32 {
        0..=2 => format!("send {name} to {peer}"),
        3 => format!("send {name} to {peer} about {other}"),
        4 => format!("stop {peer}"),
        5 => format!("start {peer}"),
        6 => format!("refresh {peer}"),
        7 => format!("new {peer}"),
        8 => return about_newest(world, "cancel", peer),
        9 => return about_newest(world, "retry", peer),
        10 => return restart(world),
        _ => return of_session(world, what % 32, peer, other, &name),
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
    if world.see(subject.clone(), DeliveryBegun { attempt, mark: None, bytes: 9 }).is_empty() {
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

pub fn seeds() -> Vec<Vec<u8>> {
    let steps = |steps: &[(u8, u8, u16)]| {
        let bytes = |(what, who, wait): &(u8, u8, u16)| [&[*what, *who], &wait.to_le_bytes()[..]].concat();
        steps.iter().flat_map(bytes).collect::<Vec<u8>>()
    };
    vec![
        steps(&[(0, 0, 0), (13, 0, 9), (17, 0, 9), (30, 3, 9), (18, 0, 9), (0, 0, 0x6FFF), (26, 0, 9)]),
        steps(&[(0, 1, 0), (13, 1, 9), (25, 1, 9), (0, 1, 1), (13, 1, 9), (25, 1, 9), (0, 1, 1), (25, 1, 9)]),
        steps(&[
            (0, 2, 0),
            (4, 2, 9),
            (25, 2, 9),
            (5, 2, 9),
            (10, 0, 9),
            (0, 2, 9),
            (11, 2, 9),
            (12, 2, 9),
            (15, 2, 9),
        ]),
        steps(&[(3, 1, 0), (13, 1, 9), (8, 1, 9), (9, 1, 9), (6, 1, 9), (7, 1, 9), (16, 1, 9), (23, 1, 0x6FFF)]),
    ]
}
