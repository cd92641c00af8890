//! `service`: what a service manager is given, and when nothing is touched.

mod cli_support;
mod service_user;

use std::fs;

use cli_support::{err, out, register};
use service_user::{User, is_a_unit, unit};

#[test]
fn a_unit_is_written_enabled_left_as_it_is_and_removed() {
    let user = User::new();
    let file = user.path(".config/systemd/user/dormouse.service");
    let printed = user.ok(&["service", "install", "--print"]);
    assert_eq!(printed, unit(&user, "\"daemon\""));
    assert!(!file.exists() && user.asked().is_empty(), "to print is to change nothing");

    assert!(user.ok(&["service", "install"]).starts_with(&format!("wrote {}", file.display())));
    assert_eq!(fs::read_to_string(&file).unwrap(), unit(&user, "\"daemon\""));
    is_a_unit(&file);
    assert_eq!(user.asked(), "--user daemon-reload\n--user enable --now dormouse.service\n");
    assert!(user.ok(&["service", "install", "--no-start"]).starts_with("left as it was: "));

    fs::remove_file(user.path("asked")).unwrap();
    assert!(user.ok(&["service", "uninstall"]).starts_with("removed "));
    assert!(!file.exists());
    assert_eq!(user.asked(), "--user disable --now dormouse.service\n--user daemon-reload\n");
    assert!(user.ok(&["service", "uninstall"]).starts_with("there was no "));
}

/// Two homes are two services, and a path means itself to systemd.
#[test]
fn another_home_has_a_unit_of_its_own() {
    let user = User::new();
    user.ok(&["--home", "/srv/A team/50% \"off\"", "service", "install", "--no-start"]);
    let file = user.path(".config/systemd/user/dormouse-srv-a-team-50---off.service");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, unit(&user, r#""--home" "/srv/A team/50%% \"off\"" "daemon""#));
    is_a_unit(&file);
}

#[test]
fn what_somebody_else_wrote_is_left_alone() {
    let user = User::new();
    let file = user.path(".config/systemd/user/dormouse.service");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "[Unit]\nDescription=my own\n").unwrap();
    for verb in ["install", "uninstall"] {
        let refused = user.run(&["service", verb]);
        assert_eq!(refused.status.code(), Some(3), "{}", err(&refused));
        assert!(err(&refused).contains("was not written by dormouse"), "{}", err(&refused));
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "[Unit]\nDescription=my own\n");
    assert_eq!(user.asked(), "");
}

/// A service that could not find tmux would only fail later.
#[test]
fn a_path_without_tmux_and_a_manager_that_fails_are_told() {
    let user = User::new();
    user.program("systemctl", "echo 'Failed to connect to bus' >&2; exit 1");
    let failed = user.run(&["service", "install"]);
    assert_eq!(failed.status.code(), Some(1), "{}", err(&failed));
    assert!(
        err(&failed).contains("Failed to connect to bus") && err(&failed).contains("--no-start"),
        "{}",
        err(&failed)
    );
    let refused = user.command(&["service", "install"]).env("PATH", "/nonexistent").output().unwrap();
    assert_eq!(refused.status.code(), Some(3), "{}", err(&refused));
    assert!(err(&refused).contains("tmux is not in this shell's PATH"), "{}", err(&refused));
}

#[test]
fn an_agent_of_launchd_is_whole() {
    let user = User::new();
    let printed = user.ok(&["--home", "/a&b", "service", "install", "--print", "--manager", "launchd"]);
    let expected = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- Written by `dormouse service install`; `dormouse service uninstall` removes it. -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
    <key>Label</key>
    <string>org.dormouse.daemon-a-b</string>
    <key>ProgramArguments</key>
    <array>
        <string>{}</string>
        <string>--home</string>
        <string>/a&amp;b</string>
        <string>daemon</string>
    </array>
    <key>EnvironmentVariables</key>
    <dict>
        <key>PATH</key>
        <string>{}:/usr/bin</string>
    </dict>
    <key>RunAtLoad</key>
    <true/>
    <key>KeepAlive</key>
    <dict>
        <key>SuccessfulExit</key>
        <false/>
    </dict>
    <!-- Only the daemon: sessions outlive it, and the next one goes on with them. -->
    <key>AbandonProcessGroup</key>
    <true/>
    <key>StandardErrorPath</key>
    <string>/a&amp;b/daemon.log</string>
</dict>
</plist>
"#,
        env!("CARGO_BIN_EXE_dormouse"),
        user.path("bin").display()
    );
    assert_eq!(printed, expected);
}

/// What systemctl says where nobody's login session is, as of systemd 252.
const NO_MANAGER: &str = "echo 'Failed to connect to bus: No medium found' >&2; exit 1";

/// Where nobody answers there is nothing to stop, and a file that stays would start the daemon at the next login.
#[test]
fn a_unit_is_removed_also_where_no_user_manager_answers() {
    let user = User::new();
    let file = user.path(".config/systemd/user/dormouse.service");
    let wanted = user.path(".config/systemd/user/default.target.wants/dormouse.service");
    for (says, part) in [(Some(NO_MANAGER), "Failed to connect to bus"), (None, "cannot be run")] {
        user.ok(&["service", "install", "--no-start"]);
        fs::create_dir_all(wanted.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&file, &wanted).unwrap();
        match says {
            Some(says) => user.program("systemctl", says),
            None => fs::remove_file(user.path("bin/systemctl")).unwrap(),
        }
        let path = user.path("bin");
        let output = user.command(&["service", "uninstall"]).env("PATH", &path).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        assert_eq!(out(&output), format!("removed {}\n", file.display()));
        let said = err(&output);
        assert!(said.starts_with("warning: ") && said.contains(part) && said.contains("nothing was stopped"), "{said}");
        assert!(!said.contains("--no-start"), "which this verb does not have: {said}");
        assert!(!file.exists() && fs::symlink_metadata(&wanted).is_err(), "neither the file nor what enabled it");
    }
}

