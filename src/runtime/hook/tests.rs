use serde_json::json;

use super::*;
use crate::model::name::Runtime;
use crate::model::time::BootId;
use crate::runtime::parse;

const AT: Timestamp = Timestamp { wall_us: 1_700_000_000_000_000, awake_ms: 5, boot: BootId(1) };

fn spec(name: &str) -> Spec {
    let text = match name {
        "claude" => include_str!("../builtin/claude.toml"),
        _ => include_str!("../builtin/codex.toml"),
    };
    parse(&Runtime::new(name).unwrap(), text, Path::new(name)).unwrap()
}

fn heard(name: &str, payload: &Value, conversation: Option<&str>) -> Vec<(Event, Option<MessageId>)> {
    facts(&spec(name), Hook { payload, said_at: AT, conversation })
}

/// The turn and its name, of a hook that says nothing else.
#[track_caller]
fn turn(name: &str, payload: Value, conversation: Option<&str>) -> (TurnSeen, Option<String>) {
    let heard = heard(name, &payload, conversation);
    match &heard[..] {
        [(Event::Fact(crate::model::event::Fact::TurnObserved(seen)), None)] => {
            assert_eq!((seen.source, seen.said_at), (Source::Hook, Some(AT)));
            (seen.turn.clone(), seen.turn_id.clone())
        }
        other => panic!("{other:?}"),
    }
}

fn of_claude(event: &str, more: Value) -> Value {
    let mut payload = json!({ "session_id": "c0ffee00-0000-4000-8000-000000000001", "transcript_path": "/x.jsonl",
        "cwd": "/srv/ada", "prompt_id": "p1", "permission_mode": "default", "hook_event_name": event });
    payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    payload
}

/// C46, C46b: what each event of Claude's means for the turn, by the program's own name for it.
#[test]
fn c46b_claudes_hooks_tell_its_turns() {
    let claude =
        |event: &str, more: Value| turn("claude", of_claude(event, more), Some("c0ffee00-0000-4000-8000-000000000001"));
    let named = |turn: TurnSeen| (turn, Some("p1".to_owned()));
    let nothing_left = json!({ "stop_hook_active": false, "background_tasks": [], "session_crons": [] });
    assert_eq!(claude("UserPromptSubmit", json!({ "prompt": "by hand" })), named(TurnSeen::Running));
    assert_eq!(claude("Stop", nothing_left), named(TurnSeen::Ended));
    assert_eq!(claude("Stop", json!({})), named(TurnSeen::Ended));
    let failed = TurnSeen::Failed { reason: "rate_limit".to_owned() };
    assert_eq!(claude("StopFailure", json!({ "error": "rate_limit" })), named(failed));
    let waiting = TurnSeen::Waiting { on: "permission to use Bash".to_owned() };
    assert_eq!(claude("PermissionRequest", json!({ "tool_name": "Bash", "tool_input": {} })), named(waiting.clone()));
    let notified =
        json!({ "notification_type": "permission_prompt", "message": "Claude needs your permission to use Bash" });
    assert_eq!(claude("Notification", notified), named(waiting));
    assert_eq!(claude("Notification", json!({ "notification_type": "idle_prompt" })), named(TurnSeen::Idle));
    assert_eq!(claude("Notification", json!({ "notification_type": "auth_success" })), named(TurnSeen::Alive));
    assert_eq!(claude("OfALaterVersion", json!({})), named(TurnSeen::Alive));
}

/// C46: it will wake itself up, so it is neither idle nor quiet.
#[test]
fn c46_claudes_turn_that_leaves_work_behind_is_paused_and_not_over() {
    let background = |tasks: Value, crons: Value| {
        turn(
            "claude",
            of_claude("Stop", json!({ "background_tasks": tasks, "session_crons": crons })),
            Some("c0ffee00-0000-4000-8000-000000000001"),
        )
        .0
    };
    assert_eq!(background(json!([{ "id": "b1" }]), json!([])), TurnSeen::Background { on: "1 task".to_owned() });
    let both = TurnSeen::Background { on: "2 tasks, 1 scheduled prompt".to_owned() };
    assert_eq!(background(json!([{}, {}]), json!([{ "id": "c" }])), both);
}

/// What a helper does is a sign of life, and no turn of the session's.
#[test]
fn c46b_what_claudes_helpers_say_is_no_turn_of_the_session() {
    for event in ["Stop", "SubagentStop", "UserPromptSubmit", "PermissionRequest", "StopFailure"] {
        let payload = of_claude(event, json!({ "agent_id": "a1", "prompt": "look", "error": "unknown" }));
        assert_eq!(turn("claude", payload, None), (TurnSeen::Alive, None), "{event}");
    }
}

