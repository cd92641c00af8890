//! Scenarios (`dormouse sim --script`): what each rule and each bug is about, as a story with an end.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dormouse::sim::script::{Played, Script, play};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

fn text_of(name: &str) -> String {
    let file = folder().join(format!("{name}.toml"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

#[track_caller]
fn played(name: &str, text: &str) -> Played {
    play(&Script::parse(text).unwrap_or_else(|error| panic!("tests/scenarios/{name}.toml: {error}")))
}

/// Everything that went wrong, one line each.
fn wrong(played: &Played) -> Vec<String> {
    let broken = played.ran.broken.iter().map(|broken| format!("{broken:?}"));
    broken.chain(played.failures.iter().map(ToString::to_string)).collect()
}

#[track_caller]
fn comes_out_as_told(name: &str) {
    let wrong = wrong(&played(name, &text_of(name)));
    assert!(wrong.is_empty(), "{}\n  dormouse sim --script tests/scenarios/{name}.toml --trace", wrong.join("\n"));
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        const ALL: &[&str] = &[$(stringify!($name)),*];
        $(#[test]
        fn $name() {
            comes_out_as_told(stringify!($name));
        })*
    };
}

scenarios! {
    c13_a_dead_message_blocks_nobody
    c13_a_report_wakes_nobody
    c13_a_retry_is_not_forgotten_over_what_comes_at_its_moment
    c13_who_waits_for_a_reply_is_told_that_none_will_come
    c16_concurrent_reasons_to_wake_make_one_wake
    c17_a_death_may_be_resumed
    c17_a_topic_that_is_known_resumes
    c17_what_went_down_with_the_machine_counts_as_parked
    c24_a_dialog_takes_one_key_for_each_look
    c28_a_wake_without_proof_has_failed
    c29_a_failed_wake_ends_what_it_left
    c29_a_failed_wake_that_leaves_nothing_is_a_death
    c31_enter_is_pressed_again
    c33a_a_busy_program_is_delivered_to_when_its_turn_has_ended
    c34_what_nobody_can_tell_is_sent_again_and_marked
    c34_what_the_record_holds_is_not_sent_again
    c36_an_arm_ends_no_later_session
    c36_progress_arms_nobody
    c37_an_armed_worker_goes_when_its_turn_has_ended
    c38_a_sign_of_life_counts_from_when_it_was_given
    c38_a_worker_without_a_word_does_not_block_its_queue
    c3_a_half_written_profile_changes_nothing
    c40_queues_drain_at_once_after_a_restart
    c40_the_next_task_starts_at_once
    c41a_a_task_that_kills_two_sessions_is_dead
    c43_a_question_that_fails_decides_nothing
    c44_a_death_is_noticed_when_it_happens
    c44a_a_program_that_exits_at_rest_has_ended
    c45_a_message_between_two_tries_keeps_its_session
    c45_a_message_that_waits_keeps_its_session
    c45_idle_is_counted_from_the_last_sign_of_life
    c46_a_session_that_needs_a_person_waits_for_one
    c46_an_hour_of_thought_is_no_silence
    c46_work_in_the_background_keeps_its_session
    c46a_a_turn_that_nobody_tells_of_is_judged
    c46b_the_newest_evidence_wins
    c48_a_turn_that_ended_well_empties_the_ring
    c48_a_turn_that_left_work_behind_has_ended_well
    c48_three_deaths_quarantine_until_the_oldest_leaves
    c49_a_boot_whose_shim_is_lost_is_ended_by_the_next_daemon
    c49_a_kill_that_cannot_be_verified_is_repeated
    c49_strays_of_a_lost_shim_are_ended
    c50a_a_lid_that_was_closed_reaps_nobody
    c51_one_peers_trouble_stops_nobody_else
    c52_a_stopped_peer_keeps_its_messages
    c52a_a_task_that_an_operator_ended_comes_back_marked
    c53_a_start_lifts_a_quarantine
    c54_a_new_session_replaces_one_that_hangs
    c55_a_worker_that_has_nothing_to_say_says_so
    c56_an_interrupt_of_what_is_not_there_yet_has_an_end
    c57_attach_resumes_what_was_parked
    c58_who_asked_stands_in_the_journal
    c60_a_start_finds_what_lives_and_what_ended
    c61_a_decision_whose_effect_never_ran_is_carried_out
    c61_a_kill_at_a_write_loses_nothing_that_was_answered
    c61_a_restart_leaves_sessions_running
    c61a_a_word_that_was_written_and_not_answered_comes_once_more
    c63_a_journal_that_cannot_be_written_stops_no_session
    c8_the_same_key_is_the_same_message
    found_a_call_in_doubt_is_known_after_hours_without_a_daemon
    found_a_dead_message_keeps_no_other_key
    found_a_dead_message_that_may_have_arrived_is_marked
    found_a_delivery_goes_on_where_nobody_can_say
    found_a_delivery_to_a_managed_session_goes_on
    found_a_launch_in_which_nothing_was_said_leaves_what_was_parked
    found_a_late_answer_proves_nothing_that_came_after_its_task
    found_a_late_word_about_a_turn_that_is_over_holds_nothing_back
    found_a_message_behind_a_task_keeps_no_session
    found_a_report_to_a_peer_that_was_removed_is_for_nobody
    found_a_status_file_that_lags_behind_a_hook_ends_no_work
    found_a_silent_program_that_waited_for_a_person_is_looked_at_again
    found_a_word_before_the_task_was_seen_proves_nothing
    found_a_word_in_the_middle_of_an_end_is_an_answer
    found_an_end_that_is_told_again_ends_no_later_turn
    found_rest_after_an_unheard_turn_is_the_end_of_what_was_typed
    found_who_rests_again_is_back_from_the_background
    found_work_that_went_on_unheard_outlasts_the_proof_of_its_task
    found_a_task_does_not_wait_for_a_router_for_ever
    found_a_turn_that_ended_before_its_delivery_was_settled
    found_a_worker_on_a_router_goes_when_it_has_answered
    found_no_second_task_in_a_session_of_somebody_elses
    found_what_was_said_while_nobody_listened_is_told
}

#[test]
fn no_scenario_is_forgotten() {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let found: BTreeSet<String> = files.map(|file| file.trim_end_matches(".toml").to_owned()).collect();
    assert_eq!(found, ALL.iter().map(|name| (*name).to_owned()).collect());
}

/// The same script is the same run, to the last millisecond.
#[test]
fn a_script_leaves_nothing_to_chance() {
    for name in ALL {
        let text = text_of(name);
        let told = |played: Played| (played.ran.records, played.ran.struck, played.ran.simulated_ms);
        assert_eq!(told(played(name, &text)), told(played(name, &text)), "{name}");
    }
}

/// Whatever is expected in the opposite order does not come: each scenario's own words can fail.
#[test]
fn no_scenario_comes_out_backwards() {
    for name in ALL {
        let text = text_of(name);
        let mut parts: Vec<&str> = text.split("\n\n").collect();
        let places: Vec<usize> = (0..parts.len()).filter(|at| parts[*at].contains("[[expect]]")).collect();
        let backwards: Vec<&str> = places.iter().rev().map(|at| parts[*at]).collect();
        places.iter().zip(backwards).for_each(|(at, part)| parts[*at] = part);
        let played = played(name, &parts.join("\n\n"));
        assert!(!played.failures.is_empty(), "{name} comes out backwards as well");
    }
}

/// One word of a scenario turned around, and the line that has to be named for it.
#[track_caller]
fn fails_with(name: &str, from: &str, to: &str, says: &str) {
    let text = text_of(name);
    assert!(text.contains(from), "{name} does not say {from}");
    let wrong = wrong(&played(name, &text.replacen(from, to, 1)));
    assert!(wrong.iter().any(|line| line.contains(says)), "{name} with {to}: {wrong:?}");
}

#[test]
fn an_expectation_turned_around_fails() {
    fails_with("c31_enter_is_pressed_again", "attempt = 1", "attempt = 2", "expected `delivered` about `m1` with");
    fails_with("c31_enter_is_pressed_again", "within = \"5s\"", "within = \"1s\"", "at most 1s later");
    fails_with("c31_enter_is_pressed_again", "begun = { m1 = 1 }", "begun = { m1 = 2 }", "began 1 time");
    fails_with(
        "c31_enter_is_pressed_again",
        "ada = \"live\"",
        "ada = \"asleep\"",
        "to be asleep in the end, and is live",
    );
    fails_with("c40_the_next_task_starts_at_once", "within = \"0\"", "after = \"1s\"", "at least 1s later");
    fails_with(
        "c43_a_question_that_fails_decides_nothing",
        "until = \"01:15:00\"",
        "until = \"01:30:00\"",
        "0 times, and found 1",
    );
    fails_with("c44_a_death_is_noticed_when_it_happens", "signal = 9", "signal = 11", "session_gone");
    fails_with(
        "c49_a_kill_that_cannot_be_verified_is_repeated",
        "session = \"second\"",
        "session = \"first\"",
        "in session `first`",
    );
    fails_with("c52_a_stopped_peer_keeps_its_messages", "told = \"refused\"", "told = \"done\"", "was told `refused`");
    fails_with(
        "c58_who_asked_stands_in_the_journal",
        "cause = \"done_called\"",
        "cause = \"message_accepted\"",
        "because of `message_accepted`",
    );
    fails_with(
        "c34_what_the_record_holds_is_not_sent_again",
        "m1 = \"delivered\"",
        "m1 = \"dead\"",
        "`m1` was to be `dead` in the end",
    );
}

/// A `never` about a field that no record has would be true of anything.
#[test]
fn a_field_that_no_record_has_is_a_mistake() {
    let never = "[[never]]\nkind = \"delivered\"\nwith = { prof = \"screen\" }\n\n[finally]";
    fails_with("c31_enter_is_pressed_again", "[finally]", never, "no delivered has a field `prof`");
}

/// What did not happen as the script says is no story about it.
#[test]
fn a_step_that_cannot_be_done_and_a_fault_that_finds_no_opportunity_fail() {
    fails_with("c31_enter_is_pressed_again", "times = 2", "times = 200", "\"an Enter is swallowed\" struck");
    let late = "at = \"00:02:00\"\ndo = { kill_server = \"bob\" }\n\n[[expect]]";
    let step = format!("[[step]]\n{late}");
    fails_with("c31_enter_is_pressed_again", "[[expect]]", &step, "no program of teller-bob runs at this moment");
    let nobody_asked = step.replace("kill_server = \"bob\"", "agent = { peer = \"ada\", act = \"goes_on\" }");
    fails_with("c31_enter_is_pressed_again", "[[expect]]", &nobody_asked, "teller-ada cannot do that at this moment");
}

fn sim(file: &Path, more: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_dormouse")).args(["sim", "--script"]).arg(file).args(more).output().unwrap();
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

#[test]
fn the_verb_says_how_it_came_out_and_shows_the_records_around_what_did_not() {
    let folder = tempfile::tempdir().unwrap();
    let (code, says) = sim(&self::folder().join("c31_enter_is_pressed_again.toml"), &[]);
    assert!(code == Some(0) && says.contains("(C31, C14) came out as told"), "{says}");

    let text = text_of("c31_enter_is_pressed_again");
    let file = folder.path().join("a.toml");
    fs::write(&file, text.replacen("attempt = 1", "attempt = 2", 1)).unwrap();
    let (code, says) = sim(&file, &[]);
    let place = format!("{}:24: expected `delivered` about `m1`", file.display());
    assert!(code == Some(1) && says.contains(&place), "{says}");
    assert!(says.contains("delivery_begun") && says.contains("(C31, C14) did not come out as told"), "{says}");
    let (code, says) = sim(&file, &["--json"]);
    let told: serde_json::Value = serde_json::from_str(&says).unwrap_or_else(|error| panic!("{error}: {says}"));
    assert_eq!((code, &told["failures"][0]["line"], &told["broken"]), (Some(1), &24.into(), &serde_json::Value::Null));
    let (_, says) = sim(&file, &["--trace"]);
    assert!(says.contains("     #1 an Enter is swallowed\n    21  "), "{says}");

    fs::write(&file, text.replacen("to = \"ada\"", "too = \"ada\"", 1)).unwrap();
    let (code, says) = sim(&file, &[]);
    let mistake = format!("{}:12: unknown field `too`", file.display());
    assert!(code == Some(2) && says.contains(&mistake) && says.contains("docs/scenarios.md"), "{says}");
}

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scenarios.md")).unwrap()
}

#[test]
fn the_example_of_the_document_comes_out_as_told() {
    let document = document();
    let example = document.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(wrong(&played("docs/scenarios.md", example)), Vec::<String>::new());
}

/// What may be said is what the reader itself offers where it is not understood.
#[test]
fn the_document_names_all_that_may_happen_and_be_expected() {
    let document = document();
    let text = text_of("c31_enter_is_pressed_again");
    let turned = [
        ("do = { send", "do = { sing"),
        ("do = { send = { id = \"m1\", to = \"ada\" } }", "do = { agent = { peer = \"ada\", act = \"sings\" } }"),
        ("id = \"m1\", to", "sing = \"m1\", to"),
        ("what = \"an", "sing = \"an"),
        ("kind = \"message", "sing = \"message"),
        ("told = \"done\"", "told = \"sung\""),
        ("m1 = \"delivered\"", "m1 = \"sung\""),
        ("begun = ", "sung = "),
    ];
    for (from, to) in turned {
        let mistake = Script::parse(&text.replacen(from, to, 1)).expect_err(to).to_string();
        let offered = mistake.split("expected").nth(1).unwrap_or_else(|| panic!("{mistake}"));
        let words: Vec<&str> = offered.split('`').skip(1).step_by(2).collect();
        assert!(words.len() > 1, "{mistake}");
        let missing: Vec<&&str> = words.iter().filter(|word| !document.contains(**word)).collect();
        assert!(missing.is_empty(), "docs/scenarios.md does not name {missing:?}");
    }
}
