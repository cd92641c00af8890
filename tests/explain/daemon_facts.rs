//! The sentence of each fact about the daemon itself and its journal.

use dormouse::model::event::*;
use dormouse::model::id::Lsn;
use dormouse::model::settings::{SettingGiven, SettingPlace, Settings};

pub fn table() -> Vec<(Event, &'static str)> {
    let started =
        |tmux: Option<&str>| DaemonStarted { version: "0.1.0".into(), pid: 4711, tmux: tmux.map(str::to_owned) };
    let changed = Settings { idle_ms: 600_000, boots_max: 2, ..Settings::default() };
    let given = vec![
        SettingGiven {
            name: "idle".into(),
            place: SettingPlace::File { file: "/etc/mouse/config.toml".into(), line: 3 },
        },
        SettingGiven {
            name: "boots_max".into(),
            place: SettingPlace::Environment { variable: "DORMOUSE_BOOTS_MAX".into() },
        },
    ];
    let demo =
        RuntimeTraits { name: "demo".parse().unwrap(), kind: RuntimeKind::Tui, can_resume: true, tells_turns: true };
    let pipe = RuntimeTraits {
        name: "pipe".parse().unwrap(),
        kind: RuntimeKind::Router,
        can_resume: false,
        tells_turns: false,
    };
    let passed = |deadline| Event::from(DeadlinePassed { deadline });
    let called =
        |failed: Option<&str>| AttentionCalled { what: "ada needs you".into(), failed: failed.map(str::to_owned) };
    vec![
        (started(Some("tmux 3.3a")).into(), "dormouse 0.1.0 started as process 4711 with tmux 3.3a"),
        (started(None).into(), "dormouse 0.1.0 started as process 4711; tmux could not be asked"),
        (
            DaemonReady { adopted: 2, gone: 1, not_known: 0 }.into(),
            "looked at what was in flight and serves: 2 found alive, 1 gone, 0 not known (C60)",
        ),
        (
            SnapshotTaken { through: Lsn(500), bytes: 70_000, digest: "ab".into() }.into(),
            "the state as of record 500 lies in a snapshot of 70,000 bytes",
        ),
        (
            HistoryRemoved {
                first_kept: Lsn(401),
                segments: 2,
                bytes: 134_217_728,
                head: "ab".into(),
                because: RetentionReason::Size { bytes: 200_000_000, bytes_max: 100_000_000 },
            }
            .into(),
            "the records before 401 go, 2 segments of 134,217,728 bytes: the journal has 200,000,000 bytes, limit 100,000,000 (retain_bytes)",
        ),
        (
            HistoryRemoved {
                first_kept: Lsn(401),
                segments: 1,
                bytes: 67_108_864,
                head: "ab".into(),
                because: RetentionReason::Age { age_ms: 2_000_000, age_ms_max: 1_000_000 },
            }
            .into(),
            "the records before 401 go, 1 segment of 67,108,864 bytes: their last is 33 min 20 s old, limit 16 min 40 s (retain_age)",
        ),
        (
            HistoryRemoved {
                first_kept: Lsn(401),
                segments: 0,
                bytes: 0,
                head: "ab".into(),
                because: RetentionReason::Capsule {},
            }
            .into(),
            "this journal is a capsule: the records before 401 were left out of it",
        ),
        (
            RecordLost { segment: "1.jnl".into(), offset: 4096, what: "no frame stands here".into() }.into(),
            "the record that stood here was lost in byte 4,096 of 1.jnl: no frame stands here",
        ),
        (DaemonStopped { why: "SIGTERM".into() }.into(), "the daemon stopped: SIGTERM; sessions go on (C61)"),
        (
            SettingsChanged { settings: Settings::default(), given: None }.into(),
            "settings in force: all at their defaults",
        ),
        (
            SettingsChanged { settings: changed.clone(), given: None }.into(),
            "settings in force: idle_ms 600,000 instead of 3,600,000, boots_max 2 instead of 4, all others at their defaults",
        ),
        (
            SettingsChanged { settings: changed, given: Some(given) }.into(),
            "settings in force: idle_ms 600,000 instead of 3,600,000 (/etc/mouse/config.toml:3), boots_max 2 instead of 4 \
             (DORMOUSE_BOOTS_MAX), all others at their defaults",
        ),
        (
            SettingsUnreadable { why: "line 3: `idle = 5`".into() }.into(),
            "what was read again is not in order and changes nothing: line 3: `idle = 5` (C3a)",
        ),
        (
            RuntimesChanged { runtimes: vec![demo, pipe] }.into(),
            "runtimes known: demo (tui, can resume, tells its turns), pipe (router, its turns are judged)",
        ),
        (RuntimesChanged { runtimes: vec![] }.into(), "runtimes known: none"),
        (passed(DeadlineKind::Look), "a deadline passed: a session has been silent long enough to be looked at"),
        (passed(DeadlineKind::BootSlot), "a deadline passed: a boot slot has been held for its time (C20)"),
        (passed(DeadlineKind::Retry), "a deadline passed: the delay before the next attempt is over (C13)"),
        (passed(DeadlineKind::Quarantine), "a deadline passed: the oldest death has left the window (C48)"),
        (called(None).into(), "the user's on_attention command was told: ada needs you"),
        (
            called(Some("exit code 1")).into(),
            "the user's on_attention command failed: exit code 1; it was to be told: ada needs you",
        ),
        (
            turned_away(Some(1000), 1).into(),
            "a call was refused at the mcp door with status 401, from a process of uid 1000: no secret was shown (C62)",
        ),
        (
            turned_away(None, 1_200).into(),
            "1,200 more calls within a minute were refused at the mcp door with status 401: no secret was shown (C62)",
        ),
    ]
}

fn turned_away(uid: Option<u32>, times: u32) -> CallRefused {
    let [door, rule, why] = ["mcp", "C62", "no secret was shown"].map(str::to_owned);
    CallRefused { door, status: 401, rule, why, uid, times }
}
