//! What every engine judges in the same way before a message reaches `step`.

use crate::engine::{Instance, Rejected};
use witan_types::{Block, Committee, Signature, ValidatorIndex};

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

/// The sender's own signature.
pub(crate) fn check_signature(
    committee: &Committee,
    from: ValidatorIndex,
    message: &[u8],
    signature: &Signature,
) -> Result<(), Rejected> {
    let key = committee.key(from).ok_or(Rejected::NotAMember(from))?;
    let valid = committee.scheme().verify(key, message, signature);
    if valid { Ok(()) } else { Err(Rejected::BadSignature("the sender's signature")) }
}
