//! What happened, why, and whether it was right: folds over records (pure).
//!
//! Nothing here needs a daemon, a clock or a file: whoever calls brings the records, the moment that counts as now and
//! the time zone to speak in.

pub mod again;
pub mod audit;
pub mod because;
pub mod cause;
pub mod condition;
pub mod difference;
pub mod forecast;
pub mod histogram;
pub mod json;
pub mod layout;
pub mod line;
pub mod mail;
mod obstacle;
pub mod phrase;
pub mod picture;
pub mod queue;
mod recent;
pub mod replay;
pub mod view;
pub mod whatif;
pub mod why;
pub mod whynot;

pub use because::because;
