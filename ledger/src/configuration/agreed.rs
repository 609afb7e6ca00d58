//! The configuration as a group goes by it. In memory while the node runs; every change is a record in state, from which
//! it is read back.

use super::{Configuration, FIRST_VERSION, ParametersRecord};
use crate::records::{Record, Records};
use crate::value::FailureReason;
use std::collections::BTreeMap;
use witan_types::genesis::Parameters;
use witan_types::{Account, Change, ChangeKind, Genesis, GroupId, Operators};

/// What a group knows of the configuration: the root group all of it, every other one the parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Agreed {
    me: GroupId,
    /// The groups that are told of new parameters; only the root group tells.
    others: Vec<GroupId>,
    /// What the block that executes goes by.
    used: ParametersRecord,
    /// What the next one goes by.
    newest: ParametersRecord,
    /// Who may change it; only the root group asks.
    operators: Operators,
    /// What each operator approves, if anything; in the root group alone.
    approvals: BTreeMap<Account, Change>,
}

impl Agreed {
    /// What genesis says.
    pub(crate) fn first(genesis: &Genesis, me: GroupId) -> Agreed {
        let used = ParametersRecord { version: FIRST_VERSION, parameters: genesis.parameters.clone() };
        Agreed {
            me,
            others: genesis.user_groups().collect(),
            newest: used.clone(),
            used,
            operators: genesis.operators.clone(),
            approvals: BTreeMap::new(),
        }
    }

    /// What the block that executes goes by; between blocks, what the next one does.
    pub(crate) fn parameters(&self) -> &Parameters {
        &self.used.parameters
    }

    /// The version of the configuration from which they are.
    pub(crate) fn version(&self) -> u64 {
        self.used.version
    }

    /// The groups to be told of new parameters.
    pub(crate) fn others(&self) -> &[GroupId] {
        &self.others
    }

    pub(crate) fn restore_configuration(&mut self, held: Configuration) {
        let Configuration { version, operators, parameters } = held;
        self.operators = operators;
        self.restore_parameters(ParametersRecord { version, parameters });
    }

    pub(crate) fn restore_parameters(&mut self, held: ParametersRecord) {
        (self.used, self.newest) = (held.clone(), held);
    }

    pub(crate) fn restore_approval(&mut self, operator: Account, change: Change) {
        self.approvals.insert(operator, change);
    }

    /// A block ends: the next one goes by what it changed.
    pub(crate) fn close(&mut self) {
        if self.has_changed() {
            self.used = self.newest.clone();
        }
    }

    /// Whether the block that executes has changed something. One change a block is enough, and bounds what is told.
    pub(crate) fn has_changed(&self) -> bool {
        self.used.version != self.newest.version
    }

    /// Whether an account may approve a change now.
    pub(crate) fn judge(&self, signer: &Account, change: &Change) -> Result<(), FailureReason> {
        if !self.operators.contains(signer) {
            return Err(FailureReason::NotAnOperator);
        }
        if Some(change.version) != self.newest.version.checked_add(1) {
            return Err(FailureReason::StaleVersion);
        }
        change.check(&self.newest.parameters).map_err(|_| FailureReason::BadChange)
    }

    /// An operator approves a change that was judged, in the place of what it approved before. Once as many as it takes
    /// approve the same, it happens; new parameters are returned, since the other groups have to be told.
    pub(crate) fn approve(
        &mut self,
        operator: Account,
        change: &Change,
        records: &mut Records,
    ) -> Option<ParametersRecord> {
        records.put(Record::Approval(operator), change);
        self.approvals.insert(operator, change.clone());
        let agree = self.approvals.values().filter(|approved| *approved == change).count();
        if agree < usize::from(self.operators.threshold) {
            return None;
        }
        for (operator, _) in std::mem::take(&mut self.approvals) {
            records.delete(Record::Approval(operator));
        }
        self.newest.version = change.version;
        let told = match &change.kind {
            ChangeKind::Parameters(parameters) => {
                self.newest.parameters = parameters.clone();
                Some(self.newest.clone())
            }
            ChangeKind::Operators(operators) => {
                self.operators = operators.clone();
                None
            }
        };
        let ParametersRecord { version, parameters } = self.newest.clone();
        let operators = self.operators.clone();
        records.put(Record::Configuration, &Configuration { version, operators, parameters });
        told
    }

    /// Another group says that these parameters hold from now on. The root group alone is believed, what it said before is
    /// old, and what no operators can want was said by no honest quorum.
    pub(crate) fn obey(&mut self, source: GroupId, told: ParametersRecord, records: &mut Records) {
        let is_root_to_us = source == GroupId::ROOT && self.me != GroupId::ROOT;
        let is_newer = told.version > self.newest.version;
        if is_root_to_us && is_newer && told.parameters.check_change(&self.newest.parameters).is_ok() {
            records.put(Record::Parameters, &told);
            self.newest = told;
        }
    }
}
