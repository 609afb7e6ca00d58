//! What members tell each other, and the stateless judgement of it.

use super::certificate::{
    Kind, MAX_CERTIFICATE_BYTES, MAX_TIMEOUT_CERTIFICATE_BYTES, OrderCertificate, QuorumCertificate, Round,
    TimeoutCertificate,
};
use super::faults::Court;
use super::reputation::candidates;
use super::rules::{Lapse, follows};
use crate::engine::{Instance, Rejected};
use crate::fetch::{Blocks, Fetch};
use crate::judging::check_block;
use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::Arc;
use witan_types::codec::encode;
use witan_types::{Block, BlockId, Hash, Height, SecretKey, Signature, ValidatorIndex, Wire, sha256};

/// A message between members.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// The leader's block for a round.
    Proposal(Proposal),
    /// "This block is well made and extends what it must."
    Vote(Vote),
    /// "I hold the quorum certificate of this block and will never help to go on from below it."
    OrderVote(Vote),
    /// "I give this round up."
    Timeout(Timeout),
    /// What a member that fell behind needs to follow.
    Certificates(Certificates),
    /// "This is how far I am": said after a start, answered by whoever is further.
    Hello(Hello),
    /// Asks for a certified block and its ancestors.
    Fetch(Fetch),
    /// The answer.
    Blocks(Blocks),
    /// The other answer: not held. The sender's tree starts at this height.
    Gone(Height),
}

/// A block with what allows its leader to propose it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// The block; its tag is the round.
    pub block: Arc<Block>,
    /// The parent's certificate.
    pub justify: QuorumCertificate,
    /// The time-out certificate of the round before, unless `justify` is of that round.
    pub tc: Option<TimeoutCertificate>,
    /// The leader's signature on round, block, `justify` and `tc`.
    pub signature: Signature,
}

impl Proposal {
    /// Makes and signs a proposal.
    pub fn sign(
        instance: &Instance,
        key: &SecretKey,
        block: Arc<Block>,
        justify: QuorumCertificate,
        tc: Option<TimeoutCertificate>,
    ) -> Proposal {
        let mut proposal = Proposal { block, justify, tc, signature: Signature([0; 64]) };
        let id = proposal.block.id();
        proposal.signature = key.sign_bytes(&proposal.signing_bytes(instance, id));
        proposal
    }

    /// The proposal's round.
    pub fn round(&self) -> Round {
        self.block.header.tag
    }

    pub(super) fn lapse(&self) -> Option<Lapse> {
        self.tc.as_ref().map(|tc| Lapse { round: tc.round, high_qc_round: tc.high_qc.round })
    }

    pub(super) fn signing_bytes(&self, instance: &Instance, id: BlockId) -> Vec<u8> {
        let grounds: Hash = sha256(&[b"witan hotstuff grounds", &encode(&self.justify), &encode(&self.tc)]);
        Kind::Proposal.signing_bytes(instance, &(self.round(), id, grounds))
    }

    fn verify(&self, court: &Court<'_>, from: ValidatorIndex) -> Result<(), Rejected> {
        let (header, round) = (&self.block.header, self.round());
        verify_block(court.instance, &self.block)?;
        if header.proposer != from || candidates(round, court.committee).all(|candidate| candidate != from) {
            return Err(Rejected::Inconsistent("a proposal from a member that can't lead its round"));
        }
        if header.parent != self.justify.block || self.justify.round >= round {
            return Err(Rejected::Inconsistent("a proposal that its certificate does not justify"));
        }
        verify_grounds(court, round, &self.justify, self.tc.as_ref())?;
        court.check_signature(from, &self.signing_bytes(court.instance, header.id()), &self.signature)?;
        self.justify.verify(court)?;
        self.tc.as_ref().map_or(Ok(()), |tc| tc.verify(court))
    }
}

/// A vote or an order vote, by the kind of message it stands in. Its author is the sender.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// The block's round.
    pub round: Round,
    /// The block.
    pub block: BlockId,
    /// The author's signature on both.
    pub signature: Signature,
}

impl Vote {
    /// Makes and signs a vote ([`Kind::Vote`]) or an order vote ([`Kind::OrderVote`]).
    pub fn sign(instance: &Instance, key: &SecretKey, kind: Kind, round: Round, block: BlockId) -> Vote {
        Vote { round, block, signature: key.sign_bytes(&kind.signing_bytes(instance, &(round, block))) }
    }

    pub(super) fn signing_bytes(&self, instance: &Instance, kind: Kind) -> Vec<u8> {
        kind.signing_bytes(instance, &(self.round, self.block))
    }
}

/// A time-out. Its author is the sender.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Timeout {
    /// The round given up.
    pub round: Round,
    /// The author's highest quorum certificate.
    pub high_qc: QuorumCertificate,
    /// The time-out certificate of the round before, unless `high_qc` is of that round.
    pub tc: Option<TimeoutCertificate>,
    /// The author's signature on `(round, high_qc.round)`.
    pub signature: Signature,
}

