//! A small interpreter: `TIME  WHAT HAPPENS  => WHAT IS DECIDED`.
//!
//! Times are absolute, from the script's start; deadlines that pass before a line belong to it. What is decided is
//! listed by kind, with the word that matters in brackets.

use dormouse::model::actor::Actor;
use dormouse::model::delivery::{DeliveryOutcome, DeliveryStep, Gate, Proof, Settlement};
use dormouse::model::event::*;
use dormouse::model::message::TextPrint;
use dormouse::model::record::{Record, Subject};
use dormouse::model::request::{DeliveredHere, Named, PeerName, Send, Verb};
use dormouse::model::session::{Ending, Source, TypedVerb, WakeMode};

use crate::world::{World, user};

/// Runs a script over a world; panics with the line whose decisions differ.
pub fn check(world: &mut World, script: &str) {
    let start = world.now;
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (left, expected) = line.split_once("=>").unwrap_or_else(|| panic!("no `=>` in `{line}`"));
        let words: Vec<&str> = left.split_whitespace().collect();
        let (time, words) = words.split_first().expect("a time");
        let elapsed = world.now.since(start);
        let mut records = world.pass(parse_ms(time).checked_sub(elapsed).expect("time goes forwards"));
        records.extend(happen(world, words));
        let decided: Vec<String> = records.iter().filter_map(decision_word).collect();
        assert_eq!(decided.join(", "), expected.trim(), "at `{line}`");
    }
}

/// One thing that happens, in a script's words, whatever is decided.
pub fn happens(world: &mut World, line: &str) -> Vec<Record> {
    happen(world, &line.split_whitespace().collect::<Vec<_>>())
}

fn parse_ms(text: &str) -> u64 {
    let split = text.find(|c: char| !c.is_ascii_digit()).expect("a unit");
    let number: u64 = text[..split].parse().expect("a number");
    match &text[split..] {
        "ms" => number,
        "s" => number * 1_000,
        "m" => number * 60_000,
        "h" => number * 3_600_000,
        unit => panic!("no unit: {unit}"),
    }
}

