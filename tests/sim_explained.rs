//! Whatever happens in a made-up world can be explained afterwards, from its records alone.
//!
//! `make explained WORLDS=10000` asks it of so many worlds, from one that nobody has seen, or from `DORMOUSE_FIRST` on.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use dormouse::explain::again::Again;
use dormouse::explain::forecast::upcoming;
use dormouse::explain::phrase::rfc3339;
use dormouse::explain::why::{Answer, Reach, Subject, Trail, Until, chain, links};
use dormouse::explain::whynot::{Question, whynot};
use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::id::Lsn;
use dormouse::model::record::{Record, groups};
use dormouse::model::session::{ReapReason, Turn};
use dormouse::model::state::State;
use dormouse::reducer::apply;
use dormouse::sim::{Level, Plan, Ran, run};

/// So many worlds, and the first of them.
fn worlds() -> std::ops::Range<u64> {
    match std::env::var("DORMOUSE_WORLDS") {
        Ok(worlds) => {
            let fresh = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() << 8;
            let first =
                std::env::var("DORMOUSE_FIRST").map_or_else(|_| fresh(), |first| first.parse().expect("a number"));
            println!("worlds from {first} on");
            first..first + worlds.parse::<u64>().expect("DORMOUSE_WORLDS is a number")
        }
        Err(_) => 7_000..7_024,
    }
}

/// A seed's world, one in three with nothing that goes wrong.
fn lived(seed: u64) -> Ran {
    let level = if seed.is_multiple_of(3) { Level::Light } else { Level::Heavy };
    let ran = run(&Plan::new(seed, level));
    assert!(ran.broken.is_none(), "seed {seed}: {:?}", ran.broken);
    ran
}

/// I2: the rules come to every decision again.
fn nothing_is_decided_otherwise(seed: u64, records: &[Record]) {
    let mut again = Again::from(State::default());
    let found: Vec<_> = groups(records).filter_map(|group| again.see(group)).collect();
    assert!(found.is_empty(), "seed {seed}: {}", found[0]);
}

/// I3: what the records add up to is what the daemon believes.
fn the_end_is_what_the_daemon_believes(seed: u64, ran: &Ran) {
    let mut state = State::default();
    ran.records.iter().for_each(|record| drop(apply(&mut state, record)));
    let believed = ran.state.as_deref().unwrap_or_else(|| panic!("seed {seed} ends without a daemon"));
    assert!(state == *believed, "seed {seed}: as of record {} it is another state", state.lsn);
}

/// Every decision leads back to what was seen or asked for, by links that are all there.
fn every_chain_ends_in_facts(seed: u64, records: &[Record]) {
    let is_fact = |record: &Record| matches!(record.event, Event::Fact(_));
    let at = |lsn: Lsn| records.get(usize::try_from(lsn.0).ok()?.checked_sub(1)?).filter(|it| it.lsn == lsn);
    for record in records {
        // Whatever comes before it ends in facts: so does it, if it comes from something before it.
        let comes_from = record.cause.map(|cause| at(cause).is_some_and(|cause| cause.lsn < record.lsn));
        assert!(comes_from.unwrap_or(is_fact(record)), "seed {seed}: record {} comes from nowhere", record.lsn);
    }
    for record in records.iter().filter(|record| !is_fact(record)).step_by(16) {
        let chain = chain(records, &Subject::Record(record.lsn));
        assert!(chain.last().is_some_and(is_fact), "seed {seed}: record {} does not end in a fact", record.lsn);
        let is_there = |record: &Record| record.cause.is_none_or(|cause| chain.iter().any(|it| it.lsn == cause));
        assert!(chain.iter().all(is_there), "seed {seed}: record {} has a loose end", record.lsn);
    }
}

