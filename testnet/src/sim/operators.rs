//! Operators, where the root group runs beside the others: they approve changes of the parameters while things go wrong,
//! and once everything has healed every group has to go by the newest ones.

use super::check::{Broken, Promise};
use super::scenario::{LIFETIME_MS, Scenario};
use super::world::{Happening, Matter, World};
use witan_ledger::Store;
use witan_ledger::configuration::{Configuration, reading};
use witan_types::genesis::Parameters;
use witan_types::{
    Account, Change, ChangeKind, Genesis, GroupId, Op, SecretKey, SignedTransaction, Transaction,
};

/// When the first operator comes, and how long after each other they come at the most; microseconds.
pub(super) const FIRST: u64 = 1_200_000;
const PAUSE: std::ops::RangeInclusive<u64> = 50_000..=600_000;

/// Those who may change the configuration.
#[derive(Debug)]
pub(super) struct Approving {
    keys: Vec<SecretKey>,
    genesis: Genesis,
    salt: u64,
    /// The version that has to be there in the end: one more than when everything healed.
    target: Option<u64>,
}

impl Approving {
    pub(super) fn new(scenario: &Scenario, genesis: &Genesis) -> Approving {
        Approving { keys: scenario.operator_keys(), genesis: genesis.clone(), salt: 0, target: None }
    }

    /// One of two changes that make this version.
    fn change(&self, version: u64, choice: u64) -> Change {
        let parameters = Parameters {
            idle_interval_ms: 400 + 50 * (version % 3) + 25 * choice,
            prepare_timeout_ms: 1_100 + 100 * ((version + choice) % 4),
            max_block_bytes: 256 * 1024 + 1_024 * (version % 64),
            ..self.genesis.parameters.clone()
        };
        Change { version, kind: ChangeKind::Parameters(parameters) }
    }

    fn approval(&mut self, place: usize, change: Change, wall_ms: u64) -> Option<SignedTransaction> {
        let key = self.keys.get(place)?.clone();
        self.salt += 1;
        let transaction = Transaction {
            chain: self.genesis.chain(),
            signer: Account(key.public()),
            salt: self.salt,
            expires_at_ms: wall_ms.saturating_add(LIFETIME_MS),
            checks: Vec::new(),
            ops: vec![Op::Approve { change }],
        };
        Some(transaction.sign(&key))
    }
}

impl World {
    /// The newest configuration on an honest disk.
    fn newest_configuration(&self) -> Option<Configuration> {
        let stores = self.honest().filter_map(|at| self.nodes.get(at)?.groups.get(&GroupId::ROOT));
        let configurations = stores.filter_map(|hosted| reading::configuration(&hosted.disk.store));
        configurations.max_by_key(|configuration| configuration.version)
    }

    /// How many changes have happened.
    pub(super) fn changes(&self) -> u64 {
        self.newest_configuration().map_or(0, |configuration| configuration.version.saturating_sub(1))
    }

    /// Everything healed: one more change has to come.
    pub(super) fn expect_a_change(&mut self) {
        let version = self.newest_configuration().map(|configuration| configuration.version);
        self.operators.target = version.map(|version| version.saturating_add(1));
    }

    /// While things go wrong one operator at a time approves one of two changes; afterwards all approve the same, until it
    /// has happened.
    pub(super) fn operator_wakes(&mut self) {
        let newest = self.newest_configuration().map(|configuration| configuration.version);
        if newest.is_some() && self.operators.target.is_some_and(|target| newest >= Some(target)) {
            return;
        }
        let pause = self.random.within(PAUSE);
        self.after(pause, Happening::OperatorWakes);
        let Some(version) = newest else { return };
        let count = self.operators.keys.len();
        let (choice, places) = match self.operators.target {
            Some(_) => (0, 0..count),
            None => {
                let place = self.random.place(count);
                (self.random.below(2), place..place.saturating_add(1))
            }
        };
        let change = self.operators.change(version.saturating_add(1), choice);
        let wall_ms = self.wall_ms();
        for place in places {
            let Some(approval) = self.operators.approval(place, change.clone(), wall_ms) else { continue };
            let at = self.random.place(self.nodes.len());
            self.after_within(500, at, GroupId::ROOT, Matter::Submit(approval.into()));
        }
    }

    /// Whether, after the heal, every group on every honest disk goes by the parameters of the newest version.
    pub(super) fn configured(&self) -> Result<(), Broken> {
        let Some(target) = self.operators.target else { return Ok(()) };
        let broken = |what: String| Err(Broken { promise: Promise::Configuration, what });
        let newest = match self.newest_configuration() {
            Some(newest) if newest.version >= target => newest,
            _ => return broken(format!("version {target} has not happened long after the heal")),
        };
        for at in self.honest() {
            let Some(node) = self.nodes.get(at) else { continue };
            for (group, hosted) in &node.groups {
                let store: &dyn Store = &hosted.disk.store;
                let held = match *group {
                    GroupId::ROOT => {
                        reading::configuration(store).map(|held| (held.version, held.parameters))
                    }
                    _ => reading::parameters(store).map(|held| (held.version, held.parameters)),
                };
                if held.as_ref() != Some(&(newest.version, newest.parameters.clone())) {
                    let held = held.map_or(1, |(version, _)| version);
                    let version = newest.version;
                    return broken(format!(
                        "group {group} on node {at} is at {held}, the newest is {version}"
                    ));
                }
            }
        }
        Ok(())
    }
}
