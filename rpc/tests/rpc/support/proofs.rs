//! What the fake node answers where an answer is for offline checks.

use witan_rpc::*;
use witan_types::*;

/// The block under a seal, which is none of it.
pub(super) fn light_block(genesis: &Genesis, seal: &[u8]) -> LightBlockView {
    let seal = Seal::decode(seal).unwrap();
    let header = Header { height: seal.outcome.height, ..genesis.base_header(seal.outcome.group) };
    LightBlockView::new(&SealedHeader { header, seal }, vec![vec![7]])
}

/// An epoch of one member.
pub(super) fn epoch(group: GroupId, epoch: Option<Epoch>, at: ReadPoint, prove: bool) -> EpochView {
    let member = EpochMemberView {
        index: ValidatorIndex(0),
        place: ValidatorIndex(0),
        name: "n0".into(),
        key: Hash([1; 32]),
        node_id: NodeId(Hash([2; 32])),
    };
    EpochView {
        chain: ChainId(Hash([3; 32])),
        group,
        epoch: epoch.unwrap_or(Epoch(1)),
        engine: EngineKind::HotStuff,
        faults: FaultModel::Byzantine,
        max_faulty: 0,
        quorum: 1,
        members: vec![member],
        closed: false,
        last_height: None,
        last_block_id: None,
        hash: Hash([8; 32]),
        record: vec![1, 2],
        at,
        proof: prove.then(|| ProofView::of(EPOCH_PROOF_FORMAT, vec![1])),
    }
}