fn happen(world: &mut World, words: &[&str]) -> Vec<Record> {
    match words {
        ["passes"] => Vec::new(),
        ["send", name, "to", to] => send(world, name, to, None, false),
        ["send", name, "to", to, "about", topic] => send(world, name, to, Some(topic), false),
        ["answer", name, "from", from, "to", to] => answer(world, name, from, to, false),
        ["progress", name, "from", from, "to", to] => answer(world, name, from, to, true),
        ["question", name, "from", from, "to", to] => said(world, name, from, to, |send| send.reply_asked = true),
        ["reply", name, "from", from, "to", to, "answers", to_what] => reply(world, name, from, to, to_what),
        ["up", peer] => up(world, peer),
        ["started", peer] => started(world, peer),
        ["box", peer] => seen(world, peer, BoxOpened { boot_ms: 5 }),
        ["waits", name, peer] => about(world, name, peer, DeliveryWaiting { gate: Gate::BoxNotOpen }),
        ["begun", name, peer] => {
            let attempt = world.state.messages[&world.messages[*name]].attempts + 1;
            about(world, name, peer, DeliveryBegun { attempt, mark: None, bytes: 9, print: TextPrint::of("") })
        }
        ["proven", name, peer] => ended(world, name, peer, DeliveryOutcome::Proven { proof: Proof::Transcript }),
        ["failed", name, peer, typed] => {
            let (step, typed) = (DeliveryStep::Paste, *typed == "typed");
            ended(world, name, peer, DeliveryOutcome::Failed { step, why: "no".into(), typed })
        }
        ["unproven", name, peer] => {
            ended(world, name, peer, DeliveryOutcome::Unproven { waited_ms: 120_000, screen: "?".into() })
        }
        ["impossible", name, peer] => ended(world, name, peer, DeliveryOutcome::Impossible { why: "too long".into() }),
        ["cut-off", name, peer] => ended(world, name, peer, DeliveryOutcome::CutOff { typed: true }),
        ["settled", name, peer, how] => settled(world, name, peer, how),
        ["turn", peer, what] => turn(world, peer, what, None),
        ["turn", peer, what, ago] => turn(world, peer, what, Some(ago)),
        ["looked", peer, silent] => looked(world, peer, silent),
        ["asks", peer] => {
            let waiting_on = Some("a permission".to_owned());
            let silent = Some(0);
            let looked = SessionLooked {
                screen_silent_ms: silent,
                transcript_silent_ms: silent,
                waiting_on,
                attached: false,
                working: false,
            };
            seen(world, peer, looked)
        }
        ["look-fails", peer] => {
            seen(world, peer, SessionNotKnown { question: "screen".into(), why: "tmux did not answer".into() })
        }
        ["gone", peer, how] => gone(world, peer, how, false),
        ["kill-failed", peer] => seen(world, peer, KillFailed { why: "it lives".into(), survivors: 1 }),
        ["launch-failed", peer, phase, left] => {
            let phase = if *phase == "launch" { WakePhase::Launch } else { WakePhase::Boot };
            let left_session = *left == "left";
            seen(world, peer, LaunchFailed { phase, why: "no".into(), screen: None, left_session })
        }
        ["verb-ended", verb, peer] => {
            let verb = if *verb == "interrupt" { TypedVerb::Interrupt } else { TypedVerb::Compact };
            let outcome = VerbOutcome::Confirmed { by: Source::Transcript };
            seen(world, peer, VerbEnded { verb, outcome, took_ms: 9 })
        }
        ["done", peer] => of_session(world, peer, Verb::SelfDone),
        ["fresh", peer] => of_session(world, peer, Verb::SelfFresh),
        [verb, peer] => operate(world, verb, peer),
        _ => panic!("what is `{words:?}`?"),
    }
}

fn send(world: &mut World, name: &str, to: &str, topic: Option<&&str>, progress: bool) -> Vec<Record> {
    let mut send = world.message(to, user(), name);
    send.topic = topic.map(|topic| (*topic).to_owned());
    send.progress = progress;
    world.messages.insert(name.to_owned(), send.mint);
    world.request(Verb::Send(Box::new(send)))
}

fn answer(world: &mut World, name: &str, from: &str, to: &str, progress: bool) -> Vec<Record> {
    said(world, name, from, to, |send| send.progress = progress)
}

/// An answer that names its question, of which the journal knows nothing: what the state knows decides.
fn reply(world: &mut World, name: &str, from: &str, to: &str, to_what: &str) -> Vec<Record> {
    let named = Named { message: world.messages[to_what], delivered: DeliveredHere::Never };
    said(world, name, from, to, |send| send.answers = Some(named))
}

fn said(world: &mut World, name: &str, from: &str, to: &str, shape: impl FnOnce(&mut Send)) -> Vec<Record> {
    let sender = world.sender(from);
    let actor = actor(world, from);
    let mut send = world.message(to, sender, name);
    shape(&mut send);
    world.messages.insert(name.to_owned(), send.mint);
    match world.ask(actor, Verb::Send(Box::new(send))) {
        dormouse::policy::admit::Admission::Fact(draft) => world.conclude(draft),
        other => panic!("{other:?}"),
    }
}

fn actor(world: &World, peer: &str) -> Actor {
    Actor::Session { peer: world.identity(peer), generation: world.session(peer).generation }
}

fn of_session(world: &mut World, peer: &str, verb: Verb) -> Vec<Record> {
    let actor = actor(world, peer);
    match world.ask(actor, verb) {
        dormouse::policy::admit::Admission::Fact(draft) => world.conclude(draft),
        other => panic!("{other:?}"),
    }
}

