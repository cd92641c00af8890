//! A writer on the real file system, in a process of its own: killed, and refused by the kernel, at every call.

mod killed;
mod refused;
mod tracer;
mod writer;
