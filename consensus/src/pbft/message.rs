//! What members tell each other, and the stateless judgement of it.

use super::certificate::{FinalCertificate, Kind, point};
use super::faults::Court;
use super::leader_of;
use super::reports::{MAX_NEW_VIEW_BYTES, MAX_VIEW_CHANGE_BYTES, NewView, ViewChange};
use super::rules::{Point, View};
use crate::engine::{Instance, Rejected};
use crate::fetch::{Blocks, Fetch};
use crate::judging::check_block;
use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::Arc;
use witan_types::{Block, Committee, Height, SecretKey, Signature, ValidatorIndex, Wire};

/// A message between members.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// The leader's block for a height, with its own prepare.
    PrePrepare(PrePrepare),
    /// "In this view, I accept this block at this height and no other."
    Prepare(Prepare),
    /// "A quorum accepts it: I report it in every view change until it is decided."
    Commit(Vote),
    /// "I give the view up: this is what I know."
    ViewChange(ViewChange),
    /// What a quorum knew: the new view starts from that.
    NewView(NewView),
    /// The newest final block, for a member that fell behind.
    Final(FinalCertificate),
    /// "This is how far I am": said after a start, answered by whoever is further.
    Hello(Hello),
    /// Asks for a block and its ancestors.
    Fetch(Fetch),
    /// The answer.
    Blocks(Blocks),
    /// The other answer: not held. The sender's tree starts at this height.
    Gone(Height),
}

/// A prepare or a commit, by the message it stands in.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// The view.
    pub view: View,
    /// The block.
    pub block: Point,
    /// The author's signature on both.
    pub signature: Signature,
}

impl Vote {
    /// Makes and signs a prepare ([`Kind::Prepare`]) or a commit ([`Kind::Commit`]).
    pub fn sign(instance: &Instance, key: &SecretKey, kind: Kind, view: View, block: Point) -> Vote {
        Vote { view, block, signature: key.sign_bytes(&kind.signing_bytes(instance, &(view, block))) }
    }

    pub(super) fn signing_bytes(&self, instance: &Instance, kind: Kind) -> Vec<u8> {
        kind.signing_bytes(instance, &(self.view, self.block))
    }

    fn verify(&self, court: &Court<'_>, author: ValidatorIndex, kind: Kind) -> Result<(), Rejected> {
        court.check_signature(author, &self.signing_bytes(court.instance, kind), &self.signature)
    }
}

/// A leader's block. The leader's prepare proves that it proposed it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct PrePrepare {
    /// The block. Its id does not depend on the view, so that a later one can propose it again.
    pub block: Arc<Block>,
    /// The leader's prepare for it.
    pub prepare: Vote,
}

impl PrePrepare {
    /// Makes and signs a proposal.
    pub fn sign(instance: &Instance, key: &SecretKey, view: View, block: Arc<Block>) -> PrePrepare {
        let prepare = Vote::sign(instance, key, Kind::Prepare, view, point(&block.header));
        PrePrepare { block, prepare }
    }

    fn verify(&self, court: &Court<'_>, from: ValidatorIndex) -> Result<(), Rejected> {
        let (header, prepare) = (&self.block.header, &self.prepare);
        verify_block(court.instance, &self.block)?;
        if header.proposer != from || leader_of(prepare.view, header.height, court.committee.size()) != from {
            return Err(Rejected::Inconsistent("a block from another than the height's leader"));
        }
        if prepare.block != point(header) {
            return Err(Rejected::Inconsistent("a leader's prepare for another block"));
        }
        prepare.verify(court, from, Kind::Prepare)
    }
}

/// A member's prepare. Its author is the sender.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Prepare {
    /// The prepare.
    pub vote: Vote,
    /// The leader's own prepare for the block, by which it was proposed: whoever was told of another block sees the lie.
    /// None for a block that the new view chose.
    pub leader: Option<Signature>,
}

impl Prepare {
    /// The leader's prepare, and who the leader is.
    pub(super) fn leader_vote(&self, committee: &Committee) -> Option<(ValidatorIndex, Vote)> {
        let leader = leader_of(self.vote.view, self.vote.block.height, committee.size());
        self.leader.map(|signature| (leader, Vote { signature, ..self.vote.clone() }))
    }

    fn verify(&self, court: &Court<'_>, from: ValidatorIndex) -> Result<(), Rejected> {
        self.vote.verify(court, from, Kind::Prepare)?;
        match self.leader_vote(court.committee) {
            Some((leader, vote)) => vote.verify(court, leader, Kind::Prepare),
            None => Ok(()),
        }
    }
}

/// How far a member is. A hint: nothing rests on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Hello {
    /// The view it is in; one that it has only asked for counts as the one before.
    pub view: View,
    /// The height it has decided.
    pub decided: Height,
}

/// The most heights that may be under way above the newest stable block (the window of section 4.3): above what any
/// leader has in flight plus the blocks that may be unsealed.
pub const WINDOW: usize = 32;
/// The most different prepared certificates that a new view may rest on: more than one at a height can be real only if
/// views were prepared at the height by different members.
pub const MAX_PROOFS: usize = 4 * WINDOW;

/// The most bytes of a message without a block.
const MAX_CONTROL_BYTES: usize =
    if MAX_NEW_VIEW_BYTES > MAX_VIEW_CHANGE_BYTES { MAX_NEW_VIEW_BYTES } else { MAX_VIEW_CHANGE_BYTES };

impl Wire for Message {
    const MAX_BYTES: usize = {
        let with_block = Block::MAX_BYTES + 1024;
        if with_block > MAX_CONTROL_BYTES { with_block } else { MAX_CONTROL_BYTES }
    };
}

impl Message {
    /// Judges everything that can be judged without state.
    pub(super) fn verify(&self, court: &Court<'_>, from: ValidatorIndex) -> Result<(), Rejected> {
        if court.committee.key(from).is_none() {
            return Err(Rejected::NotAMember(from));
        }
        match self {
            Message::PrePrepare(proposal) => proposal.verify(court, from),
            Message::Prepare(prepare) => prepare.verify(court, from),
            Message::Commit(vote) => vote.verify(court, from, Kind::Commit),
            Message::ViewChange(view_change) => view_change.verify(court, from),
            Message::NewView(new_view) => new_view.verify(court),
            Message::Final(certificate) => certificate.verify(court),
            Message::Blocks(blocks) => blocks.verify(court.instance, verify_block),
            Message::Hello(_) | Message::Fetch(_) | Message::Gone(_) => Ok(()),
        }
    }

    /// The blocks it carries.
    pub(super) fn blocks(&self) -> Vec<&Arc<Block>> {
        match self {
            Message::PrePrepare(proposal) => vec![&proposal.block],
            Message::Blocks(blocks) => blocks.0.iter().collect(),
            Message::Prepare(_)
            | Message::Commit(_)
            | Message::ViewChange(_)
            | Message::NewView(_)
            | Message::Final(_)
            | Message::Hello(_)
            | Message::Fetch(_)
            | Message::Gone(_) => Vec::new(),
        }
    }
}

/// A block of this chain. Its tag is 0: a view in it would change its id with each view that proposes it again.
fn verify_block(instance: &Instance, block: &Block) -> Result<(), Rejected> {
    if block.header.tag != 0 {
        return Err(Rejected::Inconsistent("a block with a tag"));
    }
    check_block(instance, block)
}
