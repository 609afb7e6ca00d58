//! What a stored ledger tells users of the configuration. Read from flushed records alone, on any thread. A record that
//! can't be read is told as absent: no ledger opens over one.

use super::{Configuration, ParametersRecord};
use crate::records::Record;
use crate::store::Store;
use crate::value::Value;
use std::ops::ControlFlow;
use witan_types::{Account, Change, Hash, Wire};

/// What operators may change, as the root group's store holds it.
pub fn configuration(root: &dyn Store) -> Option<Configuration> {
    read(root, Record::Configuration)
}

/// The parameters of which a group has heard; none while those of genesis hold.
pub fn parameters(store: &dyn Store) -> Option<ParametersRecord> {
    read(store, Record::Parameters)
}

/// What operators approve that has not happened, each change once with those who approve it.
pub fn approvals(root: &dyn Store) -> Vec<(Change, Vec<Account>)> {
    let mut found: Vec<(Change, Vec<Account>)> = Vec::new();
    root.visit_reserved(&Record::first_approval(), &mut |key, entry| {
        let (Some(Record::Approval(operator)), Value::Record(bytes)) = (Record::of(&key), entry.value) else {
            return ControlFlow::Break(());
        };
        if let Ok(change) = Change::decode(&bytes) {
            match found.iter_mut().find(|(known, _)| *known == change) {
                Some((_, operators)) => operators.push(operator),
                None => found.push((change, vec![operator])),
            }
        }
        ControlFlow::Continue(())
    });
    found.sort_by_key(|(change, _)| -> Hash { change.hash() });
    found
}

fn read<T: Wire>(store: &dyn Store, record: Record) -> Option<T> {
    let Value::Record(bytes) = store.entry(&record.key())?.value else { return None };
    T::decode(&bytes).ok()
}
