//! What other settings would have made of small lives, as whole texts.

use dormouse::model::record::Record;
use dormouse::model::settings::Settings;
use jiff::tz::TimeZone;

use crate::story::story;
use crate::whatif;

/// The sentence that says how is left out: it is the same in all of them.
#[track_caller]
fn says(end: &str, steps: &[(&str, &str)], hold: impl Fn(&mut Settings) + 'static, expected: &str) {
    says_of(&story(end, steps), hold, expected);
}

#[track_caller]
fn says_of(records: &[Record], hold: impl Fn(&mut Settings) + 'static, expected: &str) {
    let report = whatif(records, hold);
    let text = report.text(&TimeZone::UTC, None);
    let text: String =
        text.lines().filter(|line| !line.starts_with("Recorded →")).map(|line| format!("{}\n", line.trim())).collect();
    let expected: String = expected.trim().lines().map(|line| format!("{}\n", line.trim())).collect();
    assert_eq!(text, expected, "\n{text}");
}

const TALK: &[(&str, &str)] = &[
    ("00:00:10", r#"send = { id = "m1", to = "ada" }"#),
    ("00:15:00", r#"send = { id = "m2", to = "ada" }"#),
    ("01:40:00", r#"send = { id = "m3", to = "ada" }"#),
];

/// A narrow terminal gets narrow lines; no word is cut.
#[test]
fn a_report_fits_into_a_narrow_terminal() {
    let report = whatif(&story("02:30:00", TALK), |it| it.idle_ms = 600_000);
    for columns in [60, 80] {
        let text = report.text(&TimeZone::UTC, Some(columns));
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(columns)), "{columns}:\n{text}");
        assert!(text.contains("--again-within"), "{text}");
    }
}

#[test]
fn c45_a_shorter_idle_reaps_more_often_and_in_vain() {
    says("02:30:00", TALK, |it| it.idle_ms = 600_000, "
        Records 1 to 68, 17 decisions; 1 peer would have lived otherwise

        PEER        WAKES   REAPS   IN VAIN  DEATHS  QUARANTINES  DEAD  SESSION TIME              WAITING P50  P99
        teller-ada  2 → ~3  1 → ~3  0 → ~1   ~0      ~0           ~0    2 h 6 min → ~33 min 37 s  ~2.5 s       ~2.5 s
        all         2 → ~3  1 → ~3  0 → ~1   ~0      ~0           ~0    2 h 6 min → ~33 min 37 s  ~2.5 s       ~2.5 s
        in vain: reaped as idle, and woken again within 10 min (--again-within)

        What was decided (-) and would not have been then, and what would have been (+):
        +     ~5  2026-01-01 00:11:42.074  reaped              teller-ada        its session is ended (reaped): idle for 10 min, limit 10 min; last sign of life was the program's own word on its terminal at 00:01:42 (C45) ← ~3
        +     ~8  2026-01-01 00:15:00.000  wake_decided        teller-ada        woken fresh for a message: the message has no topic (C17); 1 of 4 sessions booting at once (C20); takes what was parked at record ~4 ← 29
        +    ~22  2026-01-01 00:25:32.068  reaped              teller-ada        its session is ended (reaped): idle for 10 min, limit 10 min; last sign of life was the program's own word on its terminal at 00:15:32 (C45) ← ~20
        -     43  2026-01-01 01:16:30.026  reaped              teller-ada        its session is ended (reaped): idle for 1 h, limit 1 h; last sign of life was the program's own word on its terminal at 00:16:30 (C45) ← 41
        +    ~29  2026-01-01 01:51:32.074  reaped              teller-ada        its session is ended (reaped): idle for 10 min, limit 10 min; last sign of life was the program's own word on its terminal at 01:41:32 (C45) ← ~27");
}

#[test]
fn c45_a_longer_idle_keeps_a_session_for_the_next_message() {
    says("02:30:00", TALK, |it| it.idle_ms = 7_200_000, "
        Records 1 to 68, 17 decisions; 1 peer would have lived otherwise

        PEER        WAKES   REAPS   IN VAIN  DEATHS  QUARANTINES  DEAD  SESSION TIME             WAITING P50      P99
        teller-ada  2 → ~1  1 → ~0  ~0       ~0      ~0           ~0    2 h 6 min → ~2 h 29 min  2.5 s → ~478 ms  ~2.5 s
        all         2 → ~1  1 → ~0  ~0       ~0      ~0           ~0    2 h 6 min → ~2 h 29 min  2.5 s → ~478 ms  ~2.5 s
        in vain: reaped as idle, and woken again within 10 min (--again-within)

        What was decided (-) and would not have been then, and what would have been (+):
        -     43  2026-01-01 01:16:30.026  reaped              teller-ada        its session is ended (reaped): idle for 1 h, limit 1 h; last sign of life was the program's own word on its terminal at 00:16:30 (C45) ← 41
        -     47  2026-01-01 01:40:00.000  wake_decided        teller-ada        woken fresh for a message: the message has no topic (C17); 1 of 4 sessions booting at once (C20); takes what was parked at record 42 ← 46");
}

#[test]
fn c48_one_death_that_counts_is_enough_for_a_quarantine() {
    let steps = [
        ("00:00:05", r#"fault = { what = "the program dies at boot", peer = "ada" }"#),
        ("00:00:10", r#"send = { id = "m1", to = "ada" }"#),
    ];
    says("00:20:00", &steps, |it| it.crashloop_deaths_max = 1, "
        Records 1 to 45, 9 decisions; 1 peer would have lived otherwise

        PEER        WAKES  REAPS  IN VAIN  DEATHS  QUARANTINES  DEAD  SESSION TIME                WAITING P50         P99
        teller-ada  ~2     ~0     ~0       ~1      0 → ~1       ~0    19 min 49 s → ~14 min 50 s  4.6 s → ~5 min 3 s  4.6 s → ~5 min 3 s
        all         ~2     ~0     ~0       ~1      0 → ~1       ~0    19 min 49 s → ~14 min 50 s  4.6 s → ~5 min 3 s  4.6 s → ~5 min 3 s
        in vain: reaped as idle, and woken again within 10 min (--again-within)

        What was decided (-) and would not have been then, and what would have been (+):
        +     ~1  2026-01-01 00:00:11.066  quarantined         teller-ada        quarantined: 1 death within 5 min (records 20), so nothing wakes it until 00:05:11 or `dormouse start` (C48) ← 20
        -     24  2026-01-01 00:00:12.066  wake_decided        teller-ada        woken fresh for a message: the session before died (C17); 1 of 4 sessions booting at once (C20) ← 23
        +     ~4  2026-01-01 00:05:11.066  quarantine_lifted   teller-ada        wakes are allowed again: the oldest death has left the window (C48) ← ~3
        +     ~5  2026-01-01 00:05:11.066  wake_decided        teller-ada        woken fresh for a message: the session before died (C17); 1 of 4 sessions booting at once (C20) ← ~4");
}

/// What has not come by the end is in no percentile, and is said beside them.
#[test]
fn c48_a_message_that_waits_at_the_end_is_counted() {
    let steps = [
        ("00:00:05", r#"fault = { what = "the program dies at boot", peer = "ada" }"#),
        ("00:00:10", r#"send = { id = "m1", to = "ada" }"#),
        ("00:01:10", r#"send = { id = "m2", to = "ada" }"#),
        ("00:01:40", r#"stop = "bob""#),
    ];
    let mut records = story("00:01:59", &steps);
    // At its end somebody starts whoever does not move.
    let begun = records[0].at;
    records.retain(|record| record.at.since(begun) < 110_000);
    says_of(&records, |it| it.crashloop_deaths_max = 1, "
        Records 1 to 46, 13 decisions; 1 peer would have lived otherwise

        PEER        WAKES   REAPS  IN VAIN  DEATHS  QUARANTINES  DEAD  SESSION TIME         WAITING P50  P99        STILL WAITING
        teller-ada  2 → ~1  ~0     ~0       ~1      0 → ~1       ~0    1 min 29 s → ~1.0 s  478 ms → -   4.6 s → -  - → ~2 (1 min 30 s)
        all         2 → ~1  ~0     ~0       ~1      0 → ~1       ~0    1 min 29 s → ~1.0 s  478 ms → -   4.6 s → -  - → ~2 (1 min 30 s)
        still waiting: not delivered by the end, and for how long the first of them had waited then; what they would come to is in no percentile
        in vain: reaped as idle, and woken again within 10 min (--again-within)

        What was decided (-) and would not have been then, and what would have been (+):
        +     ~1  2026-01-01 00:00:11.066  quarantined         teller-ada        quarantined: 1 death within 5 min (records 20), so nothing wakes it until 00:05:11 or `dormouse start` (C48) ← 20
        -     24  2026-01-01 00:00:12.066  wake_decided        teller-ada        woken fresh for a message: the session before died (C17); 1 of 4 sessions booting at once (C20) ← 23");
}

#[test]
fn c48_a_guard_that_allows_more_lets_a_program_that_cannot_start_fail_again() {
    let steps = [
        ("00:00:05", r#"fault = { what = "the program dies at boot", peer = "ada", times = 3 }"#),
        ("00:00:10", r#"send = { id = "m1", to = "ada" }"#),
    ];
    says("00:10:00", &steps, |it| it.crashloop_deaths_max = 5, "
        Records 1 to 63, 19 decisions; 1 peer would have lived otherwise

        PEER        WAKES   REAPS  IN VAIN  DEATHS  QUARANTINES  DEAD  SESSION TIME              WAITING P50             P99
        teller-ada  4 → ~7  ~0     ~0       3 → ~6  1 → ~2       ~0    4 min 52 s → ~4 min 53 s  5 min 3 s → ~5 min 5 s  5 min 3 s → ~5 min 5 s
        all         4 → ~7  ~0     ~0       3 → ~6  1 → ~2       ~0    4 min 52 s → ~4 min 53 s  5 min 3 s → ~5 min 5 s  5 min 3 s → ~5 min 5 s
        in vain: reaped as idle, and woken again within 10 min (--again-within)

        What was decided (-) and would not have been then, and what would have been (+):
        -     38  2026-01-01 00:00:16.194  quarantined         teller-ada        quarantined: 3 deaths within 5 min (records 20, 28, 36), so nothing wakes it until 00:05:11 or `dormouse start` (C48) ← 36
        +     ~3  2026-01-01 00:00:20.194  wake_decided        teller-ada        woken fresh for a message: the session before died (C17); 1 of 4 sessions booting at once (C20) ← ~2
        +     ~5  2026-01-01 00:00:21.258  session_died        teller-ada        died, for nobody had decided its end: the session exited with code 1 after 1.0 s; 4 deaths in 5 min, limit 5 (C48) ← ~4
        +     ~6  2026-01-01 00:00:21.258  wake_failed         teller-ada        the wake failed: the boot failed: the session exited with code 1; its death has been counted (C29); what waits for it is tried again in 8 s at the earliest ← ~4
        +     ~9  2026-01-01 00:00:29.258  wake_decided        teller-ada        woken fresh for a message: the session before died (C17); 1 of 4 sessions booting at once (C20) ← ~8
        +    ~11  2026-01-01 00:00:30.322  session_died        teller-ada        died, for nobody had decided its end: the session exited with code 1 after 1.0 s; 5 deaths in 5 min, limit 5 (C48) ← ~10
        +    ~12  2026-01-01 00:00:30.322  wake_failed         teller-ada        the wake failed: the boot failed: the session exited with code 1; its death has been counted (C29); what waits for it is tried again in 16 s at the earliest ← ~10
        +    ~13  2026-01-01 00:00:30.322  quarantined         teller-ada        quarantined: 5 deaths within 5 min (records 20, 28, 36, ~5, ~11), so nothing wakes it until 00:05:11 or `dormouse start` (C48) ← ~11
        -     41  2026-01-01 00:05:11.066  quarantine_lifted   teller-ada        wakes are allowed again: the oldest death has left the window (C48) ← 40
        -     42  2026-01-01 00:05:11.066  wake_decided        teller-ada        woken fresh for a message: the session before died (C17); 1 of 4 sessions booting at once (C20) ← 41
        +    ~16  2026-01-01 00:05:11.066  quarantine_lifted   teller-ada        wakes are allowed again: the oldest death has left the window (C48) ← ~15
        +    ~17  2026-01-01 00:05:11.066  wake_decided        teller-ada        woken fresh for a message: the session before died (C17); 1 of 4 sessions booting at once (C20) ← ~16
        +    ~19  2026-01-01 00:05:12.130  session_died        teller-ada        died, for nobody had decided its end: the session exited with code 1 after 1.0 s; 5 deaths in 5 min, limit 5 (C48) ← ~18
        +    ~20  2026-01-01 00:05:12.130  wake_failed         teller-ada        the wake failed: the boot failed: the session exited with code 1; its death has been counted (C29); what waits for it is tried again in 32 s at the earliest ← ~18
        +    ~21  2026-01-01 00:05:12.130  quarantined         teller-ada        quarantined: 5 deaths within 5 min (records 28, 36, ~5, ~11, ~19), so nothing wakes it until 00:05:13 or `dormouse start` (C48) ← ~19
        +    ~24  2026-01-01 00:05:13.130  quarantine_lifted   teller-ada        wakes are allowed again: the oldest death has left the window (C48) ← ~23
        +    ~25  2026-01-01 00:05:13.130  wake_decided        teller-ada        woken fresh for a message: the session before died (C17); 1 of 4 sessions booting at once (C20) ← ~24");
}

const TASKS: &[(&str, &str)] = &[
    ("00:00:10", r#"send = { id = "m1", to = "eve" }"#),
    ("00:00:11", r#"send = { id = "m2", to = "eve" }"#),
    ("00:00:12", r#"send = { id = "m3", to = "eve" }"#),
];

#[test]
fn c37_a_longer_quiet_makes_the_tasks_behind_wait() {
    says("00:20:00", TASKS, |it| it.ephemeral_quiet_ms = 120_000, "
        Records 1 to 88, 32 decisions; 1 peer would have lived otherwise

        PEER        WAKES  REAPS  IN VAIN  DEATHS  QUARANTINES  DEAD  SESSION TIME              WAITING P50           P99
        teller-eve  ~3     ~3     ~0       ~0      ~0           ~0    2 min 36 s → ~7 min 36 s  53.8 s → ~2 min 33 s  1 min 45 s → ~5 min 5 s
        all         ~3     ~3     ~0       ~0      ~0           ~0    2 min 36 s → ~7 min 36 s  53.8 s → ~2 min 33 s  1 min 45 s → ~5 min 5 s
        in vain: reaped as idle, and woken again within 10 min (--again-within)

        What was decided (-) and would not have been then, and what would have been (+):
        -     34  2026-01-01 00:01:02.082  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record 29), its turn has ended, and it has been quiet for 20.0 s, limit 20 s (C37) ← 33
        -     39  2026-01-01 00:01:02.324  wake_decided        teller-eve        woken fresh for the next task of its queue: an ephemeral peer gets a fresh session for each task (C17); 1 of 4 sessions booting at once (C20) ← 37
        -     55  2026-01-01 00:01:54.406  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record 50), its turn has ended, and it has been quiet for 20.0 s, limit 20 s (C37) ← 54
        -     60  2026-01-01 00:01:54.648  wake_decided        teller-eve        woken fresh for the next task of its queue: an ephemeral peer gets a fresh session for each task (C17); 1 of 4 sessions booting at once (C20) ← 58
        +     ~4  2026-01-01 00:02:42.074  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record 29), its turn has ended, and it has been quiet for 2 min, limit 2 min (C37) ← ~3
        +     ~9  2026-01-01 00:02:42.316  wake_decided        teller-eve        woken fresh for the next task of its queue: an ephemeral peer gets a fresh session for each task (C17); 1 of 4 sessions booting at once (C20) ← ~7
        -     76  2026-01-01 00:02:46.730  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record 71), its turn has ended, and it has been quiet for 20.0 s, limit 20 s (C37) ← 75
        +    ~24  2026-01-01 00:05:14.386  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record ~19), its turn has ended, and it has been quiet for 2 min, limit 2 min (C37) ← ~23
        +    ~29  2026-01-01 00:05:14.628  wake_decided        teller-eve        woken fresh for the next task of its queue: an ephemeral peer gets a fresh session for each task (C17); 1 of 4 sessions booting at once (C20) ← ~27
        +    ~44  2026-01-01 00:07:46.698  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record ~39), its turn has ended, and it has been quiet for 2 min, limit 2 min (C37) ← ~43");
}

#[test]
fn c37_no_quiet_at_all_ends_workers_at_once() {
    says("00:20:00", TASKS, |it| it.ephemeral_quiet_ms = 0, "
        Records 1 to 88, 32 decisions; 1 peer would have lived otherwise

        PEER        WAKES  REAPS  IN VAIN  DEATHS  QUARANTINES  DEAD  SESSION TIME              WAITING P50       P99
        teller-eve  ~3     ~3     ~0       ~0      ~0           ~0    2 min 36 s → ~1 min 37 s  53.8 s → ~34.1 s  1 min 45 s → ~1 min 5 s
        all         ~3     ~3     ~0       ~0      ~0           ~0    2 min 36 s → ~1 min 37 s  53.8 s → ~34.1 s  1 min 45 s → ~1 min 5 s
        in vain: reaped as idle, and woken again within 10 min (--again-within)

        What was decided (-) and would not have been then, and what would have been (+):
        +     ~3  2026-01-01 00:00:42.074  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record 29), its turn has ended, and it has been quiet for 0 s, limit 0 s (C37) ← ~2
        +     ~8  2026-01-01 00:00:42.574  wake_decided        teller-eve        woken fresh for the next task of its queue: an ephemeral peer gets a fresh session for each task (C17); 1 of 4 sessions booting at once (C20) ← ~6
        -     34  2026-01-01 00:01:02.082  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record 29), its turn has ended, and it has been quiet for 20.0 s, limit 20 s (C37) ← 33
        -     39  2026-01-01 00:01:02.324  wake_decided        teller-eve        woken fresh for the next task of its queue: an ephemeral peer gets a fresh session for each task (C17); 1 of 4 sessions booting at once (C20) ← 37
        +    ~22  2026-01-01 00:01:14.644  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record ~18), its turn has ended, and it has been quiet for 0 s, limit 0 s (C37) ← ~21
        +    ~27  2026-01-01 00:01:14.886  wake_decided        teller-eve        woken fresh for the next task of its queue: an ephemeral peer gets a fresh session for each task (C17); 1 of 4 sessions booting at once (C20) ← ~25
        +    ~41  2026-01-01 00:01:46.956  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record ~37), its turn has ended, and it has been quiet for 0 s, limit 0 s (C37) ← ~40
        -     55  2026-01-01 00:01:54.406  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record 50), its turn has ended, and it has been quiet for 20.0 s, limit 20 s (C37) ← 54
        -     60  2026-01-01 00:01:54.648  wake_decided        teller-eve        woken fresh for the next task of its queue: an ephemeral peer gets a fresh session for each task (C17); 1 of 4 sessions booting at once (C20) ← 58
        -     76  2026-01-01 00:02:46.730  reaped              teller-eve        its session is ended (reaped): it has answered (armed at record 71), its turn has ended, and it has been quiet for 20.0 s, limit 20 s (C37) ← 75");
}

#[test]
fn c20_one_boot_at_a_time_makes_messages_wait_for_each_other() {
    let steps = [
        ("00:00:01", r#"behave = { peer = "ada", boot = "10s" }"#),
        ("00:00:01", r#"behave = { peer = "bob", boot = "10s" }"#),
        ("00:00:01", r#"behave = { peer = "cyd", boot = "10s" }"#),
        ("00:00:10", r#"send = { id = "m1", to = "ada" }"#),
        ("00:00:10", r#"send = { id = "m2", to = "bob" }"#),
        ("00:00:10", r#"send = { id = "m3", to = "cyd" }"#),
    ];
    says("00:05:00", &steps, |it| it.boots_max = 1, "
        Records 1 to 65, 15 decisions; 2 peers would have lived otherwise

        PEER        WAKES  REAPS  IN VAIN  DEATHS  QUARANTINES  DEAD  SESSION TIME                WAITING P50       P99
        teller-ada  1      0      0        0       0            0     4 min 50 s                  10.5 s            10.5 s
        teller-bob  ~1     ~0     ~0       ~0      ~0           ~0    4 min 50 s → ~4 min 39 s    10.5 s → ~20.5 s  10.5 s → ~20.5 s
        teller-cyd  ~1     ~0     ~0       ~0      ~0           ~0    4 min 50 s → ~4 min 29 s    10.5 s → ~30.6 s  10.5 s → ~30.6 s
        all         ~3     ~0     ~0       ~0      ~0           ~0    14 min 30 s → ~13 min 59 s  10.5 s → ~20.5 s  10.5 s → ~30.6 s
        in vain: reaped as idle, and woken again within 10 min (--again-within)

        What was decided (-) and would not have been then, and what would have been (+):
        -     18  2026-01-01 00:00:10.000  wake_decided        teller-bob        woken fresh for a message: nothing was ever parked (C17); 2 of 4 sessions booting at once (C20) ← 17
        -     20  2026-01-01 00:00:10.000  wake_decided        teller-cyd        woken fresh for a message: nothing was ever parked (C17); 3 of 4 sessions booting at once (C20) ← 19
        +     ~3  2026-01-01 00:00:20.054  wake_decided        teller-bob        woken fresh for a message: nothing was ever parked (C17); 1 of 1 sessions booting at once (C20) ← 25
        +     ~7  2026-01-01 00:00:30.107  wake_decided        teller-cyd        woken fresh for a message: nothing was ever parked (C17); 1 of 1 sessions booting at once (C20) ← ~6");
}

const REFUSED: &[(&str, &str)] = &[
    ("00:00:10", r#"send = { id = "m0", to = "bob" }"#),
    ("00:01:55", r#"fault = { what = "the pane refuses a paste", peer = "bob", times = 3 }"#),
    ("00:02:00", r#"send = { id = "m1", to = "bob" }"#),
    ("00:02:01", r#"send = { id = "m2", to = "bob" }"#),
];

#[test]
fn c13_fewer_attempts_give_a_message_up_that_arrived() {
    says("00:10:00", REFUSED, |it| it.attempts_max = 2, "
        Records 1 to 72, 17 decisions; 1 peer would have lived otherwise

        PEER        WAKES  REAPS  IN VAIN  DEATHS  QUARANTINES  DEAD    SESSION TIME  WAITING P50     P99
        teller-bob  ~1     ~0     ~0       ~0      ~0           0 → ~2  ~9 min 50 s   7.5 s → ~2.5 s  36.5 s → ~2.5 s
        all         ~1     ~0     ~0       ~0      ~0           0 → ~2  ~9 min 50 s   7.5 s → ~2.5 s  36.5 s → ~2.5 s
        in vain: reaped as idle, and woken again within 10 min (--again-within)

        What was decided (-) and would not have been then, and what would have been (+):
        -     39  2026-01-01 00:02:01.016  delivery_failed     teller-bob        attempt 2 of 5 did not arrive: at the paste: the pane takes no paste; tried again in 2 s (C13) ← 38
        +     ~1  2026-01-01 00:02:01.016  message_dead        teller-bob        given up after 2 attempts: 2 deliveries failed, the last one at the paste: the pane takes no paste; kept, and retryable by hand (C13) ← 38
        +     ~6  2026-01-01 00:02:01.022  delivery_failed     teller-bob        attempt 1 of 2 did not arrive: at the paste: the pane takes no paste; tried again in 1 s (C13) ← ~5
        +    ~11  2026-01-01 00:02:02.028  message_dead        teller-bob        given up after 2 attempts: 2 deliveries failed, the last one at the paste: the pane takes no paste; kept, and retryable by hand (C13) ← ~10
        -     44  2026-01-01 00:02:03.024  delivery_failed     teller-bob        attempt 3 of 5 did not arrive: at the paste: the pane takes no paste; tried again in 4 s (C13) ← 43");
}

#[test]
fn c13_a_longer_delay_makes_a_failed_delivery_wait() {
    says("00:10:00", REFUSED, |it| it.retry_delay_ms = 30_000, "
        Records 1 to 72, 17 decisions; 1 peer would have lived otherwise

        PEER        WAKES  REAPS  IN VAIN  DEATHS  QUARANTINES  DEAD  SESSION TIME  WAITING P50      P99
        teller-bob  ~1     ~0     ~0       ~0      ~0           ~0    ~9 min 50 s   7.5 s → ~36.5 s  36.5 s → ~37.5 s
        all         ~1     ~0     ~0       ~0      ~0           ~0    ~9 min 50 s   7.5 s → ~36.5 s  36.5 s → ~37.5 s
        in vain: reaped as idle, and woken again within 10 min (--again-within)

        What was decided (-) and would not have been then, and what would have been (+):
        -     33  2026-01-01 00:02:00.008  delivery_failed     teller-bob        attempt 1 of 5 did not arrive: at the paste: the pane takes no paste; tried again in 1 s (C13) ← 32
        +     ~1  2026-01-01 00:02:00.008  delivery_failed     teller-bob        attempt 1 of 5 did not arrive: at the paste: the pane takes no paste; tried again in 30 s (C13) ← 32
        -     39  2026-01-01 00:02:01.016  delivery_failed     teller-bob        attempt 2 of 5 did not arrive: at the paste: the pane takes no paste; tried again in 2 s (C13) ← 38
        -     44  2026-01-01 00:02:03.024  delivery_failed     teller-bob        attempt 3 of 5 did not arrive: at the paste: the pane takes no paste; tried again in 4 s (C13) ← 43");
}
