//! What the recorded fleet has not lived through: short histories, each up to a decision that is made in one more way.

use dormouse::model::delivery::{DeliveryOutcome, Proof};
use dormouse::model::event::*;
use dormouse::model::message::TextPrint;
use dormouse::model::profile::Registration;
use dormouse::model::record::{Record, Subject};
use dormouse::model::session::{Ending, Source};
use dormouse::model::settings::{SettingGiven, SettingPlace, Settings};

use crate::script::{gone, happens};
use crate::world::{World, ephemeral, managed, on, runtimes};

/// A peer called ada, shaped so; bob, cid and dot are as peers are by default. What happens, line by line: a time from the
/// beginning, and what a script calls it.
pub struct Story {
    /// What it is told for, as the coverage of made-up worlds calls it.
    pub way: (&'static str, &'static str),
    shape: fn(&mut Registration),
    lines: &'static str,
}

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

/// `kind`, in that `way`.
const fn story(kind: &'static str, way: &'static str, shape: fn(&mut Registration), lines: &'static str) -> Story {
    Story { way: (kind, way), shape, lines }
}

fn plain(_: &mut Registration) {}

fn silent(registration: &mut Registration) {
    on("plain")(registration);
}

fn silent_worker(registration: &mut Registration) {
    on("plain")(registration);
    ephemeral(registration);
}

fn router(registration: &mut Registration) {
    on("relay")(registration);
}

fn with_people(registration: &mut Registration) {
    on("plain")(registration);
    registration.profile.converses_with_people = true;
}

/// In the order in which the worlds' coverage has them.
pub const STORIES: &[Story] = &[
    story("wake_decided", "attach, fresh", plain, WAITS_TO_BE_ATTACHED),
    story(
        "wake_decided",
        "compact, fresh",
        plain,
        "0s send a to ada
         1s up ada
         2s turn ada idle
         3s gone ada exit:0
         4s boots max 1
         5s send b to bob
         6s compact ada
         7s nobody resumes
         8s up bob",
    ),
    story(
        "wake_decided",
        "human conversation, fresh",
        with_people,
        "0s send a to ada
         1s up ada
         21s looked ada 20s
         22s gone ada exit:0
         30s send b to ada",
    ),
    story(
        "wake_decided",
        "topic known, fresh",
        silent,
        "0s send a to ada about tides
         1s up ada
         21s looked ada 20s
         22s gone ada exit:0
         30s send b to ada about tides",
    ),
    story(
        "wake_refused",
        "runtime not declared",
        plain,
        "0s boots max 1
         0s send b to bob
         1s send a to ada
         2s undeclared ada",
    ),
    story("wake_failed", "launch, something left", plain, "0s send a to ada\n1s launch-failed ada launch left"),
    story(
        "delivered",
        "answer",
        silent,
        "0s send a to ada
         1s started ada
         2s box ada
         3s begun a ada
         9s reply r from ada to user:root answers a",
    ),
    story(
        "delivered",
        "hook",
        plain,
        "0s send a to ada
         1s started ada
         2s box ada
         3s typed a ada
         4s taken a ada",
    ),
    story(
        "delivered",
        "screen",
        plain,
        "0s send a to ada
         1s started ada
         2s box ada
         3s begun a ada
         5s proven a ada by screen",
    ),
    story(
        "delivered",
        "keys",
        router,
        "0s send a to ada
         1s started ada
         2s box ada
         3s begun a ada
         3s proven a ada by keys",
    ),
    story(
        "delivery_failed",
        "not typed",
        plain,
        "0s send a to ada
         1s up ada
         2s turn ada idle
         3s send b to ada
         3s begun b ada
         4s failed b ada clean",
    ),
    story(
        "turn_judged",
        "it said so",
        silent_worker,
        "0s send a to ada
         1s up ada
         9s done ada",
    ),
    story(
        "look_decided",
        "hook",
        plain,
        "0s send a to ada
         1s up ada
         8s turn ada ended:t1 2s-ago
         3700s passes",
    ),
    story(
        "look_decided",
        "screen",
        silent,
        "0s send a to ada
         1s up ada
         21s looked ada screen:2s
         60s passes",
    ),
    story(
        "look_decided",
        "status file",
        plain,
        "0s send a to ada
         1s up ada
         8s says ada idle status-file
         3700s passes",
    ),
    story(
        "look_decided",
        "title",
        plain,
        "0s send a to ada
         1s up ada
         8s says ada idle title
         3700s passes",
    ),
    story(
        "look_decided",
        "wake",
        plain,
        "0s new ada
         1s started ada
         2s box ada
         3700s passes",
    ),
    story(
        "kept",
        "background work",
        plain,
        "0s send a to ada
         1s up ada
         8s turn ada background
         3700s passes",
    ),
    story(
        "kept",
        "message waiting",
        plain,
        "0s idle after 5
         0s send a to ada
         1s up ada
         5s turn ada idle
         6s send b to ada
         6s begun b ada
         6s failed b ada clean
         7s begun b ada
         7s failed b ada clean
         9s begun b ada
         9s failed b ada clean
         11s passes",
    ),
    story("session_died", "could not be started", plain, "0s send a to ada\n1s gone ada exec"),
    story(
        "verb_given_up",
        "its daemon ended",
        plain,
        "0s send a to ada
         1s up ada
         2s turn ada running
         3s interrupt ada
         4s daemon starts
         4s daemon serves",
    ),
    story(
        "verb_given_up",
        "not resumed",
        plain,
        "0s send a to ada
         1s up ada
         2s turn ada idle
         3s gone ada exit:0
         4s boots max 1
         5s send b to bob
         6s compact ada
         7s nobody resumes
         8s up bob
         9s up ada",
    ),
];

const WAITS_TO_BE_ATTACHED: &str = "0s send a to ada
     1s up ada
     2s turn ada idle
     3s gone ada exit:0
     4s boots max 1
     5s send b to bob
     6s attach ada
     7s nobody resumes
     8s up bob";
