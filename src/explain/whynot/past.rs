//! What is to be said of a peer of which the state knows nothing, from what the records say.

use jiff::tz::TimeZone;

use super::{Question, WhyNot};
use crate::explain::because::because;
use crate::explain::phrase::span;
use crate::model::name::Identity;
use crate::model::record::Record;
use crate::model::time::Timestamp;

pub(super) const UNHEARD: &str = "nothing was ever heard of it";

/// Of a peer that the state does not know.
#[derive(Clone, Debug)]
pub enum Past {
    /// The record of its forgetting.
    Forgotten(Box<Record>),
    /// Its first record comes later than what is asked for.
    NotYet(Box<Record>),
    /// Nothing that can be read tells of it.
    Unreadable,
}

impl WhyNot {
    /// The question does not arise, for `past` is all that is left of the peer.
    pub fn of_the_past(peer: &Identity, question: Question, past: &Past, now: Timestamp) -> Self {
        let moot = match past {
            Past::Forgotten(record) => {
                format!("it was forgotten {} ago, by record {} (C4)", span(now.since(record.at)), record.lsn)
            }
            Past::NotYet(record) => {
                let first = because(record, &TimeZone::UTC);
                format!("nothing had been heard of it then; the first is record {}: {first}", record.lsn)
            }
            Past::Unreadable => "nothing of what can be read tells of it".to_owned(),
        };
        Self {
            peer: peer.clone(),
            question,
            moot: Some(moot),
            guards: Vec::new(),
            by_itself: None,
            first: None,
            undated: None,
            without_daemon: false,
        }
    }
}
