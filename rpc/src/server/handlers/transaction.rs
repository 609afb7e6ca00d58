//! Transactions: decoded and judged by form here, by meaning in the backend.

use super::{Handle, Service, write_as};
use crate::encoding::Encoding;
use crate::error::RpcError;
use crate::methods::{
    DEFAULT_WAIT_MS, GetTransaction, MAX_WAIT_MS, PrepareTransaction, SubmitBatch, SubmitTransaction,
};
use crate::parameter::TxInput;
use crate::transaction_json::{signed_from_json, unsigned_from_json};
use crate::view::{self, BatchItem, PreparedView};
use std::time::Duration;
use witan_types::transaction::MAX_TRANSACTION_BYTES;
use witan_types::{SignedTransaction, TransactionError, Wire, sha256};

/// The transaction in either form, if its form is right. `name` is the parameter's, for errors.
pub(super) fn read_signed(
    input: &TxInput,
    name: &str,
    encoding: Encoding,
) -> Result<SignedTransaction, RpcError> {
    let signed = match input {
        TxInput::Bytes(bytes) => SignedTransaction::decode(bytes)?,
        TxInput::NoHex(why) => {
            let expected = format!("0x hex of a signed transaction, or its JSON form; got {why}");
            return Err(RpcError::parameter(name, expected));
        }
        TxInput::Json(json) => {
            let signed = signed_from_json(json, name, encoding)?;
            check_size(signed.size())?;
            signed
        }
    };
    signed.transaction.check_form()?;
    Ok(signed)
}

pub(super) fn check_size(size: usize) -> Result<(), RpcError> {
    if size > MAX_TRANSACTION_BYTES { Err(TransactionError::TooLarge(size).into()) } else { Ok(()) }
}

impl Handle for PrepareTransaction {
    async fn handle(self, _: &Service) -> Result<PreparedView, RpcError> {
        let transaction = unsigned_from_json(&self.unsigned, "unsigned", self.encoding.unwrap_or_default())?;
        transaction.check_form()?;
        let signing_bytes = transaction.signing_bytes();
        check_size(signing_bytes.len())?;
        let tx_id = witan_types::TxId(sha256(&[&signing_bytes]));
        Ok(PreparedView { signing_bytes, tx_id })
    }
}

impl Handle for SubmitTransaction {
    async fn handle(self, service: &Service) -> Result<view::TxStatusView, RpcError> {
        let timeout_ms = self.timeout_ms.unwrap_or(DEFAULT_WAIT_MS);
        if timeout_ms > MAX_WAIT_MS {
            return Err(RpcError::parameter("timeoutMs", format!("at most {MAX_WAIT_MS}, got {timeout_ms}")));
        }
        let signed = read_signed(&self.tx, "tx", self.encoding.unwrap_or_default())?;
        let (wait, timeout) = (self.wait.unwrap_or_default(), Duration::from_millis(timeout_ms));
        write_as(service.backend.submit(signed, wait, timeout).await?, self.encoding)
    }
}

impl Handle for SubmitBatch {
    async fn handle(self, service: &Service) -> Result<view::BatchAnswer, RpcError> {
        let limit = service.config.max_batch;
        if self.txs.len() > limit as usize {
            return Err(RpcError::parameter(
                "txs",
                format!("at most {limit} transactions, got {}", self.txs.len()),
            ));
        }
        let encoding = self.encoding.unwrap_or_default();
        let mut right = Vec::with_capacity(self.txs.len());
        let mut wrong = Vec::with_capacity(self.txs.len());
        for (place, input) in self.txs.iter().enumerate() {
            match read_signed(input, "txs", encoding) {
                Ok(signed) => {
                    right.push(signed);
                    wrong.push(None);
                }
                Err(error) => wrong.push(Some(at_place(error, place))),
            }
        }
        let mut answers = service.backend.submit_batch(right).await.into_iter();
        let missing = || Err(RpcError::internal("the node gave fewer answers than transactions"));
        let answer = |wrong: Option<RpcError>| match wrong {
            Some(error) => Err(error),
            None => answers.next().unwrap_or_else(missing),
        };
        Ok(view::BatchAnswer { items: wrong.into_iter().map(answer).map(item).collect() })
    }
}

/// Puts the transaction's place into a path that starts with the list's name.
fn at_place(error: RpcError, place: usize) -> RpcError {
    match error {
        RpcError::BadParameter { parameter, expected } => RpcError::BadParameter {
            parameter: parameter.replacen("txs", &format!("txs[{place}]"), 1),
            expected,
        },
        error => error,
    }
}

fn item(answer: Result<view::TxStatusView, RpcError>) -> BatchItem {
    match answer {
        Ok(status) => BatchItem::Taken { tx_id: status.tx_id, status: status.status },
        Err(error) => BatchItem::Refused { error: error.into() },
    }
}

impl Handle for GetTransaction {
    async fn handle(self, service: &Service) -> Result<view::TxStatusView, RpcError> {
        let (id, backend) = (self.tx_id.0, &service.backend);
        let status = match self.prove {
            Some(true) => backend.proved_transaction(id).await?,
            Some(false) | None => backend.transaction(id).await?,
        };
        write_as(status, self.encoding)
    }
}
