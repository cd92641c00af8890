//! argv -> verb -> exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    dormouse::cli::main(std::env::args_os())
}
