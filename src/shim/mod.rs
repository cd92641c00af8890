//! The pane's own process: starts the program, ends its whole tree, writes how it ended.
//!
//! Three small processes, none of them with threads or a runtime: [`run`] is the pane's process and lives as long as
//! the session; [`exec_stage`] becomes the program; [`watch`] reads what the pane prints.

#![allow(clippy::disallowed_methods, reason = "a door: the pane's own process")]

pub mod clock;
mod exec;
pub mod files;
pub mod lock;
mod own_end;
pub mod process;
mod report;
mod run;
mod screen_clock;
mod signals;
mod terminal;
pub mod tree;
mod watch;

pub use exec::exec_stage;
pub use own_end::end_like;
pub use run::run;
pub use screen_clock::read as read_screen_clock;
pub use signals::{Caught, Signals};
pub use watch::watch;
