//! Agent programs as data: their files, and the code that reads what those files name.

pub mod envelope;
pub mod hook;
#[allow(clippy::disallowed_methods, reason = "a door: runtime files")]
mod load;
mod locate;
mod parse;
pub mod placeholders;
pub mod screen;
pub mod sign_in;
pub mod spec;
pub mod status;
#[allow(clippy::disallowed_methods, reason = "a door: transcripts of the programs")]
pub mod transcript;

pub use load::{Broken, Loaded, Runtimes};
pub use parse::{KeyProblem, RuntimeFileError, parse};
pub use spec::Spec;
