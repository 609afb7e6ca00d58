//! Edges of real time, as many as there are transactions, instead of one for each pair: a chain of moments, which a
//! transaction enters where it completes and another leaves where it is invoked later.

use super::graph::Graph;
use super::order::Orders;
use super::{Dependency, History, Transaction};

impl Graph {
    /// From every transaction that completed to all that were invoked after that.
    pub(super) fn add_real_time(&mut self, history: &History, orders: &Orders<'_>) {
        let numbered = history.transactions.iter().enumerate();
        let effective: Vec<_> =
            numbered.filter(|(number, _)| orders.takes_effect(history, *number)).collect();
        let moments = self.chain(&effective);
        for (number, transaction) in effective {
            let invoked_us = transaction.invoked_us;
            if let Some(completed_us) = transaction.completed_us {
                let own = moments.get(moments.partition_point(|(moment, _)| *moment < completed_us));
                self.add_moment(Some(number), own, invoked_us);
            }
            let before = moments.partition_point(|(moment, _)| *moment < invoked_us);
            if let Some(&(completed_us, node)) = before.checked_sub(1).and_then(|last| moments.get(last)) {
                self.add(node, number, Dependency::RealTime { completed_us, invoked_us });
            }
        }
    }

    /// A helper node for each moment at which something completed, each before the next, with its time in microseconds.
    fn chain(&mut self, effective: &[(usize, &Transaction)]) -> Vec<(u64, usize)> {
        let mut times: Vec<u64> = effective.iter().filter_map(|(_, one)| one.completed_us).collect();
        times.sort_unstable();
        times.dedup();
        let moments: Vec<_> = times.into_iter().map(|time| (time, self.helper())).collect();
        let mut former = None;
        for moment in &moments {
            self.add_moment(former, Some(moment), moment.0);
            former = Some(moment.1);
        }
        moments
    }

    fn add_moment(&mut self, from: Option<usize>, moment: Option<&(u64, usize)>, invoked_us: u64) {
        if let (Some(from), Some(&(completed_us, node))) = (from, moment) {
            self.add(from, node, Dependency::RealTime { completed_us, invoked_us });
        }
    }
}
