//! The table of all methods: the one list that registration, the OpenRPC document and the client are made from.

use crate::encoding::Encoding;
use crate::example;
use crate::method::{Method, MethodDescription, request};
use crate::parameter::{At, IdText, Order, TransactionDetail, TxInput, Wait};
use crate::view;
use schemars::SchemaGenerator;
use serde_json::{Map, Value};
use witan_types::{Account, GroupId, Height, TxId};

/// How long a submission waits, in milliseconds, if it does not say.
pub const DEFAULT_WAIT_MS: u64 = 10_000;
/// The longest a submission may wait, in milliseconds.
pub const MAX_WAIT_MS: u64 = 120_000;
/// Items on a page, if a request does not say.
pub const DEFAULT_PAGE: u32 = 100;
/// The most items on a page.
pub const MAX_PAGE: u32 = 1_000;
/// The most keys of one `state_getMany`.
pub const MAX_KEYS: usize = 128;

/// What most calls cost.
const PLAIN: u32 = 1;

macro_rules! cost {
    () => {
        PLAIN
    };
    ($cost:literal) => {
        $cost
    };
}
/// The furthest that `fault_set` sets a clock wrong, in milliseconds: a day.
pub const MAX_FAULT_OFFSET_MS: u64 = 86_400_000;
/// The longest that `fault_set` holds a sync or a message up, in milliseconds.
pub const MAX_FAULT_DELAY_MS: u64 = 60_000;
/// The longest that a fault lasts that ends by itself, in milliseconds: an hour.
pub const MAX_FAULT_MS: u64 = 3_600_000;
/// The most nodes that one fault names.
pub const MAX_FAULT_NODES: usize = 64;
/// The methods that exist only where genesis says `devnet`.
pub(crate) const DEVNET_ONLY: [&str; 3] = ["fault_set", "fault_list", "fault_clear"];

