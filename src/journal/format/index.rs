//! Indexes: in which blocks of a sealed segment records of a kind, about a peer or about a message begin.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::seal::Digest;
use super::{
    INDEX_HEADER_BYTES, INDEX_MAGIC, INDEX_MESSAGE_BYTES, MAJOR, MINOR, array, index_layout as at, u16_in, u32_in,
    u64_in, u128_in,
};
use crate::model::id::MessageId;

/// Numbers of blocks in which something begins, in order, each once.
pub type Blocks = Vec<u32>;

/// The tables of kinds and of peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub kinds: BTreeMap<u16, Blocks>,
    /// Identities, in the order of their bytes.
    pub peers: BTreeMap<String, Blocks>,
}

/// What an index says about a segment without its tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexHeader {
    /// Head of the segment: an index that names another one is of other bytes.
    pub head: Digest,
    /// Earliest and latest wall clock of its records, which may have gone back and forth between; empty without records.
    pub times_us: RangeInclusive<u64>,
    /// Least and greatest message that has a record; empty without any.
    pub message_span: RangeInclusive<u128>,
    pub kinds: u32,
    pub peers: u32,
    pub messages: u32,
    /// Bytes of the tables of kinds and peers.
    pub names_length: u64,
    pub names_digest: Digest,
    pub messages_digest: Digest,
}

/// Everything that an index holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    pub head: Digest,
    pub times_us: RangeInclusive<u64>,
    pub names: Names,
    /// In order, each pair once.
    pub messages: Vec<(MessageId, u32)>,
}

impl Index {
    /// The whole file.
    pub fn encode(&self) -> Vec<u8> {
        let names = self.names.encode();
        let mut messages = Vec::with_capacity(self.messages.len() * INDEX_MESSAGE_BYTES);
        for (message, block) in &self.messages {
            messages.extend_from_slice(&message.0.to_le_bytes());
            messages.extend_from_slice(&block.to_le_bytes());
        }
        let ends = self.messages.first().zip(self.messages.last());
        let (first, last) = ends.map_or((u128::MAX, 0), |((first, _), (last, _))| (first.0, last.0));
        let header = IndexHeader {
            head: self.head,
            times_us: self.times_us.clone(),
            message_span: first..=last,
            kinds: self.names.kinds.len() as u32,
            peers: self.names.peers.len() as u32,
            messages: self.messages.len() as u32,
            names_length: names.len() as u64,
            names_digest: *blake3::hash(&names).as_bytes(),
            messages_digest: *blake3::hash(&messages).as_bytes(),
        };
        [&header.encode()[..], &names, &messages].concat()
    }
}

