//! What is the user's own stays as it is, however long a peer lives.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::alike::Prompts;
use crate::daemon_fixture::until;
use crate::place::Place;
use crate::{anthropic, claude, codex, openai};

/// Bytes of each file.
fn bytes(files: &[PathBuf]) -> BTreeMap<PathBuf, Vec<u8>> {
    files.iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
}

/// Codex notes in its own settings what it has told its user once: what they wrote stands before that.
#[track_caller]
fn are_untouched(before: &BTreeMap<PathBuf, Vec<u8>>) {
    for (file, was) in before {
        let is = fs::read(file).unwrap();
        let added = is.strip_prefix(was.as_slice()).map(String::from_utf8_lossy);
        let is_codexs =
            file.ends_with(".codex/config.toml") && added.as_ref().is_some_and(|it| !it.contains("dormouse"));
        assert!(is == *was || is_codexs, "{} was {} and is {}", file.display(), was.escape_ascii(), is.escape_ascii());
    }
}

fn write(file: PathBuf, text: &str) -> PathBuf {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    file
}

/// A life with all that we hand over: hooks, tools, a prompt, a resume.
#[track_caller]
fn lives(place: &Place, prompts: Prompts) {
    for _ in 0..2 {
        // A server may still be connecting when the first of a session is asked.
        for text in ["hello", "and again"] {
            let message = place.send_with("ada", text, &["--topic", "pets"]);
            place.delivered(message);
            place.prompt(message, prompts);
        }
        place.world.ok(&["stop", "ada"]);
        until("its end", || place.world.json(&["ls"])[0]["session"].is_null());
        place.world.ok(&["start", "ada"]);
    }
}

/// Whether its model was told last of this tool: by a name alone, where the program has many.
#[track_caller]
fn is_told_of(place: &Place, tools: [&str; 2]) {
    let told = place.model.asked().last().unwrap().body.to_string();
    for tool in tools {
        assert!(told.contains(tool), "no {tool} in {told}");
    }
}

/// A server of the user's own tools, as a script: it answers what every client asks first, and has one tool.
fn own_server(folder: &Path) -> PathBuf {
    let script = r#"import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    method = asked.get("method")
    if method == "initialize":
        version = asked["params"]["protocolVersion"]
        result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": {"name": "own", "version": "1"}}
    elif method == "tools/list":
        result = {"tools": [{"name": "feed_the_cat", "description": "Feeds it", "inputSchema": {"type": "object"}}]}
    else:
        result = {}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"#;
    write(folder.join("own_server.py"), script)
}

/// C62: our tools come beside the user's, and no file of theirs is written.
#[test]
fn nothing_of_the_users_is_edited_for_claude() {
    let place = claude::settled(&["--consent", "project_mcp"]);
    let folder = place.world.path("ada");
    let server = own_server(&place.home);
    let own = json!({ "mcpServers": { "own": { "command": "python3", "args": [server] } } }).to_string();
    let settings = json!({ "hooks": { "Stop": [{ "hooks": [{ "type": "command", "command": "true" }] }] } });
    let files = [
        write(folder.join(".mcp.json"), &own),
        write(folder.join("CLAUDE.md"), "Be brief.\n"),
        write(folder.join(".claude/settings.json"), &settings.to_string()),
        write(place.home.join(".claude/settings.json"), &settings.to_string()),
        write(place.home.join(".claude/CLAUDE.md"), "Be kind.\n"),
    ];
    let before = bytes(&files);
    lives(&place, anthropic::prompts);
    are_untouched(&before);
    is_told_of(&place, ["feed_the_cat", "send_to_peer"]);
    let told = place.model.asked().last().unwrap().body.to_string();
    assert!(told.contains("Be brief.") && told.contains("Be kind."), "{told}");
}

#[test]
fn nothing_of_the_users_is_edited_for_codex() {
    let place = codex::settled(&[]);
    let folder = place.world.path("ada");
    let server = own_server(&place.home);
    let config = place.home.join(".codex/config.toml");
    let own = format!(
        "{}\n[mcp_servers.own]\ncommand = \"python3\"\nargs = [{server:?}]\n\n[projects.{folder:?}]\ntrust_level = \"trusted\"\n",
        fs::read_to_string(&config).unwrap()
    );
    let hooks = r#"{"hooks":{}}"#;
    let files = [
        write(config, &own),
        write(place.home.join(".codex/hooks.json"), hooks),
        write(place.home.join(".codex/AGENTS.md"), "Be kind.\n"),
        write(folder.join("AGENTS.md"), "Be brief.\n"),
    ];
    let before = bytes(&files);
    lives(&place, openai::prompts);
    are_untouched(&before);
    is_told_of(&place, ["feed_the_cat", "send_to_peer"]);
    let told = place.model.asked().last().unwrap().body.to_string();
    assert!(told.contains("Be brief.") && told.contains("Be kind."), "{told}");
}
