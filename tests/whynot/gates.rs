//! The gates at which a delivery waits, by the names of their texts.

use dormouse::model::delivery::Gate;
use dormouse::model::event::DeliveryWaiting;

use crate::world::World;

pub const WORDS: &[&str] = &[
    "delivered-lane",
    "delivered-box-not-open",
    "delivered-box-not-empty",
    "delivered-person-typing",
    "delivered-turn-running",
    "delivered-needs-person",
    "delivered-paste-mode-off",
    "delivered-pane-in-mode",
    "delivered-not-known",
];

/// A gate that is new has no word, and does not compile.
fn word(gate: &Gate) -> &'static str {
    match gate {
        Gate::Lane => "delivered-lane",
        Gate::BoxNotOpen => "delivered-box-not-open",
        Gate::BoxNotEmpty => "delivered-box-not-empty",
        Gate::PersonTyping { .. } => "delivered-person-typing",
        Gate::TurnRunning => "delivered-turn-running",
        Gate::NeedsPerson { .. } => "delivered-needs-person",
        Gate::PasteModeOff => "delivered-paste-mode-off",
        Gate::PaneInMode => "delivered-pane-in-mode",
        Gate::NotKnown { .. } => "delivered-not-known",
    }
}

fn all() -> [Gate; 9] {
    [
        Gate::Lane,
        Gate::BoxNotOpen,
        Gate::BoxNotEmpty,
        Gate::PersonTyping { waited_ms: 125_000 },
        Gate::TurnRunning,
        Gate::NeedsPerson { on: "Allow Bash(rm)?".to_owned() },
        Gate::PasteModeOff,
        Gate::PaneInMode,
        Gate::NotKnown { why: "tmux did not answer".to_owned() },
    ]
}

/// `held b by WORD`: its delivery to ada waits there.
pub fn held(world: &mut World, line: &str) {
    let wanted = line.strip_prefix("held b by ").expect("asked for");
    let gate = all().into_iter().find(|gate| word(gate) == wanted).unwrap_or_else(|| panic!("what is `{wanted}`?"));
    let subject = world.of_session("ada").with_message(world.messages["b"]);
    world.see(subject, DeliveryWaiting { gate });
}

#[test]
fn every_gate_has_its_text() {
    assert_eq!(all().each_ref().map(word), WORDS);
}
