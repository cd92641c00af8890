//! The settings file, its overrides, and the table behind both.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use dormouse::config::{ConfigError, Given, Loaded, Place, ROWS, SettingFlag, Source, home, load, parse, row};
use dormouse::home::Home;
use dormouse::model::settings::Settings;

const NO_ENV: [(&str, &str); 0] = [];

fn read(text: &str) -> Result<Loaded, ConfigError> {
    parse(text, Path::new("config.toml"), NO_ENV)
}

fn says(text: &str) -> String {
    read(text).expect_err(text).to_string()
}

/// The fields of `settings`, as JSON has them.
fn fields(settings: &Settings) -> serde_json::Map<String, serde_json::Value> {
    let serde_json::Value::Object(fields) = serde_json::to_value(settings).unwrap() else { unreachable!() };
    fields
}

#[test]
fn every_field_of_the_settings_has_a_row_and_every_row_a_field() {
    let fields: BTreeSet<_> =
        fields(&Settings::default()).keys().map(|field| field.trim_end_matches("_ms").to_owned()).collect();
    let rows: BTreeSet<_> = ROWS.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(fields, rows);
    assert_eq!(rows.len(), ROWS.len(), "no name twice");
}

#[test]
fn a_row_sets_its_own_field_and_no_other() {
    for row in ROWS {
        let mut settings = Settings::default();
        let unit = ["7m", "7MiB", "7"]
            .into_iter()
            .find(|text| row.set(&mut settings, &Given::Text((*text).to_owned())).is_ok());
        let value = row.get(&settings);
        assert!(value == unit.unwrap() || value == "[\"7m\"]", "{}: {value}", row.name);
        let (before, after) = (fields(&Settings::default()), fields(&settings));
        let changed: Vec<_> = before.keys().filter(|field| before[*field] != after[*field]).collect();
        assert_eq!(changed.len(), 1, "{}", row.name);
        assert_eq!(changed[0].trim_end_matches("_ms"), row.name);
    }
}

/// The defaults are a promise: scripts and the documentation name them.
#[test]
fn defaults_are_the_documented_ones() {
    let loaded = read("").unwrap();
    assert_eq!(loaded.settings, Settings::default());
    let shown: Vec<_> = loaded.shown().map(|row| format!("{} {}", row.name, row.value)).collect();
    let documented = "idle 1h, ephemeral_quiet 20s, ephemeral_unarmed_idle 10m, boot_deadline 4m, ready_deadline 2m, \
                      crashloop_deaths_max 3, crashloop_window 5m, boots_max 4, unfinished_retries 1, id_memory 1d, \
                      queue_max 10000, message_bytes_max 1MiB, attempts_max 5, retry_delay 1s, human_typing_hold 2m, \
                      segment_bytes 64MiB, retain_bytes 0, retain_age 0, on_attention none, mcp_port 0";
    assert_eq!(shown.join(", "), documented);
    assert!(loaded.shown().all(|row| *row.source == Source::Default && row.value == row.default));
}

#[test]
fn the_file_sets_what_it_names_and_says_where() {
    let loaded = read(
        "# ours\nidle = \"1h30m\"\nboots_max = 2\nretain_age = 0\nsegment_bytes = \"128KiB\"\n\
                       on_attention = [\"notify\", \"a b\", \"$x\"]\n",
    )
    .unwrap();
    assert_eq!(loaded.settings.idle_ms, 5_400_000);
    assert_eq!((loaded.settings.boots_max, loaded.settings.segment_bytes), (2, 128 << 10));
    assert_eq!(loaded.settings.on_attention, ["notify", "a b", "$x"]);
    let place = Place::File { file: "config.toml".into(), line: 2 };
    assert_eq!(loaded.sources["idle"], Source::Given(place));
    assert_eq!(loaded.sources["idle"].to_string(), "config.toml:2");
    assert_eq!(loaded.sources["ready_deadline"], Source::Default);
}