/// C37, C38, C45: whoever is told that a session was silent for so long finds in the chain what that was counted from.
fn every_silence_begins_with_a_record(seed: u64, records: &[Record]) {
    for record in records {
        let silent_ms = match &record.event {
            Event::Decision(Decision::LookDecided(it)) => it.silent_ms,
            Event::Decision(Decision::Reaped(it)) => match it.reason {
                ReapReason::Idle { idle_ms, .. } => idle_ms,
                ReapReason::Done { quiet_ms, .. } => quiet_ms,
                ReapReason::Unarmed { silent_ms, .. } => silent_ms,
                _ => continue,
            },
            _ => continue,
        };
        let chain = chain(records, &Subject::Record(record.lsn));
        let began = |it: &Record| {
            let told = match &it.event {
                Event::Fact(Fact::TurnObserved(turn)) => vec![turn.said_at],
                Event::Fact(Fact::SessionLooked(look)) => [look.transcript_silent_ms, look.screen_silent_ms]
                    .map(|silent_ms| silent_ms.map(|ms| it.at.minus_ms(ms)))
                    .to_vec(),
                Event::Decision(Decision::TurnJudged(turn)) => match turn.turn {
                    Turn::Ended { at, .. } => vec![Some(at)],
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            };
            told.into_iter().flatten().chain([it.at]).any(|moment| record.at.since(moment) == silent_ms)
        };
        let told = || chain.iter().map(|it| format!("{}: {:?}\n", it.lsn, it.event)).collect::<String>();
        assert!(chain[1..].iter().any(began), "seed {seed}: record {} counts from nothing:\n{}", record.lsn, told());
    }
}

/// Whoever draws a page asks nothing: its links lead to the chain that is asked for.
fn a_trail_leads_where_the_chain_leads(seed: u64, records: &[Record]) {
    let mut trail = Trail::default();
    let linked: Vec<Vec<Lsn>> =
        records.iter().map(|record| trail.see(record).into_iter().chain(links(record)).collect()).collect();
    for record in records.iter().filter(|record| matches!(record.event, Event::Decision(_))).step_by(7) {
        let chain = chain(records, &Subject::Record(record.lsn));
        let (mut found, mut open) = (BTreeSet::from([record.lsn]), vec![record.lsn]);
        while let Some(lsn) = open.pop() {
            let next = linked[usize::try_from(lsn.0).unwrap() - 1].iter();
            open.extend(next.filter(|link| found.insert(**link)));
        }
        let told: BTreeSet<Lsn> = chain.iter().map(|it| it.lsn).collect();
        // After a few attempts a chain has told enough: wakes, deliveries, and tasks that were given again.
        let is_attempt =
            |it: &&Record| ["wake_failed", "delivery_failed", "message_requeued"].contains(&it.event.kind().name);
        let attempts = chain.iter().filter(is_attempt).count();
        let is_same = if attempts < 4 { found == told } else { told.is_subset(&found) };
        let (more, less): (Vec<_>, Vec<_>) = (found.difference(&told).collect(), told.difference(&found).collect());
        assert!(is_same, "seed {seed}: record {}: more {more:?}, less {less:?}", record.lsn);
    }
}

/// The whole answer, of each peer and of its last session: nothing in it comes out otherwise.
fn every_peer_can_be_explained(seed: u64, ran: &Ran) {
    let records = &ran.records[..];
    let state = ran.state.as_deref().expect("asked before");
    for peer in state.presences.keys() {
        let answer = Answer::of(records, Subject::Peer(peer.clone()), Until::default(), &[], Reach::Any);
        assert!(answer.recomputed.differ.is_empty() && answer.recomputed.too_far.is_empty(), "seed {seed}: {peer}");
        let ended = records.iter().rev().find(|record| {
            record.subject.peer.as_ref() == Some(peer)
                && matches!(record.event, Event::Decision(Decision::SessionEnded(_) | Decision::SessionDied(_)))
        });
        if let Some(generation) = ended.and_then(|record| record.subject.generation) {
            let session = Subject::Session(peer.clone(), generation);
            let answer = Answer::of(records, session, Until::default(), &[], Reach::Any);
            let has = |kind: &str| answer.chain.iter().any(|(record, _)| record.event.kind().name == kind);
            assert!(has("wake_decided"), "seed {seed}: {peer}@{generation} was never woken");
            assert!(answer.recomputed.differ.is_empty(), "seed {seed}: {peer}@{generation}");
        }
    }
}

/// What `ls` says comes next is what `whynot` says comes by itself, between any two groups of a daemon that serves: while it
/// starts nobody can ask for `ls`.
fn what_comes_next_is_said_alike(seed: u64, records: &[Record]) {
    let mut state = State::default();
    let mut serves = false;
    for (at, group) in groups(records).enumerate() {
        for record in group {
            apply(&mut state, record);
            match &record.event {
                Event::Fact(Fact::DaemonStarted(_)) => serves = false,
                Event::Fact(Fact::DaemonReady(_)) => serves = true,
                _ => {}
            }
        }
        let Some(now) = state.now.filter(|_| serves && at % 97 == 0) else { continue };
        let next = upcoming(&state);
        for peer in state.presences.keys() {
            let asked = [Question::Reaped, Question::Woken, Question::Delivered];
            let comes = asked.into_iter().filter_map(|question| whynot(&state, peer, question, now).by_itself);
            let comes: Vec<_> = comes.collect();
            let first = comes.iter().map(|coming| coming.at.clone()).min();
            let said = next.get(peer).filter(|next| next.brings != "quarantine_lifted");
            // In the forecast a kill that is asked for again succeeds, and what comes of it comes in the same instant.
            if said.is_some_and(|next| next.brings == "kill_repeated") {
                continue;
            }
            let said = said.map(|next| rfc3339(next.at));
            let told = (next.get(peer), comes);
            assert_eq!(said, first, "seed {seed}, record {}: {peer}, {told:#?}", state.lsn);
        }
    }
}

fn explains(seed: u64) {
    let ran = lived(seed);
    nothing_is_decided_otherwise(seed, &ran.records);
    the_end_is_what_the_daemon_believes(seed, &ran);
    every_chain_ends_in_facts(seed, &ran.records);
    every_silence_begins_with_a_record(seed, &ran.records);
    a_trail_leads_where_the_chain_leads(seed, &ran.records);
    every_peer_can_be_explained(seed, &ran);
    what_comes_next_is_said_alike(seed, &ran.records);
}

#[test]
fn whatever_happens_in_a_world_can_be_explained() {
    let worlds = worlds();
    let hands = std::thread::available_parallelism().map_or(1, |hands| hands.get() as u64);
    std::thread::scope(|scope| {
        for hand in 0..hands {
            let mine = worlds.clone().filter(move |seed| seed % hands == hand);
            scope.spawn(move || mine.for_each(explains));
        }
    });
}
