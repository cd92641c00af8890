//! How many messages a second are accepted when many send at once: next to what one sync for all of them allows, and next
//! to a server of the same shape that does nothing but echo.

mod echo;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dormouse::daemon::control::mint;
use dormouse::journal::Reader;
use dormouse::protocol::{Call, Reply, SendMessage, Verb, Wait};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use super::floor::Disk;
use super::world::World;
use echo::Echo;

const SENDERS: usize = 64;
/// Of each sender in each round.
const SENDS: usize = 256;
const TEXT_BYTES: usize = 100;
const ROUNDS: usize = 5;

/// Of a sync, in the second table: disks that keep their word without a battery take about as long.
const SLOWER: Duration = Duration::from_millis(2);

/// How a sender's messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// A connection for each message.
    Each,
    /// One connection, each message answered before the next is sent.
    Kept,
    /// One connection, so many messages sent before the first of them is answered.
    Ahead(usize),
}

const WAYS: [Way; 3] = [Way::Each, Way::Kept, Way::Ahead(16)];

impl Way {
    fn ahead(self) -> usize {
        match self {
            Way::Each | Way::Kept => 1,
            Way::Ahead(messages) => messages,
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Each => f.pad("a connection for each message"),
            Way::Kept => f.pad("a connection for each sender"),
            Way::Ahead(messages) => f.pad(&format!("the same, {messages} messages ahead")),
        }
    }
}

/// What one round took: by the clock, and of the processors on both sides.
#[derive(Clone, Copy, Debug, Default)]
struct Took {
    wall: Duration,
    server: Duration,
    clients: Duration,
}

impl Took {
    fn rate(self) -> f64 {
        (SENDERS * SENDS) as f64 / self.wall.as_secs_f64()
    }

    fn each_us(of: Duration) -> f64 {
        of.as_secs_f64() * 1e6 / (SENDERS * SENDS) as f64
    }
}

/// One way, measured so often.
struct Measured {
    world: World,
    echo: Echo,
    daemon: Vec<Took>,
    floor: Vec<Took>,
    records: u64,
}

impl Measured {
    fn start(slower: Option<Duration>) -> Self {
        let mut world = World::start_on(slower);
        world.add("deaf", "deaf", &[]);
        // Without its runtime it is never woken: no session of its own takes part in what is measured.
        world.forget_runtime("deaf");
        let echo = Echo::start(&world.place, record_bytes(), slower);
        Self { world, echo, daemon: Vec::new(), floor: Vec::new(), records: 0 }
    }

    fn round(&mut self, way: Way) {
        let before = last_lsn(&self.world);
        self.daemon.push(burst(&self.world.home.control_socket(), way, || processor_of(self.world.daemon_pid())));
        self.records += last_lsn(&self.world) - before;
        self.floor.push(burst(self.echo.socket(), way, || self.echo.processor()));
    }
}

/// Measures it and says so in a few lines: on the disk that is here, and on one whose syncs take longer.
pub fn measure() -> String {
    let here = on_disk(None);
    here + &on_disk(Some(SLOWER))
}

fn on_disk(slower: Option<Duration>) -> String {
    let mut all: Vec<(Way, Measured)> = WAYS.into_iter().map(|way| (way, Measured::start(slower))).collect();
    let mut disk = Disk::prepare(&all[0].1.world.place);
    let mut syncs = Vec::new();
    for _ in 0..ROUNDS {
        for (way, measured) in &mut all {
            measured.round(*way);
            syncs.extend((0..100).map(|_| disk.sync_of(SENDERS * record_bytes()) as f64));
        }
    }
    let sync = median(syncs) / 1e9 + slower.map_or(0.0, |slower| slower.as_secs_f64());
    let rate = SENDERS as f64 / sync;
    let longer = slower.map_or(String::new(), |slower| format!(", each sync made {} ms longer", slower.as_millis()));
    let mut said = format!(
        "\n{SENDERS} senders at once, a second{longer}; of the processors, \u{b5}s a message; medians of {ROUNDS}\n  \
         {:34}{rate:>9.0}  {:.0} \u{b5}s\n",
        format!("{SENDERS} records in one raw write and sync"),
        sync * 1e6
    );
    for (way, measured) in &all {
        said.push_str(&lines(*way, measured, rate));
    }
    said
}

