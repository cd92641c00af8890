//! A machine without room for one more process, as a tmux that cannot do anything: nothing is known, nothing is decided
//! on it, and work goes on when it is back (C43).

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use dormouse::model::event::{Event, Fact};

use crate::daemon_fixture::{World, touch};
use crate::events::{CAT, about, born, count, delivered, next, not_known, send};

/// Puts a tmux in front of the real one that fails while `scarce` is there.
fn scarce(world: &mut World) -> PathBuf {
    let (dir, scarce) = (world.path("bin"), world.path("scarce"));
    fs::create_dir(&dir).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let real = std::env::split_paths(&path).map(|dir| dir.join("tmux")).find(|file| file.exists()).expect("tmux");
    let script = format!(
        "#!/bin/sh\nif [ -e '{}' ]; then echo 'fork failed: Resource temporarily unavailable' >&2; exit 1; fi\nexec '{}' \"$@\"\n",
        scarce.display(),
        real.display()
    );
    fs::write(dir.join("tmux"), script).unwrap();
    fs::set_permissions(dir.join("tmux"), Permissions::from_mode(0o755)).unwrap();
    let mut all = OsString::from(&dir);
    all.push(":");
    all.push(path);
    world.set_env("PATH", all);
    scarce
}

/// C43, C51: a live session is kept and delivered to later, a sleeping peer wakes later, and nobody has died of it.
#[test]
fn c43_without_room_for_a_process_nothing_is_known_and_nothing_decided() {
    let mut world = World::new("retry_delay = \"100ms\"\nephemeral_quiet = \"200ms\"\ncrashloop_deaths_max = 2\n");
    world.add_runtime("lines", CAT);
    let scarce = scarce(&mut world);
    world.start();
    world.add_peer("ada", &["--runtime", "demo"]);
    world.add_peer("bob", &["--runtime", "lines"]);
    world.add_peer("eve", &["--runtime", "demo"]);
    let live = ["ada", "bob"].map(|peer| delivered(&world, send(&world, peer, "good morning"), 1));
    let before = [born(&world, &live[0]), born(&world, &live[1])];

    touch(&scarce);
    let mut tail = world.tail();
    let waiting = ["ada", "bob", "eve"].map(|peer| send(&world, peer, "are you there?"));
    let why = next(&world, &mut tail, "a delivery that does not know", not_known);
    assert!(why.contains("Resource temporarily unavailable"), "{why}");
    // Tried more often than deaths would be forgiven.
    for _ in 0..3 {
        next(&world, &mut tail, "a wake that failed", |record| {
            let failed = matches!(&record.event, Event::Fact(Fact::LaunchFailed(_)));
            failed.then_some(())
        });
    }
    for kind in ["session_died", "delivery_failed", "message_dead", "quarantined"] {
        assert_eq!(count(&world, kind), 0, "{kind}\n{}", world.story());
    }
    assert_eq!([born(&world, &live[0]), born(&world, &live[1])], before);
    // A daemon that starts now asks no tmux who lives (C60).
    world.terminate();
    world.start();
    assert_eq!(count(&world, "session_adopted"), 2, "{}", world.story());

    fs::remove_file(&scarce).unwrap();
    for message in waiting {
        about(&world, message, "delivered");
    }
    for (session, message) in live.iter().zip(waiting) {
        let by = about(&world, message, "delivered");
        assert_eq!(by.subject.generation, Some(session.generation), "the very session that lived on");
    }
    assert_eq!(count(&world, "session_died") + count(&world, "quarantined"), 0);
    world.audit_is_clean();
}
