//! `kill -9` of a writer: at each call that changes something, and at any moment.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use rustix::process::Signal;

use crate::tracer::traced;
use crate::writer::{Found, Said, command};

/// C7, C61: at the first call of each name, the second, and so on until the writer comes to its end.
#[test]
fn c61_a_writer_killed_at_any_call_has_lost_nothing_it_called_durable() {
    for call in ["pwrite64", "pwritev2", "fdatasync", "fsync", "rename", "fallocate", "unlink"] {
        let mut killed = 0;
        for when in 1.. {
            let home = tempfile::tempdir().unwrap();
            let dir = home.path().join("journal");
            let output = traced(&dir, 9, &format!("{call}:signal=KILL:when={when}"));
            let said = Said::of(&output.stdout);
            Found::after(&dir, &said);
            if said.done {
                break;
            }
            assert!(said.failed.is_empty(), "{call} {when}: {said:?}");
            killed += 1;
        }
        println!("{call}: killed {killed} times");
        let expected = match call {
            "unlink" => 0,
            // One batch is long, and of its two groups only one needs it to be.
            "pwritev2" => 1,
            _ => 2,
        };
        assert!(killed >= expected, "{call}: {killed}");
    }
}

/// `make torture` sets it.
fn kills() -> usize {
    std::env::var("DORMOUSE_KILLS").map_or(10, |kills| kills.parse().expect("DORMOUSE_KILLS is a number"))
}

/// C61: one journal, a writer after the other, each killed somewhere in its work.
#[test]
fn c61_writers_killed_at_random_moments_lose_nothing_they_called_durable() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("journal");
    let seed = std::env::var("DORMOUSE_SEED").map_or_else(
        |_| dormouse::observe::clock::now().wall_us,
        |seed| seed.parse().expect("DORMOUSE_SEED is a number"),
    );
    println!("DORMOUSE_SEED={seed}");
    let mut chance = seed | 1;
    for kill in 0..kills() {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let batches = 1 + (chance >> 33) % 60;
        let mut writer = command(&dir, 1_000_000, &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = BufReader::new(writer.stdout.take().unwrap());
        let (mut output, mut seen) = (Vec::new(), 0);
        // After so many batches, and somewhere in the next one.
        while seen < batches && said.read_until(b'\n', &mut output).unwrap() > 0 {
            seen += u64::from(output.ends_with(b"\n") && last_line(&output).starts_with(b"durable "));
        }
        writer.kill().unwrap();
        let status = writer.wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "kill {kill}: it wrote to its end by itself");
        said.read_to_end(&mut output).unwrap();
        let said = Said::of(&output);
        assert!(said.durable.0 > 0 && said.failed.is_empty(), "kill {kill}: {said:?}");
        Found::after(&dir, &said);
    }
}

fn last_line(output: &[u8]) -> &[u8] {
    let whole = &output[..output.len() - 1];
    &whole[whole.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1)..]
}