fn lines(way: Way, measured: &Measured, sync: f64) -> String {
    let of = |took: &[Took], what: fn(&Took) -> f64| median(took.iter().map(what).collect());
    let rate = |took: &[Took]| of(took, |took| took.rate());
    let row = |name: &str, took: &[Took], ends: String| {
        let server = of(took, |took| Took::each_us(took.server));
        let clients = of(took, |took| Took::each_us(took.clients));
        format!("  {name:34}{:>9.0}  server {server:5.1}  clients {clients:5.1}{ends}\n", rate(took))
    };
    let (ours, floor) = (rate(&measured.daemon), rate(&measured.floor));
    let ratio = ours / sync;
    let verdict = if ratio >= 0.5 { "met" } else { "MISSED" };
    let records = measured.records as f64 / (ROUNDS * SENDERS * SENDS) as f64;
    let ends = format!(
        "  {ratio:.2} of the sync (0.50: {verdict}), {:.2} of the echo; {records:.2} records each",
        ours / floor
    );
    let floor_ends = format!("  {:.2} of the sync", floor / sync);
    [row(&way.to_string(), &measured.daemon, ends), row("  echoed, with a sync a turn", &measured.floor, floor_ends)]
        .concat()
}

/// A frame with a message of [`TEXT_BYTES`]: head, preface, text and what stands around it.
fn record_bytes() -> usize {
    32 + 60 + TEXT_BYTES
}

fn last_lsn(world: &World) -> u64 {
    Reader::open(&world.home.journal()).expect("a journal").last_lsn().0
}

/// What a process has had of the processors.
fn processor_of(pid: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).expect("the daemon lives");
    threads.map(|thread| on_processor(&thread.expect("a thread").path())).sum()
}

/// The same of one thread, to the nanosecond. None of one that has ended.
fn on_processor(thread: &Path) -> Duration {
    let said = std::fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
    Duration::from_nanos(said.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

fn processor(clock: ClockId) -> Duration {
    let used = clock_gettime(clock);
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).expect("less than a second"))
}

/// Every sender sends its messages, and hears each of them answered.
fn burst(socket: &Path, way: Way, server: impl Fn() -> Duration) -> Took {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (begun, server_before, clients_before) = (Instant::now(), server(), processor(ClockId::ThreadCPUTime));
    runtime.block_on(async {
        let senders: Vec<_> = (0..SENDERS).map(|_| tokio::spawn(sender(socket.to_owned(), way))).collect();
        for sender in senders {
            sender.await.expect("a sender ends");
        }
    });
    Took {
        wall: begun.elapsed(),
        server: server() - server_before,
        clients: processor(ClockId::ThreadCPUTime) - clients_before,
    }
}

async fn sender(socket: PathBuf, way: Way) {
    let mut kept = None;
    let (mut sent, mut answered) = (0, 0);
    while answered < SENDS {
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => BufReader::new(UnixStream::connect(&socket).await.expect("the server listens")),
        };
        let room = (way.ahead() - (sent - answered)).min(SENDS - sent);
        let calls: Vec<u8> = (0..room).flat_map(|_| call(way != Way::Each)).collect();
        stream.write_all(&calls).await.expect("the server reads");
        sent += room;
        hear(&mut stream).await;
        answered += 1;
        // What has come with it.
        while sent > answered && stream.buffer().contains(&b'\n') {
            hear(&mut stream).await;
            answered += 1;
        }
        kept = (way != Way::Each).then_some(stream);
    }
}

fn call(more: bool) -> Vec<u8> {
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
    Call { more, ..Call::new(mint::message_id(), Verb::Send(Box::new(message))) }.to_line()
}

async fn hear(stream: &mut BufReader<UnixStream>) {
    let mut answer = String::new();
    stream.read_line(&mut answer).await.expect("the server answers");
    let answer = Reply::from_line(answer.as_bytes()).expect("an answer");
    assert!(matches!(answer, Reply::Ok(_)), "not accepted: {answer:?}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
