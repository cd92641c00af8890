//! A runtime's own record as proof: only this message, only behind the mark (C14).

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use dormouse::model::name::Runtime;
use dormouse::runtime::placeholders::Values;
use dormouse::runtime::transcript::{
    LastEntries, OfTurn, Search, holds, holds_since, mark, moved_at, watch_dir, watch_dirs,
};
use dormouse::runtime::{Spec, parse};

const FIRST_LINE: &str = "[from ada (claude)] message 01JD9, attempt 1, 2026-11-22 14:05:10 +01:00, topic \"é\\ 😀\"";

fn spec(transcript: &str) -> Spec {
    let text = format!("argv = ['agent']\n[proof]\ntranscript = '{transcript}'\n");
    parse(&Runtime::new("agent").unwrap(), &text, Path::new("agent.toml")).unwrap()
}

fn values(cwd: &Path) -> Values {
    Values { cwd: cwd.to_owned(), session_uuid: "u-1".to_owned(), ..Values::default() }
}

fn append(file: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}

/// C14: a transcript that merely moved proves nothing, and what stood there before the paste proves nothing either.
#[test]
fn c14_only_this_message_behind_the_mark_is_proof() {
    let dir = tempfile::tempdir().unwrap();
    let (spec, values) = (spec("{cwd}/inbox.txt"), values(dir.path()));
    let file = dir.path().join("inbox.txt");
    append(&file, &format!("{FIRST_LINE}\n"));
    let marked = mark(&spec, &values).unwrap();
    assert_eq!((marked.path.as_path(), marked.offset), (file.as_path(), FIRST_LINE.len() as u64 + 1));
    assert!(!holds(&marked, FIRST_LINE).unwrap(), "it stood there before");
    append(&file, "the receiver's own turn\n");
    assert!(!holds(&marked, FIRST_LINE).unwrap(), "it moved, and that is all");
    append(&file, &format!("{FIRST_LINE}\nbody\n"));
    assert!(holds(&marked, FIRST_LINE).unwrap());
    assert!(!holds(&marked, "").unwrap(), "nothing is in everything");
}

/// C14: a JSON transcript escapes what it quotes, and each writer in its own way.
#[test]
fn c14_a_message_is_found_as_json_writes_it() {
    let dir = tempfile::tempdir().unwrap();
    let (spec, values) = (spec("{cwd}/{session_uuid}.jsonl"), values(dir.path()));
    let marked = mark(&spec, &values).unwrap();
    assert_eq!((marked.path.as_path(), marked.offset), (dir.path().join("u-1.jsonl").as_path(), 0));
    let json = serde_json::to_string(&serde_json::json!({ "text": FIRST_LINE })).unwrap();
    let ascii = json.replace('é', "\\u00e9").replace('😀', "\\ud83d\\ude00");
    let upper = ascii.replace("\\u00e9", "\\u00E9").replace("\\ud83d\\ude00", "\\uD83D\\uDE00");
    assert_ne!(ascii, upper);
    for written in [json, ascii, upper] {
        fs::write(&marked.path, "").unwrap();
        assert!(!holds(&marked, FIRST_LINE).unwrap());
        fs::write(&marked.path, written).unwrap();
        assert!(holds(&marked, FIRST_LINE).unwrap());
    }
}

