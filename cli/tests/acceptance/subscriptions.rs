//! Followers of real nodes: through a restart each block once, the life of transactions across groups, changes of keys, and
//! readers that take nothing.

use crate::command::finish;
use crate::network::{DEADLINE, Testnet, put, signal, until};
use futures::future::{join, join_all};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::read_to_string;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use witan_testnet::rpc::client::{Follow, Following};
use witan_testnet::rpc::subscriptions::{SubscribeBlocks, SubscribeTransactions};
use witan_testnet::rpc::{
    AccountTransaction, BlockNews, ClientError, Position, RpcError, Since, StateChange, StateNews,
    Subscriber, TransactionNews, TransactionState, ValueView, Wait,
};
use witan_types::{Account, GroupId, Height, Key, Op};

stories! {
    in_three_groups: [
        a_follower_sees_each_block_once_through_the_restart_of_its_node,
        the_life_of_a_transaction_across_groups_is_told_to_its_end,
        every_change_of_a_key_is_told_in_whichever_group_it_is,
    ];
    on_four_validators: [
        a_reader_that_takes_nothing_costs_nobody_anything_and_hears_of_it,
        the_commands_that_follow_print_a_line_for_each_of_the_news,
    ];
}

/// The groups of the stories.
const GROUPS: [GroupId; 4] = [GroupId(0), GroupId(1), GroupId(2), GroupId(3)];
/// What a node logs when it gives up on a reader.
const GAVE_UP: &str = "a subscription ended, because its reader takes nothing";
/// What the reader is told.
const LAGGED: &[u8] = br#""type":"lagged""#;
/// How long a client waits for one transaction.
const PATIENCE: Duration = Duration::from_secs(60);

impl Testnet {
    async fn subscriber(&self, node: &str) -> Subscriber {
        Subscriber::connect(self.client(node).url()).await.unwrap()
    }
}

/// From the first block of every group on.
fn everything() -> Since {
    Since::Positions(GROUPS.map(|group| Position { group, height: 0, index: 0 }).to_vec())
}

