//! Profile files: read as they are, written whole and only where they are ours (C1, C2, C3a, C42).

use std::fs;
use std::path::Path;

use dormouse::model::name::{Personality, Runtime};
use dormouse::model::profile::{Intelligence, Profile, WakePolicy};
use dormouse::registry::{FOREIGN_PROFILE, PROFILE, ProfileError, draft, parse, read, update, write_new};
use serde_json::{Value, json};

fn put(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

fn of(json: &Value) -> Profile {
    parse(&json.to_string(), Path::new("profile.json")).unwrap()
}

fn refused(text: &str) -> String {
    parse(text, Path::new("profile.json")).expect_err(text).to_string()
}

fn runtime(name: &str) -> Runtime {
    Runtime::new(name).unwrap()
}

fn a_draft(folder: &Path) -> Profile {
    draft(folder, None, &runtime("demo"), true, Some("You are ada."), Some("writes notes")).unwrap()
}

/// C1: a folder that only has the other kind of profile is read as it is; ours comes first.
#[test]
fn c1_the_folders_profile_is_found() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(read(dir.path()), Err(ProfileError::None { folder }) if folder == dir.path()));
    put(dir.path(), FOREIGN_PROFILE, r#"{"personality": "eve", "runtime": "claude"}"#);
    assert_eq!(read(dir.path()).unwrap().personality.as_str(), "eve");
    put(dir.path(), PROFILE, r#"{"personality": "ada", "default_runtime": "codex"}"#);
    assert_eq!(read(dir.path()).unwrap().personality.as_str(), "ada");
    put(dir.path(), PROFILE, "{");
    assert!(read(dir.path()).is_err(), "a broken one of ours does not give way to an older one");
}

#[test]
fn c1_every_field_is_read() {
    let profile = of(&json!({
        "personality": "ada", "default_runtime": "claude", "runtimes": ["codex", "claude", "codex"],
        "description": "writes", "intelligence": "natural", "initial_prompt": "You are ada.",
        "interfaces": {"telegram": {"chat": 5}}, "resume_on_death": true, "unknown": [1, 2],
    }));
    assert_eq!(profile.default_runtime, runtime("claude"));
    assert_eq!(profile.runtimes, [runtime("claude"), runtime("codex")]);
    assert_eq!((profile.description.as_str(), profile.intelligence), ("writes", Intelligence::Natural));
    assert_eq!(profile.initial_prompt.as_deref(), Some("You are ada."));
    assert!(profile.converses_with_people && profile.resume_on_death);
    assert_eq!((profile.wake_policy, profile.remarks.len()), (WakePolicy::Persistent, 0));
}

#[test]
fn c1_what_is_left_out_or_null_has_its_default() {
    let profile = of(&json!({"personality": "ada", "runtime": "claude", "description": null, "initial_prompt": " ",
                             "interfaces": {"telegram": null}, "wake_policy": null, "runtimes": null}));
    assert_eq!((profile.runtimes.as_slice(), profile.description.as_str()), (&[runtime("claude")][..], ""));
    assert_eq!((profile.intelligence, profile.initial_prompt), (Intelligence::Artificial, None));
    assert!(!profile.converses_with_people && !profile.resume_on_death && profile.remarks.is_empty());
    let first = of(&json!({"personality": "ada", "runtimes": ["codex", "claude"]}));
    assert_eq!(first.default_runtime, runtime("codex"));
}

/// C2: only the exact word counts, anything else is as if it were absent, and nothing is an error.
#[test]
fn c2_only_the_exact_word_makes_a_peer_ephemeral() {
    let policy = |value: Value| of(&json!({"personality": "ada", "runtime": "demo", "wake_policy": value}));
    let exact = policy(json!("ephemeral"));
    assert_eq!((exact.wake_policy, exact.remarks.len()), (WakePolicy::Ephemeral, 0));
    for other in
        [json!("Ephemeral"), json!("ephemeral "), json!("persistent"), json!(true), json!(["ephemeral"]), json!({})]
    {
        let profile = policy(other.clone());
        assert_eq!(profile.wake_policy, WakePolicy::Persistent, "{other}");
        assert!(profile.remarks[0].contains(&other.to_string()), "{:?}", profile.remarks);
    }
}

/// C42: ephemeral wins, and the contradiction is said.
#[test]
fn c42_a_conversational_ephemeral_peer_is_remarked() {
    let profile = of(&json!({"personality": "ada", "runtime": "demo", "wake_policy": "ephemeral",
                             "interfaces": {"telegram": true}}));
    assert_eq!(profile.wake_policy, WakePolicy::Ephemeral);
    assert!(profile.converses_with_people);
    assert_eq!(profile.remarks.len(), 1);
}

/// C1: what cannot be used says where it is wrong.
#[test]
fn c1_errors_name_the_file_and_the_position() {
    assert_eq!(
        refused("{\n  \"personality\": 5\n}"),
        "profile.json:2:18: invalid type: integer `5`, expected a string"
    );
    assert_eq!(refused("{\"personality\": \"ada\","), "profile.json:1:22: EOF while parsing a value");
    assert!(refused("").starts_with("profile.json:1:0: EOF"));
    assert_eq!(refused("\u{feff}{}"), "profile.json starts with a byte order mark, expected `{`");
    assert_eq!(refused("{\"runtime\": \"demo\"}"), "profile.json has no `personality`");
    assert_eq!(refused("{\"personality\": \"ada\"}"), "profile.json has no `default_runtime`");
    assert!(
        refused("{\"personality\": \"Ada\", \"runtime\": \"demo\"}")
            .starts_with("profile.json: `Ada` is no personality")
    );
    assert!(
        refused("{\"personality\": \"ada\", \"runtime\": \"a-b\"}").starts_with("profile.json: `a-b` is no runtime")
    );
    assert!(refused("{\"personality\": \"ada\", \"runtimes\": \"demo\"}").starts_with("profile.json:1:"));
    assert!(refused("{\"personality\": \"a\", \"personality\": \"b\"}").contains("duplicate field"));
    assert!(refused("[]").starts_with("profile.json:1:"));
}

#[test]
fn what_is_no_readable_file_is_an_error_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(PROFILE)).unwrap();
    assert!(matches!(read(dir.path()), Err(ProfileError::NotAFile { .. })));
    fs::remove_dir(dir.path().join(PROFILE)).unwrap();
    fs::write(dir.path().join(PROFILE), b"{\"personality\": \"\xff\"}").unwrap();
    assert!(matches!(read(dir.path()), Err(ProfileError::NotUnicode { offset: 17, .. })));
    fs::write(dir.path().join(PROFILE), vec![b' '; (1 << 20) + 1]).unwrap();
    assert!(matches!(read(dir.path()), Err(ProfileError::TooLarge { .. })));
}

