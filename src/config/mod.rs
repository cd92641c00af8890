//! Settings: `config.toml`, overridden by `DORMOUSE_<NAME>`; and where home is.

mod place;
pub mod quantity;
mod read;
mod rows;

pub use crate::model::settings::SettingPlace as Place;
pub use place::{HomeError, home};
pub(crate) use read::line_of;
pub use read::{ConfigError, Loaded, SettingFlag, Shown, Source, load, parse};
pub use rows::{Given, LOCAL_ROWS, Local, ROWS, Row, ValueError, row};