impl IndexHeader {
    fn encode(&self) -> [u8; INDEX_HEADER_BYTES] {
        let mut bytes = [0; INDEX_HEADER_BYTES];
        bytes[at::MAGIC].copy_from_slice(&INDEX_MAGIC);
        bytes[at::MAJOR].copy_from_slice(&MAJOR.to_le_bytes());
        bytes[at::MINOR].copy_from_slice(&MINOR.to_le_bytes());
        bytes[at::HEADER_LENGTH].copy_from_slice(&(INDEX_HEADER_BYTES as u32).to_le_bytes());
        bytes[at::HEAD].copy_from_slice(&self.head);
        bytes[at::EARLIEST].copy_from_slice(&self.times_us.start().to_le_bytes());
        bytes[at::LATEST].copy_from_slice(&self.times_us.end().to_le_bytes());
        bytes[at::FIRST_MESSAGE].copy_from_slice(&self.message_span.start().to_le_bytes());
        bytes[at::LAST_MESSAGE].copy_from_slice(&self.message_span.end().to_le_bytes());
        bytes[at::KINDS].copy_from_slice(&self.kinds.to_le_bytes());
        bytes[at::PEERS].copy_from_slice(&self.peers.to_le_bytes());
        bytes[at::MESSAGES].copy_from_slice(&self.messages.to_le_bytes());
        bytes[at::NAMES_LENGTH].copy_from_slice(&self.names_length.to_le_bytes());
        bytes[at::NAMES_DIGEST].copy_from_slice(&self.names_digest);
        bytes[at::MESSAGES_DIGEST].copy_from_slice(&self.messages_digest);
        let crc = crc32fast::hash(&bytes[..at::CRC.start]);
        bytes[at::CRC].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// What the first bytes of an index say; none if they are damaged, or of another version: an index is derived, and
    /// one of another shape is as good as none.
    pub fn decode(bytes: &[u8; INDEX_HEADER_BYTES]) -> Option<Self> {
        let fits = bytes[at::MAGIC] == INDEX_MAGIC
            && u16_in(bytes, at::MAJOR) == MAJOR
            && u32_in(bytes, at::HEADER_LENGTH) == INDEX_HEADER_BYTES as u32
            && u32_in(bytes, at::CRC) == crc32fast::hash(&bytes[..at::CRC.start]);
        fits.then(|| Self {
            head: array(bytes, at::HEAD),
            times_us: u64_in(bytes, at::EARLIEST)..=u64_in(bytes, at::LATEST),
            message_span: u128_in(bytes, at::FIRST_MESSAGE)..=u128_in(bytes, at::LAST_MESSAGE),
            kinds: u32_in(bytes, at::KINDS),
            peers: u32_in(bytes, at::PEERS),
            messages: u32_in(bytes, at::MESSAGES),
            names_length: u64_in(bytes, at::NAMES_LENGTH),
            names_digest: array(bytes, at::NAMES_DIGEST),
            messages_digest: array(bytes, at::MESSAGES_DIGEST),
        })
    }

    /// Bytes of the messages' table.
    pub fn messages_length(&self) -> u64 {
        u64::from(self.messages) * INDEX_MESSAGE_BYTES as u64
    }

    /// Bytes of the whole file; none if the header cannot be right.
    pub fn file_length(&self) -> Option<u64> {
        self.names_length.checked_add(INDEX_HEADER_BYTES as u64 + self.messages_length())
    }

    /// The tables of kinds and peers; none if they are not the bytes that were written.
    pub fn names(&self, bytes: &[u8]) -> Option<Names> {
        if *blake3::hash(bytes).as_bytes() != self.names_digest {
            return None;
        }
        Names::decode(bytes, self.kinds, self.peers)
    }

    /// The blocks that `message` has records in; none if the table is not the bytes that were written.
    pub fn blocks_of(&self, message: MessageId, table: &[u8]) -> Option<Blocks> {
        let (entries, rest) = table.as_chunks::<INDEX_MESSAGE_BYTES>();
        if !rest.is_empty() || *blake3::hash(table).as_bytes() != self.messages_digest {
            return None;
        }
        let id = |entry: &[u8; INDEX_MESSAGE_BYTES]| u128_in(entry, 0..16);
        let from = entries.partition_point(|entry| id(entry) < message.0);
        let own = entries[from..].iter().take_while(|entry| id(entry) == message.0);
        Some(own.map(|entry| u32_in(entry, 16..20)).collect())
    }
}

impl Names {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let push = |bytes: &mut Vec<u8>, blocks: &Blocks| {
            bytes.extend_from_slice(&(blocks.len() as u32).to_le_bytes());
            blocks.iter().for_each(|block| bytes.extend_from_slice(&block.to_le_bytes()));
        };
        for (kind, blocks) in &self.kinds {
            bytes.extend_from_slice(&kind.to_le_bytes());
            push(&mut bytes, blocks);
        }
        for (peer, blocks) in &self.peers {
            bytes.extend_from_slice(&(peer.len() as u16).to_le_bytes());
            bytes.extend_from_slice(peer.as_bytes());
            push(&mut bytes, blocks);
        }
        bytes
    }

    fn decode(bytes: &[u8], kinds: u32, peers: u32) -> Option<Self> {
        let (mut names, mut rest) = (Self::default(), bytes);
        for _ in 0..kinds {
            let kind = u16_in(take(&mut rest, 2)?, 0..2);
            names.kinds.insert(kind, blocks(&mut rest)?);
        }
        for _ in 0..peers {
            let length = u16_in(take(&mut rest, 2)?, 0..2);
            let peer = std::str::from_utf8(take(&mut rest, length.into())?).ok()?.to_owned();
            names.peers.insert(peer, blocks(&mut rest)?);
        }
        rest.is_empty().then_some(names)
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    rest.split_off(..length)
}

fn blocks(rest: &mut &[u8]) -> Option<Blocks> {
    let count = u32_in(take(rest, 4)?, 0..4) as usize;
    let (blocks, _) = take(rest, count.checked_mul(4)?)?.as_chunks::<4>();
    Some(blocks.iter().map(|block| u32::from_le_bytes(*block)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        let names = Names {
            kinds: BTreeMap::from([(1, vec![0]), (1011, vec![0, 2, 9])]),
            peers: BTreeMap::from([("claude-ada".to_owned(), vec![2]), ("demo-bob".to_owned(), vec![0, 9])]),
        };
        let messages = vec![(MessageId(7), 0), (MessageId(7), 2), (MessageId(1 << 100), 9)];
        Index { head: [3; 32], times_us: 5..=9, names, messages }
    }

    fn parts(bytes: &[u8]) -> Option<(IndexHeader, Names, Blocks)> {
        let header = IndexHeader::decode(bytes.first_chunk()?)?;
        let tables = &bytes[INDEX_HEADER_BYTES..];
        let (names, messages) = tables.split_at_checked(header.names_length as usize)?;
        let (names, blocks) = (header.names(names)?, header.blocks_of(MessageId(7), messages)?);
        (header.file_length() == Some(bytes.len() as u64)).then_some((header, names, blocks))
    }

    #[test]
    fn what_was_written_is_read() {
        let index = index();
        let (header, names, blocks) = parts(&index.encode()).unwrap();
        assert_eq!((header.head, header.times_us, header.message_span), ([3; 32], 5..=9, 7..=1 << 100));
        assert_eq!((names, blocks), (index.names, vec![0, 2]));
    }

    /// Derived, and so never believed by halves: whichever bit is wrong, there is no index.
    #[test]
    fn no_flipped_bit_is_believed() {
        let bytes = index().encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parts(&flipped), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(parts(&bytes[..length]), None, "length {length}");
        }
    }
}