/// C3a: a first profile is written whole, reads back as itself, and leaves nothing else behind.
#[test]
fn c3a_a_first_profile_reads_back_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("Release Notes");
    fs::create_dir(&folder).unwrap();
    let profile = a_draft(&folder);
    assert_eq!(profile.personality.as_str(), "release-notes");
    assert_eq!(write_new(&folder, &profile).unwrap(), folder.join(PROFILE));
    assert_eq!(read(&folder).unwrap(), profile);
    assert_eq!(fs::read_dir(folder.join(".dormouse")).unwrap().count(), 1);
}

/// C3a: only a folder without a profile gets one, whatever kind it has and in whatever state.
#[test]
fn c3a_a_profile_that_is_there_is_never_written_over() {
    for name in [PROFILE, FOREIGN_PROFILE] {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), name, "half a fi");
        let error = write_new(dir.path(), &a_draft(Path::new("/ada"))).unwrap_err();
        assert!(matches!(&error, ProfileError::Exists { file } if *file == dir.path().join(name)), "{error}");
        assert_eq!(fs::read_to_string(dir.path().join(name)).unwrap(), "half a fi");
        assert!(name == PROFILE || !dir.path().join(".dormouse").exists());
    }
}

/// C3a: of many writers at the same time one wins, and its profile is whole.
#[test]
fn c3a_one_of_several_writers_wins() {
    let dir = tempfile::tempdir().unwrap();
    let profiles: Vec<_> =
        (0..8).map(|n| Profile { description: "x".repeat(n * 999), ..a_draft(Path::new("/ada")) }).collect();
    let won = std::thread::scope(|scope| {
        let writers: Vec<_> =
            profiles.iter().map(|profile| scope.spawn(|| write_new(dir.path(), profile).is_ok())).collect();
        writers.into_iter().map(|writer| writer.join().unwrap()).filter(|won| *won).count()
    });
    assert_eq!(won, 1);
    assert!(profiles.contains(&read(dir.path()).unwrap()));
    assert_eq!(fs::read_dir(dir.path().join(".dormouse")).unwrap().count(), 1);
}

