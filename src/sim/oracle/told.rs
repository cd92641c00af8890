//! What callers were told of their calls is what the journal says of them.

use std::collections::BTreeSet;

use crate::model::event::{Event, Fact};
use crate::model::record::Record;
use crate::model::request::{Request, Verb};
use crate::sim::world::people::{Call, People, Told};

/// Of a whole history.
pub fn callers_were_told(people: &People, history: &[Record]) -> Result<(), String> {
    let is_accepted = |record: &&Record| matches!(record.event, Event::Fact(Fact::MessageAccepted(_)));
    let accepted: BTreeSet<_> = history.iter().filter(is_accepted).filter_map(|it| it.subject.message).collect();
    for (number, Call { request, told }) in &people.calls {
        let Some(told) = told else { continue };
        let own = match request {
            Request { verb: Verb::Send(send), .. } => Some(send.mint).filter(|id| accepted.contains(id)),
            _ => None,
        };
        let lie = match told {
            Told::Done(lsns) => lsns.iter().find(|lsn| lsn.0 > history.len() as u64).map(|lsn| format!("record {lsn}")),
            Told::Known(message) => {
                (!accepted.contains(message)).then(|| format!("{message}, which it has sent before"))
            }
            Told::Refused | Told::NotTaken => match own {
                Some(message) => return Err(format!("call {number} was told {told:?}, and {message} is accepted")),
                None => None,
            },
            Told::InDoubt => None,
        };
        if let Some(what) = lie {
            return Err(format!("call {number} was told of {what}, which is not there"));
        }
    }
    Ok(())
}
