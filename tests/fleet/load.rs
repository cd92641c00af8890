//! Under load.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::thread;

use dormouse::daemon::control::mint;
use dormouse::model::event::{Event, Fact};
use dormouse::model::id::MessageId;
use dormouse::protocol::{Call, Reply, SendMessage, Verb, Wait};
use serde_json::Value;

use crate::daemon_fixture::{DEADLINE, World};
use crate::orders::{Outside, Pace, Tally, acceptances, await_all_done, fleet};
use crate::worker::{self, Noted, WORKER};

/// Short enough to be worth a test, long enough to be a wait.
pub const QUICK: &str = "ephemeral_quiet = \"50ms\"\n";

/// C16, C35, C40, C41: ten workers, twenty tasks each, eight senders.
#[test]
fn c35_every_task_of_a_busy_fleet_is_read_once_in_order_in_a_session_of_its_own() {
    let (world, team) = fleet(20, QUICK);
    let accepted = team.send_all(&Outside::of(&world), Pace::Flood);
    await_all_done(&world, team.tasks());
    let tally = team.check(&world, &accepted);
    assert_eq!(tally, Tally { sessions: team.tasks(), reads: team.tasks() });
    let audit = world.audit_is_clean();
    println!("{:#}", audit["statistics"]);
    for kind in ["delivered", "session_started", "session_ended", "task_done", "answer_kept"] {
        assert_eq!(count(&world, kind), team.tasks(), "{kind}");
    }
    for kind in ["session_died", "wake_failed", "delivery_failed", "message_dead"] {
        assert_eq!(count(&world, kind), 0, "{kind}");
    }
}

pub fn count(world: &World, kind: &str) -> usize {
    world.records().iter().filter(|record| record.event.kind().name == kind).count()
}

/// C7, C30: a crowd at once is one group: all are accepted, durably, in a few turns.
#[test]
fn c07_sixty_four_calls_at_once_are_accepted_in_a_few_turns() {
    const CROWD: usize = 64;
    let world = World::started("");
    world.add_peer("ada", &["--runtime", "demo", "--arg=--silent"]);
    let mut lines: Vec<UnixStream> =
        (0..CROWD).map(|_| UnixStream::connect(world.home.control_socket()).unwrap()).collect();
    for (number, line) in lines.iter_mut().enumerate() {
        line.write_all(&sending(&format!("call {number}")).to_line()).unwrap();
    }
    let mut depths: Vec<u64> =
        lines.into_iter().map(|line| accepted(&mut BufReader::new(line))["queue_depth"].as_u64().unwrap()).collect();
    depths.sort_unstable();
    assert_eq!(depths, (1..=CROWD as u64).collect::<Vec<_>>(), "each has its own place");
    let turns = turns_of_acceptance(&world);
    println!("{CROWD} calls in {turns} turns");
    assert!(turns <= CROWD / 4, "{turns} turns");
}

/// C7, C9: what one caller has said on one connection before it is answered is accepted in this order, in a few turns.
#[test]
fn c09_messages_said_ahead_on_one_connection_keep_their_order() {
    const AHEAD: usize = 64;
    let world = World::started("");
    world.add_peer("ada", &["--runtime", "demo", "--arg=--silent"]);
    let texts: Vec<String> = (0..AHEAD).map(|number| format!("call {number}")).collect();
    let calls = texts.iter().map(|text| Call { more: true, ..sending(text) }.to_line());
    let mut line = BufReader::new(UnixStream::connect(world.home.control_socket()).unwrap());
    line.get_mut().write_all(&calls.collect::<Vec<_>>().concat()).unwrap();
    let depths: Vec<u64> = (0..AHEAD).map(|_| accepted(&mut line)["queue_depth"].as_u64().unwrap()).collect();
    assert_eq!(depths, (1..=AHEAD as u64).collect::<Vec<_>>());
    let records = world.records();
    let journaled = records.iter().filter_map(|record| match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) => Some(&accepted.text),
        _ => None,
    });
    assert!(journaled.eq(&texts), "in the order in which they were said");
    let turns = turns_of_acceptance(&world);
    assert!(turns <= AHEAD / 4, "{turns} turns");
}

/// What one turn takes up has one time.
fn turns_of_acceptance(world: &World) -> usize {
    let records = world.records();
    let accepted = records.iter().filter(|record| record.event.kind().name == "message_accepted");
    accepted.map(|record| record.at.wall_us).collect::<BTreeSet<u64>>().len()
}

fn sending(text: &str) -> Call {
    let message = SendMessage {
        to: "ada".to_owned(),
        text: text.to_owned(),
        topic: None,
        key: None,
        runtime: None,
        progress: false,
        answers: None,
        wait: Wait::Accepted,
        timeout_ms: None,
    };
    Call::new(mint::message_id(), Verb::Send(Box::new(message)))
}

/// C7, C30: the same by the program, and a persistent peer reads all of it in the order of acceptance.
#[test]
fn c30_sixty_four_senders_at_once_are_read_by_one_peer_one_after_the_other() {
    const CROWD: usize = 64;
    let mut world = World::new("");
    worker::add_runtime(&world, &["--silent", "--work", "0"]);
    world.start();
    let folder = world.add_peer("ada", &["--runtime", WORKER]);
    let told: BTreeSet<MessageId> = thread::scope(|scope| {
        let senders: Vec<_> = (0..CROWD)
            .map(|number| {
                let world = &world;
                scope.spawn(move || world.json(&["send", "ada", &format!("call {number}")]))
            })
            .collect();
        let said = senders.into_iter().map(|sender| sender.join().unwrap());
        said.map(|said| said["message"].as_str().unwrap().parse().unwrap_or_else(|_| panic!("{said}"))).collect()
    });
    assert_eq!(told.len(), CROWD);
    let mut read = 0;
    world.await_record("every message delivered", |record| {
        read += usize::from(record.event.kind().name == "delivered");
        (read == CROWD).then_some(())
    });
    let noted = Noted::of(&folder);
    assert_eq!(noted.starts.len(), 1, "one session for all of it");
    assert_eq!(noted.reads.len(), CROWD);
    assert_eq!(noted.order(), acceptances(&world.records(), "ada"));
    world.audit_is_clean();
}

/// What the one who called on this line was told.
fn accepted(line: &mut BufReader<UnixStream>) -> Value {
    line.get_ref().set_read_timeout(Some(DEADLINE)).unwrap();
    let mut reply = String::new();
    line.read_line(&mut reply).unwrap();
    match Reply::from_line(reply.as_bytes()).unwrap() {
        Reply::Ok(sent) => sent,
        other => panic!("{other:?}"),
    }
}
