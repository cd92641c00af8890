//! How long people and programs wait for dormouse, next to what the machine itself takes for the same.
//!
//! `make bench` runs all of it: a daemon of its own in a temporary home, real tmux, and as the agent a small raw-mode
//! reader that says when it runs and when it has read the last byte (this very program, started again). All cells are
//! measured in interleaved rounds, so that a noisy moment of the machine is shared by all of them.

mod clock;
mod floor;
mod idle;
mod reader;
mod rounds;
mod senders;
mod table;
mod world;

use std::env;

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == reader::WORD) {
        return reader::run(&args[1..]);
    }
    // One part by itself: `cargo bench --bench latency -- senders`.
    if args.first().is_some_and(|arg| arg == "senders") {
        return print!("{}", senders::measure());
    }
    let rounds = env::var("DORMOUSE_BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(60);
    let samples = rounds::run(rounds);
    print!("{}", table::render(&samples, rounds));
    print!("{}", idle::measure());
    print!("{}", senders::measure());
}
