//! The real agent programs, offline: each in a home of its own, against a model server of ours. `make agents` runs these.

mod alike;
mod anthropic;
mod claude;
mod codex;
mod crowd;
#[path = "../daemon_fixture/mod.rs"]
mod daemon_fixture;
mod doctor;
#[path = "../mcp/http.rs"]
mod http;
mod killed;
mod killed_work;
mod leaving;
mod model;
mod openai;
mod parked;
mod place;
mod replies;
mod secrets;
mod settled;
mod silent;
mod sources;
mod threads;
mod tools;
mod turns;
mod untouched;
mod verbs;
