//! Blocks with their transactions, and seals.

use super::{Proved, compare, object};
use serde_json::{Map, Value};
use witan_light::{VerifiedBlock, Verifier};
use witan_testnet::rpc::{BlockTransactions, BlockView, Encoding, SealView};
use witan_types::{Batch, Epoch, Header, Payload, Seal, SealedHeader, Wire as _};

pub(super) fn verify_seal(document: &Map<String, Value>, verifier: &Verifier) -> Result<Proved, String> {
    let seal = read_seal(document)?;
    verifier.verify_seal(&seal).map_err(|error| error.to_string())?;
    compare(document, &object(&SealView::from(&seal))?, &[])?;
    let outcome = &seal.outcome;
    let statement = format!(
        "block {} of group {} ({}) is final, and its execution led to the state root {}: {} of the \
         group's validators of epoch {}, a quorum, signed that.",
        outcome.height,
        outcome.group,
        outcome.block_id,
        outcome.state_root,
        seal.signatures.signers.count(),
        outcome.epoch
    );
    // A seal says nothing of its block's time.
    let (group, epoch, height, block_id) = (outcome.group, outcome.epoch, outcome.height, outcome.block_id);
    Ok(Proved::about("seal", &VerifiedBlock { group, epoch, height, block_id, time_ms: 0 }, statement))
}

fn read_seal(document: &Map<String, Value>) -> Result<Seal, String> {
    let encoded = document.get("encoded").and_then(Value::as_str).ok_or("encoded: expected 0x hex")?;
    let bytes = Encoding::Hex.read(encoded).map_err(|error| format!("encoded: {error}"))?;
    Seal::decode(&bytes).map_err(|error| format!("encoded: {error}"))
}

pub(super) fn verify(document: &Map<String, Value>, verifier: &Verifier) -> Result<Proved, String> {
    let Some(Value::Object(seal_document)) = document.get("seal") else {
        return Err("seal: expected an object".into());
    };
    verify_seal(seal_document, verifier)?;
    let seal = read_seal(seal_document)?;
    let mut block = document.clone();
    block.remove("seal");
    block.remove("encoding");
    let block: BlockView =
        serde_json::from_value(Value::Object(block)).map_err(|error| format!("block: {error}"))?;
    let sealed = SealedHeader { header: header_of(&block, verifier), seal };
    verifier.verify_header(&sealed).map_err(|error| error.to_string())?;

    let outcome = &sealed.seal.outcome;
    let shown = (block.block_id, block.state_root.as_ref(), block.receipts_root.as_ref());
    if shown != (outcome.block_id, Some(&outcome.state_root), Some(&outcome.receipts_root)) || !block.sealed {
        return Err("blockId, stateRoot, receiptsRoot or sealed differ from the seal".into());
    }
    verify_transactions(&block)?;
    let statement = format!(
        "block {} of group {} ({}, block time {} ms) with exactly the {} transactions shown is final: {} of the \
         group's validators of epoch {}, a quorum, signed its outcome, the state root {}.",
        block.height,
        block.group,
        block.block_id,
        block.time_ms,
        block.tx_count,
        sealed.seal.signatures.signers.count(),
        block.epoch,
        outcome.state_root
    );
    let (group, epoch, height) = (block.group, block.epoch, block.height);
    let at = VerifiedBlock { group, epoch, height, block_id: block.block_id, time_ms: block.time_ms };
    Ok(Proved::about("block", &at, statement))
}

/// The header that a shown block has; its id proves or refutes each field.
fn header_of(block: &BlockView, verifier: &Verifier) -> Header {
    Header {
        chain: verifier.chain(),
        group: block.group,
        epoch: Epoch(block.epoch.0),
        height: block.height,
        tag: block.tag,
        parent: block.parent,
        proposer: block.proposer,
        time_ms: block.time_ms,
        payload_root: block.payload_root,
    }
}

/// Whether the transactions shown are all of the block's, in order.
fn verify_transactions(block: &BlockView) -> Result<(), String> {
    let transactions: Vec<_> = match &block.txs {
        Some(BlockTransactions::Full(full)) => full.iter().map(|full| full.transaction.clone()).collect(),
        // An empty list reads as either kind.
        Some(BlockTransactions::Ids(ids)) if ids.is_empty() => Vec::new(),
        Some(BlockTransactions::Ids(_)) | None => {
            return Err(
                "its transactions are not shown in full: print it with `witan chain block --prove --json`"
                    .into(),
            );
        }
    };
    if transactions.len() != block.tx_count {
        return Err(format!(
            "{} transactions are shown, and txCount is {}",
            transactions.len(),
            block.tx_count
        ));
    }
    let empty = transactions.is_empty() && Payload::default().root() == block.payload_root;
    let payload = Payload { batches: vec![Batch::of(transactions)], envelopes: Vec::new() };
    if empty || payload.root() == block.payload_root {
        return Ok(());
    }
    Err("the transactions shown do not make up the block's payload".into())
}
