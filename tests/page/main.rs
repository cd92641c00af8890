//! The page that `journal export --format html` writes, opened in a real browser: what is drawn, what a click explains,
//! what the keys do, and that it asks nobody for anything.

mod browser;
#[path = "../../benches/corpus/mod.rs"]
mod corpus;
#[path = "../picture/history.rs"]
#[allow(dead_code, reason = "a page takes what it needs of it")]
mod history;
mod unknown;

use std::path::{Path, PathBuf};
use std::process::Command;

use dormouse::explain::picture::{Painter, page::page};
use dormouse::explain::why;
use dormouse::model::state::State;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use browser::Browser;
use corpus::Corpus;

/// Of the left upper corner of the canvas in the window.
fn corner(browser: &mut Browser) -> (f64, f64) {
    let box_ = browser.tell("(({ x, y }) => [x, y])(document.getElementById('lanes').getBoundingClientRect())");
    (box_[0].as_f64().unwrap(), box_[1].as_f64().unwrap())
}

/// Where a record of a peer is in the window.
fn place(browser: &mut Browser, peer: &str, lsn: u64) -> (f64, f64) {
    let (left, top) = corner(browser);
    let found = browser.tell(&format!("[picture.xOf({lsn}), picture.yOf('{peer}')]"));
    (left + found[0].as_f64().unwrap(), top + found[1].as_f64().unwrap())
}

fn exported(name: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let journal = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1-fleet");
    let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
    command.args(["journal", "export", "--format", "html"]).arg("--journal").arg(journal).arg("-o").arg(&file);
    let output = command.env("TZ", "UTC").output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    file
}

/// The fleet's page, open.
fn fleet(name: &str) -> Browser {
    let mut browser = Browser::start();
    browser.open(&exported(name));
    browser
}

#[track_caller]
fn nothing_to_complain_of(browser: &Browser) {
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// Pixels of the canvas in the row of a peer's bar that have the colour of this name.
fn pixels(browser: &mut Browser, peer: &str, colour: &str) -> u64 {
    let count = browser.tell(&format!(
        "(() => {{
            const lanes = document.getElementById('lanes');
            const copy = Object.assign(document.createElement('canvas'), {{ width: lanes.width, height: 2 }});
            const probe = copy.getContext('2d', {{ willReadFrequently: true }});
            probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--{colour}').trim();
            probe.fillRect(0, 0, 1, 1);
            const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
            const y = (picture.yOf('{peer}') + 11) * devicePixelRatio;
            probe.drawImage(lanes, 0, y, lanes.width, 1, 0, 1, lanes.width, 1);
            const row = probe.getImageData(0, 1, lanes.width, 1).data;
            let found = 0;
            for (let at = 0; at < row.length; at += 4) found += row[at] === r && row[at + 1] === g && row[at + 2] === b;
            return found;
        }})()"
    ));
    count.as_u64().unwrap()
}

/// demo-ada of the fleet worked, waited for a person, rested and failed; demo-gus is somebody else's. Each for hours.
#[test]
fn lanes_are_drawn_in_the_colours_of_their_phases() {
    let mut browser = fleet("page-drawn.html");
    for colour in ["running", "waiting", "ended", "error"] {
        let found = pixels(&mut browser, "demo-ada", colour);
        assert!(found > 50, "{colour}: {found}");
    }
    assert!(pixels(&mut browser, "demo-gus", "external") > 300);
    assert_eq!(pixels(&mut browser, "demo-gus", "running"), 0);
    nothing_to_complain_of(&browser);
    browser.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-light.png"));
    browser.tell("document.getElementById('theme').click()");
    browser.drawn();
    assert!(pixels(&mut browser, "demo-ada", "running") > 50, "the dark colour is another");
    browser.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-dark.png"));
}

