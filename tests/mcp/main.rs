//! Agents' way in by MCP: over HTTP on loopback and over standard input, against the real daemon.

mod agent;
mod causes;
#[path = "../daemon_fixture/mod.rs"]
mod daemon_fixture;
mod handshake;
mod http;
mod refusals;
mod restart;
mod stdio;
mod tools;
