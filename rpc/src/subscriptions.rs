//! The table of all subscriptions, which are served over WebSocket alone.

use crate::encoding::Encoding;
use crate::example;
use crate::method::{Method as _, request};
use crate::parameter::{IdText, Since, TransactionDetail};
use crate::subscription::{Subscription, SubscriptionDescription};
use crate::view;
use schemars::SchemaGenerator;
use witan_types::{Account, GroupId, TxId};

/// Subscriptions of all connections of a node together.
pub const MAX_SUBSCRIPTIONS_OF_NODE: usize = 1024;

/// What starting one costs, in plain calls.
const COST: u32 = 1;

macro_rules! subscriptions {
    ($(
        $(#[doc = $summary:literal])+
        $name:literal $unsubscribe:literal $request:ident {
            $( $(#[doc = $about:literal])+ $field:ident $wire:literal: $kind:ty, )*
        } -> $news:ty, [$($type:literal),+], $news_about:literal, $example:tt;
    )*) => {
        $(
            request! {
                $(#[doc = $summary])+
                $name $request { $( $(#[doc = $about])+ $field $wire: $kind, )* }
                -> String, "The subscription's id, which each of its notifications names.", $example, COST
            }

            impl Subscription for $request {
                const UNSUBSCRIBE: &'static str = $unsubscribe;
                type News = $news;

                fn describe_news(generator: &mut SchemaGenerator) -> SubscriptionDescription {
                    SubscriptionDescription {
                        method: Self::describe(generator),
                        unsubscribe: $unsubscribe,
                        news: $news_about,
                        news_schema: generator.subschema_for::<view::Notification<$news>>().to_value(),
                        types: &[$($type),+],
                    }
                }
            }
        )*

        /// Every subscription, in the order of the table.
        pub fn describe_all(generator: &mut SchemaGenerator) -> Vec<SubscriptionDescription> {
            vec![$(<$request as Subscription>::describe_news(generator)),*]
        }

        /// The names of every subscription, of its start and its end, in the order of the table.
        pub const NAMES: &[(&str, &str)] = &[$(($name, $unsubscribe)),*];

        /// Does something with every subscription of the table.
        macro_rules! for_every_subscription {
            ($do:ident) => { $( $do!($request); )* };
        }
        pub(crate) use for_every_subscription;
    };
}

subscriptions! {
    /// Follows the blocks of one group, or of all groups of the node: each block once, in the order of its chain.
    "chain_subscribeBlocks" "chain_unsubscribeBlocks" SubscribeBlocks {
        /// One group; all that the node hosts if absent.
        group "group": Option<GroupId>,
        /// The first block not seen yet: a height beside group, or a list of {group, height}; where absent, the next one.
        since "from": Option<Since>,
        /// How much of the blocks' transactions to tell: none if absent.
        txs "txs": Option<TransactionDetail>,
        /// How keys and values of full transactions are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::BlockNews, ["block"], "seq, type, what chain_getBlock answers, and next: the position after it.",
        {"group": 1};

    /// Follows one transaction to its end, or the transactions that an account signed or that transfer to it.
    "tx_subscribe" "tx_unsubscribe" SubscribeTransactions {
        /// The transaction; this or account.
        tx_id "txId": Option<IdText<TxId>>,
        /// The account; this or txId.
        account "account": Option<IdText<Account>>,
        /// Of an account: one group; all groups of the network if absent, which the node then has to host.
        group "group": Option<GroupId>,
        /// Of an account: the first block not seen yet, as for chain_subscribeBlocks.
        since "from": Option<Since>,
        /// How keys and values of the transaction's reads are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::TransactionNews, ["status", "tx"], "seq, type, and by txId what tx_get answers, at each change until it is over, sealed and applied; by account txId, status, reason, signer, group, height, blockId and next, once a transaction, at the block that decided it.",
        {"txId": example::tx_id().to_string()};

    /// Follows the keys that start with a prefix: one change a key and block, with the value that the block left.
    "state_subscribe" "state_unsubscribe" SubscribeState {
        /// What the keys start with; 0x for every key.
        prefix "prefix": String,
        /// One group; all groups of the network if absent, which the node then has to host.
        group "group": Option<GroupId>,
        /// The first block not seen yet, as for chain_subscribeBlocks.
        since "from": Option<Since>,
        /// How prefix, keys and values are written; hex if absent.
        encoding "encoding": Option<Encoding>,
    } -> view::StateNews, ["change"], "seq, type, key, value (null if deleted), valueType, version, group, height, blockId and next.",
        {"prefix": "greet", "encoding": "utf8"};

    /// Follows how consensus stands. Looks now and then and tells what changed since: what came and went in between is not told.
    "consensus_subscribe" "consensus_unsubscribe" SubscribeConsensus {
        /// One group; all that the node hosts if absent.
        group "group": Option<GroupId>,
    } -> view::ConsensusNews, ["view", "leader", "decided", "sealed", "timeout"], "seq, type (what changed), and what consensus_status answers.",
        {"group": 1};
}
