//! A kernel that refuses one call, for every call of a writer's life.

use crate::tracer::{injected, traced};
use crate::writer::{Found, Said};

const BATCHES: usize = 9;

/// Runs a writer with failure `how` at its first call of this name, its second, and so on until none is left. Returns
/// how often something was refused, and how often the writer noticed.
fn each(call: &str, how: &str) -> (usize, usize) {
    let (mut refused, mut noticed) = (0, 0);
    for when in 1.. {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("journal");
        let output = traced(&dir, BATCHES, &format!("{call}:{how}:when={when}"));
        let said = Said::of(&output.stdout);
        let what = format!("{call} {when}: {said:?}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.done && output.status.success(), "{what}");
        Found::after(&dir, &said);
        if !injected(&dir) {
            assert_eq!(said.failed, Vec::<String>::new(), "{what}");
            break;
        }
        refused += 1;
        noticed += usize::from(!said.failed.is_empty());
    }
    println!("{call} {how}: refused {refused}, noticed {noticed}");
    (refused, noticed)
}

/// C63, I9: nothing that was called durable is lost, and the writer goes on after opening again.
#[test]
fn c63_an_error_of_any_sync_costs_nothing_that_was_called_durable() {
    let (refused, noticed) = each("fdatasync", "error=EIO");
    assert!(refused > BATCHES && noticed >= refused - 1, "{refused}, {noticed}");
}

#[test]
fn c63_an_error_of_any_write_costs_nothing_that_was_called_durable() {
    let (refused, noticed) = each("pwrite64", "error=ENOSPC");
    assert!(refused > BATCHES && noticed == refused, "{refused}, {noticed}");
    let (refused, noticed) = each("pwritev2", "error=EIO");
    assert!(refused >= 1 && noticed == refused, "of a long batch: {refused}, {noticed}");
}

/// A kernel before 6.14, and a file system that lets nothing go out at once, take a long batch all the same.
#[test]
fn a_long_batch_needs_no_kernel_that_lets_it_go_out_at_once() {
    for error in ["EOPNOTSUPP", "ENOSYS", "EINVAL"] {
        let (refused, noticed) = each("pwritev2", &format!("error={error}"));
        assert!(refused >= 1 && noticed == 0, "{error}: {refused}, {noticed}");
    }
    // Nothing taken is no failure either: what was not is written.
    let (refused, noticed) = each("pwritev2", "retval=0");
    assert!(refused >= 1 && noticed == 0, "{refused}, {noticed}");
}

#[test]
fn c63_an_error_of_any_name_or_folder_costs_nothing_that_was_called_durable() {
    for (call, how) in [("rename", "error=EIO"), ("fsync", "error=EIO"), ("fallocate", "error=ENOSPC")] {
        let (refused, noticed) = each(call, how);
        // Reserving ahead and giving room back are tried, and no harm if they fail.
        assert!(refused >= 2 && noticed >= 1, "{call}: {refused}, {noticed}");
    }
}

/// A signal that comes between is no failure: the call is made again.
#[test]
fn an_interrupted_call_is_made_again() {
    for call in ["pwrite64", "pwritev2", "fdatasync", "fsync", "fallocate"] {
        let (refused, noticed) = each(call, "error=EINTR");
        assert!(refused >= 1 && noticed == 0, "{call}: {refused}, {noticed}");
    }
}
