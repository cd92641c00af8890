//! Idempotency keys (C8).

use serde::{Deserialize, Serialize};

use super::actor::Sender;
use super::id::{Lsn, MessageId};
use super::message::TextPrint;
use super::time::Timestamp;

/// An idempotency key: sender, target and the sender's own word (C8).
pub type KeyName = (Sender, String, String);

/// A remembered key and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub message: MessageId,
    pub accepted: Lsn,
    pub at: Timestamp,
    pub text: TextPrint,
    pub queue_depth: u32,
}

/// A map whose keys are no texts, as a list of its pairs: JSON knows no other keys than texts.
pub(super) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub fn deserialize<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<K, V>, D::Error> {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