/// The chain that opens is the one that `why LSN` has, sentence by sentence.
#[test]
fn a_click_on_a_mark_explains_it_as_why_does() {
    let records = history::fleet();
    let died = records.iter().find(|record| record.event.kind().name == "session_died").unwrap();
    let (peer, lsn) = (died.subject.peer.as_ref().unwrap().to_string(), died.lsn.0);
    let mut browser = fleet("page-why.html");
    // Close enough that the mark stands alone.
    while browser.tell("picture.view.to - picture.view.from").as_f64().unwrap() > 10_000.0 {
        let (x, y) = place(&mut browser, &peer, lsn);
        browser.mouse("mouseWheel", x, y, json!({ "deltaX": 0, "deltaY": -600 }));
    }
    let (x, y) = place(&mut browser, &peer, lsn);
    browser.mouse("mouseMoved", x, y, json!({}));
    assert!(browser.text("tip").contains(&peer), "{}", browser.text("tip"));
    browser.click(x, y);
    let chosen = browser.tell("picture.chosen.place").as_u64().expect("something is chosen");
    let chosen = &records[usize::try_from(chosen).unwrap()];
    assert_eq!(chosen.at, died.at, "the mark that was clicked is of that moment");
    let chain = why::chain(&records[..], &why::Subject::Record(chosen.lsn));
    let expected = why::json(&why::Subject::Record(chosen.lsn), &chain);
    let expected: Vec<&Value> = expected["chain"].as_array().unwrap().iter().map(|it| &it["because"]).collect();
    let shown = browser.tell("[...document.querySelectorAll('#chain button')].map((it) => it.lastChild.textContent)");
    assert_eq!(shown.as_array().unwrap().iter().collect::<Vec<_>>(), expected);
    browser.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-why.png"));
    nothing_to_complain_of(&browser);
}

#[test]
fn every_key_does_what_the_help_says() {
    let mut browser = fleet("page-keys.html");
    let view = |browser: &mut Browser| {
        let view = browser.tell("[picture.view.from, picture.view.to]");
        (view[0].as_f64().unwrap(), view[1].as_f64().unwrap())
    };
    let chosen = |browser: &mut Browser| browser.tell("picture.chosen.lane.peer").as_str().unwrap().to_owned();
    let all = view(&mut browser);
    browser.press("+");
    let closer = view(&mut browser);
    assert!(closer.0 > all.0 && closer.1 < all.1);
    browser.press("ArrowRight");
    let later = view(&mut browser);
    assert!(later.0 > closer.0 && later.1 > closer.1);
    browser.press("ArrowLeft");
    browser.press("-");
    browser.press("0");
    assert_eq!(view(&mut browser), all);
    assert_eq!(chosen(&mut browser), "demo-ada");
    browser.press("j");
    assert_eq!(chosen(&mut browser), "demo-bob");
    assert!(browser.text("said").starts_with("demo-bob: "), "who cannot see is told");
    browser.press("k");
    assert_eq!(chosen(&mut browser), "demo-ada");
    browser.press("Enter");
    assert_eq!(browser.tell("document.getElementById('why').hidden"), false);
    let before = browser.tell("picture.chosen.place").as_u64().unwrap();
    browser.press("n");
    assert!(browser.tell("picture.chosen.place").as_u64().unwrap() > before);
    browser.press("p");
    assert_eq!(browser.tell("picture.chosen.place"), before);
    browser.press("Escape");
    assert_eq!(browser.tell("document.getElementById('why').hidden"), true);
    browser.press("t");
    assert!(browser.tell("document.querySelectorAll('#table tbody tr').length").as_u64().unwrap() > 14);
    browser.press("t");
    browser.press("?");
    assert_eq!(browser.tell("document.getElementById('help').open"), true);
    browser.press("Escape");
    assert_eq!(browser.tell("document.getElementById('help').open"), false);
    nothing_to_complain_of(&browser);
}

#[test]
fn a_search_finds_peers_messages_and_words() {
    let records = history::fleet();
    let mut browser = fleet("page-search.html");
    let found = |browser: &mut Browser, words: &str| {
        browser.tell("document.getElementById('search').value = ''");
        browser.press("/");
        browser.type_text(words);
        browser.text("found")
    };
    let message = records.iter().find(|record| record.event.kind().name == "delivered").unwrap().subject.message;
    let message = message.unwrap().to_string();
    assert_ne!(found(&mut browser, &message), "0 records");
    browser.press("Enter");
    assert!(browser.text("found").starts_with("1 of "), "{}", browser.text("found"));
    assert!(browser.text("chain").contains(&message) || browser.text("message-figures").contains(&message));
    browser.press("Escape");
    assert_ne!(found(&mut browser, "hal"), "0 records");
    assert_eq!(browser.tell("picture.chosen.lane.peer"), "demo-hal");
    browser.press("Escape");
    assert_eq!(found(&mut browser, "no such words anywhere"), "0 records");
    nothing_to_complain_of(&browser);
}