impl Timeout {
    /// Makes and signs a time-out.
    pub fn sign(
        instance: &Instance,
        key: &SecretKey,
        round: Round,
        high_qc: QuorumCertificate,
        tc: Option<TimeoutCertificate>,
    ) -> Timeout {
        let signature = key.sign_bytes(&Kind::Timeout.signing_bytes(instance, &(round, high_qc.round)));
        Timeout { round, high_qc, tc, signature }
    }

    fn verify(&self, court: &Court<'_>, from: ValidatorIndex) -> Result<(), Rejected> {
        if self.high_qc.round >= self.round {
            return Err(Rejected::Inconsistent("a time-out of a round that is certified"));
        }
        verify_grounds(court, self.round, &self.high_qc, self.tc.as_ref())?;
        let message = Kind::Timeout.signing_bytes(court.instance, &(self.round, self.high_qc.round));
        court.check_signature(from, &message, &self.signature)?;
        self.high_qc.verify_as_highest(court)?;
        self.tc.as_ref().map_or(Ok(()), |tc| tc.verify(court))
    }
}

/// The highest certificates a member holds.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Certificates {
    /// The highest quorum certificate.
    pub high_qc: QuorumCertificate,
    /// The highest time-out certificate, if it is above `high_qc`.
    pub tc: Option<TimeoutCertificate>,
    /// The newest order certificate.
    pub order: Option<OrderCertificate>,
}

impl Certificates {
    fn verify(&self, court: &Court<'_>) -> Result<(), Rejected> {
        self.high_qc.verify(court)?;
        self.tc.as_ref().map_or(Ok(()), |tc| tc.verify(court))?;
        self.order.as_ref().map_or(Ok(()), |order| order.verify(court))
    }
}

/// How far a member is. A hint: nothing rests on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Hello {
    /// The round it is in.
    pub round: Round,
    /// The height it has decided.
    pub decided: Height,
}

impl Wire for Message {
    const MAX_BYTES: usize =
        Block::MAX_BYTES + MAX_CERTIFICATE_BYTES + MAX_TIMEOUT_CERTIFICATE_BYTES + MAX_CERTIFICATE_BYTES;
}

impl Message {
    /// Judges everything that can be judged without state.
    pub(super) fn verify(&self, court: &Court<'_>, from: ValidatorIndex) -> Result<(), Rejected> {
        if court.committee.key(from).is_none() {
            return Err(Rejected::NotAMember(from));
        }
        match self {
            Message::Proposal(proposal) => proposal.verify(court, from),
            Message::Vote(vote) => verify_vote(court, from, Kind::Vote, vote),
            Message::OrderVote(vote) => verify_vote(court, from, Kind::OrderVote, vote),
            Message::Timeout(timeout) => timeout.verify(court, from),
            Message::Certificates(certificates) => certificates.verify(court),
            Message::Blocks(blocks) => blocks.verify(court.instance, verify_block),
            Message::Hello(_) | Message::Fetch(_) | Message::Gone(_) => Ok(()),
        }
    }

    /// The blocks it carries.
    pub(super) fn blocks(&self) -> Vec<&Arc<Block>> {
        match self {
            Message::Proposal(proposal) => vec![&proposal.block],
            Message::Blocks(blocks) => blocks.0.iter().collect(),
            Message::Vote(_)
            | Message::OrderVote(_)
            | Message::Timeout(_)
            | Message::Certificates(_)
            | Message::Hello(_)
            | Message::Fetch(_)
            | Message::Gone(_) => Vec::new(),
        }
    }
}

/// A block of this chain, in a round that has a leader.
fn verify_block(instance: &Instance, block: &Block) -> Result<(), Rejected> {
    if block.header.tag == 0 {
        return Err(Rejected::Inconsistent("a block in the base's place"));
    }
    check_block(instance, block)
}

/// Whether being in `round` is proven: by the quorum certificate of the round before, else by its time-out certificate.
fn verify_grounds(
    court: &Court<'_>,
    round: Round,
    high_qc: &QuorumCertificate,
    tc: Option<&TimeoutCertificate>,
) -> Result<(), Rejected> {
    let proven = match tc {
        None => follows(round, high_qc.round),
        Some(tc) => !follows(round, high_qc.round) && follows(round, tc.round),
    };
    if proven || !court.judge.checks_grounds() {
        Ok(())
    } else {
        Err(Rejected::Inconsistent("a round that its certificates do not open"))
    }
}

fn verify_vote(court: &Court<'_>, from: ValidatorIndex, kind: Kind, vote: &Vote) -> Result<(), Rejected> {
    if vote.round == 0 {
        return Err(Rejected::Inconsistent("round 0 is not voted on"));
    }
    court.check_signature(from, &vote.signing_bytes(court.instance, kind), &vote.signature)
}
