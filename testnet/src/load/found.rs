//! Whether what was acknowledged is still there: asked after the load, of other nodes than those that acknowledged it.

use crate::check::acknowledged::Acknowledged;
use crate::workload::{Reach, look_up};
use futures::StreamExt as _;
use futures::stream;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use witan_rpc::TransactionState;

/// Questions under way at once.
const AT_ONCE: usize = 64;
/// How often a node that does not know it yet is asked again.
const LOOKS: usize = 20;
/// Between two such looks.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How long one answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Looks for each at a node that did not acknowledge it, and at all others if that one does not know it in time. Clients are of
/// `nodes` nodes in turn. How many no node knows.
pub(super) async fn look_again<R: Reach>(
    clients: &[R],
    nodes: usize,
    acknowledged: &[(Acknowledged, usize)],
    pause: Duration,
    tell: &mut dyn FnMut(u64, u64),
) -> u64 {
    let looked = stream::iter(acknowledged)
        .map(|(entry, told_by)| is_known(clients, nodes, (*entry, *told_by), pause));
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

async fn is_known<R: Reach>(
    clients: &[R],
    nodes: usize,
    (entry, told_by): (Acknowledged, usize),
    pause: Duration,
) -> bool {
    // The next client is the next node's.
    let other = told_by.wrapping_add(1).checked_rem(nodes.max(1)).unwrap_or(0);
    for look in 0..LOOKS {
        if look > 0 {
            sleep(pause).await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use witan_rpc::{ClientError, TxStatusView, ValueView, Wait};
    use witan_types::{GroupId, Hash, TxId};

    /// A node that knows these transactions, by the first byte of their ids.
    struct Knows(BTreeSet<u8>);

    impl Reach for Knows {
        async fn submit(&self, _: Vec<u8>, _: Wait, _: Duration) -> Result<TxStatusView, ClientError> {
            panic!("nothing is submitted")
        }

        async fn transaction(&self, id: TxId) -> Result<TxStatusView, ClientError> {
            let known = self.0.contains(&id.0.0[0]);
            let status = if known { TransactionState::Committed } else { TransactionState::Unknown };
            Ok(TxStatusView::outside_blocks(id, status))
        }

        async fn strict_read(&self, _: &[Vec<u8>]) -> Result<Vec<Option<ValueView>>, ClientError> {
            panic!("nothing is read")
        }
    }

    #[tokio::test]
    async fn what_no_node_knows_is_lost_and_what_only_another_one_knows_is_not() {
        let nodes = [[1, 2, 3].into(), [1].into(), [1, 2].into()].map(Knows);
        let told = |id: u8, by| (Acknowledged { id: TxId(Hash([id; 32])), group: GroupId(1), height: 1 }, by);
        // The first is known everywhere, the second not at the next node, the third at its own alone, the fourth nowhere.
        let acknowledged = [told(1, 0), told(2, 0), told(3, 0), told(4, 2)];
        let mut seen = (0, 0);
        let mut tell = |verified, lost| seen = (verified, lost);
        let lost = look_again(&nodes, 3, &acknowledged, Duration::from_millis(1), &mut tell).await;
        assert_eq!((lost, seen), (1, (4, 1)));
    }
}
