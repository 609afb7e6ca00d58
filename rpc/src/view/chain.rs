//! Answers about blocks and seals.

use super::Encoded;
use crate::encoding::{Encoding, EncodingError};
use crate::text;
use crate::transaction_json::schema::BlockTransaction;
use crate::transaction_json::{signed_from_json, signed_to_json};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use witan_types::genesis::GenesisGroup;
use witan_types::schema::Hex;
use witan_types::{
    BlockId, ChainId, EngineKind, Epoch, FaultModel, Genesis, GroupId, Hash, Height, SignedTransaction, TxId,
    ValidatorIndex,
};

/// The first agreement of the network: the answer of `chain_getGenesis`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GenesisView {
    /// The hash of `genesis`.
    #[serde(with = "text")]
    #[schemars(with = "ChainId")]
    pub chain: ChainId,
    /// The document, as it stands in a genesis file.
    pub genesis: Genesis,
    /// The engine of each group in its first epoch, and what that trusts its members with.
    pub groups: Vec<GroupEngine>,
}

/// How a group decides.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupEngine {
    /// Which group.
    pub group: GroupId,
    /// Its engine.
    pub engine: EngineKind,
    /// What its members may do wrong.
    pub faults: FaultModel,
}

impl From<Genesis> for GenesisView {
    fn from(genesis: Genesis) -> GenesisView {
        let engine = |group: &GenesisGroup| GroupEngine {
            group: group.id,
            engine: group.engine,
            faults: group.engine.faults(),
        };
        GenesisView { chain: genesis.chain(), groups: genesis.groups.iter().map(engine).collect(), genesis }
    }
}

/// A block: the answer of `chain_getBlock`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockView {
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
    /// What it commits to.
    #[serde(with = "text")]
    #[schemars(with = "Hash")]
    pub payload_root: Hash,
    /// The state after it; null for a block before the oldest whose result is kept.
    #[serde(with = "text::option")]
    #[schemars(with = "Option<Hash>")]
    pub state_root: Option<Hash>,
    /// Its receipts; null like the state root.
    #[serde(with = "text::option")]
    #[schemars(with = "Option<Hash>")]
    pub receipts_root: Option<Hash>,
    /// Number of transactions.
    pub tx_count: usize,
    /// Whether a seal for it is here.
    pub sealed: bool,
    /// The transactions, as far as `txs` asked for them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub txs: Option<BlockTransactions>,
}

/// A block's transactions, in order of execution.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum BlockTransactions {
    /// Their ids.
    Ids(Vec<TextId>),
    /// Themselves.
    Full(Vec<FullTransaction>),
}

/// A transaction id in a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TextId(
    #[serde(with = "text")]
    #[schemars(with = "TxId")]
    pub TxId,
);

impl BlockTransactions {
    /// The list of ids.
    pub fn ids(ids: impl IntoIterator<Item = TxId>) -> BlockTransactions {
        BlockTransactions::Ids(ids.into_iter().map(TextId).collect())
    }

    /// The list of transactions.
    pub fn full(transactions: impl IntoIterator<Item = SignedTransaction>) -> BlockTransactions {
        let full = |transaction| FullTransaction { transaction, encoding: Encoding::Hex };
        BlockTransactions::Full(transactions.into_iter().map(full).collect())
    }
}

/// A transaction in its JSON form, with `txId` beside it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FullTransaction {
    /// The transaction.
    pub transaction: SignedTransaction,
    encoding: Encoding,
}

impl JsonSchema for FullTransaction {
    fn schema_name() -> Cow<'static, str> {
        BlockTransaction::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BlockTransaction::json_schema(generator)
    }
}

impl Serialize for FullTransaction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = signed_to_json(&self.transaction, self.encoding).map_err(serde::ser::Error::custom)?;
        json.insert("txId".into(), self.transaction.id().to_string().into());
        json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FullTransaction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut json = serde_json::Map::deserialize(deserializer)?;
        json.remove("txId");
        let transaction = signed_from_json(&json, "txs", Encoding::Hex).map_err(serde::de::Error::custom)?;
        Ok(FullTransaction { transaction, encoding: Encoding::Hex })
    }
}

impl Encoded for BlockView {
    fn write_as(&mut self, encoding: Encoding) -> Result<(), EncodingError> {
        let Some(BlockTransactions::Full(transactions)) = &mut self.txs else {
            return Ok(());
        };
        for full in transactions {
            full.encoding = encoding;
            signed_to_json(&full.transaction, encoding)?;
        }
        Ok(())
    }
}

/// Blocks of one group: the answer of `chain_listBlocks`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BlockPage {
    /// The blocks, in the order asked for, without their transactions.
    pub items: Vec<BlockView>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

/// A quorum's signatures on a block's result: the answer of `chain_getSeal`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SealView {
    /// The group.
    pub group: GroupId,
    /// The epoch.
    pub epoch: Epoch,
    /// The block's height.
    pub height: Height,
    /// The block.
    #[serde(with = "text")]
    #[schemars(with = "BlockId")]
    pub block_id: BlockId,
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
    /// Their signatures, in the same order, `0x` hex.
    pub signatures: Vec<String>,
    /// The whole seal in its wire format: what an offline check reads.
    #[serde(with = "text::hex_bytes")]
    #[schemars(with = "Hex")]
    pub encoded: Vec<u8>,
}

impl From<&witan_types::Seal> for SealView {
    fn from(seal: &witan_types::Seal) -> SealView {
        let outcome = &seal.outcome;
        SealView {
            group: outcome.group,
            epoch: outcome.epoch,
            height: outcome.height,
            block_id: outcome.block_id,
            state_root: outcome.state_root,
            receipts_root: outcome.receipts_root,
            outbox_root: outcome.outbox_root,
            next_epoch: outcome.next_epoch,
            signers: seal.signatures.signers.iter().collect(),
            signatures: seal
                .signatures
                .signatures
                .iter()
                .map(|signature| crate::encoding::write_hex(&signature.0))
                .collect(),
            encoded: witan_types::Wire::encode(seal),
        }
    }
}
