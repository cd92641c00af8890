//! The edges, with the real daemon on real tmux: bytes, deaths, want, bad input, attention, idleness, and the verbs that
//! join a terminal.

mod attention;
mod bad_input;
mod bytes;
#[path = "../daemon_fixture/mod.rs"]
mod daemon_fixture;
mod deaths;
mod events;
mod foreign;
mod full_disk;
mod idle;
mod operators;
mod own_verbs;
mod reload;
mod scarcity;
mod storage;
mod terminal;
mod typed;
mod verbs;
