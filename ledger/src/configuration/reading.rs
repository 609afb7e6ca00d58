//! What a stored ledger tells users of the configuration. Read from flushed records alone, on any thread. A record that
//! can't be read is told as absent: no ledger opens over one.

use super::{Configuration, EpochRecord, ParametersRecord};
use crate::records::Record;
use crate::store::Store;
use crate::value::{Entry, Value};
use std::ops::ControlFlow;
use witan_types::{Account, Change, Epoch, GroupId, Hash, Wire};

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

/// The record of an epoch, as the root group's store holds it.
pub fn epoch(root: &dyn Store, group: GroupId, epoch: Epoch) -> Option<EpochRecord> {
    read(root, Record::Epoch(group, epoch))
}

/// All epochs of a group, from the first on.
pub fn epochs(root: &dyn Store, group: GroupId) -> Vec<EpochRecord> {
    let mut found = Vec::new();
    root.visit_reserved(&Record::Epoch(group, Epoch(0)).key(), &mut |key, entry| match Record::of(&key) {
        Some(Record::Epoch(of, _)) if of == group => {
            found.extend(epoch_of(&entry));
            ControlFlow::Continue(())
        }
        _ => ControlFlow::Break(()),
    });
    found
}

/// The record of an epoch in an entry; none if it is another's.
pub fn epoch_of(entry: &Entry) -> Option<EpochRecord> {
    let Value::Record(bytes) = &entry.value else { return None };
    EpochRecord::decode(bytes).ok()
}

fn read<T: Wire>(store: &dyn Store, record: Record) -> Option<T> {
    let Value::Record(bytes) = store.entry(&record.key())?.value else { return None };
    T::decode(&bytes).ok()
}
