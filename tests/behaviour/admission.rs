//! What is refused, and that a refusal changes nothing (C1, C4, C6, C8, C11, C12).

use dormouse::model::actor::{Actor, Sender};
use dormouse::model::event::{Event, Fact};
use dormouse::model::request::{PeerName, Send, Verb};
use dormouse::model::settings::Settings;
use dormouse::policy::admit::{Admission, Unresolved, resolve};

use crate::script::check;
use crate::world::{World, ephemeral, registration, user};

fn world() -> World {
    let mut world = World::new();
    world.add("ada", |_| {});
    world
}

/// The rule and the sentence a message is refused with.
fn refusal(world: &mut World, send: Send) -> (String, String) {
    let peers = world.state.presences.clone();
    let messages = world.state.messages.clone();
    let group = world.request(Verb::Send(Box::new(send)));
    let [record] = &group[..] else { panic!("{group:?}") };
    let Event::Fact(Fact::MessageRefused(refused)) = &record.event else { panic!("{record:?}") };
    assert_eq!((&world.state.presences, &world.state.messages), (&peers, &messages), "a refusal changes nothing");
    assert_eq!(refused.digest.len(), 64);
    (refused.rule.clone(), refused.why.clone())
}

/// C6: one row a refusal, each naming its rule.
#[test]
fn c6_every_refusal_names_its_rule_and_changes_nothing() {
    type Spoil = fn(&mut Send);
    let table: [(&str, &str, Spoil); 9] = [
        ("C6", "no personality", |send| send.to = "Not A Name".into()),
        ("C6", "no peer is called `nobody`", |send| send.to = "nobody".into()),
        ("C6", "does not declare the runtime", |send| send.runtime = Some("claude".parse().unwrap())),
        ("C6", "is a person", |send| send.to = "user:root".into()),
        ("C6", "the topic has 201 characters", |send| send.topic = Some("t".repeat(201))),
        ("C12", "control character", |send| send.topic = Some("a\nb".into())),
        ("C6", "NUL", |send| send.text = "a\0b".into()),
        ("C6", "is empty", |send| send.text = " \n".into()),
        ("C6", "1048577 bytes", |send| send.text = "x".repeat((1 << 20) + 1)),
    ];
    for (rule, says, spoil) in table {
        let mut world = world();
        let mut send = world.message("ada", user(), "hello");
        spoil(&mut send);
        let (found, why) = refusal(&mut world, send);
        assert_eq!(found, rule, "{why}");
        assert!(why.contains(says), "`{why}` does not say `{says}`");
    }
}

/// C64: a refusal is found among what concerns the peer it was meant for, if there is one.
#[test]
fn c64_a_refused_message_names_its_peer() {
    for (to, peer) in [("ada", Some("demo-ada")), ("nobody", None)] {
        let mut world = world();
        let send = world.message(to, user(), "a\0b");
        let group = world.request(Verb::Send(Box::new(send)));
        assert_eq!(group[0].subject.peer.as_ref().map(ToString::to_string).as_deref(), peer);
    }
}

/// C6: a full queue refuses, and says how to look at it.
#[test]
fn c6_a_full_queue_refuses() {
    let mut world = world();
    let settings = Settings { queue_max: 2, ..Settings::default() };
    world
        .see(dormouse::model::record::Subject::NONE, dormouse::model::event::SettingsChanged { settings, given: None });
    check(&mut world, "0s send a to ada => wake_decided[fresh first_wake]\n0s send b to ada =>");
    let send = world.message("ada", user(), "c");
    let (rule, why) = refusal(&mut world, send);
    assert_eq!((rule.as_str(), why.as_str()), ("C6", "the queue of demo-ada is full: 2 messages, limit 2"));
}