/// A manager that is there and does not do it may have it run on: that is a failure, and the file is gone all the same.
#[test]
fn a_manager_that_does_not_stop_it_is_a_failure_that_says_what_is_left() {
    let user = User::new();
    let file = user.path(".config/systemd/user/dormouse.service");
    user.ok(&["service", "install", "--no-start"]);
    user.program("systemctl", "echo 'Access denied' >&2; exit 1");
    let output = user.run(&["service", "uninstall"]);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let said = err(&output);
    assert!(said.contains(&format!("removed {}, but ", file.display())) && said.contains("Access denied"), "{said}");
    assert!(said.contains("systemctl --user stop dormouse.service") && !said.contains("--no-start"), "{said}");
    assert!(!file.exists());
}

/// Who is told of a failure alone does not look for a file that will start the daemon one day.
#[test]
fn a_unit_that_was_written_and_not_started_is_said_with_its_place() {
    let user = User::new();
    let file = user.path(".config/systemd/user/dormouse.service");
    user.program("systemctl", NO_MANAGER);
    for did in [format!("wrote {}, but", file.display()), format!("{} is there as it was, but", file.display())] {
        let output = user.run(&["service", "install"]);
        assert_eq!(output.status.code(), Some(1), "{}", err(&output));
        let said = err(&output);
        assert!(said.contains(&did) && said.contains("`systemctl --user daemon-reload` failed"), "{said}");
        assert!(said.contains("--no-start"), "{said}");
        assert!(file.exists());
    }
}

/// As `doctor` says it, and at the moment at which the shell with the other PATH is still at hand.
#[test]
fn a_program_that_peers_need_and_the_service_would_not_find_is_said() {
    let user = User::new();
    let home = user.path("home");
    fs::create_dir_all(user.path("ada")).unwrap();
    register(&home, &user.path("ada"), &[], &["codex"]);
    let home = home.to_str().unwrap();
    let path = user.path("bin");
    let install = |args: &[&str]| {
        let args = [&["--home", home, "service", "install", "--no-start"], args].concat();
        user.command(&args).env("PATH", &path).output().unwrap()
    };
    let output = install(&[]);
    assert_eq!(output.status.code(), Some(0), "a warning, not a refusal: {}", err(&output));
    assert!(out(&output).starts_with("wrote "), "{}", out(&output));
    let said = err(&output);
    let expected =
        format!("warning: the PATH of this shell, {}, has no codex, which runtime codex starts\n", path.display());
    assert!(said.starts_with(&expected), "{said}");
    assert!(said.contains("hint: ") && said.contains("`dormouse service install`"), "{said}");

    let said: serde_json::Value = serde_json::from_slice(&install(&["--json"]).stderr).unwrap();
    assert!(said["warning"]["message"].as_str().unwrap().contains("has no codex"), "{said}");
    user.program("codex", "true");
    assert_eq!(err(&install(&[])), "");
}

/// What was installed one day may lack what peers need now.
#[test]
fn doctor_looks_into_the_path_that_the_service_was_given() {
    let user = User::new();
    let of_service = || {
        let found = user.run(&["doctor", "--json"]);
        let all: Vec<serde_json::Value> = serde_json::from_slice(&found.stdout).unwrap();
        all.into_iter().find(|finding| finding["check"] == "service")
    };
    assert_eq!(of_service(), None, "none is installed");
    user.ok(&["service", "install", "--no-start"]);
    let found = of_service().unwrap();
    assert_eq!(found["verdict"], "ok", "{found}");
    let file = user.path(".config/systemd/user/dormouse.service");
    let text = fs::read_to_string(&file).unwrap();
    let bin = user.path("bin").display().to_string();
    fs::write(&file, text.replace(&format!("{bin}:/usr/bin"), "/nonexistent")).unwrap();
    let found = of_service().unwrap();
    assert_eq!(found["verdict"], "warn", "{found}");
    assert!(found["says"].as_str().unwrap().ends_with("has no tmux"), "{found}");
    assert!(found["remedy"].as_str().unwrap().contains("dormouse service install"), "{found}");
}

/// Without lingering the service and all sessions end with the last login: programs are told as people are.
#[test]
fn the_advice_to_linger_is_given_as_text_and_as_json() {
    let user = User::new();
    let json = || {
        serde_json::from_str::<serde_json::Value>(&user.ok(&["service", "install", "--no-start", "--json"])).unwrap()
    };
    user.program("loginctl", &format!("echo \"$@\" >> '{}'; echo Linger=no", user.path("asked").display()));
    let text = user.ok(&["service", "install", "--no-start"]);
    let (_, hint) = text.split_once("\nhint: ").expect("a hint");
    assert!(hint.starts_with("`loginctl enable-linger ") && hint.contains("when you log out"), "{text}");
    assert_eq!(json()["hint"], hint.trim_end());
    assert!(user.asked().starts_with("show-user "), "{}", user.asked());

    user.program("loginctl", "echo Linger=yes");
    assert!(!user.ok(&["service", "install", "--no-start"]).contains("hint: "));
    assert_eq!(json()["hint"], serde_json::Value::Null);
}