/// C14: the prompt is the proof, whole and as this program takes a text.
#[test]
fn c14_a_prompt_that_is_an_envelope_names_its_message_and_its_bytes() {
    let message: MessageId = "01JD9GQ6X0000000000000000Z".parse().unwrap();
    let typed = format!(
        "[from ada (claude)] message {message}, attempt 2, 2026-11-22 14:05:10 +01:00\na\tb\n[end of message {message}] "
    );
    let spec = spec("claude");
    let print = TextPrint::of(&spec.input.normalised(&typed));
    // As the program has it: each tab four blanks, and nothing behind the last word.
    let prompt = typed.replace('\t', "    ").trim_end().to_owned();
    let payload = of_claude("UserPromptSubmit", json!({ "prompt": prompt }));
    let taken = heard("claude", &payload, Some("c0ffee00-0000-4000-8000-000000000001")).pop().unwrap();
    assert_eq!(taken, (PromptTaken { attempt: 2, print, said_at: Some(AT) }.into(), Some(message)));
    let cut = of_claude("UserPromptSubmit", json!({ "prompt": &prompt[..prompt.len() - 1] }));
    assert_ne!(heard("claude", &cut, None).pop().unwrap(), taken);
}

/// C17: a conversation that is called otherwise now is resumed by its new name, and no name becomes an option.
#[test]
fn c17_a_hook_names_the_conversation_once() {
    let payload = of_claude("SessionStart", json!({ "source": "clear" }));
    let named =
        ConversationNamed { resume_ref: "c0ffee00-0000-4000-8000-000000000001".to_owned(), source: Source::Hook };
    assert_eq!(heard("claude", &payload, Some("another"))[0], (named.into(), None));
    assert_eq!(turn("claude", payload, Some("c0ffee00-0000-4000-8000-000000000001")).0, TurnSeen::Alive);
    let hostile = json!({ "hook_event_name": "SessionStart", "session_id": "--yolo" });
    assert_eq!(turn("codex", hostile, None).0, TurnSeen::Alive);
}

#[test]
fn c46b_codex_hooks_tell_its_turns() {
    let codex = |event: &str| {
        let payload = json!({ "session_id": "t1", "turn_id": "u1", "cwd": "/srv", "hook_event_name": event, "tool_name": "shell" });
        turn("codex", payload, Some("t1")).0
    };
    assert_eq!(codex("UserPromptSubmit"), TurnSeen::Running);
    assert_eq!(codex("Stop"), TurnSeen::Ended);
    assert_eq!(codex("Interrupt"), TurnSeen::Idle);
    assert_eq!(codex("PermissionRequest"), TurnSeen::Waiting { on: "permission to use shell".to_owned() });
    assert_eq!(codex("SessionEnd"), TurnSeen::Alive);
}

/// C46b, C17: what its helpers and the tasks do that its model gives away is a sign of life, and no turn of the session's; and a
/// later wake does not resume one of them.
#[test]
fn c46b_what_codexs_other_threads_say_is_no_turn_of_the_session() {
    let said = |event: &str, thread: &str, agent: Option<&str>| json!({ "session_id": thread, "turn_id": "u2", "agent_id": agent, "hook_event_name": event, "prompt": "look", "tool_name": "shell" });
    for event in ["SessionStart", "UserPromptSubmit", "PermissionRequest", "Stop", "Interrupt", "SubagentStop"] {
        assert_eq!(turn("codex", said(event, "t1", Some("a1")), Some("t1")), (TurnSeen::Alive, None), "{event}");
    }
    for event in ["SessionStart", "PermissionRequest", "Stop", "Interrupt", "SessionEnd"] {
        assert_eq!(turn("codex", said(event, "t2", None), Some("t1")), (TurnSeen::Alive, None), "{event}");
    }
    // A person has begun another conversation, and speaks there.
    let named = ConversationNamed { resume_ref: "t2".to_owned(), source: Source::Hook };
    let heard = heard("codex", &said("UserPromptSubmit", "t2", None), Some("t1"));
    assert_eq!(heard[0], (named.into(), None));
    assert_eq!(heard.len(), 2, "and its turn runs: {heard:?}");
}

/// A title is thought up in a thread of its own, whose end is nobody's.
#[test]
fn c46b_codex_notify_counts_for_the_sessions_own_thread_alone() {
    let notified = |thread: &str| json!({ "type": "agent-turn-complete", "thread-id": thread, "turn-id": "u1", "input-messages": ["x"] });
    assert_eq!(turn("codex", notified("t1"), Some("t1")), (TurnSeen::Ended, Some("u1".to_owned())));
    assert_eq!(heard("codex", &notified("title"), Some("t1")), []);
    assert_eq!(heard("codex", &notified("t1"), None), []);
}

