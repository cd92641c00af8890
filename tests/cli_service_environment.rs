//! `service install`: what of the shell the service is given, and what never stands in a file.

mod cli_support;
mod service_user;

use std::fs;
use std::process::Command;

use cli_support::{err, out};
use service_user::{User, is_a_unit, unit};

/// A shell with all that decides where programs find themselves, and with keys.
fn full_shell(command: &mut Command) {
    for (name, value) in [
        ("CLAUDE_CONFIG_DIR", "/srv/claude & co"),
        ("CODEX_HOME", "/srv/codex"),
        ("XDG_RUNTIME_DIR", "/srv/run"),
        ("DORMOUSE_IDLE", "10m"),
        ("DORMOUSE_LOG", "debug"),
        ("DORMOUSE_TOKEN", "hush-1"),
        ("DORMOUSE_OF_A_LATER_VERSION", "hush-2"),
        ("ANTHROPIC_API_KEY", "hush-3"),
        ("OPENAI_API_KEY", "hush-4"),
        ("TEAM_KEY", "hush-5"),
        ("OWN_KEY", "hush-6"),
    ] {
        command.env(name, value);
    }
}

/// A runtime's file that names a key, and a provider in codex's settings that names another one.
fn with_keys(user: &User) {
    let runtimes = user.path(".config/dormouse/runtimes");
    fs::create_dir_all(&runtimes).unwrap();
    let own = "argv = [\"own\"]\n[proof]\nkeys = true\n[sign_in]\nfiles = []\nenv = [\"OWN_KEY\"]\nsays = \"log in\"\n";
    fs::write(runtimes.join("own.toml"), own).unwrap();
    fs::create_dir_all(user.path(".codex")).unwrap();
    let provider = "model_provider = \"team\"\n[model_providers.team]\nname = \"team\"\nenv_key = \"TEAM_KEY\"\n";
    fs::write(user.path(".codex/config.toml"), provider).unwrap();
}

/// Peers wake where the shell's programs would, and a file that others may read holds no key.
#[test]
fn what_decides_where_programs_are_at_home_is_pinned_and_no_key_ever_is() {
    let user = User::new();
    with_keys(&user);
    let run = |args: &[&str]| {
        let mut command = user.command(&[&["service", "install"], args].concat());
        full_shell(&mut command);
        // Whose settings codex reads is where its home is.
        command.env("CODEX_HOME", user.path(".codex")).output().unwrap()
    };
    let codex = user.path(".codex").display().to_string();
    let systemd = run(&["--print"]);
    let text = out(&systemd);
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("Environment=")).collect();
    assert_eq!(
        lines[1..],
        [
            "Environment=\"XDG_RUNTIME_DIR=/srv/run\"",
            "Environment=\"CLAUDE_CONFIG_DIR=/srv/claude & co\"",
            &format!("Environment=\"CODEX_HOME={codex}\""),
            "Environment=\"DORMOUSE_IDLE=10m\"",
            "Environment=\"DORMOUSE_LOG=debug\"",
        ]
    );
    assert!(!text.contains("hush"), "{text}");
    let said = err(&systemd);
    let expected = "warning: ANTHROPIC_API_KEY, OPENAI_API_KEY, OWN_KEY, TEAM_KEY of this shell are not in the service's \
                    environment: secrets are not written into a file that others may read\nhint: ";
    assert!(said.starts_with(expected), "{said}");
    assert!(said.contains("`systemctl --user edit dormouse.service`") && said.contains("EnvironmentFile="), "{said}");
    assert!(said.contains("log in") && !said.contains("hush"), "{said}");

    let launchd = run(&["--print", "--manager", "launchd"]);
    let text = out(&launchd);
    for (name, value) in [("CLAUDE_CONFIG_DIR", "/srv/claude &amp; co"), ("DORMOUSE_IDLE", "10m")] {
        let pair = format!("        <key>{name}</key>\n        <string>{value}</string>\n");
        assert!(text.contains(&pair), "{text}");
    }
    assert!(!text.contains("hush"), "{text}");
    let said = err(&launchd);
    assert!(said.contains("`launchctl setenv ") && !said.contains("systemctl") && !said.contains("hush"), "{said}");

    let installed = run(&["--no-start", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&installed.stdout).unwrap();
    assert_eq!(report["left_out"], serde_json::json!(["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OWN_KEY", "TEAM_KEY"]));
    let file = user.path(".config/systemd/user/dormouse.service");
    assert!(!fs::read_to_string(&file).unwrap().contains("hush"));
    is_a_unit(&file);
}

/// What the manager gives by itself, what a named home needs not, and what means something else in every folder.
#[test]
fn only_what_the_service_would_lack_is_pinned() {
    let user = User::new();
    let print = |args: &[&str], set: &[(&str, &str)]| {
        let mut command = user.command(&[args, &["service", "install", "--print"]].concat());
        out(&command.envs(set.iter().copied()).output().unwrap())
    };
    let own = format!("/run/user/{}", rustix::process::getuid().as_raw());
    assert_eq!(print(&[], &[("XDG_RUNTIME_DIR", &own)]), unit(&user, "\"daemon\""));
    assert_eq!(print(&[], &[("CODEX_HOME", "relative"), ("CLAUDE_CONFIG_DIR", "")]), unit(&user, "\"daemon\""));
    let named = unit(&user, r#""--home" "/srv/team" "daemon""#);
    assert_eq!(print(&["--home", "/srv/team"], &[("XDG_RUNTIME_DIR", "/srv/run")]), named);
    let text = print(&[], &[("DORMOUSE_ON_ATTENTION", "say\nExecStartPre=/bin/false \"100%\"")]);
    let line = r#"Environment="DORMOUSE_ON_ATTENTION=say\nExecStartPre=/bin/false \"100%%\"""#;
    assert!(text.lines().any(|it| it == line), "one line, whatever it holds: {text}");
}
