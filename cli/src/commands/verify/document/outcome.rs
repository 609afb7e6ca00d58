//! How a transaction ended in every group it touches.

use super::{Proved, compare, decode, describe_block, encoding_of, object, value_view};
use serde_json::{Map, Value};
use witan_ledger::{PortableOutcome, Read, Receipt, TransactionOutcome};
use witan_light::{VerifiedBlock, VerifiedOutcome, Verifier};
use witan_testnet::rpc::{
    BlockTransactions, Encoded as _, Phase, PhaseView, ProofView, ReadView, TransactionResult,
    TransactionState, TxStatusView,
};

pub(super) fn verify(
    document: &Map<String, Value>,
    proof: &ProofView,
    verifier: &Verifier,
) -> Result<Proved, String> {
    let portable: PortableOutcome = decode(proof)?;
    let outcome = verifier.verify_outcome(&portable).map_err(|error| error.to_string())?;
    let encoding = encoding_of(document)?;
    let mut shown = as_shown(&outcome);
    shown
        .write_as(encoding)
        .map_err(|error| format!("the proved bytes are no {}: {error}", encoding.name()))?;
    compare(document, &object(&shown)?, &["proof", "encoding"])?;
    let transaction = outcome.transaction.clone().map(|signed| BlockTransactions::full([signed]));
    let transaction = match transaction.map(|list| serde_json::to_value(&list)) {
        Some(Ok(Value::Array(list))) => list.into_iter().next(),
        _ => None,
    };
    let others = outcome.parts.iter().map(|part| (part.group, part.epoch)).collect();
    Ok(Proved { others, transaction, ..Proved::about("outcome", &outcome.at, describe(&outcome)) })
}

fn describe(outcome: &VerifiedOutcome) -> String {
    let VerifiedOutcome { at, receipt, transaction, parts } = outcome;
    let how = match &receipt.outcome {
        TransactionOutcome::Applied { .. } => "committed".to_owned(),
        TransactionOutcome::Failed { reason } => format!("failed ({}) without any effect", reason.name()),
        TransactionOutcome::Aborted { reason } => format!("aborted ({}) without any effect", reason.name()),
    };
    let ops = transaction.as_ref().map_or(String::new(), |signed| {
        let ops = signed.transaction.ops.len();
        format!(", signed by {}, with {ops} ops,", signed.transaction.signer)
    });
    let mut text = format!("transaction {}{ops} {how} in {}.", receipt.id, describe_block(at));
    let commits = matches!(receipt.outcome, TransactionOutcome::Applied { .. });
    for VerifiedBlock { group, epoch, height, block_id, .. } in parts {
        let did = if commits {
            "Its part is visible"
        } else {
            "Nothing of it was done, and nothing is locked for it,"
        };
        text += &format!(
            " {did} in group {group} after block {height} ({block_id}) at the latest, signed by a quorum of its validators of \
             epoch {epoch}."
        );
    }
    text
}

/// The document that this outcome would be shown as.
fn as_shown(outcome: &VerifiedOutcome) -> TxStatusView {
    let VerifiedOutcome { at, receipt, parts, .. } = outcome;
    let (status, result) = ended(receipt);
    let (own, other) = match status {
        TransactionState::Committed => (Phase::Committed, Phase::Applied),
        TransactionState::Failed => (Phase::Failed, Phase::Released),
        _ => (Phase::Aborted, Phase::Released),
    };
    let mut phases = Vec::new();
    if !parts.is_empty() {
        phases.push(PhaseView { group: at.group, phase: own, height: Some(at.height) });
        phases.extend(parts.iter().map(|part| PhaseView { group: part.group, phase: other, height: None }));
    }
    TxStatusView {
        result: Some(result),
        group: Some(at.group),
        height: Some(at.height),
        sealed: true,
        applied: true,
        phases,
        ..TxStatusView::outside_blocks(receipt.id, status)
    }
}

fn ended(receipt: &Receipt) -> (TransactionState, TransactionResult) {
    let because = |reason: &str| TransactionResult { reason: Some(reason.into()), reads: Vec::new() };
    match &receipt.outcome {
        TransactionOutcome::Applied { reads } => {
            let reads = reads.iter().cloned().map(read_view).collect();
            (TransactionState::Committed, TransactionResult { reason: None, reads })
        }
        TransactionOutcome::Failed { reason } => (TransactionState::Failed, because(reason.name())),
        TransactionOutcome::Aborted { reason } => (TransactionState::Aborted, because(reason.name())),
    }
}

fn read_view(read: Read) -> ReadView {
    let version = read.entry.as_ref().map_or(0, |entry| entry.version.0);
    let value = read.entry.map(|entry| value_view(entry.value));
    ReadView { key: read.key.0.into(), value, version }
}
