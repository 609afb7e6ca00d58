//! Measures execution: blocks of one kind of transaction over a state of 100,000 keys, from decided block to root.
//!
//! `cargo run --release -p witan-ledger --example block_speed [transactions]`

use std::sync::Arc;
use witan_ledger::{Ledger, LedgerError, MemoryStore, Validity};
use witan_types::genesis::{GenesisBalance, GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{
    Account, Batch, Block, EngineKind, Genesis, GroupId, Hash, Key, NodeId, Op, Payload, PublicKey,
    Signature, SignedTransaction, Transaction,
};

const KEYS: u64 = 100_000;
const PER_BLOCK: u64 = 2_000;

fn main() -> Result<(), LedgerError> {
    let per_block = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(PER_BLOCK);
    let genesis = genesis();
    let (mut ledger, commit) = Ledger::open(MemoryStore::default(), &genesis, GroupId(1))?;
    commit.into_iter().for_each(|commit| ledger.store_mut().apply(&commit));
    ledger.flushed(0);
    for from in (0..KEYS).step_by(2_000) {
        run(&mut ledger, (from..from + 2_000).map(|number| put(number, 0)).collect());
    }
    measure("puts of 100 bytes", &mut ledger, per_block, |number, round| put(number * 37 % KEYS, round));
    measure("transfers", &mut ledger, per_block, |number, _| transfer(number % 250));
    measure("appends to one list", &mut ledger, per_block, |number, _| append(number));
    Ok(())
}

fn measure(what: &str, ledger: &mut Ledger<MemoryStore>, per_block: u64, op: impl Fn(u64, u64) -> Op) {
    const BLOCKS: u64 = 20;
    let (mut executed, mut validated) = (0.0, 0.0);
    for round in 1..=BLOCKS {
        let ops = (0..per_block).map(|number| op(round * per_block + number, round)).collect();
        let (validate, execute) = run(ledger, ops);
        executed += execute;
        validated += validate;
    }
    let blocks = f64::from(20_u32);
    println!(
        "{per_block} {what}: {:.2} ms to execute with root, {:.2} ms to validate",
        executed / blocks * 1e3,
        validated / blocks * 1e3
    );
}

/// Validates and executes one block, each op a transaction of its own; seconds taken by either.
fn run(ledger: &mut Ledger<MemoryStore>, ops: Vec<Op>) -> (f64, f64) {
    let block = Arc::new(block(ledger, ops));
    let started = cpu_seconds();
    let validity = ledger.validate(&block, ledger.tip().time_ms, block.header.time_ms);
    assert_eq!(validity, Validity::Valid, "the measured blocks are valid");
    let validated = cpu_seconds() - started;
    let started = cpu_seconds();
    let commit = ledger.execute(block).commit;
    let executed = cpu_seconds() - started;
    let height = commit.block.header.height;
    ledger.store_mut().apply(&commit);
    ledger.flushed(height);
    (validated, executed)
}

fn block(ledger: &Ledger<MemoryStore>, ops: Vec<Op>) -> Block {
    let mut header = ledger.tip().clone();
    header.parent = header.id();
    (header.height, header.time_ms) = (header.height + 1, header.time_ms + 100);
    let sign = |(salt, op)| SignedTransaction {
        transaction: Transaction {
            chain: header.chain,
            signer: account(1),
            salt,
            expires_at_ms: header.time_ms + 10_000,
            checks: Vec::new(),
            ops: vec![op],
        },
        // Execution judges no signatures.
        signature: Signature([0; 64]),
    };
    let transactions: Vec<SignedTransaction> = (header.height << 32..).zip(ops).map(sign).collect();
    let payload = Payload { batches: vec![Batch::of(transactions)], envelopes: Vec::new() };
    header.payload_root = payload.root();
    Block { header, payload }
}

/// Time this process has been on a processor, from the first field of /proc/self/schedstat: a busy machine does not
/// change it. 0 where there is no such file.
fn cpu_seconds() -> f64 {
    let schedstat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanoseconds = schedstat.split(' ').next().and_then(|text| text.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e9
}

fn put(number: u64, round: u64) -> Op {
    let mut value = vec![7; 92];
    value.extend_from_slice(&round.to_le_bytes());
    Op::Put { key: Key(format!("account/{number:08}/record").into_bytes()), value }
}

fn transfer(number: u64) -> Op {
    Op::Transfer { to: account(number), amount: 1 }
}

fn append(number: u64) -> Op {
    Op::Append { key: Key::from("list"), item: vec![u8::from(number.is_multiple_of(2))] }
}

fn account(number: u64) -> Account {
    let Hash(bytes) = witan_types::sha256(&[&number.to_le_bytes()]);
    Account(PublicKey(bytes))
}

fn genesis() -> Genesis {
    let group = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
    Genesis {
        name: "block_speed".into(),
        time_ms: 0,
        devnet: false,
        permissioned: false,
        validators: vec![GenesisValidator {
            name: "n0".into(),
            key: PublicKey([1; 32]),
            node: NodeId(Hash([1; 32])),
        }],
        followers: Vec::new(),
        operators: Operators::default(),
        groups: vec![group(0), group(1)],
        balances: vec![GenesisBalance { account: account(1), balance: 1 << 100 }],
        parameters: Parameters { max_block_bytes: 1024 * 1024, ..Parameters::default() },
    }
}
