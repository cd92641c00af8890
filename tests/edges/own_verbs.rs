//! An agent's own calls, from inside its session (C36, C37, C40, C55).

use std::fs;
use std::path::PathBuf;

use dormouse::model::event::{Decision, Event, Fact};
use dormouse::model::session::{ArmedBy, TaskEnd, WakeBranch, WakeMode};

use crate::daemon_fixture::{World, text};
use crate::events::{about, delivered, first, read_when, send};
use crate::verbs::{ended, wake};

/// Notes every line it is told, and runs those that ask for it as `dormouse` does for any agent.
const OBEDIENT: &str = r#"
argv = ["sh", "agent.sh", "{session_uuid}"]
resume_argv = ["sh", "agent.sh", "{resume_ref}"]
[input]
bracketed_paste = false
submit = ""
[proof]
transcript = "{cwd}/inbox.txt"
"#;

fn obedient(config: &str, flags: &[&str]) -> (World, PathBuf) {
    let mut world = World::new(config);
    world.add_runtime("sh", OBEDIENT);
    world.start();
    let script = format!(
        "while IFS= read -r line; do\n  printf '%s\\n' \"$line\" >> inbox.txt\n  case $line in 'run '*)\n    \
         '{}' ${{line#run }} >> said.txt 2>&1; echo \"exit $?\" >> said.txt;;\n  esac\ndone\n",
        env!("CARGO_BIN_EXE_dormouse")
    );
    let folder = world.path("ada");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("agent.sh"), script).unwrap();
    world.add_peer("ada", &[&["--runtime", "sh"], flags].concat());
    (world, folder)
}

/// C36, C37, C40: a worker that says it is done is armed, reaped once quiet, and its queue goes on.
#[test]
fn c36_self_done_ends_a_task_and_the_next_one_follows() {
    let (world, folder) = obedient("ephemeral_quiet = \"200ms\"\n", &["--ephemeral"]);
    let (one, two) = (send(&world, "ada", "run self done"), send(&world, "ada", "run self done"));
    let first_session = delivered(&world, one, 1);
    let armed = first(&world, "armed");
    assert!(matches!(&armed.event, Event::Decision(Decision::Armed(armed)) if armed.by == ArmedBy::Done));
    assert_eq!(armed.subject.generation, Some(first_session.generation));
    ended(&world, &first_session);
    let done = about(&world, one, "task_done");
    assert!(matches!(&done.event, Event::Decision(Decision::TaskDone(done)) if done.how == TaskEnd::Answered));
    let second = delivered(&world, two, 1);
    assert!(second.generation > first_session.generation, "a session for each task (C35)");
    about(&world, two, "task_done");
    let said = fs::read_to_string(folder.join("said.txt")).unwrap();
    assert_eq!(said.matches("exit 0").count(), 2, "{said}");
    world.audit_is_clean();
}

/// C55, C17: fresh at its next wake, though the topic is known.
#[test]
fn c55_self_fresh_makes_the_next_wake_fresh() {
    let (world, folder) = obedient("idle = \"300ms\"\nephemeral_quiet = \"100ms\"\n", &[]);
    let told = |body: &str| {
        let sent = world.json(&["send", "ada", body, "--topic", "t"]);
        let session = delivered(&world, sent["message"].as_str().unwrap().parse().unwrap(), 1);
        ended(&world, &session);
        wake(&world, &session)
    };
    told("good morning");
    let resumed = told("run self fresh");
    assert!(matches!(resumed.mode, WakeMode::Resumed { .. }), "{resumed:?}");
    let fresh = told("good evening");
    assert_eq!((fresh.mode, fresh.branch), (WakeMode::Fresh, WakeBranch::RefreshMark));
    assert!(fs::read_to_string(folder.join("said.txt")).unwrap().contains("exit 0"));
    world.audit_is_clean();
}

/// C12a, C55: outside a session nobody is the agent; inside, nobody is anyone else.
#[test]
fn c55_own_calls_belong_to_the_inside() {
    let (world, folder) = obedient("", &[]);
    for verb in ["done", "fresh"] {
        let output = world.run(&["self", verb]);
        assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("C55"), "{}", text(&output.stderr));
    }
    let session =
        delivered(&world, send(&world, "ada", "run send user:root --from eve hello\nrun send user:root hi"), 1);
    let said = read_when(&folder.join("said.txt"), |said| text(said).contains("exit 0"));
    assert!(text(&said).contains("exit 3"), "{}", text(&said));
    let from = world.await_record("its answer", |record| match &record.event {
        Event::Fact(Fact::MessageAccepted(accepted)) if accepted.text == "hi" => Some(accepted.from.peer().cloned()),
        _ => None,
    });
    assert_eq!(from, Some(session.peer));
}
