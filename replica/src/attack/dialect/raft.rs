//! Raft's members don't lie, so there is nothing to say about that, but they may keep entries from some.

use super::{Change, Dialect, Signer};
use crate::attack::Chance;
use witan_consensus::raft::{Message, Raft};

impl Dialect for Raft {
    fn is_proposal(message: &Message) -> bool {
        matches!(message, Message::Append(append) if !append.entries.is_empty())
    }

    fn conflicting(_: &Message, _: Signer<'_>) -> Option<Message> {
        None
    }

    fn changed(_: &Message, _: Change<'_>, _: Signer<'_>) -> Option<Message> {
        None
    }

    fn misleading(_: &Message, _: &mut dyn Chance) -> Option<Message> {
        None
    }
}
