//! What every engine judges in the same way before a message reaches `step`.

use crate::engine::{Evidence, Instance, Rejected};
use std::collections::BTreeSet;
use witan_types::{Block, Committee, QuorumSignatures, Signature, Signed, ValidatorIndex};

/// A block of this chain above the base, with the payload its header commits to.
pub(crate) fn check_block(instance: &Instance, block: &Block) -> Result<(), Rejected> {
    let header = &block.header;
    if (header.chain, header.group, header.epoch) != (instance.chain, instance.group, instance.epoch) {
        return Err(Rejected::Inconsistent("a block of another chain"));
    }
    if header.height == 0 {
        return Err(Rejected::Inconsistent("a block in the base's place"));
    }
    if block.is_consistent() {
        Ok(())
    } else {
        Err(Rejected::Inconsistent("a payload under another's header"))
    }
}

/// Before whom a message is judged: where its signatures must count, who may sign, and by which rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Court<'a, J> {
    /// Where signatures must count.
    pub(crate) instance: &'a Instance,
    /// Who votes.
    pub(crate) committee: &'a Committee,
    /// The engine's rules.
    pub(crate) judge: J,
}

impl<J> Court<'_, J> {
    /// The author's own signature.
    pub(crate) fn check_signature(
        &self,
        author: ValidatorIndex,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), Rejected> {
        let key = self.committee.key(author).ok_or(Rejected::NotAMember(author))?;
        let valid = self.committee.scheme().verify(key, message, signature);
        if valid { Ok(()) } else { Err(Rejected::BadSignature("the sender's signature")) }
    }

    /// A quorum's signatures on one message; `what` they make, for whoever reads the refusal.
    pub(crate) fn check_quorum(
        &self,
        signatures: &QuorumSignatures,
        message: &[u8],
        what: &'static str,
    ) -> Result<(), Rejected> {
        let verdict = signatures.verify(self.committee, |_| message.to_vec());
        verdict.map_err(|_| Rejected::BadSignature(what))
    }
}

/// Who was accused of what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accused(BTreeSet<(ValidatorIndex, &'static str)>);

impl Accused {
    /// The evidence against a liar, once for each kind of lie.
    pub(crate) fn evidence(
        &mut self,
        committee: &Committee,
        validator: ValidatorIndex,
        conflict: &'static str,
        first: (Vec<u8>, Signature),
        second: (Vec<u8>, Signature),
    ) -> Option<Evidence> {
        let key = committee.key(validator).copied()?;
        let signed = |(message, signature)| Signed { key, message, signature };
        let (first, second) = (signed(first), signed(second));
        self.0.insert((validator, conflict)).then_some(Evidence { validator, key, conflict, first, second })
    }
}
