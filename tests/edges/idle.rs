//! A daemon that has nothing to do does nothing.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use crate::daemon_fixture::World;

const PEERS: usize = 50;
const WATCHED: Duration = Duration::from_secs(5);
const RESIDENT_KIB_MAX: u64 = 15 << 10;

/// The number behind `field` in a `/proc/…/status`.
fn number(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|rest| rest.split_whitespace().next()).expect(field).parse().unwrap()
}

/// How often each thread of the process has gone to sleep, and so was woken.
fn sleeps(pid: u32) -> BTreeMap<u64, u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let statuses = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    statuses.map(|status| (number(&status, "Pid"), number(&status, "voluntary_ctxt_switches"))).collect()
}

/// Wake-ups between two looks. A thread that has ended was woken for that.
fn woken(before: &BTreeMap<u64, u64>, after: &BTreeMap<u64, u64>) -> u64 {
    let ended = before.keys().filter(|thread| !after.contains_key(thread)).count() as u64;
    let lived = after.iter().map(|(thread, sleeps)| sleeps - before.get(thread).copied().unwrap_or_default());
    ended + lived.sum::<u64>()
}

/// With 50 sleeping peers it is woken less than once a second and stays under 15 MiB.
#[test]
fn an_idle_daemon_sleeps_and_stays_small() {
    let world = World::started("");
    for peer in 0..PEERS {
        world.add_peer(&format!("peer-{peer}"), &["--runtime", "demo"]);
    }
    assert_eq!(world.json(&["ls"]).as_array().unwrap().len(), PEERS);
    let pid = world.daemon_pid();
    // What still follows from the last `add` (a mark in the journal, threads that end) is work, not idleness.
    let settled = Instant::now() + Duration::from_secs(2);
    while Instant::now() < settled {
        std::thread::park_timeout(settled.saturating_duration_since(Instant::now()));
    }
    let before = sleeps(pid);
    let until = Instant::now() + WATCHED;
    while Instant::now() < until {
        std::thread::park_timeout(until.saturating_duration_since(Instant::now()));
    }
    let woken = woken(&before, &sleeps(pid));
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = number(&status, "VmRSS");
    // A build without optimisation maps more than 15 MiB of its own code; what the daemon holds is the rest.
    let counted = if cfg!(debug_assertions) { resident - number(&status, "RssFile") } else { resident };
    println!("{PEERS} sleeping peers: woken {woken} times in {} s, {resident} KiB resident", WATCHED.as_secs());
    assert!(woken < WATCHED.as_secs(), "woken {woken} times in {} s", WATCHED.as_secs());
    assert!(counted < RESIDENT_KIB_MAX, "{counted} KiB resident");
}
