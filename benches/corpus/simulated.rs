//! A history from the simulator: one world, for as many hours as it takes. Nothing goes wrong in it but what people do: a daemon
//! that is killed reads all of its history again, and a year of that takes longer than anybody would wait for a bench.

use std::collections::BTreeMap;
use std::path::Path;

use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::name::Identity;
use dormouse::model::record::{Record, groups};
use dormouse::model::state::{SCHEMA, State};
use dormouse::reducer;
use dormouse::sim::{Level, Plan, run};
use dormouse::supervisor::{Keeping, snapshot};

/// A world whose history is never cut.
const SEED: u64 = 1;
/// Messages to its ten peers, which make a little more than so many records.
const SENDS_PER_HOUR: u64 = 60;
const RECORDS_PER_HOUR: u64 = 1_000;
/// Groups in one batch: one sync each.
const GROUPS: usize = 1000;

pub struct History {
    pub records: u64,
    /// The peer with the most records.
    pub often: Identity,
    /// Of those that work at all, the one with the fewest.
    pub seldom: Identity,
    /// Of those whose sessions end once their task is done, the one with the most.
    pub worker: Identity,
}

/// Writes a journal of about so many records to `dir`, with snapshots where the daemon takes them, and closes it.
pub fn write(dir: &Path, records: u64) -> History {
    let keeping = Keeping::default();
    let hours = records.div_ceil(RECORDS_PER_HOUR);
    let snapshot_records = keeping.snapshot_records;
    let plan = Plan { hours, sends_per_hour: SENDS_PER_HOUR, snapshot_records, ..Plan::new(SEED, Level::None) };
    let ran = run(&plan);
    assert!(ran.broken.is_none(), "{:?}", ran.broken);
    keep(dir, &ran.records);
    let with = |wanted: fn(&Event) -> bool| {
        let mut counts = BTreeMap::<&Identity, u64>::new();
        for peer in
            ran.records.iter().filter(|record| wanted(&record.event)).filter_map(|record| record.subject.peer.as_ref())
        {
            *counts.entry(peer).or_default() += 1;
        }
        counts.into_iter().map(|(peer, count)| (count, peer.clone())).collect::<Vec<_>>()
    };
    let working = with(|event| matches!(event, Event::Decision(Decision::Delivered(_))));
    let workers = with(|event| matches!(event, Event::Decision(Decision::TaskDone(_))));
    let most = |peers: &[(u64, Identity)]| peers.iter().max().expect("somebody who works").1.clone();
    History {
        records: ran.records.len() as u64,
        often: most(&working),
        seldom: working.iter().min().expect("somebody who works").1.clone(),
        worker: most(&workers),
    }
}

fn keep(dir: &Path, records: &[Record]) {
    let mut salt = 0_u128;
    let salts = move || {
        salt += 1;
        salt.to_le_bytes()
    };
    let storage = DirStorage::open(dir).expect("a folder");
    let mut journal = Journal::open(storage, Options::default(), 5, salts, |_| ()).expect("a new journal").0;
    let mut state = State::default();
    let mut batch: Vec<Vec<Record>> = Vec::new();
    for group in groups(records) {
        let mut group = group.to_vec();
        let is_snapshot = |record: &Record| matches!(record.event, Event::Fact(Fact::SnapshotTaken(_)));
        if batch.len() == GROUPS || is_snapshot(&group[0]) {
            let _ = journal.append(&std::mem::take(&mut batch), ()).expect("an append");
        }
        if is_snapshot(&group[0]) {
            // Of this journal's own segments.
            let encoded = snapshot::encode(&state).expect("a state");
            let taken = journal.write_snapshot(SCHEMA, &encoded).expect("a snapshot");
            group[0].event = taken.into();
        }
        for record in &group {
            drop(reducer::apply(&mut state, record));
        }
        if is_snapshot(&group[0]) {
            journal.keep_snapshots(&state.snapshots).expect("a folder");
        }
        batch.push(group);
    }
    let _ = journal.append(&batch, ()).expect("an append");
    journal.close().expect("a mark");
}
