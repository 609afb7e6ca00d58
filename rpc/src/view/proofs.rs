//! Answers that carry proofs of more than one key: whole slots, light blocks, epochs.

use super::{Encoded, ProofView, ReadPoint, ScanItem};
use crate::encoding::{Encoding, EncodingError};
use crate::text;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use witan_types::schema::Hex;
use witan_types::{
    BlockId, ChainId, EngineKind, Epoch, FaultModel, GroupId, Hash, Height, NodeId, SealedHeader,
    ValidatorIndex, Wire,
};

/// The format of proofs of whole slots.
pub const SLOT_PROOF_FORMAT: &str = "witan-slot-proof-1";
/// The format of proofs of how transactions ended.
pub const OUTCOME_PROOF_FORMAT: &str = "witan-outcome-proof-1";
/// The format of proofs of who runs a group in an epoch.
pub const EPOCH_PROOF_FORMAT: &str = "witan-epoch-proof-1";

/// All that a slot holds: the answer of `state_getSlot`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlotView {
    /// Which slot.
    pub slot: u16,
    /// Every key in it with its value, ascending.
    pub items: Vec<ScanItem>,
    /// Where the read stands.
    #[serde(flatten)]
    pub at: ReadPoint,
    /// The proof, if asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proof: Option<ProofView>,
}

impl Encoded for SlotView {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        self.items.iter_mut().try_for_each(|item| item.write_as(encoding))
    }
}

/// Bytes in a list, always as `0x` hex.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct HexBytes(
    #[serde(with = "text::hex_bytes")]
    #[schemars(with = "Hex")]
    pub Vec<u8>,
);

/// A block without its payload, with all that is needed to judge it: the answer of `chain_getLightBlock`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LightBlockView {
    /// The network.
    #[serde(with = "text")]
    #[schemars(with = "ChainId")]
    pub chain: ChainId,
    /// The group whose chain it is in.
    pub group: GroupId,
    /// Its height.
    pub height: Height,
    /// Its id.
    #[serde(with = "text")]
    #[schemars(with = "BlockId")]
    pub block_id: BlockId,
    /// The block before.
    #[serde(with = "text")]
    #[schemars(with = "BlockId")]
    pub parent: BlockId,
    /// Fixed at first proposal: HotStuff's round, Raft's term, 0 under PBFT.
    pub tag: u64,
    /// The group's epoch.
    pub epoch: Epoch,
    /// Who made it.
    pub proposer: ValidatorIndex,
    /// Its block time, Unix milliseconds.
    pub time_ms: u64,
    /// What it carries.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub payload_root: Hash,
    /// The state after it.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub state_root: Hash,
    /// Its receipts.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub receipts_root: Hash,
    /// Its messages to other groups.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub outbox_root: Hash,
    /// The next epoch's record, if the block ends its epoch.
    #[serde(with = "text::option")]
    #[schemars(with = "Option<Hash>")]
    pub next_epoch: Option<Hash>,
    /// Who signed, ascending.
    pub signers: Vec<ValidatorIndex>,
    /// Header and seal in their wire format: what an offline check reads.
    #[serde(with = "text::hex_bytes")]
    #[schemars(with = "Hex")]
    pub encoded: Vec<u8>,
    /// From each epoch of the root group so far to the next, oldest first, in their wire format: the last block of the one and the
    /// record of the other. Empty while the root group is in its first epoch.
    pub epochs: Vec<HexBytes>,
}

impl LightBlockView {
    /// What is shown of a sealed header; `epochs` are the encoded steps to the newest epoch of the root group.
    pub fn new(sealed: &SealedHeader, epochs: Vec<Vec<u8>>) -> LightBlockView {
        let (header, outcome) = (&sealed.header, &sealed.seal.outcome);
        LightBlockView {
            chain: header.chain,
            group: header.group,
            height: header.height,
            block_id: header.id(),
            parent: header.parent,
            tag: header.tag,
            epoch: header.epoch,
            proposer: header.proposer,
            time_ms: header.time_ms,
            payload_root: header.payload_root,
            state_root: outcome.state_root,
            receipts_root: outcome.receipts_root,
            outbox_root: outcome.outbox_root,
            next_epoch: outcome.next_epoch,
            signers: sealed.seal.signatures.signers.iter().collect(),
            encoded: sealed.encode(),
            epochs: epochs.into_iter().map(HexBytes).collect(),
        }
    }
}

/// A validator that runs a group in an epoch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EpochMemberView {
    /// Its place in the group's committee: what seals and proposers name.
    pub index: ValidatorIndex,
    /// Its place among all validators.
    pub place: ValidatorIndex,
    /// Its name.
    pub name: String,
    /// The key that it signs votes and seals with.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub key: Hash,
    /// Its network identity.
    #[serde(with = "text")]
    #[schemars(with = "NodeId")]
    pub node_id: NodeId,
}

/// Who runs a group in an epoch, and how: the answer of `chain_getEpoch`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EpochView {
    /// The network.
    #[serde(with = "text")]
    #[schemars(with = "ChainId")]
    pub chain: ChainId,
    /// Which group.
    pub group: GroupId,
    /// Which of its epochs, from 1.
    pub epoch: Epoch,
    /// Its engine.
    pub engine: EngineKind,
    /// What its members may do wrong.
    pub faults: FaultModel,
    /// How many faulty members it withstands.
    pub max_faulty: usize,
    /// How many members decide.
    pub quorum: usize,
    /// Its members, in the order of the committee.
    pub members: Vec<EpochMemberView>,
    /// Whether it is over.
    pub closed: bool,
    /// Its last block's height; null while it goes on.
    pub last_height: Option<Height>,
    /// Its last block; null while it goes on.
    #[serde(with = "text::option")]
    #[schemars(with = "Option<BlockId>")]
    pub last_block_id: Option<BlockId>,
    /// The hash of the record as the epoch opened: what the epoch before names in its last seal, and what a checkpoint names.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub hash: Hash,
    /// The record in its wire format: what an offline check reads.
    #[serde(with = "text::hex_bytes")]
    #[schemars(with = "Hex")]
    pub record: Vec<u8>,
    /// After which block of the root group it stood so.
    pub at: ReadPoint,
    /// The proof, if asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proof: Option<ProofView>,
}
