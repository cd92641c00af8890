//! The history that `tests/golden/v3-fleet` holds, told once more: a fleet in the days of its life, each thing that
//! happens to it with what was decided on it. Everything that chance or a clock would decide is fixed.

mod ends;
mod lives;
mod replies;
mod typed;

use std::path::Path;

use dormouse::journal::{DirStorage, Journal, Options};
use dormouse::model::event::*;
use dormouse::model::profile::Registration;
use dormouse::model::record::{Record, Subject};
use dormouse::model::request::Verb;
use dormouse::model::settings::{SettingGiven, SettingPlace, Settings};

use crate::world::{World, ephemeral, managed, on, registration, runtimes};

/// Small enough for a few segments, each with many groups.
const SEGMENT_BYTES: u64 = 32 << 10;

/// Writes the whole history to `dir` as a journal: a batch for each group, marks, an end in order.
pub fn write(dir: &Path) {
    let mut salt = 0;
    let random = move || {
        salt += 1;
        [salt; 16]
    };
    let world = lived();
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
    let storage = DirStorage::open(dir).unwrap();
    let begun_us = world.records[0].at.wall_us;
    let (mut journal, _) = Journal::open(storage, options, begun_us, random, |_| {}).unwrap();
    for (index, group) in groups(&world.records).enumerate() {
        let _ = journal.append(&[group.to_vec()], ()).unwrap();
        if index % 16 == 15 {
            journal.mark().unwrap();
        }
    }
    journal.close().unwrap();
}

/// Each fact with what was decided on it.
fn groups(records: &[Record]) -> impl Iterator<Item = &[Record]> {
    records.chunk_by(|_, next| matches!(next.event, Event::Decision(_)))
}

/// The fleet at the end of its history.
fn lived() -> World {
    let mut world = World::bare();
    founded(&mut world);
    lives::persistent(&mut world);
    lives::parked(&mut world);
    lives::failed(&mut world);
    lives::workers(&mut world);
    lives::judged(&mut world);
    lives::crowd(&mut world);
    ends::operated(&mut world);
    ends::restarted(&mut world);
    ends::after_the_machine(&mut world);
    typed::verbs(&mut world);
    replies::asked(&mut world);
    world
}

fn started(world: &mut World, version: &str, pid: u32) {
    let tmux = Some("tmux 3.4".to_owned());
    world.see(Subject::NONE, DaemonStarted { version: version.to_owned(), pid, tmux });
}

fn add(world: &mut World, name: &str, shape: impl FnOnce(&mut Registration)) {
    let mut registration = registration("demo", name);
    shape(&mut registration);
    world.request(Verb::Add { registration: Box::new(registration) });
}

/// A daemon begins in an empty home, and its peers are added.
fn founded(world: &mut World) {
    started(world, "0.1.0", 4000);
    world.see(Subject::NONE, RuntimesChanged { runtimes: runtimes() });
    world.see(Subject::NONE, DaemonReady { adopted: 0, gone: 0, not_known: 0 });
    add(world, "ada", |it| it.profile.initial_prompt = Some("You are Ada.\n".to_owned()));
    add(world, "bob", ephemeral);
    add(world, "cid", |it| {
        on("plain")(it);
        ephemeral(it);
    });
    add(world, "dot", |it| it.profile.resume_on_death = true);
    add(world, "eve", |it| it.profile.converses_with_people = true);
    add(world, "fay", on("relay"));
    add(world, "gus", managed);
    add(world, "hal", |_| {});
    add(world, "ida", |_| {});
    let settings =
        Settings { boots_max: 3, attempts_max: 3, on_attention: vec!["notify".to_owned()], ..Settings::default() };
    let given =
        vec![given("boots_max", in_file(2)), given("attempts_max", by_variable()), given("on_attention", in_file(4))];
    world.see(Subject::NONE, SettingsChanged { settings, given: Some(given) });
    world.see(Subject::NONE, SettingsUnreadable { why: "config.toml, line 3: `idle` is no time".to_owned() });
}

fn given(name: &str, place: SettingPlace) -> SettingGiven {
    SettingGiven { name: name.to_owned(), place }
}

fn in_file(line: u32) -> SettingPlace {
    SettingPlace::File { file: "/home/fleet/config.toml".into(), line }
}

fn by_variable() -> SettingPlace {
    SettingPlace::Environment { variable: "DORMOUSE_ATTEMPTS_MAX".to_owned() }
}