#[test]
fn nothing_a_hook_may_say_breaks_it() {
    for payload in
        [json!(null), json!([]), json!("x"), json!({}), json!({ "hook_event_name": 7 }), json!({ "prompt": {} })]
    {
        assert_eq!(heard("claude", &payload, None), []);
        assert_eq!(heard("codex", &payload, Some("t")), []);
    }
    let long = of_claude("StopFailure", json!({ "error": "\u{1b}[2J".repeat(10_000) }));
    let (TurnSeen::Failed { reason }, _) = turn("claude", long, None) else { panic!() };
    assert!(reason.chars().count() <= 200 && !reason.contains('\u{1b}'));
}

/// Without the consent nothing that needs trust is handed over, and no dialog of ours can open.
#[test]
fn c24_codex_gets_hooks_only_where_they_are_trusted() {
    let program = Path::new("/opt/it's \"here\"/dormouse");
    let trusted = arguments(&spec("codex"), program, &["hook_trust".to_owned()]);
    assert_eq!(trusted.len(), 12);
    assert!(trusted.iter().all(|arg| arg == "-c" || arg.starts_with("hooks.")), "{trusted:?}");
    let stop: toml::Table = trusted.iter().find(|arg| arg.starts_with("hooks.Stop")).unwrap().parse().unwrap();
    let command = stop["hooks"]["Stop"][0]["hooks"][0]["command"].as_str().unwrap();
    assert_eq!(command, r#"'/opt/it'\''s "here"/dormouse' hook"#);
    let plain = arguments(&spec("codex"), program, &["trust_folder".to_owned()]);
    let notify: toml::Table = plain[1].parse().unwrap();
    assert_eq!(notify["notify"].as_array().unwrap()[0].as_str(), program.to_str());
    assert_eq!(plain.len(), 2);
    assert_eq!(settings(&spec("codex"), program), None);
}

/// C24: as Codex 0.169.0 writes it down when a person trusts them; that it does, `tests/agents` asks the program itself.
#[test]
fn c24_codex_names_the_hooks_that_it_trusts() {
    let written = [
        ("permission_request", "c937b376009407f8ab3e34b9d089385104878b93d637cbd8987dc0132b622e1d"),
        ("session_start", "cb4f8c9697dadc558e55012454bb65491810ace90de0b13bf655aec48cc8c308"),
        ("session_end", "0e669e4545f5e50e05864d3fd2adacc4aba4173d6e4ba68e93f4a541a943de1f"),
        ("user_prompt_submit", "0f0566e940c765b699bbdf9e16d81635f5de610d658f02035dca23937fbf8b84"),
        ("stop", "1de9dffb3684b8c8ccb93a098e414be794fe93591faf8f691f76130aee598f30"),
        ("interrupt", "157e4ec0d84866b02b95e38b83dfdf8d7e806616122d22072376c5fca6b9e46b"),
    ];
    let state = written.map(|(event, hash)| {
        format!("[hooks.state.\"/<session-flags>/config.toml:{event}:0:0\"]\ntrusted_hash = \"sha256:{hash}\"\n")
    });
    let settings = format!("model = \"x\"\n{}", state.concat());
    let told = |settings: &str, program: &str| trust(&spec("codex"), Path::new(program), settings).unwrap();
    let here = "/usr/bin/dormouse";
    assert_eq!(told(&settings, here), Trust { trusted: 6, all: 6, ..Trust::default() });
    assert_eq!(told(&settings, "/opt/dormouse"), Trust { changed: 6, all: 6, ..Trust::default() });
    let off = settings.replacen("trusted_hash", "enabled = false\ntrusted_hash", 2);
    assert_eq!(told(&off, here), Trust { trusted: 4, switched_off: 2, all: 6, ..Trust::default() });
    assert_eq!(told("model = \"x\"", here), Trust { all: 6, ..Trust::default() });
    assert_eq!(trust(&spec("codex"), Path::new(here), "model = "), None);
    assert_eq!(trust(&spec("claude"), Path::new(here), ""), None);
}

#[test]
fn claudes_settings_call_us_without_a_shell() {
    let text = settings(&spec("claude"), Path::new("/opt/dormouse")).unwrap();
    let settings: Value = serde_json::from_str(&text).unwrap();
    let hook = &settings["hooks"]["UserPromptSubmit"][0]["hooks"][0];
    assert_eq!((hook["command"].as_str(), &hook["args"]), (Some("/opt/dormouse"), &json!(["hook"])));
    assert_eq!(arguments(&spec("claude"), Path::new("/opt/dormouse"), &[]), Vec::<String>::new());
}
