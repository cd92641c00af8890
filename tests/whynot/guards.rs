//! The other guards, each as a whole text in `tests/whynot/texts`. What is said now is left in the tests' own folder:
//!
//! ```text
//! cp target/tmp/whynot/*.txt tests/whynot/texts/
//! ```

use std::fs;
use std::path::Path;

use dormouse::explain::whynot::Question;
use dormouse::model::profile::Registration;
use jiff::tz::TimeZone;

use crate::world::{ephemeral, on};
use crate::{AT_REST, asked, gates, promise_is_kept};

struct Case {
    name: &'static str,
    shape: fn(&mut Registration),
    script: String,
    question: Question,
}

fn case(name: &'static str, shape: fn(&mut Registration), then: &str, question: Question) -> Case {
    Case { name, shape, script: format!("{AT_REST}\n{then}"), question }
}

fn plain(name: &'static str, script: &str, question: Question) -> Case {
    Case { name, shape: |_| {}, script: script.to_owned(), question }
}

fn cases() -> Vec<Case> {
    let dies = |at: u32| format!("{at}s send m{at} to ada\n{at}s up ada\n{at}s gone ada signal:9\n");
    let crashed = format!("{}{}{}80s send last to ada", dies(1), dies(20), dies(60));
    let any = |_: &mut Registration| {};
    vec![
        case("reaped-compaction", any, "6s compact ada", Question::Reaped),
        case("reaped-delivery", any, "6s send b to ada\n7s begun b ada", Question::Reaped),
        case("reaped-background", any, "6s turn ada background\n60s passes", Question::Reaped),
        case("reaped-decided", any, "6s stop ada\n7s passes", Question::Reaped),
        case("reaped-failed-turn", any, "6s turn ada failed\n60s passes", Question::Reaped),
        Case {
            name: "reaped-router",
            shape: |it| on("relay")(it),
            script: "0s send a to ada\n1s up ada\n60s passes".to_owned(),
            question: Question::Reaped,
        },
        case("delivered-given-up", any, "6s send b to ada\n7s begun b ada\n8s impossible b ada", Question::Delivered),
        case("woken-live", any, "6s passes", Question::Woken),
        case("woken-ending", any, "4000s looked ada 1h\n4001s passes", Question::Woken),
        Case {
            name: "woken-runtime-unknown",
            shape: |it| it.profile.runtimes.clear(),
            script: "0s passes".to_owned(),
            question: Question::Woken,
        },
        case(
            "resumed-next-topic",
            any,
            "6s refresh ada\n4000s looked ada 1h\n4001s gone ada signal:15",
            Question::Resumed,
        ),
        case("delivered-nothing", any, "6s passes", Question::Delivered),
        case("delivered-turn-runs", any, "6s turn ada running\n7s send b to ada\n8s passes", Question::Delivered),
        case("delivered-compaction", any, "6s compact ada\n7s send b to ada", Question::Delivered),
        case("delivered-ending", any, "4000s looked ada 1h\n4001s send b to ada", Question::Delivered),
        Case { name: "delivered-quarantined", shape: any, script: crashed.clone(), question: Question::Delivered },
        // C37, C45, C46: everything that keeps it, not only what is asked first.
        case(
            "reaped-everything",
            any,
            "6s send b to ada\n6s begun b ada\n7s turn ada running\n8s send c to ada\n9s compact ada",
            Question::Reaped,
        ),
        case("reaped-message-waits", any, "6s compact ada\n7s send b to ada\n66s passes", Question::Reaped),
        // C28: what a boot may take is a deadline as well.
        plain("reaped-boots", "0s send a to ada\n1s started ada\n236s passes", Question::Reaped),
        plain("reaped-first-input", "0s send a to ada\n1s started ada\n2s box ada\n3s begun a ada", Question::Reaped),
        // C60: without a daemon nothing comes by itself, and nobody knows what is.
        case("reaped-no-daemon", any, "60s daemon stops\n7260s passes", Question::Reaped),
        case("woken-no-daemon", any, "60s daemon stops\n7260s passes", Question::Woken),
        Case {
            name: "delivered-no-daemon",
            shape: any,
            script: format!("{crashed}\n81s daemon stops\n100s passes"),
            question: Question::Delivered,
        },
        plain(
            "delivered-asleep",
            "0s one boot at a time\n0s add bob\n0s send b to bob\n1s send a to ada",
            Question::Delivered,
        ),
        plain(
            "woken-boot-slots",
            "0s one boot at a time\n0s add bob\n0s send b to bob\n1s send a to ada",
            Question::Woken,
        ),
        plain("woken-retry-delay", "0s send a to ada\n1s launch-failed ada boot nothing", Question::Woken),
        Case {
            name: "woken-managed",
            shape: |it| crate::world::managed(it),
            script: "0s send a to ada".to_owned(),
            question: Question::Woken,
        },
        // C20: what is told of a wake is told of what waits for it.
        plain(
            "delivered-failed-slot",
            "0s add bob\n0s send b to bob\n0s send a to ada\n1s launch-failed bob boot nothing\n1s launch-failed ada boot \
             nothing\n5s passes",
            Question::Delivered,
        ),
        Case {
            name: "delivered-managed",
            shape: |it| crate::world::managed(it),
            script: "0s send a to ada\n60s passes".to_owned(),
            question: Question::Delivered,
        },
        case(
            "resumed-no-message",
            any,
            "4000s looked ada 1h\n4001s gone ada signal:15\n4002s passes",
            Question::Resumed,
        ),
        // C17: each task of a worker gets a fresh session, whatever became of the one before.
        Case { name: "resumed-worker", shape: ephemeral, script: "0s passes".to_owned(), question: Question::Resumed },
        case(
            "resumed-worker-died",
            ephemeral,
            "6s gone ada signal:9\n9s up ada\n12s gone ada signal:9",
            Question::Resumed,
        ),
        Case {
            name: "resumed-router",
            shape: |it| on("relay")(it),
            script: "0s send a to ada\n1s up ada\n6s gone ada exit:0".to_owned(),
            question: Question::Resumed,
        },
        Case {
            name: "resumed-cannot",
            shape: |it| on("plain")(it),
            script: "0s send a to ada about mice\n1s up ada\n21s looked ada 20s\n22s gone ada exit:0".to_owned()
                + "\n22s passes",
            question: Question::Resumed,
        },
        case("reaped-task-unanswered", ephemeral, "100s passes", Question::Reaped),
    ]
}

/// A message on its way, and each gate at which it can wait.
fn gates() -> impl Iterator<Item = Case> {
    gates::WORDS.iter().map(|word| Case {
        name: word,
        shape: |_| {},
        script: format!("{AT_REST}\n6s send b to ada\n7s held b by {word}\n60s passes"),
        question: Question::Delivered,
    })
}

#[test]
fn every_guard_is_explained_in_a_text_of_its_own() {
    let texts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whynot/texts");
    let ours = Path::new(env!("CARGO_TARGET_TMPDIR")).join("whynot");
    fs::create_dir_all(&ours).unwrap();
    let mut differ = Vec::new();
    for Case { name, shape, script, question } in cases().into_iter().chain(gates()) {
        let (world, answer) = asked(shape, &script, question);
        let said = answer.text(world.now, &TimeZone::UTC, Some(100));
        fs::write(ours.join(name).with_extension("txt"), &said).unwrap();
        let expected = fs::read_to_string(texts.join(name).with_extension("txt")).unwrap_or_default();
        if said != expected {
            differ.push(format!("{name}, as written:\n{expected}\nas said now:\n{said}"));
        }
        promise_is_kept(world, question, &answer);
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
