//! The root group's transactions: operators approve changes of the configuration.

use crate::execute::{Executor, Stopped};
use crate::two_phase::Message;
use crate::value::{FailureReason, TransactionOutcome};
use witan_types::{Change, Transaction, TxId, Wire};

impl Executor<'_> {
    /// Executes a transaction of the root group. At most one change happens in a block: what it says to each group stays
    /// small, and a later approval is judged by the new version in the next block.
    pub(crate) fn execute_approval(&mut self, transaction: &Transaction, id: TxId) {
        if self.is_full() || self.dealings.agreed.has_changed() {
            return self.defer(id, Stopped::Full);
        }
        let change = transaction.approves().filter(|_| transaction.check_form().is_ok());
        let judged = match change {
            Some(change) => self.dealings.agreed.judge(&transaction.signer, change).map(|()| change),
            // Voted in by a faulty quorum.
            None => Err(FailureReason::ForbiddenKey),
        };
        let outcome = match judged {
            Err(reason) => TransactionOutcome::Failed { reason },
            Ok(change) => {
                let others = self.dealings.agreed.others();
                let has_room = |group| self.dealings.channels.has_room_for_prepare(group, CONFIGURE_BYTES);
                if let Some(group) = others.iter().copied().find(|group| !has_room(*group)) {
                    return self.defer(id, Stopped::Group(group));
                }
                self.approve(transaction, change);
                TransactionOutcome::Applied { reads: Vec::new() }
            }
        };
        self.receipt(transaction, id, outcome, Vec::new());
    }

    fn approve(&mut self, transaction: &Transaction, change: &Change) {
        let dealings = &mut *self.dealings;
        let Some(told) = dealings.agreed.approve(transaction.signer, change, &mut dealings.records) else {
            return;
        };
        let message = Message::Configure(told).encode();
        for group in dealings.agreed.others() {
            dealings.channels.send(*group, message.clone(), false);
        }
    }
}

/// What a message with parameters takes, and some more.
const CONFIGURE_BYTES: usize = 128;