/// The next news, through losses of the connection.
async fn next<S: Follow>(following: &mut Following<S>) -> Option<S::News> {
    let next = async {
        loop {
            match following.next().await {
                Ok(news) => return news,
                Err(error) if is_away(&error) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(DEADLINE, next).await.expect("there are news")
}

/// Whether the node may be back later: it is down, or starts.
fn is_away(error: &ClientError) -> bool {
    matches!(error, ClientError::Transport { .. }) || error.rpc().is_some_and(RpcError::retryable)
}

/// Takes news of blocks until there are those up to these heights, and adds them to what was taken.
async fn take_blocks(
    following: &mut Following<SubscribeBlocks>,
    heights: &BTreeMap<GroupId, Height>,
    taken: &mut BTreeMap<GroupId, Vec<Height>>,
) {
    let is_behind = |taken: &BTreeMap<GroupId, Vec<Height>>| {
        heights.iter().any(|(group, height)| taken.get(group).and_then(|all| all.last()) < Some(height))
    };
    while is_behind(taken) {
        let Some(BlockNews::Block(followed)) = next(following).await else { panic!("blocks have no end") };
        taken.entry(followed.block.group).or_default().push(followed.block.height);
    }
}

/// The newest heights of all groups, as a node tells.
async fn heights(testnet: &Testnet, node: &str) -> BTreeMap<GroupId, Height> {
    let groups = testnet.status(node).await.groups;
    groups.into_iter().map(|group| (group.group, group.height)).collect()
}

async fn a_follower_sees_each_block_once_through_the_restart_of_its_node(testnet: &mut Testnet) {
    for number in 0..6 {
        testnet.put("n0", &format!("before/{number}"), "x").await;
    }
    let mut following = testnet.subscriber("n2").await.blocks(None, Some(everything())).await.unwrap();
    let mut taken = BTreeMap::new();
    take_blocks(&mut following, &heights(testnet, "n2").await, &mut taken).await;

    testnet.network.stop("n2").await.unwrap();
    for number in 0..6 {
        testnet.put("n1", &format!("meanwhile/{number}"), "x").await;
    }
    let reached = heights(testnet, "n1").await;
    testnet.network.start("n2").unwrap();
    take_blocks(&mut following, &reached, &mut taken).await;
    testnet.put("n3", "after", "x").await;
    take_blocks(&mut following, &heights(testnet, "n3").await, &mut taken).await;
    assert_eq!(taken.len(), GROUPS.len());
    for (group, heights) in taken {
        let each_once: Vec<Height> = (0..=*heights.last().unwrap()).collect();
        assert_eq!(heights, each_once, "group {group}");
    }
}

/// A key of each group that has keys.
async fn keys(testnet: &Testnet) -> BTreeMap<GroupId, String> {
    let mut keys = BTreeMap::new();
    for number in 0..64 {
        let key = format!("key/{number}");
        keys.entry(testnet.client("n0").shard_of(key.as_bytes()).await.unwrap().group).or_insert(key);
    }
    assert_eq!(keys.len(), 3, "each group has some of the keys: {keys:?}");
    keys
}

/// Takes what an account is told until that is as many transactions.
async fn take_transactions(
    following: &mut Following<SubscribeTransactions>,
    count: usize,
) -> Vec<AccountTransaction> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let Some(TransactionNews::Tx(transaction)) = next(following).await else { panic!("a transaction") };
        taken.push(transaction);
    }
    taken
}

async fn the_life_of_a_transaction_across_groups_is_told_to_its_end(testnet: &mut Testnet) {
    let keys = keys(testnet).await;
    let receiver = Account(testnet.secret(1).public());
    let signer = Account(testnet.secret(0).public());
    let subscriber = testnet.subscriber("n2").await;
    let mut received = subscriber.account(receiver, None).await.unwrap();
    let mut ops: Vec<Op> = keys.values().map(|key| put(key, "spanning")).collect();
    ops.push(Op::Transfer { to: receiver, amount: 5 });
    let spanning = testnet.signed(ops);
    let mut following = subscriber.transaction(spanning.id()).await.unwrap();
    let Some(TransactionNews::Status(first)) = next(&mut following).await else { panic!("a status") };
    assert_eq!(first.status, TransactionState::Unknown);
    testnet.client("n0").submit(&spanning, Wait::Accepted, PATIENCE).await.unwrap();

    let mut steps = vec![first];
    while let Some(news) = next(&mut following).await {
        let TransactionNews::Status(status) = news else { panic!("{news:?}") };
        steps.push(status);
    }
    let ladder = |state| match state {
        TransactionState::Unknown => 0,
        TransactionState::Accepted => 1,
        TransactionState::Pending => 2,
        TransactionState::Committed => 3,
        other => panic!("{other:?}"),
    };
    assert!(
        steps.is_sorted_by_key(|status| (ladder(status.status), status.sealed, status.applied)),
        "{steps:?}"
    );
    let last = steps.last().unwrap();
    assert_eq!((last.status, last.sealed, last.applied), (TransactionState::Committed, true, true));

    // One that only the signer has to do with, and one that fails.
    let alone = testnet.put("n1", &keys[&GroupId(3)], "alone").await;
    let wrong =
        testnet.signed(vec![Op::Append { key: Key::from(&*keys[&GroupId(3)]), item: b"no list".to_vec() }]);
    testnet.client("n1").submit(&wrong, Wait::Committed, PATIENCE).await.unwrap();
    let second = testnet.signed(vec![Op::Transfer { to: receiver, amount: 1 }]);
    testnet.client("n3").submit(&second, Wait::Committed, PATIENCE).await.unwrap();
    let of_receiver: Vec<_> =
        take_transactions(&mut received, 2).await.into_iter().map(|news| news.tx_id).collect();
    assert_eq!(of_receiver, [spanning.id(), second.id()]);

    let mut signed = subscriber.account(signer, Some(everything())).await.unwrap();
    let told = take_transactions(&mut signed, 4).await;
    let ids: BTreeSet<_> = told.iter().map(|news| news.tx_id).collect();
    assert_eq!(ids, BTreeSet::from([spanning.id(), alone.tx_id, wrong.id(), second.id()]), "each once");
    for news in &told {
        let status = testnet.client("n0").transaction(news.tx_id).await.unwrap();
        let place = (Some(news.group), Some(news.height), news.status);
        assert_eq!(place, (status.group, status.height, status.status), "where it was decided");
        assert_eq!((news.signer, &news.reason), (signer, &status.result.unwrap().reason));
    }
}

async fn every_change_of_a_key_is_told_in_whichever_group_it_is(testnet: &mut Testnet) {
    let keys = keys(testnet).await;
    let mut following = testnet.subscriber("n1").await.state(b"key/", None).await.unwrap();
    let mut expected: BTreeMap<GroupId, Vec<Option<ValueView>>> = BTreeMap::new();
    let add = |key: &String, delta| Op::Add { key: Key::from(&**key), delta };
    let delete = |key: &String| Op::Delete { key: Key::from(&**key) };
    let steps: [&dyn Fn(&String) -> Op; 4] =
        [&|key| add(key, 2), &|key| add(key, 3), &|key| delete(key), &|key| put(key, "text")];
    let values = [
        Some(ValueView::Counter(2)),
        Some(ValueView::Counter(5)),
        None,
        Some(ValueView::Bytes(b"text".as_slice().into())),
    ];
    for (step, value) in steps.iter().zip(values) {
        let spanning = testnet.signed(keys.values().map(step).collect());
        let status = testnet.client("n3").submit(&spanning, Wait::Applied, PATIENCE).await.unwrap();
        assert_eq!(status.status, TransactionState::Committed, "{status:?}");
        for group in keys.keys() {
            expected.entry(*group).or_default().push(value.clone());
        }
    }
    let mut told: BTreeMap<GroupId, Vec<Option<ValueView>>> = BTreeMap::new();
    for _ in 0..steps.len() * keys.len() {
        let Some(StateNews::Change(StateChange { key, value, at, .. })) = next(&mut following).await else {
            panic!("changes have no end")
        };
        assert_eq!(key.bytes(), keys[&at.group].as_bytes());
        told.entry(at.group).or_default().push(value);
    }
    assert_eq!(told, expected, "each value once, in the order of its chain");
}

/// Subscribes by a WebSocket that is not read.
async fn stalled(testnet: &Testnet, node: &str, method: &str, params: Value) -> TcpStream {
    let url = testnet.client(node).url().to_owned();
    let address = url.strip_prefix("http://").unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut socket = socket.connect(address.parse().unwrap()).await.unwrap();
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let length = u16::try_from(request.len()).unwrap().to_be_bytes();
    let frame = [&[0x81, 0x80 | 126], &length[..], &[0; 4], request.as_bytes()].concat();
    socket.write_all(&frame).await.unwrap();
    socket
}

async fn a_reader_that_takes_nothing_costs_nobody_anything_and_hears_of_it(testnet: &mut Testnet) {
    let filler = "x".repeat(60_000);
    for number in 0..100 {
        testnet.put("n0", &format!("filler/{number}"), &filler).await;
    }
    let everything = json!({"group": 1, "from": 0, "txs": "full"});
    let readers = (0..8).map(|_| stalled(testnet, "n0", "chain_subscribeBlocks", everything.clone()));
    let mut readers = join_all(readers).await;
    let given_up = until("the node gives up on all of them", async || {
        let log = read_to_string(testnet.network.log_path("n0").unwrap()).unwrap();
        (log.matches(GAVE_UP).count() == readers.len()).then_some(())
    });
    join(testnet.goes_on("readers stopped reading"), given_up).await;
    // What was queued before is there to read, and the last of it says that the node gave up.
    let reader = &mut readers[0];
    let lagged = async {
        let (mut heard, mut part) = (Vec::new(), vec![0; 64 * 1024]);
        while !heard.windows(LAGGED.len()).any(|bytes| bytes == LAGGED) {
            let kept = heard.len().saturating_sub(LAGGED.len());
            heard.drain(..kept);
            let count = reader.read(&mut part).await.unwrap();
            assert!(count > 0, "the connection ended without a word");
            heard.extend_from_slice(&part[..count]);
        }
    };
    tokio::time::timeout(DEADLINE, lagged).await.expect("it is told that it lagged");
    testnet.goes_on("one of them read again").await;
    drop(readers);
}

/// The first line that a command prints which follows what a story writes; then it is interrupted.
async fn first_line(testnet: &Testnet, arguments: &[&str]) -> String {
    let mut child = testnet.command(arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // It may have subscribed after a write: then another one follows.
    let writing = async {
        loop {
            testnet.put("n1", "watched/key", "hello").await;
        }
    };
    let line = tokio::select! {
        line = lines.next_line() => line.unwrap().expect("it goes on"),
        () = writing => unreachable!("it writes on"),
    };
    signal(child.id().unwrap(), Signal::SIGINT);
    let said = finish(child).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    line
}

async fn the_commands_that_follow_print_a_line_for_each_of_the_news(testnet: &mut Testnet) {
    let line = first_line(testnet, &["state", "watch", "watched/"]).await;
    assert!(line.starts_with("watched/key = hello  (block "), "{line}");
    let line = first_line(testnet, &["chain", "blocks", "--follow", "--from", "0", "--json"]).await;
    let block: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&block["type"], &block["height"]), (&json!("block"), &json!(0)));
    let line = first_line(testnet, &["tx", "watch", "--account", "0"]).await;
    assert!(line.contains("  committed in block ") && line.contains("signed by witan1"), "{line}");

    let id = testnet.put("n0", "watched/key", "again").await.tx_id.to_string();
    let said = testnet.run(&["tx", "watch", &id]).await;
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.lines().last().unwrap().ends_with(", sealed, applied"), "{said:?}");
}