/// C34: a record that cannot tell is not one that says no.
#[test]
fn c34_a_record_that_is_gone_or_cut_cannot_tell() {
    let dir = tempfile::tempdir().unwrap();
    let (spec, values) = (spec("{cwd}/inbox.txt"), values(dir.path()));
    let file = dir.path().join("inbox.txt");
    let fresh = mark(&spec, &values).unwrap();
    assert!(!holds(&fresh, "x").unwrap(), "not written yet, and nothing was there");
    append(&file, "long enough");
    let marked = mark(&spec, &values).unwrap();
    fs::write(&file, "cut").unwrap();
    assert_eq!(holds(&marked, "x").unwrap_err().kind(), ErrorKind::InvalidData);
    fs::remove_file(&file).unwrap();
    assert_eq!(holds(&marked, "x").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_search_goes_on_where_it_stopped_and_finds_what_came_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let (spec, values) = (spec("{cwd}/inbox.txt"), values(dir.path()));
    let file = dir.path().join("inbox.txt");
    let mut search = Search::new(&mark(&spec, &values).unwrap(), FIRST_LINE);
    assert!(!search.found().unwrap());
    append(&file, &"x".repeat(200_000));
    assert!(!search.found().unwrap());
    // Cut inside a character, as a reader that is quicker than the writer sees it.
    let (start, rest) = FIRST_LINE.as_bytes().split_at(FIRST_LINE.find('é').unwrap() + 1);
    for piece in [start, rest] {
        OpenOptions::new().append(true).open(&file).unwrap().write_all(piece).unwrap();
        assert_eq!(search.found().unwrap(), piece == rest);
    }
    fs::remove_file(&file).unwrap();
    assert!(search.found().unwrap(), "what was found stays found");
}

#[test]
fn a_needle_across_the_border_of_two_chunks_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (spec, values) = (spec("{cwd}/inbox.txt"), values(dir.path()));
    let marked = mark(&spec, &values).unwrap();
    for before in (65_536 - FIRST_LINE.len() - 2)..(65_536 + 2) {
        fs::write(&marked.path, format!("{}{FIRST_LINE}\n", "x".repeat(before))).unwrap();
        assert!(holds(&marked, FIRST_LINE).unwrap(), "{before}");
    }
}

/// C14: where no file could be named before the paste, one that has appeared since counts from its beginning.
#[test]
fn c14_a_pattern_without_a_file_has_no_mark_and_all_of_a_new_file_counts() {
    let dir = tempfile::tempdir().unwrap();
    let (spec, values) = (spec("{cwd}/projects/*/{session_uuid}.jsonl"), values(dir.path()));
    assert_eq!(mark(&spec, &values), None);
    assert!(!holds_since(&spec, &values, None, FIRST_LINE).unwrap());
    assert_eq!(watch_dirs(&spec, &values), [dir.path()], "nothing is there yet");
    fs::create_dir_all(dir.path().join("projects/slug")).unwrap();
    let watched = watch_dirs(&spec, &values);
    assert_eq!(watched, [dir.path().join("projects/slug"), dir.path().join("projects")]);
    append(&dir.path().join("projects/slug/u-2.jsonl"), FIRST_LINE);
    assert!(!holds_since(&spec, &values, None, FIRST_LINE).unwrap(), "another conversation's");
    append(&dir.path().join("projects/slug/u-1.jsonl"), FIRST_LINE);
    assert!(holds_since(&spec, &values, None, FIRST_LINE).unwrap());
}

#[test]
fn the_newest_of_several_files_is_marked_and_its_time_is_the_records() {
    let dir = tempfile::tempdir().unwrap();
    let (spec, values) = (spec("{cwd}/*.jsonl"), values(dir.path()));
    assert_eq!(moved_at(&spec, &values), None);
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for (name, text, seconds) in [("a", "old", 1_000), ("b", "newest", 3_000), ("c", "between", 2_000)] {
        let file = dir.path().join(format!("{name}.jsonl"));
        append(&file, text);
        OpenOptions::new().append(true).open(&file).unwrap().set_modified(at(seconds)).unwrap();
    }
    let marked = mark(&spec, &values).unwrap();
    assert_eq!((marked.path, marked.offset), (dir.path().join("b.jsonl"), 6));
    assert_eq!(moved_at(&spec, &values), Some(at(3_000)));
}

/// A folder's name is a name, whatever a pattern would make of it.
#[test]
fn a_folder_full_of_wildcards_matches_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("a[b]*?");
    fs::create_dir_all(&folder).unwrap();
    fs::create_dir_all(dir.path().join("ab")).unwrap();
    append(&dir.path().join("ab/inbox.txt"), "somebody else's");
    let (spec, values) = (spec("{cwd}/inbox.txt"), values(&folder));
    assert_eq!(mark(&spec, &values).unwrap().path, folder.join("inbox.txt"));
    append(&folder.join("inbox.txt"), "ours");
    assert_eq!(mark(&spec, &values).unwrap().offset, 4);
    assert_eq!(watch_dir(&spec, &values), Some(folder));
}

#[test]
fn a_runtime_without_a_record_has_nothing_to_mark_or_watch() {
    let spec = parse(&Runtime::new("cat").unwrap(), "argv=['cat']\n[proof]\nkeys=true", Path::new("cat.toml")).unwrap();
    let values = Values::default();
    assert_eq!((mark(&spec, &values), moved_at(&spec, &values), watch_dir(&spec, &values)), (None, None, None));
}