fn operate(world: &mut World, verb: &str, peer: &str) -> Vec<Record> {
    let name = PeerName(peer.to_owned());
    let verb = match verb {
        "stop" => Verb::Stop { peer: name },
        "start" => Verb::Start { peer: name },
        "new" => Verb::New { peer: name, mint: world.mint() },
        "refresh" => Verb::Refresh { peer: name },
        "attach" => Verb::Attach { peer: name, mint: world.mint() },
        "interrupt" => Verb::Interrupt { peer: name },
        "compact" => Verb::Compact { peer: name, mint: world.mint() },
        "run" => Verb::Run { peer: world.identity(peer), mint: world.mint() },
        "rm" => Verb::Remove { peer: name, force: false },
        "rm-force" => Verb::Remove { peer: name, force: true },
        "cancel" => Verb::Cancel { message: world.messages[peer] },
        "retry" => Verb::Retry { message: world.messages[peer] },
        _ => panic!("what is `{verb}`?"),
    };
    world.request(verb)
}

fn seen(world: &mut World, peer: &str, event: impl Into<Event>) -> Vec<Record> {
    let subject = world.of_session(peer);
    world.see(subject, event)
}

fn about(world: &mut World, name: &str, peer: &str, event: impl Into<Event>) -> Vec<Record> {
    let message = world.messages[name];
    let subject: Subject = world.of_session(peer).with_message(message);
    world.see(subject, event)
}

fn started(world: &mut World, peer: &str) -> Vec<Record> {
    let resume_ref = match &world.session(peer).mode {
        WakeMode::Fresh => format!("conversation-{}", world.session(peer).generation),
        WakeMode::Resumed { resume_ref } => resume_ref.clone(),
    };
    let can_resume = world.state.runtimes[&world.identity(peer).runtime].can_resume;
    let resume_ref = can_resume.then_some(resume_ref);
    seen(world, peer, SessionStarted { pid: 99, start_ticks: 1, socket: "/s".into(), resume_ref, took_ms: 3 })
}

/// Started, open, and its first input taken, if it has one.
fn up(world: &mut World, peer: &str) -> Vec<Record> {
    let mut records = started(world, peer);
    records.extend(seen(world, peer, BoxOpened { boot_ms: 5 }));
    if let Some(message) = world.session(peer).delivering {
        let subject = world.of_session(peer).with_message(message);
        let attempt = world.state.messages[&message].attempts + 1;
        records.extend(
            world.see(subject.clone(), DeliveryBegun { attempt, mark: None, bytes: 9, print: TextPrint::of("") }),
        );
        let outcome = DeliveryOutcome::Proven { proof: Proof::Transcript };
        records.extend(world.see(subject, DeliveryEnded { attempt, outcome, took_ms: 4 }));
    }
    records
}

fn ended(world: &mut World, name: &str, peer: &str, outcome: DeliveryOutcome) -> Vec<Record> {
    let attempt = world.state.messages[&world.messages[name]].attempts;
    about(world, name, peer, DeliveryEnded { attempt, outcome, took_ms: 4 })
}

/// Also for a session that is gone: the record outlives it.
fn settled(world: &mut World, name: &str, peer: &str, how: &str) -> Vec<Record> {
    let settlement = match how {
        "found" => Settlement::Found,
        "absent" => Settlement::Absent,
        _ => Settlement::CannotTell { why: "no record".into() },
    };
    let message = world.messages[name];
    let generation = match world.state.messages[&message].fate {
        dormouse::model::message::Fate::Delivering { generation, .. } => generation,
        ref fate => panic!("{fate:?}"),
    };
    let subject = Subject::session(&world.identity(peer), generation).with_message(message);
    world.see(subject, DeliverySettled { settlement })
}

