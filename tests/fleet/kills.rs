//! Under `kill -9`, at moments that chance chooses.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use dormouse::model::event::{Decision, Event, WakePhase};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::chance::Chance;
use crate::daemon_fixture::World;
use crate::load::QUICK;
use crate::orders::{Outside, Pace, await_all_done, fleet};

/// As often as CI can afford; `make torture` asks for more.
const KILLS: u64 = 10;
/// Records that a fleet leaves for each task, or so.
const RECORDS_A_TASK: u64 = 23;
const TASKS: u64 = 200;
/// For something that may not come at all, such as the next tmux client of an idle fleet.
const PATIENCE: Duration = Duration::from_secs(1);

/// When the daemon is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// As soon as a record can be read: its effects have hardly begun.
    AfterRecord,
    /// Up to 30 ms later: anything may be under way.
    Whenever,
    /// Between a tmux client's start and its end (C16).
    ClientUnderWay,
    /// As `Whenever`, and the next daemon comes only once an agent has spoken (C61a).
    UntilSpooled,
}

const MOMENTS: [Moment; 4] = [Moment::AfterRecord, Moment::Whenever, Moment::ClientUnderWay, Moment::UntilSpooled];

/// C7, C16, C34, C41, C60, C61, C61a: a daemon killed again and again loses nothing it answered for.
#[test]
fn c61_a_fleet_whose_daemon_is_killed_at_random_moments_loses_nothing() {
    let kills = std::env::var("DORMOUSE_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number of kills"));
    let rounds = kills.div_ceil(50);
    let (mut world, team) = fleet(20 * usize::try_from(rounds).unwrap(), &format!("{QUICK}boots_max = 6\n"));
    let outside = Outside::of(&world);
    let (accepted, killed) = thread::scope(|scope| {
        let senders = scope.spawn(|| team.send_all(&outside, Pace::HalfWait));
        let killed = kill_often(&mut world, kills, rounds * TASKS * RECORDS_A_TASK);
        (senders.join().unwrap(), killed)
    });
    await_all_done(&world, team.tasks());
    let tally = team.check(&world, &accepted);
    println!("{killed:?}, {tally:?}");
    sessions_survived(&world);
    world.audit_is_clean();
}

/// Kills the daemon `kills` times within `records` records, starting it anew each time. Returns how often at which
/// moment.
fn kill_often(world: &mut World, kills: u64, records: u64) -> BTreeMap<Moment, u32> {
    let mut chance = Chance::new();
    let mut killed = BTreeMap::new();
    let mut tail = world.tail();
    for _ in 0..kills {
        // On average the last kill comes when four fifths of the work are done.
        let mut left = 1 + chance.below((records * 8 / 5 / kills).max(2));
        tail.skip();
        tail.find(PATIENCE, |_| {
            left -= 1;
            (left == 0).then_some(())
        });
        let moment = MOMENTS[usize::try_from(chance.below(MOMENTS.len() as u64)).unwrap()];
        match moment {
            Moment::AfterRecord => {}
            Moment::Whenever | Moment::UntilSpooled => thread::sleep(Duration::from_micros(chance.below(30_000))),
            Moment::ClientUnderWay => await_client(world),
        }
        world.kill();
        if moment == Moment::UntilSpooled {
            await_spooled(world);
        }
        world.start();
        *killed.entry(moment).or_default() += 1;
    }
    killed
}

/// Returns when the next tmux client has been started, or after a while without one.
fn await_client(world: &World) {
    let started = inotify::init(CreateFlags::CLOEXEC).unwrap();
    inotify::add_watch(&started, world.home.clients(), WatchFlags::CREATE).unwrap();
    let patience = Timespec { tv_sec: PATIENCE.as_secs().cast_signed(), tv_nsec: 0 };
    poll(&mut [PollFd::new(&started, PollFlags::IN)], Some(&patience)).unwrap();
}

/// Returns when a session has left a word for the next daemon, or after a while in which none did.
fn await_spooled(world: &World) {
    let until = Instant::now() + PATIENCE;
    while spooled(&world.home.run.join("peers")) == 0 && Instant::now() < until {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Calls in the spools of all sessions.
pub fn spooled(peers: &Path) -> usize {
    let list = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let calls = list(peers).flat_map(|peer| list(&peer)).flat_map(|session| list(&session.join("spool")));
    calls.filter(|call| !call.file_name().unwrap().as_encoded_bytes().starts_with(b".")).count()
}

/// No session died of its daemon's death: none ended but by a decision.
fn sessions_survived(world: &World) {
    for record in world.records() {
        let fatal = match &record.event {
            Event::Decision(Decision::SessionDied(_) | Decision::MessageDead(_)) => true,
            Event::Decision(Decision::WakeFailed(failed)) => failed.phase != WakePhase::Unwatched,
            _ => false,
        };
        assert!(!fatal, "{record:?}\n{}", world.story());
    }
}
