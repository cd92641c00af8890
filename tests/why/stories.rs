//! What the recorded fleet has not lived through: short histories, each up to a decision that is made in one more way.

use dormouse::model::profile::Registration;

use crate::world::{ephemeral, on};

/// A peer called ada, shaped so; bob, cid and dot are as peers are by default. What happens, line by line: a time from the
/// beginning, and what a script calls it.
pub struct Story {
    /// What it is told for, as the coverage of made-up worlds calls it.
    pub way: (&'static str, &'static str),
    pub shape: fn(&mut Registration),
    pub lines: &'static str,
}

/// `kind`, in that `way`.
const fn story(kind: &'static str, way: &'static str, shape: fn(&mut Registration), lines: &'static str) -> Story {
    Story { way: (kind, way), shape, lines }
}

fn plain(_: &mut Registration) {}

fn silent(registration: &mut Registration) {
    on("plain")(registration);
}

fn silent_worker(registration: &mut Registration) {
    on("plain")(registration);
    ephemeral(registration);
}

fn router(registration: &mut Registration) {
    on("relay")(registration);
}

fn with_people(registration: &mut Registration) {
    on("plain")(registration);
    registration.profile.converses_with_people = true;
}

/// In the order in which the worlds' coverage has them.
pub const STORIES: &[Story] = &[
    story("wake_decided", "attach, fresh", plain, WAITS_TO_BE_ATTACHED),
    story(
        "wake_decided",
        "compact, fresh",
        plain,
        "0s send a to ada
         1s up ada
         2s turn ada idle
         3s gone ada exit:0
         4s boots max 1
         5s send b to bob
         6s compact ada
         7s nobody resumes
         8s up bob",
    ),
    story(
        "wake_decided",
        "human conversation, fresh",
        with_people,
        "0s send a to ada
         1s up ada
         21s looked ada 20s
         22s gone ada exit:0
         30s send b to ada",
    ),
    story(
        "wake_decided",
        "topic known, fresh",
        silent,
        "0s send a to ada about tides
         1s up ada
         21s looked ada 20s
         22s gone ada exit:0
         30s send b to ada about tides",
    ),
    story(
        "wake_decided",
        "resume failed",
        plain,
        "0s send a to ada about tides
         1s up ada
         2s turn ada idle
         3s gone ada exit:0
         9s send b to ada about tides
         10s gone ada exit:1
         11s passes
         12s gone ada exit:1
         14s passes",
    ),
    story(
        "wake_refused",
        "runtime not declared",
        plain,
        "0s boots max 1
         0s send b to bob
         1s send a to ada
         2s undeclared ada",
    ),
    story("wake_failed", "launch, something left", plain, "0s send a to ada\n1s launch-failed ada launch left"),
    story(
        "delivered",
        "answer",
        silent,
        "0s send a to ada
         1s started ada
         2s box ada
         3s begun a ada
         9s reply r from ada to user:root answers a",
    ),
    story(
        "delivered",
        "hook",
        plain,
        "0s send a to ada
         1s started ada
         2s box ada
         3s typed a ada
         4s taken a ada",
    ),
    story(
        "delivered",
        "transcript, byte for byte",
        plain,
        "0s send a to ada
         1s started ada
         2s box ada
         3s typed a ada
         4s proven a ada by transcript-exact",
    ),
    story(
        "delivered",
        "screen",
        plain,
        "0s send a to ada
         1s started ada
         2s box ada
         3s begun a ada
         5s proven a ada by screen",
    ),
    story(
        "delivered",
        "keys",
        router,
        "0s send a to ada
         1s started ada
         2s box ada
         3s begun a ada
         3s proven a ada by keys",
    ),
    story(
        "delivery_failed",
        "not typed",
        plain,
        "0s send a to ada
         1s up ada
         2s turn ada idle
         3s send b to ada
         3s begun b ada
         4s failed b ada clean",
    ),
    story(
        "turn_judged",
        "it said so",
        silent_worker,
        "0s send a to ada
         1s up ada
         9s done ada",
    ),
    story(
        "look_decided",
        "hook",
        plain,
        "0s send a to ada
         1s up ada
         8s turn ada ended:t1 2s-ago
         3700s passes",
    ),
    story(
        "look_decided",
        "screen",
        silent,
        "0s send a to ada
         1s up ada
         21s looked ada screen:2s
         60s passes",
    ),
    story(
        "look_decided",
        "status file",
        plain,
        "0s send a to ada
         1s up ada
         8s says ada idle status-file
         3700s passes",
    ),
    story(
        "look_decided",
        "title",
        plain,
        "0s send a to ada
         1s up ada
         8s says ada idle title
         3700s passes",
    ),
    story(
        "look_decided",
        "wake",
        plain,
        "0s new ada
         1s started ada
         2s box ada
         3700s passes",
    ),
    story(
        "kept",
        "background work",
        plain,
        "0s send a to ada
         1s up ada
         8s turn ada background
         3700s passes",
    ),
    story(
        "kept",
        "message waiting",
        plain,
        "0s idle after 5
         0s send a to ada
         1s up ada
         5s turn ada idle
         6s send b to ada
         6s begun b ada
         6s failed b ada clean
         7s begun b ada
         7s failed b ada clean
         9s begun b ada
         9s failed b ada clean
         11s passes",
    ),
    story("session_died", "could not be started", plain, "0s send a to ada\n1s gone ada exec"),
    story(
        "verb_given_up",
        "its daemon ended",
        plain,
        "0s send a to ada
         1s up ada
         2s turn ada running
         3s interrupt ada
         4s daemon starts
         4s daemon serves",
    ),
    story(
        "verb_given_up",
        "not resumed",
        plain,
        "0s send a to ada
         1s up ada
         2s turn ada idle
         3s gone ada exit:0
         4s boots max 1
         5s send b to bob
         6s compact ada
         7s nobody resumes
         8s up bob
         9s up ada",
    ),
];

const WAITS_TO_BE_ATTACHED: &str = "0s send a to ada
     1s up ada
     2s turn ada idle
     3s gone ada exit:0
     4s boots max 1
     5s send b to bob
     6s attach ada
     7s nobody resumes
     8s up bob";
