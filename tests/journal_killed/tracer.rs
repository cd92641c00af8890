//! strace between a writer and the kernel.

use std::path::Path;
use std::process::Output;

use crate::writer;

/// Runs the writer with `inject`, as strace's option of that name says it. A missing strace is a failure.
pub fn traced(dir: &Path, batches: usize, inject: &str) -> Output {
    let (inject, log) = (format!("inject={inject}"), dir.with_extension("strace"));
    let call = inject["inject=".len()..].split(':').next().unwrap_or_default();
    let trace = format!("trace={call}");
    let front = ["strace", "-f", "-qq", "-o", log.to_str().unwrap(), "-e", &trace, "-e", &inject];
    writer::command(dir, batches, &front).output().expect("strace, which `make test` installs")
}

/// Whether strace has done what it was asked to.
pub fn injected(dir: &Path) -> bool {
    let log = std::fs::read_to_string(dir.with_extension("strace")).unwrap();
    log.contains("(INJECTED)") || log.contains("+++ killed by SIGKILL")
}
