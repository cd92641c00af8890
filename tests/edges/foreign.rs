//! A folder that another program made a peer of (C1, C3a).

use std::fs;

use serde_json::json;

use crate::daemon_fixture::World;
use crate::events::{delivered, send};

/// What such a program writes, with fields that only it knows.
fn profile(personality: &str) -> String {
    let fields = json!({
        "personality": personality,
        "runtime": "claude",
        "runtimes": ["claude"],
        "intelligence": "artificial",
        "description": "Reviews what others write.",
        "initial_prompt": "Read the diff before you speak.",
        "wake_policy": "ephemeral",
        "interfaces": {},
        "created_at": "2026-03-01T10:00:00.000Z",
        "version": 3,
    });
    serde_json::to_string_pretty(&fields).unwrap() + "\n"
}

/// C1, C3a: used as it is, each task in a fresh session that begins with its prompt; not a byte of it is written, and no
/// profile of ours appears beside it.
#[test]
fn c1_a_foreign_profile_works_as_it_is_and_is_never_written() {
    let mut world = World::new("ephemeral_quiet = \"100ms\"\n");
    world.add_runtime("claude", include_str!("../../src/runtime/builtin/demo.toml"));
    world.start();
    let folder = world.path("Code Review");
    fs::create_dir_all(folder.join(".iapeer")).unwrap();
    let file = folder.join(".iapeer/peer-profile.json");
    fs::write(&file, profile("reviewer")).unwrap();
    let added = world.json(&["add", folder.to_str().unwrap()]);
    assert_eq!(
        (added["peer"].as_str(), added["profile_written"].is_null()),
        (Some("claude-reviewer"), true),
        "{added}"
    );
    let row = &world.json(&["ls"])[0];
    assert_eq!((row["peer"].as_str(), row["ephemeral"].as_bool()), (Some("claude-reviewer"), Some(true)), "{row}");

    let first = delivered(&world, send(&world, "reviewer", "the first diff"), 1);
    let second = delivered(&world, send(&world, "reviewer", "the second"), 1);
    assert!(second.generation > first.generation, "a fresh session for each");
    let conversations = fs::read_dir(folder.join(".demo-agent")).unwrap();
    let told: Vec<String> = conversations.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|said| said.contains("Read the diff before you speak.")), "{told:?}");
    // Also when it is added again with something to say of itself.
    world.ok(&["add", folder.to_str().unwrap(), "--consent", "trust_folder"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), profile("reviewer"));
    assert!(!folder.join(".dormouse").exists(), "no profile of ours");
    world.audit_is_clean();
}
