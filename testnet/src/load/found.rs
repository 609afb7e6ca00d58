//! Whether what was acknowledged is still there: asked after the load, of other nodes than those that acknowledged it.

use crate::check::acknowledged::Acknowledged;
use crate::workload::{Reach, look_up};
use futures::StreamExt as _;
use futures::stream;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use witan_rpc::{Subscriber, TransactionState};

/// Questions under way at once.
const AT_ONCE: usize = 64;
/// How often a node that does not know it yet is asked again.
const LOOKS: usize = 20;
/// Between two such looks.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long one answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Looks for each at a node that did not acknowledge it, and at all others if that one does not know it in time. Clients are of
/// `nodes` nodes in turn. How many no node knows.
pub(super) async fn look_again(
    clients: &[Subscriber],
    nodes: usize,
    acknowledged: &[(Acknowledged, usize)],
    tell: &mut dyn FnMut(u64, u64),
) -> u64 {
    let looked =
        stream::iter(acknowledged).map(|(entry, told_by)| is_known(clients, nodes, *entry, *told_by));
    let mut looked = looked.buffer_unordered(AT_ONCE);
    let (mut verified, mut lost) = (0, 0);
    while let Some(known) = looked.next().await {
        verified += 1;
        lost += u64::from(!known);
        if verified % 100 == 0 {
            tell(verified, lost);
        }
    }
    tell(verified, lost);
    lost
}

async fn is_known(clients: &[Subscriber], nodes: usize, entry: Acknowledged, told_by: usize) -> bool {
    // The next client is the next node's.
    let other = told_by.wrapping_add(1).checked_rem(nodes.max(1)).unwrap_or(0);
    for look in 0..LOOKS {
        if look > 0 {
            sleep(LOOK_AGAIN).await;
        }
        let Some(client) = clients.get(other) else { break };
        match timeout(ANSWER_WITHIN, Reach::transaction(client, entry.id)).await {
            Ok(Ok(status)) if status.status == TransactionState::Committed => return true,
            Ok(Ok(_)) => {}
            // A node that is gone is not waited for.
            Ok(Err(_)) | Err(_) => break,
        }
    }
    let anywhere = look_up(clients.get(..nodes).unwrap_or(clients), entry.id).await;
    anywhere.is_some_and(|(_, status)| status.status == TransactionState::Committed)
}