fn turn(world: &mut World, peer: &str, what: &str, ago: Option<&str>) -> Vec<Record> {
    // `ended:t1` is the end of the turn that the program calls `t1`; `2s-ago` behind it, when that was said.
    let (what, turn_id) = match what.split_once(':') {
        Some((what, name)) => (what, Some(name.to_owned())),
        None => (what, None),
    };
    let turn = match what {
        "running" => TurnSeen::Running,
        "ended" => TurnSeen::Ended,
        "idle" => TurnSeen::Idle,
        "waiting" => TurnSeen::Waiting { on: "permission".into() },
        "background" => TurnSeen::Background { on: "1 task".into() },
        "alive" => TurnSeen::Alive,
        "failed-unnamed" => TurnSeen::Failed { reason: UNNAMED_ERROR.into() },
        "failed" => TurnSeen::Failed { reason: "usage limit".into() },
        _ => panic!("what is `{what}`?"),
    };
    let source = if turn_id.is_some() { Source::Hook } else { Source::Terminal };
    let said_at = ago.map(|ago| world.now.minus_ms(parse_ms(ago.strip_suffix("-ago").expect("how long ago"))));
    seen(world, peer, TurnObserved { turn, source, turn_id, said_at })
}

/// `looked ada 20s` means that screen and transcript have both been silent for so long; `looked ada screen:1s` that
/// only the screen moved a second ago.
fn looked(world: &mut World, peer: &str, silent: &str) -> Vec<Record> {
    let attached = silent == "attached";
    let silent = if attached { "1h" } else { silent };
    let (screen, transcript) = match silent.split_once(':') {
        Some(("screen", ms)) => (Some(parse_ms(ms)), None),
        Some(("transcript", ms)) => (None, Some(parse_ms(ms))),
        _ => (Some(parse_ms(silent)), Some(parse_ms(silent))),
    };
    let event = SessionLooked {
        screen_silent_ms: screen,
        transcript_silent_ms: transcript,
        waiting_on: None,
        attached,
        working: false,
    };
    seen(world, peer, event)
}

pub fn gone(world: &mut World, peer: &str, how: &str, found_at_start: bool) -> Vec<Record> {
    let ending = match how.split_once(':') {
        Some(("exit", code)) => Ending::Code { code: code.parse().unwrap() },
        Some(("signal", signal)) => Ending::Signal { signal: signal.parse().unwrap() },
        _ => match how {
            "terminal" => Ending::TerminalLost { then: None },
            "machine" => Ending::MachineDown,
            "never" => Ending::NeverStarted,
            "unseen" => Ending::NotKnown { why: "its shim was killed".into() },
            _ => panic!("what is `{how}`?"),
        },
    };
    seen(world, peer, SessionGone { ending, lived_ms: 41_000, strays: 0, found_at_start })
}

fn decision_word(record: &Record) -> Option<String> {
    let Event::Decision(decision) = &record.event else { return None };
    let kind = record.event.kind().name;
    let json = |value: serde_json::Value| match value {
        serde_json::Value::String(word) => word,
        serde_json::Value::Object(map) => map.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    };
    let word = |value: &dyn erased::Word| format!("{kind}[{}]", json(value.json()));
    Some(match decision {
        Decision::WakeDecided(wake) => format!(
            "{kind}[{} {}]",
            if wake.mode == WakeMode::Fresh { "fresh" } else { "resumed" },
            json(serde_json::to_value(wake.branch).unwrap())
        ),
        Decision::WakeRefused(refused) => word(&refused.gate),
        Decision::Reaped(reaped) => word(&reaped.reason),
        Decision::Kept(kept) => word(&kept.why),
        Decision::TaskDone(done) => word(&done.how),
        _ => kind.to_owned(),
    })
}

mod erased {
    /// Anything that says itself as JSON.
    pub trait Word {
        fn json(&self) -> serde_json::Value;
    }

    impl<T: serde::Serialize> Word for T {
        fn json(&self) -> serde_json::Value {
            serde_json::to_value(self).unwrap()
        }
    }
}