macro_rules! methods {
    ($(
        $(#[doc = $summary:literal])+
        $name:literal $request:ident {
            $( $(#[doc = $about:literal])+ $field:ident $wire:literal: $kind:ty, )*
        } -> $answer:ty, $answer_about:literal, $example:tt $(, costs $cost:literal)?;
    )*) => {
        $(
            request! {
                $(#[doc = $summary])+
                $name $request { $( $(#[doc = $about])+ $field $wire: $kind, )* }
                -> $answer, $answer_about, $example, cost!($($cost)?)
            }
        )*

        /// Every method, in the order of the table.
        pub fn describe_all(generator: &mut SchemaGenerator) -> Vec<MethodDescription> {
            vec![$(<$request as Method>::describe(generator)),*]
        }

        /// What a call of a method costs, in plain calls; an unknown one counts as plain.
        pub fn cost(name: &str) -> u32 {
            match name {
                $($name => cost!($($cost)?),)*
                _ => PLAIN,
            }
        }

        /// The name of every method, in the order of the table.
        pub const NAMES: &[&str] = &[$($name),*];

        /// Does something with every method of the table.
        macro_rules! for_every_method {
            ($do:ident) => { $( $do!($request); )* };
        }
        pub(crate) use for_every_method;
    };
}

pub mod admin;

methods! {
    /// Describes every method: this very document, in the OpenRPC format.
    "rpc.discover" Discover {} -> Value, "The OpenRPC document, the same as /openrpc.json.",
        {}, costs 5;

    /// How the node stands: identity, readiness, and each group's height, roots and view.
    "node_status" GetNodeStatus {} -> view::NodeStatus, "The node's status.",
        {};

    /// Whether the node lives and works; what /livez and /readyz say.
    "node_health" GetHealth {} -> view::Health, "live, ready, and the reasons why not.",
        {};

    /// What the node does, or why it makes no progress and what would fix it.
    "node_explain" Explain {} -> view::Explanation, "summary (a paragraph for people), progressing, ready, findings (reason, group, nodes, text, fix) and groups.",
        {}, costs 2;

    /// What runs.
    "node_version" GetVersion {} -> view::VersionView, "The release and the engines it can run.",
        {};

    /// The network's genesis, with the chain's id.
    "chain_getGenesis" GetGenesis {} -> view::GenesisView, "chain, genesis, and the engine of each group with what its members may do wrong (faults).",
        {};

    /// What operators may change, and what they approve that has not happened.
    "chain_getConfiguration" GetConfiguration {} -> view::ConfigurationView, "version, parameters, operators, approvals (change, hash, operators), group, height and blockId.",
        {};

    /// One block.
    "chain_getBlock" GetBlock {
        /// The group whose chain it is in.
        group "group": GroupId,
        /// Which block; latest if absent.
        at "at": Option<At>,
        /// How much of its transactions to answer: none if absent.
        txs "txs": Option<TransactionDetail>,
        /// How keys and values of full transactions are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::BlockView, "The block.",
        {"group": 1, "at": "sealed", "txs": "full"}, costs 2;

    /// Blocks of one group, without their transactions.
    "chain_listBlocks" ListBlocks {
        /// The group.
        group "group": GroupId,
        /// The first height; the latest if descending and absent, 0 if ascending and absent.
        from "from": Option<Height>,
        /// Which way; descending if absent.
        order "order": Option<Order>,
        /// Blocks on a page; 100 if absent, at most 1000.
        limit "limit": Option<u32>,
        /// nextCursor of the page before.
        cursor "cursor": Option<String>,
    } -> view::BlockPage, "items and nextCursor.",
        {"group": 1, "limit": 3}, costs 20;

    /// The seal of one block: a quorum's signatures on what came out of it.
    "chain_getSeal" GetSeal {
        /// The group.
        group "group": GroupId,
        /// The block's height.
        height "height": Height,
    } -> view::SealView, "The seal, and its wire format for offline checks.",
        {"group": 1, "height": 1};

    /// A block without its payload: header, seal, and the steps to the newest epoch of the root group, for offline checks.
    "chain_getLightBlock" GetLightBlock {
        /// The group.
        group "group": GroupId,
        /// Which block, of those that have a seal; the newest sealed one if absent or latest.
        at "at": Option<At>,
    } -> view::LightBlockView, "The header's fields, what came out of the block, signers, encoded (header and seal), epochs.",
        {"group": 1}, costs 2;

    /// Who runs a group in an epoch, and how, as the root group has it.
    "chain_getEpoch" GetEpoch {
        /// The group.
        group "group": GroupId,
        /// Which of its epochs, from 1; the newest if absent.
        epoch "epoch": Option<Height>,
        /// Whether to add a proof that an offline check can judge.
        prove "prove": Option<bool>,
    } -> view::EpochView, "chain, group, epoch, engine, faults, maxFaulty, quorum, members, closed, lastHeight, lastBlockId, hash, record, at (the block of the root group), proof if asked for.",
        {"group": 1};

    /// Turns an unsigned transaction into the exact bytes to sign, and its id.
    "tx_prepare" PrepareTransaction {
        /// chain, signer, salt, expiresAtMs, checks and ops.
        unsigned "unsigned": Map<String, Value>,
        /// How its keys and values are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::PreparedView, "signingBytes and txId.",
        {"unsigned": example::unsigned(), "encoding": "utf8"};

    /// Submits a signed transaction and waits for a step of its life. The same bytes again answer the same status.
    "tx_submit" SubmitTransaction {
        /// The signed bytes, or the JSON form with its signature.
        tx "tx": TxInput,
        /// The step to wait for; committed if absent.
        wait "wait": Option<Wait>,
        /// How long to wait, in milliseconds; 10000 if absent, at most 120000.
        timeout_ms "timeoutMs": Option<u64>,
        /// How keys and values are written, here and in the answer; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::TxStatusView, "The transaction's status. One that executed and failed is a result, not an error.",
        {"tx": example::signed(), "wait": "applied", "encoding": "utf8"};

    /// Submits several signed transactions, each answered on its own, without waiting.
    "tx_submitBatch" SubmitBatch {
        /// The transactions; at most as many as the node's batch limit, 100 by default.
        txs "txs": Vec<TxInput>,
        /// How keys and values of JSON forms are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::BatchAnswer, "items: one a transaction in order, {txId, status} or {error}.",
        {"txs": [example::signed()], "encoding": "utf8"}, costs 20;

    /// How a transaction stands.
    "tx_get" GetTransaction {
        /// Its id.
        tx_id "txId": IdText<TxId>,
        /// How keys and values of its reads are written; hex if absent.
        encoding "encoding": Option<Encoding>,
        /// Whether to add a proof of how it ended in every group it touches; an error if it has not, or is not sealed, yet.
        prove "prove": Option<bool>,
    } -> view::TxStatusView, "The transaction's status; unknown if this node can't tell. proof if asked for.",
        {"txId": example::tx_id().to_string()};

    /// Transactions that have ended, newest first: of one account, signed by it or paying it, or of all.
    "tx_list" ListTransactions {
        /// The account, witan1...; all if absent.
        account "account": Option<IdText<Account>>,
        /// The group that decided them, of several groups the coordinator; all that this node hosts if absent, merged by block time.
        group "group": Option<GroupId>,
        /// Items on a page; 100 if absent, at most 1000.
        limit "limit": Option<u32>,
        /// nextCursor of the page before; it pins the newest block of each group.
        cursor "cursor": Option<String>,
    } -> view::TransactionPage, "items (txId, status, reason, signer, group, height, index, timeMs, sealed, and of an account its role: signer or recipient), nextCursor, and at: the newest block of each group that the list covers.",
        {"account": example::account().to_string(), "limit": 10}, costs 20;

    /// What would become of a transaction in the next blocks if nothing else happened, with nothing changed. Each part is tried on the newest state of its group here: across groups that is no snapshot.
    "tx_simulate" SimulateTransaction {
        /// The signed bytes, or the JSON form with its signature, which is checked.
        tx "tx": Option<TxInput>,
        /// Instead of tx: chain, signer, salt, expiresAtMs, checks and ops.
        unsigned "unsigned": Option<Map<String, Value>>,
        /// How keys and values are written, here and in the answer; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::SimulationView, "txId, status (committed, failed, aborted, deferred or repeated), result, writes (key, value, type, group), locked (key, txId, group) if others keep it from keys, and at.",
        {"unsigned": example::unsigned(), "encoding": "utf8"}, costs 5;

    /// The value at a key.
    "state_get" GetState {
        /// The key.
        key "key": String,
        /// At which block to read; latest if absent.
        at "at": Option<At>,
        /// Whether to add a proof that an offline check can judge.
        prove "prove": Option<bool>,
        /// Whether to read what no earlier transaction can change any more, ordered as a transaction of its own.
        strict "strict": Option<bool>,
        /// How key and value are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::StateValue, "value (null if absent), type, version, group, height, blockId, proof if asked for.",
        {"key": "greeting", "encoding": "utf8", "prove": true};

    /// The values at several keys; strict: one snapshot of all groups, else one of each group.
    "state_getMany" GetManyStates {
        /// The keys, at most 128.
        keys "keys": Vec<String>,
        /// At which block to read; latest if absent.
        at "at": Option<At>,
        /// How keys and values are written; hex if absent.
        encoding "encoding": Option<Encoding>,
        /// Whether to read all of them at one moment, ordered as a transaction of its own.
        strict "strict": Option<bool>,
    } -> view::ManyValues, "items in the order of the keys, and at: where the read stands in each group; strict: the one block that decided it.",
        {"keys": ["greeting", "visits"], "encoding": "utf8"}, costs 5;

    /// All keys of one slot with their values: at most 4,096 keys and 1 MiB. The node walks all keys of the group to find them, one
    /// such walk at a time, so it takes as long as there are keys.
    "state_getSlot" GetSlot {
        /// Which slot, 0 to 4095; instead of key.
        slot "slot": Option<u32>,
        /// A key of the slot.
        key "key": Option<String>,
        /// At which block to read; latest if absent.
        at "at": Option<At>,
        /// Whether to add a proof that an offline check can judge, and that leaves no key out.
        prove "prove": Option<bool>,
        /// How keys and values are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::SlotView, "slot, items, group, height, blockId, proof if asked for.",
        {"key": "greeting", "encoding": "utf8"}, costs 100;

    /// Keys with their values, those with a prefix, or from start up to but without end: in order, group after group.
    /// A page may have fewer than asked for, even none, where many keys are gone: what comes next begins at nextCursor until that
    /// is null.
    "state_scan" ScanState {
        /// The prefix; instead of start and end.
        prefix "prefix": Option<String>,
        /// The first key.
        start "start": Option<String>,
        /// The first key beyond; all that follow if absent.
        end "end": Option<String>,
        /// Items on a page; 100 if absent, at most 1000.
        limit "limit": Option<u32>,
        /// nextCursor of the page before; it pins the height within a group.
        cursor "cursor": Option<String>,
        /// At which block to read; latest if absent.
        at "at": Option<At>,
        /// How keys and values are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::ScanPage, "items, nextCursor, group, height and blockId.",
        {"prefix": "", "limit": 3, "encoding": "utf8"}, costs 20;

    /// What a key has held, newest first: one version for each block that changed it.
    "state_history" ListHistory {
        /// The key.
        key "key": String,
        /// Items on a page; 100 if absent, at most 1000.
        limit "limit": Option<u32>,
        /// nextCursor of the page before; it pins the newest block.
        cursor "cursor": Option<String>,
        /// How key and values are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::HistoryPage, "items (value, null where it was deleted, type, version, height, blockId, timeMs), nextCursor, group, height and blockId.",
        {"key": "greeting", "encoding": "utf8"}, costs 20;

    /// An account's balance.
    "state_account" GetAccount {
        /// The account, witan1...
        account "account": IdText<Account>,
        /// At which block to read; latest if absent.
        at "at": Option<At>,
        /// Whether to read what no earlier transaction can change any more, ordered as a transaction of its own.
        strict "strict": Option<bool>,
    } -> view::AccountView, "account, balance, version, group, height and blockId.",
        {"account": example::account().to_string()};

    /// The groups that hold keys, and the slots that each owns of the 4,096 that keys fall into.
    "shard_list" ListShards {} -> view::ShardList, "items: one a group.",
        {};

    /// The slot that a key falls into, and the group that owns it. Keys with the same part in braces share a slot.
    "shard_forKey" GetShard {
        /// The key.
        key "key": String,
        /// How the key is written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::KeyShardView, "slot and group.",
        {"key": "greeting", "encoding": "utf8"};

    /// The keys that transactions across groups have locked in a group, until they are decided. A page may have fewer than asked for, even
    /// none, where many transactions are over: what comes next begins at nextCursor until that is null.
    "shard_locks" ListLocks {
        /// The group.
        group "group": GroupId,
        /// Items on a page; 100 if absent, at most 1000.
        limit "limit": Option<u32>,
        /// nextCursor of the page before.
        cursor "cursor": Option<String>,
        /// How keys are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::LockPage, "items (key, txId, mode: read, write or add, delta of an add, sinceHeight), transaction by transaction, and nextCursor.",
        {"group": 1}, costs 20;

    /// What waits in the mempools of this node.
    "mempool_status" GetMempool {
        /// One group; all if absent.
        group "group": Option<GroupId>,
    } -> view::MempoolStatus, "items: one a group.",
        {"group": 1};

    /// This node on the network.
    "net_info" GetNetInfo {} -> view::NetInfo, "Identity, addresses and counts.",
        {};

    /// Who is connected to this node.
    "net_peers" GetPeers {} -> view::PeerList, "items: one a peer.",
        {};

    /// How consensus stands in a group, as this node sees it.
    "consensus_status" GetConsensus {
        /// The group.
        group "group": GroupId,
    } -> view::ConsensusStatusView, "View, leader, heights, and who gave up on the view.",
        {"group": 1};

    /// Who decides in a group.
    "consensus_validators" GetValidators {
        /// The group.
        group "group": GroupId,
        /// At which block; latest if absent.
        at "at": Option<At>,
    } -> view::ValidatorSetView, "The members, the quorum, and how many faults it withstands.",
        {"group": 1};

    /// Conflicting messages that this node itself caught validators signing, each pair checkable offline with the key. Nodes do not tell each other of them.
    "consensus_evidence" ListEvidence {
        /// Items on a page; 100 if absent, at most 1000.
        limit "limit": Option<u32>,
        /// nextCursor of the page before.
        cursor "cursor": Option<String>,
    } -> view::EvidencePage, "items (group, epoch, validator, name, key, conflict, first and second with message and signature, seenMs) and nextCursor.",
        {}, costs 5;

    /// Stages a fault on this node. Only where genesis says devnet.
    "fault_set" SetFault {
        /// What goes wrong.
        kind "kind": view::FaultKind,
        /// Clock: how many milliseconds it is ahead, or behind if negative; at most a day.
        offset_ms "offsetMs": Option<i64>,
        /// Disk: how many milliseconds longer each sync takes; proposals: how many later they leave; at most 60000.
        delay_ms "delayMs": Option<u64>,
        /// Network: names or ids of the nodes that nothing passes to or from; at most 64.
        drop "drop": Option<Vec<String>>,
        /// Network: which way nothing passes; both if absent.
        direction "direction": Option<view::CutDirection>,
        /// After how many milliseconds it ends by itself; at most an hour, never if absent.
        for_ms "forMs": Option<u64>,
        /// Line: names or ids of the nodes that it leads to, at most 64; all other validators if absent.
        nodes "nodes": Option<Vec<String>>,
        /// Line: what it does to what this node sends.
        line "line": Option<view::BadLine>,
        /// Byzantine: how the node lies, in every group that it is a member of.
        behaviour "behaviour": Option<view::Lie>,
        /// Proposals: in which group.
        group "group": Option<GroupId>,
        /// Channel: the group that speaks.
        from_group "fromGroup": Option<GroupId>,
        /// Channel: the group that does not hear it.
        to_group "toGroup": Option<GroupId>,
    } -> view::FaultStaged, "id: the fault's number, for fault_clear.",
        {"kind": "clock", "offsetMs": 5, "forMs": 1};

    /// The faults staged on this node. Only where genesis says devnet.
    "fault_list" ListFaults {} -> view::FaultList, "items (id, kind, the parameters of its kind, endsInMs), oldest first.",
        {};

    /// Ends a fault staged on this node, or all of them. Only where genesis says devnet.
    "fault_clear" ClearFaults {
        /// The fault's number; all if absent.
        id "id": Option<u64>,
    } -> view::FaultsCleared, "cleared: the numbers of those that ended.",
        {};
}
