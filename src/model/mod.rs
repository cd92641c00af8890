//! Nouns: what dormouse talks about. Pure data; nothing here can read a clock, a file or an environment.

pub mod actor;
pub mod delivery;
pub mod effect;
pub mod event;
pub mod id;
pub mod key;
pub mod message;
pub mod name;
pub mod name_map;
pub mod park;
pub mod profile;
pub mod record;
pub mod request;
pub mod session;
pub mod settings;
pub mod state;
pub mod text;
pub mod time;
pub mod turn_names;
