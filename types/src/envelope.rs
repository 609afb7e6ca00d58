//! Envelopes: what one group says to another, in the order of their channel, proved by the sender's seal.

use crate::codec::{Wire, bounded, encode};
use crate::hash::{Hash, sha256};
use crate::ids::GroupId;
use crate::merkle_list::ListProof;
use crate::seal::Seal;
use borsh::{BorshDeserialize, BorshSerialize};
use std::io::{Read, Result as IoResult};

/// The most messages that one block may have for one other group.
pub const MAX_ENVELOPE_MESSAGES: usize = 4096;
/// The most bytes of one message: a prepare carries a whole transaction, a vote what it read.
pub const MAX_MESSAGE_BYTES: usize = 320 * 1024;
/// The most bytes that the contents of an envelope may take.
pub const MAX_CONTENTS_BYTES: usize = 640 * 1024;

/// Everything that one block of a group says to one other group.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Contents {
    /// The receiving group.
    pub destination: GroupId,
    /// The place of the first message in the channel; places count from 0, without gaps.
    pub first: u64,
    /// How many messages of the receiver's own channel back the sender has consumed: the receiver may forget those.
    pub consumed: u64,
    /// The messages, in order. None if the block only tells what was consumed.
    #[borsh(deserialize_with = "messages")]
    pub messages: Vec<Vec<u8>>,
}

/// One message, its length bounded.
struct Message(Vec<u8>);

impl BorshDeserialize for Message {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Message> {
        crate::codec::bounded_bytes::<MAX_MESSAGE_BYTES, R>(reader).map(Message)
    }
}

fn messages<R: Read>(reader: &mut R) -> IoResult<Vec<Vec<u8>>> {
    let messages = bounded::<MAX_ENVELOPE_MESSAGES, Message, R>(reader)?;
    Ok(messages.into_iter().map(|Message(bytes)| bytes).collect())
}

impl Contents {
    /// The leaf that stands for them in the block's outbox root.
    pub fn leaf(&self) -> Hash {
        sha256(&[b"witan outbox", &encode(self)])
    }

    /// The place after the last message.
    pub fn next(&self) -> u64 {
        self.first.saturating_add(self.messages.len() as u64)
    }
}

impl Wire for Contents {
    const MAX_BYTES: usize = MAX_CONTENTS_BYTES;
}

/// What a block of a group says to another group, with all that is needed to prove it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Envelope {
    /// The seal of the sender's block.
    pub seal: Seal,
    /// What it says.
    pub contents: Contents,
    /// The way from there to the outbox root in the seal.
    pub proof: ListProof,
}

impl Envelope {
    /// The sending group.
    pub fn source(&self) -> GroupId {
        self.seal.outcome.group
    }

    /// Whether the seal covers the contents. That the seal itself is a quorum's is for the caller to know.
    pub fn is_consistent(&self) -> bool {
        self.proof.root(&self.contents.leaf()) == Some(self.seal.outcome.outbox_root)
    }
}

impl Wire for Envelope {
    const MAX_BYTES: usize = Seal::MAX_BYTES + Contents::MAX_BYTES + ListProof::MAX_BYTES;
}
