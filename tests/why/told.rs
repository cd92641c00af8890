//! Stories, lived through by a fleet of which nothing but the rules is real.

use dormouse::model::delivery::{DeliveryOutcome, Proof};
use dormouse::model::event::*;
use dormouse::model::message::TextPrint;
use dormouse::model::profile::Registration;
use dormouse::model::record::{Record, Subject};
use dormouse::model::session::{Ending, Source};
use dormouse::model::settings::{SettingGiven, SettingPlace, Settings};

use crate::script::{gone, happens};
use crate::stories::Story;
use crate::world::{World, ephemeral, managed, runtimes};
/// Its whole history, up to the moment at which it is asked about.
pub fn told(story: &Story) -> Vec<Record> {
    let mut world = lived_through(story.shape, story.lines);
    std::mem::take(&mut world.records)
}

pub fn lived_through(shape: fn(&mut Registration), lines: &str) -> World {
    let mut world = World::bare();
    world.see(Subject::NONE, DaemonStarted { version: "0.1.0".to_owned(), pid: 300, tmux: None });
    world.see(Subject::NONE, RuntimesChanged { runtimes: runtimes() });
    world.see(Subject::NONE, DaemonReady { adopted: 0, gone: 0, not_known: 0 });
    world.add("ada", shape);
    for name in ["bob", "cid", "dot"] {
        world.add(name, |_| {});
    }
    let start = world.now;
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (time, what) = line.split_once(' ').expect("a time and what happens");
        let seconds: u64 = time.strip_suffix('s').and_then(|time| time.parse().ok()).expect("seconds");
        let left_ms = (seconds * 1_000).checked_sub(world.now.since(start)).expect("time goes forwards");
        world.pass(left_ms);
        takes_place(&mut world, what.trim());
    }
    world
}

const TYPED: &str = "message 1 from user:root, attempt 1\n\na\n\nend of message 1";

/// What a script has no word for.
fn takes_place(world: &mut World, line: &str) {
    match &line.split_whitespace().collect::<Vec<_>>()[..] {
        ["daemon", "starts"] => drop(world.see(Subject::NONE, started())),
        ["daemon", "serves"] => drop(world.see(Subject::NONE, DaemonReady { adopted: 1, gone: 1, not_known: 0 })),
        ["boots", "max", max] => set(world, "boots_max", |settings| settings.boots_max = max.parse().unwrap()),
        ["idle", "after", seconds] => {
            set(world, "idle", |settings| settings.idle_ms = seconds.parse::<u64>().unwrap() * 1_000);
        }
        ["nobody", "resumes"] => {
            let mut runtimes = runtimes();
            runtimes.iter_mut().for_each(|it| it.can_resume = false);
            world.see(Subject::NONE, RuntimesChanged { runtimes });
        }
        ["undeclared", peer] => {
            let mut profile = world.state.peer(&world.identity(peer)).unwrap().registration.profile.clone();
            profile.runtimes.clear();
            world.see(Subject::peer(&world.identity(peer)), ProfileChanged { profile });
        }
        ["worker", peer] => {
            let mut registration = world.state.peer(&world.identity(peer)).unwrap().registration.clone();
            ephemeral(&mut registration);
            world.see(Subject::peer(&world.identity(peer)), ProfileChanged { profile: registration.profile });
        }
        ["typed", name, peer] => {
            let attempt = world.state.messages[&world.messages[*name]].attempts + 1;
            let bytes = TYPED.len().try_into().unwrap();
            about(world, name, peer, DeliveryBegun { attempt, mark: None, bytes, print: TextPrint::of(TYPED) });
        }
        ["taken", name, peer] => {
            let attempt = world.state.messages[&world.messages[*name]].attempts;
            about(world, name, peer, PromptTaken { attempt, print: TextPrint::of(TYPED), said_at: None });
        }
        ["proven", name, peer, "by", proof] => {
            let proof = match *proof {
                "hook" => Proof::Hook,
                "screen" => Proof::Screen,
                "keys" => Proof::Keys,
                "transcript-exact" => Proof::TranscriptExact,
                proof => panic!("what is `{proof}`?"),
            };
            let attempt = world.state.messages[&world.messages[*name]].attempts;
            let outcome = DeliveryOutcome::Proven { proof };
            about(world, name, peer, DeliveryEnded { attempt, outcome, took_ms: 1_200 });
        }
        ["says", peer, what, source] => {
            let turn = match *what {
                "running" => TurnSeen::Running,
                "idle" => TurnSeen::Idle,
                what => panic!("what is `{what}`?"),
            };
            let source = match *source {
                "status-file" => Source::StatusFile,
                "title" => Source::Title,
                "transcript" => Source::Transcript,
                source => panic!("what is `{source}`?"),
            };
            seen(world, peer, TurnObserved { turn, source, turn_id: None, said_at: None });
        }
        ["works", peer] => {
            let looked = SessionLooked {
                screen_silent_ms: Some(0),
                transcript_silent_ms: None,
                waiting_on: None,
                attached: false,
                working: true,
            };
            seen(world, peer, looked);
        }
        ["gone", peer, "exec"] => {
            let ending = Ending::ExecFailed { errno: 2, program: "demo".to_owned() };
            seen(world, peer, SessionGone { ending, lived_ms: 3, strays: 0, found_at_start: false });
        }
        ["adopted", peer] => seen(world, peer, SessionAdopted { pid: 99, turn: None }),
        ["added", name] => world.add(name, |_| {}),
        ["managed", name] => world.add(name, managed),
        ["found", peer, how] => drop(gone(world, peer, how, true)),
        _ => drop(happens(world, line)),
    }
}

fn started() -> DaemonStarted {
    DaemonStarted { version: "0.1.0".to_owned(), pid: 301, tmux: None }
}

fn set(world: &mut World, name: &str, change: impl FnOnce(&mut Settings)) {
    let mut settings = world.state.settings.clone();
    change(&mut settings);
    let place = SettingPlace::File { file: "/home/ada/config.toml".into(), line: 3 };
    let given = Some(vec![SettingGiven { name: name.to_owned(), place }]);
    world.see(Subject::NONE, SettingsChanged { settings, given });
}

fn seen(world: &mut World, peer: &str, event: impl Into<Event>) {
    let subject = world.of_session(peer);
    world.see(subject, event);
}

fn about(world: &mut World, name: &str, peer: &str, event: impl Into<Event>) {
    let subject = world.of_session(peer).with_message(world.messages[name]);
    world.see(subject, event);
}
