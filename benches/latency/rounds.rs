//! The rounds: each measures every cell once.

use std::collections::BTreeMap;

use rustix::process::Signal;

use super::floor::{self, Disk, Plain};
use super::reader::Said;
use super::world::{World, ask_to_end, signal};

/// What is measured, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Small,
    SmallSubmitted,
    SmallBySocket,
    SmallAccepted,
    SmallBoxed,
    Large,
    LargeBySocket,
    LargeAccepted,
    PlainRead,
    PlainSubmitted,
    PlainLarge,
    Wake,
    PlainWake,
    Death,
    NextTask,
    Hook,
    Nothing,
    Spawn,
    Sync,
}

/// Nanoseconds, by cell.
pub type Samples = BTreeMap<Cell, Vec<u64>>;

/// Measured and thrown away: files, caches and the allocator are warm then.
const WARM_UP: usize = 3;

pub fn run(rounds: usize) -> Samples {
    let mut world = World::start();
    let texts = Texts::write(&world);
    let mut disk = Disk::prepare(&world.place);
    let mut samples = Samples::new();
    for round in 0..rounds + WARM_UP {
        if round == WARM_UP {
            samples.clear();
        }
        let mut took = |cell, ns| samples.entry(cell).or_default().push(ns);
        took(Cell::Spawn, floor::spawn(&world.place, &world.ear));
        took(Cell::Nothing, floor::nothing());
        took(Cell::Sync, disk.sync());
        persistent(&mut world, &texts, &mut took);
        boxed(&mut world, &mut took);
        worker(&mut world, &mut took);
        plain(&world, &texts, &mut took);
    }
    samples
}

/// Messages of their sizes, as texts and as files.
struct Texts {
    small: String,
    large: String,
    small_file: String,
    large_file: String,
}

impl Texts {
    fn write(world: &World) -> Self {
        let of_size = |bytes: usize| {
            "All work and no play makes a dull dormouse of you.\n".repeat(bytes / 51 + 1)[..bytes].to_owned()
        };
        let file = |name: &str, text: &str| {
            let path = world.place.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path.to_str().expect("a temporary path is text").to_owned()
        };
        let (small, large) = (of_size(1 << 10), of_size(100 << 10));
        Self { small_file: file("small", &small), large_file: file("large", &large), small, large }
    }
}

/// A sleeper is woken, written to while it is awake, and killed.
fn persistent(world: &mut World, texts: &Texts, took: &mut impl FnMut(Cell, u64)) {
    let (accepted, message) = world.send("ada", "Good morning!");
    let born = world.ear.hear(Said::Born);
    took(Cell::Wake, born.at_ns.saturating_sub(accepted));
    taken(world);
    world.journal.await_delivery(message);

    let (called, message) = world.send_by_program("ada", &texts.small_file);
    let (read, submitted) = taken(world);
    took(Cell::Small, read - called);
    took(Cell::SmallSubmitted, submitted - called);
    world.journal.await_delivery(message);

    for (text, accepted, read) in [
        (&texts.small, Cell::SmallAccepted, Cell::SmallBySocket),
        (&texts.large, Cell::LargeAccepted, Cell::LargeBySocket),
    ] {
        let called = super::clock::now_ns();
        let (answered, message) = world.send("ada", text);
        took(accepted, answered - called);
        took(read, taken(world).0 - called);
        world.journal.await_delivery(message);
    }

    let (called, message) = world.send_by_program("ada", &texts.large_file);
    took(Cell::Large, taken(world).0 - called);
    world.journal.await_delivery(message);

    let killed = super::clock::now_ns();
    signal(born.pid, Signal::KILL);
    let (seen, _) = world.journal.await_kind("session_died");
    took(Cell::Death, seen - killed);
}

/// The same warm delivery into a box that is looked at before and after the paste.
fn boxed(world: &mut World, took: &mut impl FnMut(Cell, u64)) {
    let (_, message) = world.send("bob", "Good morning!");
    let born = world.ear.hear(Said::Born);
    taken(world);
    world.journal.await_delivery(message);
    let text = "All work and no play. ".repeat(47);
    let called = super::clock::now_ns();
    let (_, message) = world.send("bob", &text);
    took(Cell::SmallBoxed, taken(world).0 - called);
    let session = world.journal.await_delivery(message);
    took(Cell::Hook, world.hook(&session));
    signal(born.pid, Signal::KILL);
    world.journal.await_kind("session_died");
}

/// Two tasks: from the end of the first one's program to the first instruction of the second one's.
fn worker(world: &mut World, took: &mut impl FnMut(Cell, u64)) {
    let tasks = [world.send("worker", "Count the apples.").1, world.send("worker", "Count the pears.").1];
    let mut ended = None;
    for task in tasks {
        let born = world.ear.hear(Said::Born);
        if let Some(ended) = ended {
            took(Cell::NextTask, born.at_ns - ended);
        }
        taken(world);
        world.journal.await_delivery(task);
        ask_to_end(born.pid);
        ended = Some(world.ear.hear(Said::Ends).at_ns);
    }
    world
        .journal
        .await_record(|record| record.event.kind().name == "task_done" && record.subject.message == Some(tasks[1]));
}

fn plain(world: &World, texts: &Texts, took: &mut impl FnMut(Cell, u64)) {
    let (plain, woken) = Plain::start(&world.place, &world.ear);
    took(Cell::PlainWake, woken);
    world.ear.hear(Said::Ready);
    let typed = plain.type_in(&world.ear, &texts.small);
    took(Cell::PlainRead, typed.read_ns);
    took(Cell::PlainSubmitted, typed.submitted_ns);
    took(Cell::PlainLarge, plain.type_in(&world.ear, &texts.large).read_ns);
    plain.end(&world.ear);
}

/// When the next message had been read, and when its Enter had.
fn taken(world: &World) -> (u64, u64) {
    (world.ear.hear(Said::Read).at_ns, world.ear.hear(Said::Submitted).at_ns)
}
