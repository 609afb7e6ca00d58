//! How the load's transactions reach the nodes, and how their commits are seen.

use super::driver::Event;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;
use witan_rpc::methods::SubmitTransaction;
use witan_rpc::parameter::TxInput;
use witan_rpc::{
    At, BlockTransactions, Client, ClientError, RpcError, TransactionDetail, TransactionState, Wait,
};
use witan_types::{GroupId, Height, TxId};

/// How often the follower asks for the next block: what the time to commit is blurred by, upwards.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(5);
/// How long one that is alone may take until it is committed.
const ALONE_WITHIN: Duration = Duration::from_secs(15);

type Items = Vec<Result<(TxId, TransactionState), ClientError>>;

/// Submits a batch to the first of these nodes that answers; what finds no room goes again, with the same bytes, when the node says.
/// One transaction alone is submitted by `tx_submit`, whose answer tells that it is committed.
pub(super) async fn submit(
    mut nodes: Vec<Client>,
    batch: usize,
    mut rest: Vec<Vec<u8>>,
    events: UnboundedSender<Event>,
) {
    while !rest.is_empty() {
        let Some(client) = nodes.first() else { return };
        let answered = match rest.as_slice() {
            [alone] => submit_alone(client, alone, &events).await,
            _ => client.submit_batch(rest.clone()).await,
        };
        let retry_after = match answered {
            Ok(items) => {
                let (full, after, failure) = sort_out(&rest, items);
                if let Some((refused, why)) = failure {
                    events.send(Event::GaveUp { batch, refused, why }).ok();
                }
                rest = full;
                after
            }
            Err(ClientError::Transport { .. }) if nodes.len() > 1 => {
                nodes.remove(0);
                continue;
            }
            Err(error) => match full_for(&error) {
                Some(after) => after,
                None => {
                    events.send(Event::GaveUp { batch, refused: rest.len(), why: error.to_string() }).ok();
                    return;
                }
            },
        };
        if !rest.is_empty() {
            events.send(Event::Full).ok();
            sleep(retry_after).await;
        }
    }
}

async fn submit_alone(
    client: &Client,
    bytes: &[u8],
    events: &UnboundedSender<Event>,
) -> Result<Items, ClientError> {
    let request = SubmitTransaction {
        tx: TxInput::Bytes(bytes.to_vec()),
        wait: Some(Wait::Committed),
        timeout_ms: Some(u64::try_from(ALONE_WITHIN.as_millis()).unwrap_or(u64::MAX)),
        encoding: None,
    };
    let status = client.call(&request).await?;
    if status.status == TransactionState::Committed {
        events.send(Event::Committed { ids: vec![status.tx_id], seen: Instant::now() }).ok();
    }
    Ok(vec![Ok((status.tx_id, status.status))])
}

/// The transactions that found no room, when to try them again, and how many were refused with a last reason.
fn sort_out(batch: &[Vec<u8>], items: Items) -> (Vec<Vec<u8>>, Duration, Option<(usize, String)>) {
    let (mut full, mut after, mut failure) = (Vec::new(), Duration::ZERO, None);
    for (bytes, item) in batch.iter().zip(items) {
        let Err(error) = item else {
            continue;
        };
        match full_for(&error) {
            Some(time) => {
                full.push(bytes.clone());
                after = after.max(time);
            }
            None => {
                let count = failure.as_ref().map_or(0, |(count, _)| *count);
                failure = Some((count + 1, error.to_string()));
            }
        }
    }
    (full, after, failure)
}

/// How long to wait, if the error says that there is no room now.
fn full_for(error: &ClientError) -> Option<Duration> {
    match error.rpc() {
        Some(RpcError::MempoolFull { retry_after_ms } | RpcError::RateLimited { retry_after_ms }) => {
            Some(Duration::from_millis((*retry_after_ms).clamp(1, 1_000)))
        }
        _ => None,
    }
}

/// Reads block after block and tells which transactions are in each.
pub(super) async fn follow(
    client: Client,
    group: GroupId,
    mut height: Height,
    events: UnboundedSender<Event>,
) {
    while !events.is_closed() {
        let Ok(block) = client.block(group, At::Height(height), TransactionDetail::Ids).await else {
            sleep(FOLLOW_INTERVAL).await;
            continue;
        };
        let seen = Instant::now();
        let ids = match block.txs {
            Some(BlockTransactions::Ids(ids)) => ids.into_iter().map(|id| id.0).collect(),
            Some(BlockTransactions::Full(_)) | None => Vec::new(),
        };
        events.send(Event::Committed { ids, seen }).ok();
        height += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use witan_rpc::Rejection;

    #[test]
    fn what_finds_no_room_is_kept_with_the_longest_wait_and_what_is_refused_is_counted() {
        let batch: Vec<Vec<u8>> = (0..4_u8).map(|byte| vec![byte]).collect();
        let full = |retry_after_ms| Err(ClientError::Rpc(RpcError::MempoolFull { retry_after_ms }));
        let items = vec![
            Ok((TxId::default(), TransactionState::Accepted)),
            full(20),
            Err(ClientError::Rpc(RpcError::rejected(Rejection::Expired, "late"))),
            full(50),
        ];
        let (kept, after, failure) = sort_out(&batch, items);
        assert_eq!(kept, [vec![1], vec![3]]);
        assert_eq!(after, Duration::from_millis(50));
        let (refused, why) = failure.unwrap();
        assert!(refused == 1 && why.contains("late"));
    }
}
