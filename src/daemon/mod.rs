//! The daemon's process: its lock, its sockets, its signals, and the one loop they all feed.

mod company;
pub mod control;
pub mod ears;
mod hands;
mod host;
mod indexing;
pub mod input;
pub mod mcp;
mod refusing;
pub mod run;
mod signals;
mod spools;
mod turning;