/// No shell ever parses a text: it is one program.
#[test]
fn an_attention_command_that_is_a_text_is_one_program() {
    assert_eq!(read("on_attention = \"notify me; rm -r x\"").unwrap().settings.on_attention, ["notify me; rm -r x"]);
    assert_eq!(read("on_attention = \"\"").unwrap().settings.on_attention, [""; 0]);
    assert!(says("on_attention = [\"\", \"x\"]").contains("expected a program"));
    assert!(says("on_attention = [1]").contains("config.toml:1"));
}

#[test]
fn an_unknown_setting_is_an_error_with_its_line() {
    assert_eq!(says("idle = \"1h\"\n\nidel = \"2h\"\n"), "config.toml:3: `idel` is no setting");
    assert_eq!(
        says("[idle]\nmax = 1\n"),
        "config.toml:1: cannot set `idle`: expected a text, a whole number or an array of texts, found table"
    );
    assert!(matches!(read("a = 1\na = 2\n"), Err(ConfigError::Syntax { line: 2, .. })));
    assert!(matches!(read("\nidle = 1h\n"), Err(ConfigError::Syntax { line: 2, .. })));
    // The first mistake in the file is the one that is named.
    assert!(says("zzz = 1\naaa = 1\n").starts_with("config.toml:1: `zzz`"));
}

#[test]
fn a_value_that_does_not_fit_is_an_error_with_its_line() {
    for (text, expected) in [
        ("idle = 20", "config.toml:1: cannot set `idle`: expected a duration with its unit, such as \"20s\", found 20"),
        ("idle = \"20\"", "config.toml:1: cannot set `idle`: `20` is no duration"),
        ("idle = 0", "config.toml:1: cannot set `idle`: expected 1ms to 3650d, found 0"),
        ("boots_max = 33", "config.toml:1: cannot set `boots_max`: expected 1 to 32, found 33"),
        ("boots_max = -1", "config.toml:1: cannot set `boots_max`: expected a whole number, found -1"),
        ("boots_max = 2.5", "config.toml:1: cannot set `boots_max`: expected a text, a whole number"),
        ("queue_max = 99999999999", "config.toml:1: cannot set `queue_max`: expected 1 to 10000000, found"),
        (
            "segment_bytes = \"1KiB\"",
            "config.toml:1: cannot set `segment_bytes`: expected 64KiB to 1024GiB, found 1KiB",
        ),
        ("message_bytes_max = \"1mib\"", "config.toml:1: cannot set `message_bytes_max`: `1mib` is no size"),
    ] {
        assert!(says(text).starts_with(expected), "{}", says(text));
    }
}

#[test]
fn the_environment_overrides_the_file_and_unknown_variables_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    std::fs::write(&file, "idle = \"2h\"\nboots_max = 2\n").unwrap();
    let env = [("DORMOUSE_IDLE", "3h"), ("DORMOUSE_NOT_YET", "x"), ("IDLE", "4h"), ("DORMOUSE_HOME", "/x")];
    let loaded = load(&file, env).unwrap();
    assert_eq!((loaded.settings.idle_ms, loaded.settings.boots_max), (10_800_000, 2));
    assert_eq!(loaded.sources["idle"].to_string(), "DORMOUSE_IDLE");
    assert_eq!(loaded.sources["boots_max"].to_string(), format!("{}:2", file.display()));
    let error = load(&file, [("DORMOUSE_BOOTS_MAX", "many")]).unwrap_err().to_string();
    assert_eq!(error, "DORMOUSE_BOOTS_MAX: cannot set `boots_max`: expected a whole number, found \"many\"");
    assert_eq!(row("boots_max").unwrap().variable(), "DORMOUSE_BOOTS_MAX");
}

#[test]
fn a_file_that_is_not_there_means_defaults_and_one_that_cannot_be_read_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(load(&dir.path().join("config.toml"), NO_ENV).unwrap(), Loaded::defaults());
    assert!(matches!(load(dir.path(), NO_ENV), Err(ConfigError::Unreadable { .. })));
}

