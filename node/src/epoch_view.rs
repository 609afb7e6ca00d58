//! How an epoch is shown: by a node that answers for it, and by an offline check of what it answered.

use witan_ledger::{EpochRecord, Member};
use witan_rpc::view::{EpochMemberView, EpochView, ProofView, ReadPoint};
use witan_types::{ChainId, Hash, ValidatorIndex, Wire as _};

/// What is shown of an epoch's record as it stood `at` a block of the root group.
pub fn epoch_view(
    chain: ChainId,
    record: &EpochRecord,
    at: ReadPoint,
    proof: Option<ProofView>,
) -> EpochView {
    let committee = record.committee();
    let member = |(index, Member { place, validator }): (u16, &Member)| EpochMemberView {
        index: ValidatorIndex(index),
        place: *place,
        name: String::from_utf8_lossy(&validator.name).into_owned(),
        key: Hash(validator.key.0),
        node_id: validator.node,
    };
    EpochView {
        chain,
        group: record.group,
        epoch: record.epoch,
        engine: record.engine,
        faults: committee.faults(),
        max_faulty: committee.max_faulty(),
        quorum: committee.quorum(),
        members: (0..).zip(&record.members).map(member).collect(),
        closed: record.closed.is_some(),
        last_height: record.closed.map(|(height, _)| height),
        last_block_id: record.closed.map(|(_, id)| id),
        hash: record.hash(),
        record: record.encode(),
        at,
        proof,
    }
}
