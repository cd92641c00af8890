//! Peers that are forgotten, and daemons that end.

use dormouse::model::event::*;
use dormouse::model::profile::WakePolicy;
use dormouse::model::record::Subject;
use dormouse::model::settings::{SettingPlace, Settings};
use dormouse::model::time::{BootId, Timestamp};

use super::{by_variable, given, in_file, started};
use crate::script::{check, gone};
use crate::world::{World, registration};

/// Peers that change, are refused something, and go.
pub fn operated(world: &mut World) {
    let bob = Subject::peer(&world.identity("bob"));
    let mut profile = registration("demo", "bob").profile;
    profile.description = "Does one thing at a time.".to_owned();
    profile.wake_policy = WakePolicy::Ephemeral;
    world.see(bob.clone(), ProfileChanged { profile });
    let why = "line 2: no personality".to_owned();
    world.see(bob, ProfileUnreadable { personality: "bob".parse().unwrap(), why });
    check(
        world,
        "0s  send u1 to bob => drained, wake_decided[fresh ephemeral]
         1s  rm bob =>
         2s  started bob =>
         3s  send u2 to bob =>
         4s  rm-force bob => message_cancelled, message_cancelled, message_cancelled, message_cancelled, reaped[removed]
         5s  gone bob signal:15 => session_ended, peer_forgotten
         6s  rm eve => peer_forgotten
         7s  send nowhere to nobody =>",
    );
}

/// A daemon is killed in the middle of deliveries, a boot and an end; the next one settles what it finds.
pub fn restarted(world: &mut World) {
    check(
        world,
        "0s send x1 to ada => delivery_decided
         0s begun x1 ada =>
         0s send x2 to hal => delivery_decided
         0s begun x2 hal =>
         0s send x3 to ida => delivery_decided
         0s begun x3 ida =>
         0s send x5 to k5 => delivery_decided
         0s begun x5 k5 =>
         0s send x4 to cid => drained, wake_decided[fresh ephemeral]
         1s stop dot => stop_set, parked, reaped[stopped]",
    );
    started(world, "0.1.0", 4001);
    let settings = Settings { boots_max: 5, ..world.state.settings.clone() };
    let flag = SettingPlace::Flag { flag: "--set boots_max=5".to_owned() };
    let given = vec![given("boots_max", flag), given("attempts_max", by_variable()), given("on_attention", in_file(4))];
    world.see(Subject::NONE, SettingsChanged { settings, given: Some(given) });
    check(world, "0s answer r5 from ada to user:root => answer_kept");
    for (peer, turn) in
        [("ada", Some(TurnSeen::Running)), ("hal", None), ("ida", Some(TurnSeen::Idle)), ("dot", None), ("k5", None)]
    {
        let subject = world.of_session(peer);
        world.see(subject, SessionAdopted { pid: 99, turn });
    }
    gone(world, "k1", "signal:9", true);
    gone(world, "k2", "unseen", true);
    gone(world, "cid", "never", true);
    let strays = Subject::peer(&world.identity("k4"));
    world.see(strays, OrphanEnded { what: "a tmux server of session 7".to_owned(), strays: 2 });
    let (question, why) = ("pane".to_owned(), "tmux did not answer".to_owned());
    let subject = world.of_session("fay");
    world.see(subject, SessionNotKnown { question, why });
    world.see(Subject::NONE, DaemonReady { adopted: 5, gone: 3, not_known: 1 });
    world.see(Subject::NONE, AttentionCalled { what: "quarantined".to_owned(), failed: Some("exit 1".to_owned()) });
    check(
        world,
        "0s settled x1 ada found => delivered
         0s settled x2 hal found => delivered
         1s settled x5 k5 absent => wake_refused[failed_boot_slot], message_requeued, delivery_decided
         1s settled x3 ida unknown => message_requeued, delivery_decided
         2s gone dot signal:15 => session_ended
         3s up cid => delivery_decided, delivered, session_ready
         4s begun x3 ida =>
         5s proven x3 ida => delivered",
    );
}

/// The machine goes down.
pub fn after_the_machine(world: &mut World) {
    world.see(Subject::NONE, DaemonStopped { why: "SIGTERM".to_owned() });
    world.pass(60_000);
    world.now = Timestamp { wall_us: world.now.wall_us + 8 * 3_600_000_000, awake_ms: 9_000, boot: BootId(8) };
    started(world, "0.2.0", 300);
    let living: Vec<String> = living(world);
    for peer in &living {
        gone(world, peer, "machine", true);
    }
    world.see(Subject::NONE, DaemonReady { adopted: 0, gone: living.len().try_into().unwrap(), not_known: 0 });
    check(
        world,
        "9s  passes =>
         10s send y1 to ada about docs => wake_decided[fresh topic_new]
         11s up ada => delivery_decided, delivered, session_ready",
    );
}

/// Whoever has a session, in the order of their identities.
fn living(world: &World) -> Vec<String> {
    let presences = world.state.presences.iter().filter(|(_, presence)| presence.session.is_some());
    presences.map(|(peer, _)| peer.personality.to_string()).collect()
}