/// C46b: the last real entry tells that a turn is over, and only behind where the session began.
#[test]
fn c46b_the_last_real_entry_of_claudes_record_tells_the_end_of_a_turn() {
    let dir = tempfile::tempdir().unwrap();
    let text = "argv = ['agent']\n[proof]\ntranscript = '{cwd}/{session_uuid}.jsonl'\nformat = 'claude'\n";
    let spec = parse(&Runtime::new("agent").unwrap(), text, Path::new("agent.toml")).unwrap();
    let (values, file) = (values(dir.path()), dir.path().join("u-1.jsonl"));
    let ends = "{\"type\":\"system\",\"subtype\":\"turn_duration\",\"durationMs\":7}\n";
    append(&file, ends);
    let entries = LastEntries::from_now(&spec, &values);
    let last = || entries.find(&spec, &values, None);
    assert_eq!(last(), None, "it is of a turn before");
    let user = |text: &str, more: &str| {
        format!("{{\"type\":\"user\",{more}\"message\":{{\"role\":\"user\",\"content\":\"{text}\"}}}}\n")
    };
    append(&file, &user("hello", ""));
    assert_eq!(last().unwrap().says, OfTurn::Goes);
    append(&file, ends);
    let end = last().unwrap();
    assert_eq!(end.says, OfTurn::Ends);
    for at_rest in [
        "{\"type\":\"last-prompt\",\"lastPrompt\":\"hello\"}\n",
        "{\"type\":\"system\",\"subtype\":\"stop_hook_summary\"}\n",
        &user("of a helper", "\"isSidechain\":true,"),
        "{\"type\":\"assistant\",\"mess",
    ] {
        append(&file, at_rest);
        assert_eq!(last().unwrap(), end, "{at_rest}");
    }
    append(&file, "age\":{}}\n");
    assert_eq!(last().unwrap().says, OfTurn::Goes);
    append(&file, &user("[Request interrupted by user for tool use]", ""));
    assert_eq!(last().unwrap().says, OfTurn::Ends);
    let result = "{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\"}]}}\n";
    append(&file, result);
    assert_eq!(last().unwrap().says, OfTurn::Goes);
}

/// C46b: the same of Codex, whose conversations of one folder each have a file and a name.
#[test]
fn c46b_the_last_real_entry_of_codexs_record_tells_the_end_of_a_turn() {
    let dir = tempfile::tempdir().unwrap();
    let text = "argv = ['agent']\n[proof]\ntranscript = '{cwd}/rollout-*.jsonl'\nformat = 'codex'\n";
    let spec = parse(&Runtime::new("agent").unwrap(), text, Path::new("agent.toml")).unwrap();
    let values = values(dir.path());
    let entries = LastEntries::from_now(&spec, &values);
    let head = |name: &str| {
        let cwd = dir.path().display();
        format!("{{\"type\":\"session_meta\",\"payload\":{{\"id\":\"{name}\",\"cwd\":\"{cwd}\"}}}}\n")
    };
    let event =
        |what: &str| format!("{{\"type\":\"event_msg\",\"payload\":{{\"type\":\"{what}\",\"turn_id\":\"t\"}}}}\n");
    let (ours, other) = (dir.path().join("rollout-1.jsonl"), dir.path().join("rollout-2.jsonl"));
    append(&ours, &(head("ours") + &event("task_started")));
    append(&other, &(head("other") + &event("task_complete")));
    let says = |name| entries.find(&spec, &values, Some(name)).unwrap().says;
    assert_eq!((says("ours"), says("other")), (OfTurn::Goes, OfTurn::Ends));
    append(&ours, &(event("turn_aborted") + &event("token_count")));
    assert_eq!(says("ours"), OfTurn::Ends);
    append(&ours, "{\"type\":\"response_item\",\"payload\":{\"type\":\"function_call\"}}\n");
    assert_eq!(says("ours"), OfTurn::Goes);
    let failed = r#"{"type":"event_msg","payload":{"type":"task_complete","error":{"message":"401: bad key\nmore"}}}"#;
    append(&ours, &format!("{failed}\n"));
    assert_eq!(says("ours"), OfTurn::Fails { reason: "401: bad key".to_owned() });
    append(&ours, &event("task_complete").replace("\"turn_id\"", "\"error\":null,\"turn_id\""));
    assert_eq!(says("ours"), OfTurn::Ends);
}
