//! What members tell each other, and the stateless judgement of it. Members trust each other and links are
//! authenticated, so nothing is signed; yet nothing that is said may harm more than the protocol.

use super::rules::{End, Term};
use crate::engine::{Instance, Rejected};
use crate::judging::check_block;
use borsh::{BorshDeserialize, BorshSerialize};
use std::sync::Arc;
use witan_types::codec::bounded;
use witan_types::{Block, BlockId, Committee, Height, ValidatorIndex, Wire};

/// The most entries that one append carries.
pub const MAX_ENTRIES: usize = 64;

/// A message between members (figure 2; thesis, sections 3.10 and 9.6).
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum Message {
    /// "Would you vote for me in this term?"
    PreVote(Request),
    /// The answer.
    PreVoteReply(Reply),
    /// "Vote for me in this term."
    RequestVote(Request),
    /// The answer.
    VoteReply(Reply),
    /// The leader's entries, or only its being there.
    Append(Append),
    /// The answer.
    Appended(Appended),
    /// The leader is about to stop: "campaign at once".
    HandOver(Term),
    /// What you need is no longer in my log: it starts at this height.
    Gone(Height),
}

/// A candidate's request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Request {
    /// The term it is, or would be, a candidate in.
    pub term: Term,
    /// Where its log ends.
    pub end: End,
    /// The leader itself asked it to: whoever hears that leader need not mind.
    pub handed_over: bool,
}

/// The answer to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Reply {
    /// The term asked for if granted, else the newest term known.
    pub term: Term,
    /// Whether it is, or would be, a vote.
    pub granted: bool,
}

/// An entry by place, term and name. Names chain, so whoever holds the same one holds the same log up to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Point {
    /// Its height.
    pub height: Height,
    /// Its term.
    pub term: Term,
    /// Its block.
    pub id: BlockId,
}

impl Point {
    /// Where a log ends that ends here.
    pub fn end(&self) -> End {
        End { term: self.term, height: self.height }
    }
}

/// A leader's entries.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Append {
    /// The leader's term.
    pub term: Term,
    /// The entry right before the new ones.
    pub prev: Point,
    /// The new ones, ascending; none if the leader only says that it is there.
    #[borsh(deserialize_with = "bounded::<MAX_ENTRIES, _, _>")]
    pub entries: Vec<Arc<Block>>,
    /// What the leader knows to be committed.
    pub commit: Height,
}

/// The answer to an append.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Appended {
    /// The newest term known.
    pub term: Term,
    /// What came of it.
    pub result: AppendResult,
}

/// What came of an append.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub enum AppendResult {
    /// Up to this height the log is on disk and equals the leader's.
    Matched(Height),
    /// The entry before the new ones is another here, or missing. Up to this one, the first of its term or the last of all,
    /// logs may agree (section 5.3, "the term of the conflicting entry").
    Conflict(End),
}

impl Wire for Message {
    const MAX_BYTES: usize = Block::MAX_BYTES + 1024;
}

impl Message {
    /// Judges everything that can be judged without state.
    pub(super) fn verify(
        &self,
        instance: &Instance,
        committee: &Committee,
        from: ValidatorIndex,
    ) -> Result<(), Rejected> {
        if committee.key(from).is_none() {
            return Err(Rejected::NotAMember(from));
        }
        match self {
            Message::PreVote(request) | Message::RequestVote(request) => check_term(request.term),
            Message::Append(append) => append.verify(instance),
            Message::HandOver(term) => check_term(*term),
            Message::PreVoteReply(_) | Message::VoteReply(_) | Message::Appended(_) | Message::Gone(_) => {
                Ok(())
            }
        }
    }

    /// The blocks it carries.
    pub(super) fn blocks(&self) -> Vec<&Arc<Block>> {
        match self {
            Message::Append(append) => append.entries.iter().collect(),
            Message::PreVote(_)
            | Message::PreVoteReply(_)
            | Message::RequestVote(_)
            | Message::VoteReply(_)
            | Message::Appended(_)
            | Message::HandOver(_)
            | Message::Gone(_) => Vec::new(),
        }
    }
}

/// No one leads term 0, and terms have no end that is ever reached: one so high is no term.
fn check_term(term: Term) -> Result<(), Rejected> {
    const HIGHEST: Term = 1 << 62;
    if (1..=HIGHEST).contains(&term) {
        Ok(())
    } else {
        Err(Rejected::Inconsistent("a term that nobody leads"))
    }
}

impl Append {
    fn verify(&self, instance: &Instance) -> Result<(), Rejected> {
        check_term(self.term)?;
        let mut below = self.prev;
        for block in &self.entries {
            check_block(instance, block)?;
            let header = &block.header;
            let follows = below.height.checked_add(1) == Some(header.height) && header.parent == below.id;
            if !follows || header.tag < below.term {
                return Err(Rejected::Inconsistent("entries that are no log"));
            }
            below = Point { height: header.height, term: header.tag, id: block.id() };
        }
        if below.term > self.term || (!self.entries.is_empty() && below.term == 0) {
            return Err(Rejected::Inconsistent("an entry of no term so far"));
        }
        Ok(())
    }
}