/// All of it in view, and then a part, in less than anybody would notice; a limit for the machine at its busiest.
#[test]
fn a_hundred_peers_and_a_hundred_thousand_records_are_drawn_at_once() {
    const DRAW_MS_MAX: f64 = 400.0;
    let zone = TimeZone::UTC;
    let mut painter = Painter::new(State::default(), &zone);
    let records = Corpus::of(99).flatten().take(100_000);
    records.for_each(|record| painter.see(&record));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-large.html");
    let text = page(&painter.finish(), None);
    std::fs::write(&file, &text).unwrap();
    let mut browser = Browser::start();
    browser.open(&file);
    assert_eq!(browser.text("range").split(" · ").take(2).collect::<Vec<_>>(), ["100 peers", "100,000 records"]);
    let loaded = browser.tell("document.documentElement.dataset.loadMs");
    let draw = "Math.min(...[1, 2, 3].map(() => picture.drawAll()))";
    let all = browser.tell(draw).as_f64().unwrap();
    browser.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-large.png"));
    for _ in 0..6 {
        browser.press("+");
    }
    let part = browser.tell(draw).as_f64().unwrap();
    let search = "const input = document.getElementById('search'); input.value = 'turn'; input.dispatchEvent(new Event('input'))";
    let sought = browser
        .tell(&format!("(() => {{ const began = performance.now(); {search}; return performance.now() - began; }})()"));
    println!(
        "{} KiB, loaded in {loaded} ms, all drawn in {all:.1} ms, a part in {part:.1} ms, searched in {sought} ms",
        text.len() / 1024
    );
    assert!(all < DRAW_MS_MAX && part < DRAW_MS_MAX, "{all} ms, {part} ms");
    nothing_to_complain_of(&browser);
}

/// Whatever a sender, a topic or a reason says is shown, and never run.
#[test]
fn a_hostile_history_is_only_text() {
    let zone = TimeZone::UTC;
    let mut painter = Painter::new(State::default(), &zone);
    history::hostile().iter().for_each(|record| painter.see(record));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-hostile.html");
    std::fs::write(&file, page(&painter.finish(), None)).unwrap();
    let mut browser = Browser::start();
    browser.open(&file);
    for key in ["n", "n", "n", "t", "j"] {
        browser.press(key);
    }
    let (x, y) = place(&mut browser, "claude-ada", 3);
    browser.mouse("mouseMoved", x, y, json!({}));
    browser.press("/");
    browser.type_text("script");
    browser.press("Enter");
    assert!(browser.text("message-figures").contains(history::TOPIC), "{}", browser.text("message-figures"));
    assert_eq!(browser.tell("typeof window.broken"), "undefined");
    assert_eq!(browser.tell("document.querySelectorAll('img, b i, script').length"), 2, "data and script");
    nothing_to_complain_of(&browser);
}

