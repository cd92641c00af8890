//! The rules as scripts: what is asked and seen, at which time, and what is decided.

mod admission;
mod deaths;
mod delivery;
mod gates;
mod happening;
mod hooks;
mod operators;
mod properties;
mod replies;
mod restart;
mod script;
mod typed;
mod waking;
mod workers;
mod world;
