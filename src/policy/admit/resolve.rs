//! Which peer a word names: its identity, else its personality, else a unique prefix of either.

use std::collections::BTreeSet;

use crate::model::name::{Identity, NameError, Personality};
use crate::model::request::PeerName;
use crate::model::state::State;

use super::Refusal;

/// A word that names no peer, or more than one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// Not a name at all.
    Invalid(NameError),
    Unknown {
        name: String,
    },
    Ambiguous {
        name: String,
        candidates: Vec<String>,
    },
}

impl From<Unresolved> for Refusal {
    fn from(unresolved: Unresolved) -> Self {
        match unresolved {
            Unresolved::Invalid(error) => Refusal::new("C6", error.to_string()),
            Unresolved::Unknown { name } => Refusal::new("C6", format!("no peer is called `{name}`"))
                .hint("`dormouse ls` lists the peers there are"),
            Unresolved::Ambiguous { name, candidates } => {
                Refusal::new("C6", format!("`{name}` could be {}", candidates.join(" or ")))
                    .hint("give more of the name")
            }
        }
    }
}

/// The identity that `name` stands for; a personality stands for its default runtime (C10).
pub fn resolve(state: &State, name: &PeerName) -> Result<Identity, Unresolved> {
    let text = name.0.as_str();
    if let Ok(identity) = text.parse::<Identity>()
        && state.peers.contains_key(&identity.personality)
    {
        return Ok(identity);
    }
    if let Ok(personality) = Personality::new(text)
        && let Some(identity) = default_identity(state, &personality)
    {
        return Ok(identity);
    }
    by_prefix(state, text)
}

fn default_identity(state: &State, personality: &Personality) -> Option<Identity> {
    let peer = state.peers.get(personality)?;
    Some(Identity::new(peer.registration.profile.default_runtime.clone(), personality.clone()))
}

fn by_prefix(state: &State, text: &str) -> Result<Identity, Unresolved> {
    Personality::new(text).map_err(Unresolved::Invalid)?;
    let by_personality = state
        .peers
        .keys()
        .filter(|name| name.as_str().starts_with(text))
        .filter_map(|name| default_identity(state, name));
    let by_identity = state.peers.values().flat_map(|peer| {
        let profile = &peer.registration.profile;
        profile.runtimes.iter().map(|runtime| Identity::new(runtime.clone(), profile.personality.clone()))
    });
    let by_identity = by_identity.filter(|identity| identity.to_string().starts_with(text));
    let mut found: Vec<Identity> = by_personality.chain(by_identity).collect::<BTreeSet<_>>().into_iter().collect();
    match (found.len(), found.pop()) {
        (1, Some(identity)) => Ok(identity),
        (0, _) | (_, None) => Err(Unresolved::Unknown { name: text.to_owned() }),
        (_, Some(last)) => {
            let candidates = found.iter().chain([&last]).map(ToString::to_string).collect();
            Err(Unresolved::Ambiguous { name: text.to_owned(), candidates })
        }
    }
}
