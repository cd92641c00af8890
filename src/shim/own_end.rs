//! Ending as somebody else ended, so that whoever waits for us learns the same.

use std::process;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::model::session::Ending;

/// Ends this process as `ending` says: with its code, or by its signal.
pub fn end_like(ending: &Ending) -> ! {
    match ending {
        Ending::Code { code } => process::exit(*code),
        Ending::Signal { signal } => die_of(*signal),
        Ending::TerminalLost { then: Some(then) } => end_like(then),
        Ending::ExecFailed { .. } => process::exit(127),
        Ending::TerminalLost { then: None } | Ending::MachineDown | Ending::NotKnown { .. } => process::exit(1),
        Ending::NeverStarted => process::exit(0),
    }
}

fn die_of(signal: i32) -> ! {
    // The program has left its own core; one of this process would say nothing, and hide the other.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    // A signal that has no default of its own here: what a shell would say.
    process::exit(128 + signal)
}