#[cfg(unix)]
#[test]
fn a_setting_that_is_not_utf8_is_an_error_and_other_variables_may_be_anything() {
    use std::os::unix::ffi::OsStringExt;
    let bad = || OsString::from_vec(vec![0xff]);
    let env = |name: &str| [(OsString::from(name), bad()), (bad(), bad())];
    assert!(parse("", Path::new("c"), env("PATH")).is_ok());
    assert!(matches!(parse("", Path::new("c"), env("DORMOUSE_IDLE")), Err(ConfigError::NotUnicode { .. })));
}

#[test]
fn one_folder_holds_everything_when_it_is_named() {
    let env = [("DORMOUSE_HOME", "/env"), ("HOME", "/home/ada"), ("XDG_STATE_HOME", "/state")];
    assert_eq!(home(Some(Path::new("/flag")), env).unwrap(), Home::under(Path::new("/flag")));
    assert_eq!(home(None, env).unwrap(), Home::under(Path::new("/env")));
    let relative = home(Some(Path::new("there")), NO_ENV).unwrap();
    assert!(relative.state.is_absolute() && relative.state.ends_with("there"), "agents run elsewhere");
}

#[test]
fn without_one_the_xdg_folders_are_used_with_their_fallbacks() {
    let all = [("XDG_CONFIG_HOME", "/c"), ("XDG_STATE_HOME", "/s"), ("XDG_RUNTIME_DIR", "/r"), ("DORMOUSE_HOME", "")];
    let expected = Home { config: "/c/dormouse".into(), state: "/s/dormouse".into(), run: "/r/dormouse".into() };
    assert_eq!(home(None, all).unwrap(), expected);
    let expected = Home {
        config: "/home/ada/.config/dormouse".into(),
        state: "/home/ada/.local/state/dormouse".into(),
        run: "/home/ada/.local/state/dormouse/run".into(),
    };
    assert_eq!(home(None, [("HOME", "/home/ada")]).unwrap(), expected);
    let relative = [("HOME", "/home/ada"), ("XDG_CONFIG_HOME", "c"), ("XDG_STATE_HOME", ""), ("XDG_RUNTIME_DIR", "r")];
    assert_eq!(home(None, relative).unwrap(), expected, "relative and empty ones count as not set");
    assert!(home(None, NO_ENV).is_err());
}

/// Settings: `config.toml`, overridden by `DORMOUSE_<NAME>`, overridden by flags.
#[test]
fn a_flag_overrides_file_and_environment_and_says_so() {
    let flag = |text: &str| text.parse::<SettingFlag>();
    let loaded = parse("idle = \"2h\"", Path::new("config.toml"), [("DORMOUSE_IDLE", "3h")]).unwrap();
    let loaded = loaded.with_flags(&[flag("idle=4h").unwrap()]).unwrap();
    assert_eq!(loaded.settings.idle_ms, 4 * 3_600_000);
    assert_eq!(loaded.sources["idle"].to_string(), "--set idle=4h");
    let unknown = Loaded::defaults().with_flags(&[flag("idel=4h").unwrap()]).unwrap_err();
    assert_eq!(unknown.to_string(), "--set idel=4h: `idel` is no setting");
    assert!(Loaded::defaults().with_flags(&[flag("idle=soon").unwrap()]).is_err());
    assert!(flag("idle").is_err());
}

/// cli.md: the line is named, whatever is wrong with it.
#[test]
fn a_file_that_is_no_text_is_an_error_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    std::fs::write(&file, b"# ours\nidle = \"1h\"\non_attention = \"\xe9t\xe9\"\n").unwrap();
    let error = load(&file, NO_ENV).unwrap_err();
    assert_eq!(error.to_string(), format!("{}:3: not UTF-8: byte 35 is no part of a character", file.display()));
}
