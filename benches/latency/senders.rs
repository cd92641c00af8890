//! How many messages a second are accepted when many send at once, next to what one sync for all of them allows.

use std::time::{Duration, Instant};

use dormouse::daemon::control::mint;
use dormouse::journal::Reader;
use dormouse::protocol::{Call, Reply, SendMessage, Verb, Wait};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::floor::Disk;
use super::world::World;

const SENDERS: usize = 64;
const SENDS: usize = 200;
const TEXT_BYTES: usize = 100;
const ROUNDS: usize = 5;

/// Measures it and says so in a few lines.
pub fn measure() -> String {
    let world = World::start();
    world.add("deaf", "deaf", &[]);
    let mut disk = Disk::prepare(&world.place);
    let (mut rates, mut floors, mut records) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let before = last_lsn(&world);
        let took = burst(&world);
        rates.push((SENDERS * SENDS) as f64 / took.as_secs_f64());
        records = last_lsn(&world) - before;
        let syncs: Vec<u64> = (0..200).map(|_| disk.sync_of(SENDERS * record_bytes())).collect();
        floors.push(SENDERS as f64 / (median(syncs.iter().map(|ns| *ns as f64).collect()) / 1e9));
    }
    let (rate, floor) = (median(rates), median(floors));
    let ratio = rate / floor;
    format!(
        "\n{SENDERS} senders at once, a call and a connection for each message: {rate:.0} accepted a second, \
         {:.1} records each;\n  {SENDERS} records in one raw write and sync: {floor:.0} a second; ratio {ratio:.2} (0.50): {}\n",
        records as f64 / (SENDERS * SENDS) as f64,
        if ratio >= 0.5 { "met" } else { "MISSED" }
    )
}

/// A frame with a message of [`TEXT_BYTES`]: head, preface, text and what stands around it.
fn record_bytes() -> usize {
    32 + 60 + TEXT_BYTES
}

fn last_lsn(world: &World) -> u64 {
    Reader::open(&world.home.journal()).expect("a journal").last_lsn().0
}

/// Every sender sends one message after the other, each answered before the next.
fn burst(world: &World) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let socket = world.home.control_socket();
    let begun = Instant::now();
    runtime.block_on(async {
        let senders: Vec<_> = (0..SENDERS)
            .map(|_| {
                let socket = socket.clone();
                tokio::spawn(async move {
                    for _ in 0..SENDS {
                        send(&socket).await;
                    }
                })
            })
            .collect();
        for sender in senders {
            sender.await.expect("a sender ends");
        }
    });
    begun.elapsed()
}

async fn send(socket: &std::path::Path) {
    let message = SendMessage {
        to: "deaf".to_owned(),
        text: "x".repeat(TEXT_BYTES),
        topic: None,
        key: None,
        runtime: None,
        progress: false,
        answers: None,
        wait: Wait::Accepted,
        timeout_ms: None,
    };
    let call = Call::new(mint::message_id(), Verb::Send(Box::new(message)));
    let mut stream = UnixStream::connect(socket).await.expect("the daemon listens");
    stream.write_all(&call.to_line()).await.expect("the daemon reads");
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await.expect("the daemon answers");
    let answer = Reply::from_line(answer.as_bytes()).expect("an answer");
    assert!(matches!(answer, Reply::Ok(_)), "not accepted: {answer:?}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
