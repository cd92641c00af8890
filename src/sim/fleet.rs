//! Who lives in the world: ten peers of every kind that the contract tells apart.

use crate::model::event::{RuntimeKind, RuntimeTraits};
use crate::model::name::{Identity, Personality, Runtime};
use crate::model::profile::{Managed, Registration, WakePolicy};
use crate::model::settings::Settings;

/// How a program lets itself be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Says on its terminal what its turns do, keeps a record, can resume.
    Teller,
    /// The same by hooks, which may be lost or come twice.
    Hooked,
    /// Keeps a record and tells nothing: its turns are judged.
    Silent,
    /// Reads lines; keys that were accepted are all the proof there is.
    Router,
}

impl Program {
    const ALL: [(Program, &'static str); 4] = [
        (Program::Teller, "teller"),
        (Program::Hooked, "hooked"),
        (Program::Silent, "silent"),
        (Program::Router, "router"),
    ];

    pub fn of(runtime: &Runtime) -> Program {
        Self::ALL.iter().find(|(_, name)| *name == runtime.as_str()).map_or(Program::Silent, |(program, _)| *program)
    }

    pub fn keeps_record(self) -> bool {
        self != Program::Router
    }

    /// Whether its record has an entry for each message, which can be compared with the whole of it; else it is any text.
    pub fn records_entries(self) -> bool {
        self == Program::Teller
    }

    pub fn can_resume(self) -> bool {
        matches!(self, Program::Teller | Program::Hooked)
    }
}

/// What the daemon's runtime files would say.
pub fn runtimes() -> Vec<RuntimeTraits> {
    let traits = |(program, name): (Program, &str)| RuntimeTraits {
        name: runtime(name),
        kind: if program == Program::Router { RuntimeKind::Router } else { RuntimeKind::Tui },
        can_resume: program.can_resume(),
        tells_turns: matches!(program, Program::Teller | Program::Hooked),
    };
    let mut all: Vec<RuntimeTraits> = Program::ALL.into_iter().map(traits).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Limits small enough that a run meets them.
pub fn settings() -> Settings {
    Settings { queue_max: 12, message_bytes_max: 600, id_memory_ms: 3_600_000, ..Settings::default() }
}

/// Ten peers, each with a reason.
pub fn registrations() -> Vec<Registration> {
    let mut all = vec![
        peer("teller", "ada", |_| {}),
        peer("teller", "bob", |peer| peer.profile.initial_prompt = Some("You look after releases.".to_owned())),
        peer("teller", "cyd", |peer| peer.profile.converses_with_people = true),
        peer("hooked", "dan", |peer| peer.profile.resume_on_death = true),
        peer("teller", "eve", ephemeral),
        peer("hooked", "fay", ephemeral),
        peer("silent", "gus", ephemeral),
        peer("silent", "hal", |_| {}),
        peer("router", "ivy", |_| {}),
        peer("teller", "joe", |peer| {
            peer.managed =
                Some(Managed { by: "systemd".to_owned(), socket: "/run/joe".into(), target: "joe".to_owned() });
        }),
    ];
    // One that lives in two runtimes.
    all[0].profile.runtimes.push(runtime("silent"));
    all
}

pub fn identity(registration: &Registration) -> Identity {
    Identity::new(registration.profile.default_runtime.clone(), registration.profile.personality.clone())
}

fn ephemeral(peer: &mut Registration) {
    peer.profile.wake_policy = WakePolicy::Ephemeral;
}

fn peer(program: &str, name: &str, shape: impl FnOnce(&mut Registration)) -> Registration {
    let mut registration = Registration::plain(
        format!("/peers/{name}"),
        Personality::new(name).expect("a name of this list is a personality"),
        runtime(program),
    );
    shape(&mut registration);
    registration
}

fn runtime(name: &str) -> Runtime {
    Runtime::new(name).expect("a name of this list is a runtime")
}