/// C1: fields we do not know are kept, in their order, when we write.
#[test]
fn c1_unknown_fields_survive_an_update() {
    let dir = tempfile::tempdir().unwrap();
    let text = r#"{"zeta": {"a": [1]}, "personality": "ada", "runtime": "demo", "wake_policy": "ephemeral",
                   "interfaces": {"telegram": {"chat": 5}}, "initial_prompt": "old", "alpha": null}"#;
    put(dir.path(), PROFILE, text);
    let mut profile = read(dir.path()).unwrap();
    profile.wake_policy = WakePolicy::Persistent;
    profile.initial_prompt = None;
    profile.default_runtime = runtime("codex");
    profile.runtimes = vec![runtime("codex")];
    update(dir.path(), &profile).unwrap();
    let written: Value = serde_json::from_str(&fs::read_to_string(dir.path().join(PROFILE)).unwrap()).unwrap();
    let expected = json!({"zeta": {"a": [1]}, "personality": "ada", "runtime": "codex",
                          "interfaces": {"telegram": {"chat": 5}}, "alpha": null, "runtimes": ["codex"],
                          "intelligence": "artificial"});
    assert_eq!(written, expected);
    assert_eq!(written.as_object().unwrap().keys().next().map(String::as_str), Some("zeta"));
    assert!(read(dir.path()).unwrap().converses_with_people);
}

/// C3a: the other kind of profile is never written; what it says goes into one of ours.
#[test]
fn c3a_an_update_leaves_the_other_kind_alone() {
    let dir = tempfile::tempdir().unwrap();
    let text = r#"{"personality": "eve", "runtime": "claude", "wake_policy": "sometimes", "theirs": 1}"#;
    put(dir.path(), FOREIGN_PROFILE, text);
    let profile = Profile { description: "new".to_owned(), ..read(dir.path()).unwrap() };
    update(dir.path(), &profile).unwrap();
    assert_eq!(fs::read_to_string(dir.path().join(FOREIGN_PROFILE)).unwrap(), text);
    let ours: Value = serde_json::from_str(&fs::read_to_string(dir.path().join(PROFILE)).unwrap()).unwrap();
    assert_eq!((&ours["theirs"], &ours["description"]), (&json!(1), &json!("new")));
    assert_eq!(ours["wake_policy"], "sometimes", "a word that means nothing to us is not ours to delete");
    put(dir.path(), PROFILE, "{");
    assert!(update(dir.path(), &profile).is_err(), "what cannot be understood is not written over");
    assert_eq!(fs::read_to_string(dir.path().join(PROFILE)).unwrap(), "{");
}

/// Contract, section 1: a name that comes out empty or starts with a digit is refused, never invented.
#[test]
fn a_draft_is_named_by_its_folder_or_by_the_user() {
    let ada = Personality::new("ada").unwrap();
    let name = |folder: &str, name| draft(Path::new(folder), name, &runtime("demo"), false, None, None);
    assert_eq!(name("/x/My Peer", None).unwrap().personality.as_str(), "my-peer");
    assert!(name("/x/2024", None).is_err());
    assert!(name("/", None).is_err());
    assert_eq!(name("/x/2024", Some(&ada)).unwrap().personality, ada);
}
