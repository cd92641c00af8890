//! `whatif`: the same history under other settings.

mod lives;
mod story;

use dormouse::explain::whatif::{Figures, Policy, Question, Report, WhatIf};
use dormouse::model::record::{Record, groups};
use dormouse::model::settings::Settings;
use dormouse::model::state::State;
use dormouse::sim::{Level, Plan, run};
use jiff::tz::TimeZone;

fn whatif(records: &[Record], hold: impl Fn(&mut Settings) + 'static) -> Report {
    let question = Question { policy: Policy::new(hold), again_within_ms: 600_000, listed_max: 20 };
    let mut whatif = WhatIf::from(State::default(), question);
    groups(records).for_each(|group| whatif.see(group));
    whatif.finish()
}

/// Settings that held anyway change nothing, said or not; that no settings at all change nothing every simulated world
/// asks for itself.
#[test]
fn i2_settings_that_held_anyway_change_nothing() {
    for (level, seeds) in [(Level::None, 0..3), (Level::Light, 3..6), (Level::Heavy, 6..14)] {
        for seed in seeds {
            let records = run(&Plan::new(seed, level)).records;
            let report = whatif(&records, |settings| {
                let defaults = Settings::default();
                (settings.idle_ms, settings.boots_max) = (defaults.idle_ms, defaults.boots_max);
            });
            // Visitors of some worlds change other settings meanwhile, but none of these.
            let held = report.held.iter().all(|held| (held.idle_ms, held.boots_max) == (3_600_000, 4));
            assert!(!held || report.is_same(), "seed {seed}:\n{}", report.text(&TimeZone::UTC, None));
            assert!(!held || (report.recorded == report.whatif && report.differences == 0), "seed {seed}");
        }
    }
}

/// The same question has the same answer, and no world makes it panic or go round for ever.
#[test]
fn other_settings_have_one_answer_in_any_world() {
    let others: [fn(&mut Settings); 5] = [
        |it| it.idle_ms = 300_000,
        |it| (it.ephemeral_quiet_ms, it.ephemeral_unarmed_idle_ms) = (0, 5_000),
        |it| (it.crashloop_deaths_max, it.crashloop_window_ms) = (1, 3_600_000),
        |it| (it.boots_max, it.unfinished_retries) = (1, 0),
        |it| (it.attempts_max, it.retry_delay_ms) = (1, 60_000),
    ];
    for (seed, hold) in (100..).zip(others.into_iter().cycle()).take(10) {
        let records = run(&Plan::new(seed, Level::Heavy)).records;
        let report = whatif(&records, hold);
        assert_eq!(report, whatif(&records, hold), "seed {seed}");
        assert!(!report.is_same(), "seed {seed}: a heavy world in which none of it matters");
        // What was asked from outside comes to both worlds, and no message is delivered twice as often for it.
        let delivered = |figures: &Figures| figures.waited_ms.count + figures.dead;
        assert!(delivered(&report.whatif) <= 2 * delivered(&report.recorded), "seed {seed}");
    }
}

/// A report that is made earlier, or not at all, makes another queue of whom it is for: C13.
#[test]
fn c13_whom_a_report_is_for_lives_otherwise_with_it() {
    // It sleeps when the news comes, and hears it with its next message.
    let steps = [
        ("00:00:01", r#"behave = { peer = "cyd", turn = "5s" }"#),
        ("00:00:10", r#"send = { id = "to cyd", to = "cyd" }"#),
        ("00:00:12.500", r#"fault = { what = "the pane refuses a paste", peer = "ada", times = 10 }"#),
        ("00:00:21", r#"agent = { peer = "cyd", act = { sends = { id = "from cyd", to = "ada" } } }"#),
        ("00:00:22", r#"agent = { peer = "cyd", act = { exits = 0 } }"#),
        ("00:10:00", r#"send = { id = "later", to = "cyd" }"#),
    ];
    let report = whatif(&story::story("00:20:00", &steps), |it| it.attempts_max = 1);
    let text = report.text(&TimeZone::UTC, None);
    let parted: Vec<_> = report.peers.iter().filter(|it| it.parted.is_some()).map(|it| it.peer.to_string()).collect();
    assert_eq!(parted, ["teller-ada", "teller-cyd"], "{text}");
    assert_eq!(report.by_rules, 0, "{text}");
    for it in &report.peers {
        assert_eq!(it.recorded.waited_ms.count, it.whatif.waited_ms.count, "each is delivered in both worlds\n{text}");
    }
}

/// Days of ten peers under a setting that hardly touches them: what is modelled adds up to what there was, for nobody works
/// longer, or less, for having booted a moment later.
#[test]
fn what_matters_little_changes_little() {
    let records = run(&Plan { hours: 72, sends_per_hour: 60, ..Plan::new(1, Level::None) }).records;
    let report = whatif(&records, |it| it.boots_max = 1);
    let text = report.text(&TimeZone::UTC, None);
    assert!(report.peers.iter().filter(|peer| peer.parted.is_some()).count() >= 6, "{text}");
    let (was, would) = (report.recorded.session_ms, report.whatif.session_ms);
    assert!(was.abs_diff(would) * 20 <= was, "{was}, and {would}\n{text}");
    for it in &report.peers {
        let near = |of: fn(&Figures) -> u64| {
            let (was, would) = (of(&it.recorded), of(&it.whatif));
            assert!(was.abs_diff(would) * 3 <= was.max(would), "{}: {was}, and {would}\n{text}", it.peer);
        };
        near(|figures| figures.session_ms);
        near(|figures| figures.wakes);
        near(|figures| figures.waited_ms.count);
        near(|figures| figures.waited_ms.p90);
        near(|figures| figures.waiting);
    }
}