/// C8: the same key again returns the first outcome; with another text it is refused; after its time it is forgotten.
#[test]
fn c8_a_key_stands_for_its_first_message() {
    let mut world = world();
    let keyed = |world: &mut World, text: &str| {
        let mut send = world.message("ada", user(), text);
        send.key = Some("k1".into());
        send
    };
    let first = keyed(&mut world, "hello");
    let first_id = first.mint;
    world.request(Verb::Send(Box::new(first)));
    let again = keyed(&mut world, "hello");
    let actor = Actor::User { uid: 1000, pid: 1, program: "sh".into() };
    let admission = world.ask(actor.clone(), Verb::Send(Box::new(again)));
    assert!(matches!(admission, Admission::Known { message, queue_depth: 1, .. } if message == first_id));
    let other = keyed(&mut world, "something else");
    assert_eq!(refusal(&mut world, other).0, "C8");
    // Remembered for 24 h, and for as long as its message is not settled.
    world.now = world.now.plus_ms(25 * 3_600_000);
    check(&mut world, "0s send x to ada => boot_slot_released");
    let still = keyed(&mut world, "hello");
    assert!(matches!(world.ask(actor, Verb::Send(Box::new(still))), Admission::Known { .. }));
}

/// C11: nobody writes to itself; for an ephemeral target the personality is compared.
#[test]
fn c11_nobody_writes_to_itself() {
    let mut world = world();
    world.add("bob", |registration| {
        ephemeral(registration);
        registration.profile.runtimes.push("plain".parse().unwrap());
    });
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh first_wake]\n0s send b to bob => wake_decided[fresh ephemeral]",
    );
    let ada = world.sender("ada");
    let send = world.message("ada", ada, "me");
    assert_eq!(refusal(&mut world, send).0, "C11");
    let bob = world.sender("bob");
    let mut send = world.message("bob", bob, "me");
    send.runtime = Some("plain".parse().unwrap());
    assert_eq!(refusal(&mut world, send).0, "C11");
}

/// C12a, C36: a name that was only claimed arms nothing.
#[test]
fn c12a_an_unverified_sender_arms_nothing() {
    let mut world = World::new();
    world.add("ada", ephemeral);
    world.add("bob", |_| {});
    check(
        &mut world,
        "0s send a to ada => wake_decided[fresh ephemeral]\n0s up ada => delivery_decided, delivered, session_ready",
    );
    let claimed = Sender::Unverified { name: "ada".into(), uid: 1000 };
    let send = world.message("bob", claimed, "I am ada, honestly");
    let group = world.request(Verb::Send(Box::new(send)));
    assert!(group.iter().all(|record| record.event.kind().name != "armed"));
}

/// C12: the journal keeps the original, the event counts the replacements.
#[test]
fn c12_the_original_is_kept_and_replacements_are_counted() {
    let mut world = world();
    let send = world.message("ada", user(), "a\u{1b}[201~b\r\n");
    let group = world.request(Verb::Send(Box::new(send)));
    let Event::Fact(Fact::MessageAccepted(accepted)) = &group[0].event else { panic!() };
    assert_eq!((accepted.text.as_str(), accepted.replaced), ("a\u{1b}[201~b\r\n", 1));
}

/// A peer is named by its identity, else by its personality, else by a unique prefix, in this order.
#[test]
fn a_peer_is_named_by_identity_personality_or_unique_prefix() {
    let mut world = World::new();
    for name in ["ada", "adalbert", "demo-ada"] {
        world.add(name, |_| {});
    }
    let named = |word: &str| resolve(&world.state, &PeerName(word.into())).map(|identity| identity.to_string());
    assert_eq!(named("demo-ada"), Ok("demo-ada".into()), "an identity before a personality");
    assert_eq!(named("ada"), Ok("demo-ada".into()), "a whole name before a prefix");
    assert_eq!(named("adal"), Ok("demo-adalbert".into()));
    assert!(matches!(named("ad"), Err(Unresolved::Ambiguous { candidates, .. }) if candidates.len() == 2));
    assert!(matches!(named("x"), Err(Unresolved::Unknown { .. })));
}

/// C1, C4: one folder, one name: a name held by another folder is refused, no numeric suffix.
#[test]
fn c4_a_name_held_by_another_folder_is_refused() {
    let mut world = world();
    let mut other = registration("demo", "ada");
    other.folder = "/elsewhere/ada".into();
    let mut renamed = registration("demo", "bob");
    renamed.folder = "/peers/ada".into();
    for registration in [other, renamed] {
        let group = world.request(Verb::Add { registration: Box::new(registration) });
        assert!(matches!(&group[0].event, Event::Fact(Fact::RequestRefused(refused)) if refused.rule == "C4"));
    }
    assert_eq!(world.state.peers.len(), 1);
}
