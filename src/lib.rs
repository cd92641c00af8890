//! dormouse keeps a team of terminal agents one message away, and can prove why it did what it did.
//!
//! The modules in the order in which they may know each other; `ARCHITECTURE.md` says why.

#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]
// Doors to the world switch these off where they are declared; `clippy.toml` says what is behind them.
#![cfg_attr(not(test), warn(clippy::disallowed_methods, clippy::disallowed_types))]

// Wrong on purpose, in tests alone.
pub mod mutant;

// The core: pure, compiled alone by a test.
pub mod model;
pub mod policy;
pub mod reducer;

// Paths and files of the user.
#[allow(clippy::disallowed_methods, reason = "a door: config.toml and DORMOUSE_*")]
pub mod config;
pub mod home;
pub mod protocol;
#[allow(clippy::disallowed_methods, reason = "a door: profiles in peers' folders")]
pub mod registry;
pub mod runtime;

// Durability.
pub mod journal;

// The world: programs in panes, hands and eyes.
pub mod demo_agent;
#[allow(clippy::disallowed_methods, reason = "a door: tmux")]
pub mod executor;
pub mod observe;
pub mod shim;

// The turn and its process.
#[allow(clippy::disallowed_methods, reason = "a door: sockets, signals, the clock, the lock")]
pub mod daemon;
pub mod supervisor;

// The same turn in a world that is made up.
pub mod sim;

// For people.
#[allow(clippy::disallowed_methods, reason = "a door: the terminal")]
pub mod cli;
pub mod explain;