/// What cannot be read and what was removed is said on the page, before anything else, and never drawn as if nothing had been.
#[test]
fn the_page_says_what_is_missing_from_it() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    std::fs::create_dir(&journal).unwrap();
    let golden = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    for file in std::fs::read_dir(golden("v3-fleet")).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), journal.join(file.file_name())).unwrap();
    }
    let segment = journal.join("00000000000000000328.jnl");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[9_000] ^= 0x10;
    std::fs::write(&segment, bytes).unwrap();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("damaged.html");
    let export = |journal: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dormouse"));
        command.args(["journal", "export", "--format", "html"]).arg("--journal").arg(journal).arg("-o").arg(&file);
        command.env("TZ", "UTC").env("DORMOUSE_HOME", dir.path()).output().unwrap().status.code()
    };
    assert_eq!(export(&journal), Some(5));
    let mut browser = Browser::start();
    browser.open(&file);
    let notes = |browser: &mut Browser| {
        let said = "(({ hidden, innerText }) => [hidden, innerText])(document.getElementById('notes'))";
        let said = browser.tell(said);
        assert_eq!(said[0], false);
        said[1].as_str().unwrap().to_owned()
    };
    let said = notes(&mut browser);
    assert!(said.contains("segment 00000000000000000328.jnl is damaged at byte"), "{said}");
    assert!(said.contains("What is drawn behind it begins with record 398."), "{said}");
    assert!(!said.contains(dir.path().to_str().unwrap()), "{said}");
    // What stands behind it is there, under its own number, and nothing is claimed of anybody's phase.
    let last = browser
        .tell("(() => { const at = picture.placeOf(873); return [at, picture.lsnOf(at), picture.placeOf(397)]; })()");
    assert!(last[0].as_u64() > Some(438), "{last}");
    assert_eq!((&last[1], &last[2]), (&873.into(), &json!(-1)));
    nothing_to_complain_of(&browser);

    assert_eq!(export(&golden("kept-v2")), Some(0));
    browser.open(&file);
    let said = notes(&mut browser);
    assert!(said.contains("records before 15 were removed by retain_bytes"), "{said}");
    assert_eq!(browser.tell("picture.placeOf(15)"), 0, "marks need no state");
    nothing_to_complain_of(&browser);
}

/// C64: as `why` has it, the chain has the settings that figures were compared with, and what nobody knew in between.
#[test]
fn c64_the_panel_has_the_settings_and_the_gaps_of_the_chain() {
    let mut browser = fleet("panel.html");
    let records = history::fleet();
    let kind = |record: &dormouse::model::record::Record| record.event.kind().name;
    let wake = records.iter().find(|record| kind(record) == "wake_decided").unwrap().lsn;
    browser.tell(&format!("picture.choose(picture.placeOf({wake}))"));
    let chain = browser.text("chain");
    assert!(chain.contains("[boots_max "), "{chain}");
    // Somewhere a chain begins before a time in which no daemon ran, and ends behind it.
    let last = records.last().unwrap().lsn;
    let found = browser.tell(&format!(
        "(() => {{ for (let lsn = {last}; lsn > 0; lsn--) {{ picture.choose(picture.placeOf(lsn)); \
         const {{ textContent }} = document.getElementById('chain'); if (textContent.includes('NOT KNOWN no daemon ran')) return textContent; }} }})()"
    ));
    assert!(found.as_str().is_some_and(|chain| chain.contains("NOT KNOWN no daemon ran: it ")), "{found}");
    nothing_to_complain_of(&browser);
}

/// A number is a record's, and finds it; a narrow window has everything within.
#[test]
fn a_number_finds_its_record_and_a_narrow_window_shows_everything() {
    let mut browser = fleet("narrow.html");
    browser.tell("(() => { const it = document.getElementById('search'); it.value = '770'; it.dispatchEvent(new Event('input')); it.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter' })); })()");
    let subject = browser.tell("document.getElementById('subject').textContent");
    assert!(subject.as_str().unwrap().starts_with("Record 770:"), "{subject}");
    let size = json!({ "width": 600, "height": 800, "deviceScaleFactor": 1, "mobile": false });
    browser.ask("Emulation.setDeviceMetricsOverride", size);
    browser.tell("document.getElementById('as-table').click()");
    // Its rows come with the next frame, and those in view alone.
    browser.tell(
        "new Promise((seen) => { const look = () => document.querySelector('td.kind') ? seen() : requestAnimationFrame(look); look(); })",
    );
    let wide = browser.tell(
        "[document.documentElement.scrollWidth, innerWidth, Math.max(...[...document.querySelectorAll('nav button')].map((it) => it.getBoundingClientRect().right))]",
    );
    let at = |index: usize| wide[index].as_f64().unwrap();
    assert!(at(0) <= at(1) && at(2) <= at(1), "{wide}");
    // No kind is broken within a word.
    let lines =
        browser.tell("Math.max(...[...document.querySelectorAll('td.kind')].map((it) => it.getClientRects().length))");
    assert_eq!(lines, 1);
    nothing_to_complain_of(&browser);
}
