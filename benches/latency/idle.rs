//! What a daemon costs that has nothing to do.

use std::fs;
use std::thread;
use std::time::Duration;

use super::world::World;

const PEERS: usize = 50;
/// Beyond the mark that a journal gets once it is quiet.
const SETTLE: Duration = Duration::from_secs(1);
const WATCHED: Duration = Duration::from_secs(5);

/// Measures it and says so in a line.
pub fn measure() -> String {
    let world = World::start();
    for number in 0..PEERS {
        world.add(&format!("sleeper-{number}"), "bare", &[]);
    }
    thread::sleep(SETTLE);
    let pid = world.daemon_pid();
    let before = wakeups(pid);
    thread::sleep(WATCHED);
    let woken = wakeups(pid) - before;
    let rate = woken as f64 / WATCHED.as_secs_f64();
    let resident = status(&format!("/proc/{pid}/status"), "VmRSS:") as f64 / 1024.0;
    let verdict = if rate < 1.0 && resident < 15.0 { "met" } else { "MISSED" };
    format!(
        "\nan idle daemon with {PEERS} sleeping peers: {rate:.1} wake-ups a second (< 1), {resident:.1} MiB resident (< 15): {verdict}\n"
    )
}

/// How often its threads have gone to sleep so far.
fn wakeups(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("the daemon lives");
    let of_thread =
        |thread: fs::DirEntry| status(thread.path().join("status").to_str().expect("text"), "voluntary_ctxt_switches:");
    threads.map(|thread| of_thread(thread.expect("a thread"))).sum()
}

fn status(file: &str, field: &str) -> u64 {
    let status = fs::read_to_string(file).expect("the daemon lives");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the kernel says so");
    line.split_whitespace().next().and_then(|value| value.parse().ok()).expect("a number")
}
