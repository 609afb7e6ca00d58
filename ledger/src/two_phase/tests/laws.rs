//! Laws of any history: random transactions, blocks at random times, envelopes late, repeated and with gaps, ledgers
//! opened again at random moments. Once everything has come to rest, everything adds up. And which planted mistakes
//! this finds by chance.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use witan_types::{Account, Block, TxId};

/// What a client wants. Groups, accounts and keys are numbers that are taken modulo what there is.
#[derive(Clone, Debug)]
enum Wish {
    /// A transfer between two of the accounts.
    Transfer { from: usize, to: usize, amount: u128 },
    /// An append to the list of each of these groups, and other ops beside.
    Many { groups: Vec<u32>, ops: Vec<(u32, usize, usize)> },
    /// The balances of all accounts.
    Snapshot,
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A client submits at a group.
    Submit(u32, Wish),
    /// A client submits at a group what was submitted before, such a number of submissions ago.
    Again(u32, usize),
    /// A group makes a block that carries envelopes of others: whose, and which of them.
    Block { group: u32, after_ms: u64, picks: Vec<(u32, usize)> },
    /// A group's ledger is opened again from what its store holds.
    Reopen(u32),
}

/// Two accounts of each group, and keys of each group.
struct Names {
    accounts: Vec<u8>,
    keys: Vec<Vec<String>>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let network = Network::start();
    let accounts = (1..=GROUPS).flat_map(|id| [network.holder(id, 0), network.holder(id, 1)]).collect();
    let keys = |id| ["list", "bytes", "count"].map(|name| network.key(id, name)).to_vec();
    Names { accounts, keys: (1..=GROUPS).map(keys).collect() }
});

fn list_key(group: u32) -> Key {
    Key::from(NAMES.keys[group as usize - 1][0].as_str())
}

/// One op or check of a kind on a key of a group.
fn op_of(group: u32, key: usize, kind: usize, checks: &mut Vec<Check>) -> Option<Op> {
    let keys = &NAMES.keys[group as usize - 1];
    let (bytes, count) = (Key::from(keys[1].as_str()), Key::from(keys[2].as_str()));
    match kind {
        0 => Some(Op::Put { key: bytes, value: vec![u8::try_from(key).unwrap()] }),
        1 => Some(Op::Add { key: count, delta: 1 + i128::try_from(key).unwrap() }),
        2 => Some(Op::Get { key: if key == 0 { bytes } else { count } }),
        3 => {
            checks.push(if key == 0 { Check::Absent { key: bytes } } else { Check::Exists { key: bytes } });
            None
        }
        _ => Some(Op::Delete { key: bytes }),
    }
}

/// A transaction that was wished for, and the keys that it alone writes in each of its groups.
struct Wished {
    signed: SignedTransaction,
    marks: Vec<String>,
    is_snapshot: bool,
}

/// A network whose history is made by steps.
struct World {
    network: Network,
    fault: Option<PlantedFault>,
    /// Everything ever said, in order.
    history: BTreeMap<(u32, u32), Vec<Envelope>>,
    /// What each group's next block offers.
    pools: BTreeMap<u32, Vec<SignedTransaction>>,
    wished: Vec<Wished>,
    receipts: BTreeMap<TxId, Vec<Receipt>>,
}

impl World {
    fn with(fault: Option<PlantedFault>) -> World {
        World {
            network: Network::with(fault),
            fault,
            history: BTreeMap::new(),
            pools: BTreeMap::new(),
            wished: vec![],
            receipts: BTreeMap::new(),
        }
    }

    fn wish(&mut self, wish: Wish) -> SignedTransaction {
        let number = self.wished.len();
        let mark = |network: &Network, id: u32| network.key(id, &format!("mark{number}-"));
        let note = number.to_string();
        let (is_snapshot, mut marks) = (matches!(wish, Wish::Snapshot), vec![]);
        let signed = match wish {
            Wish::Transfer { from, to, amount } => {
                let places = [from % NAMES.accounts.len(), to % NAMES.accounts.len()];
                let groups: BTreeSet<u32> =
                    places.iter().map(|place| u32::try_from(place / 2).unwrap() + 1).collect();
                marks.extend(groups.into_iter().map(|id| mark(&self.network, id)));
                let [from, to] = places.map(|place| NAMES.accounts[place]);
                let puts = marks.iter().map(|key| put(key, &note));
                self.network.signed_by(from, vec![], [transfer(to, amount)].into_iter().chain(puts).collect())
            }
            Wish::Many { groups, ops: extra } => {
                let groups: Vec<u32> = groups.into_iter().map(|id| id % GROUPS + 1).collect();
                let unique: BTreeSet<u32> = groups.iter().copied().collect();
                let append = |id: &u32| Op::Append { key: list_key(*id), item: note.clone().into_bytes() };
                let mut ops: Vec<Op> = unique.iter().map(append).collect();
                // Whichever is first coordinates.
                ops.rotate_left(groups[0] as usize % unique.len());
                marks.extend(unique.iter().map(|id| mark(&self.network, *id)));
                ops.extend(marks.iter().map(|key| put(key, &note)));
                let mut checks = vec![];
                let of =
                    |(place, key, kind)| op_of(groups[place as usize % groups.len()], key, kind, &mut checks);
                ops.extend(extra.into_iter().filter_map(of));
                self.network.signed_by(1, checks, ops)
            }
            Wish::Snapshot => {
                let of = |number: &u8| Key::balance_of(&Account(secret(*number).public()));
                let gets = NAMES.accounts.iter().map(|number| Op::Get { key: of(number) });
                let mut gets: Vec<Op> = gets.collect();
                gets.rotate_left(number % NAMES.accounts.len());
                self.network.signed(gets)
            }
        };
        self.wished.push(Wished { signed: signed.clone(), marks, is_snapshot });
        signed
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit(id, wish) => {
                let signed = self.wish(wish);
                self.offer(id, signed);
            }
            Step::Again(id, ago) => {
                let old = self.wished.iter().nth_back(ago).map(|wished| wished.signed.clone());
                old.into_iter().for_each(|signed| self.offer(id, signed));
            }
            Step::Block { group, after_ms, picks } => {
                let envelopes = picks.into_iter().filter_map(|(from, pick)| self.pick(from, group, pick));
                let envelopes = envelopes.collect();
                self.block(group, after_ms, envelopes);
            }
            Step::Reopen(id) => self.reopen(id),
        }
    }

    /// The place of the first envelope on a way that was not heard.
    fn unheard(&self, from: u32, to: u32) -> usize {
        let consumed = self.network.ledger(to).consumed(group(from));
        let history = self.history.get(&(from, to)).map_or(&[][..], Vec::as_slice);
        history.iter().take_while(|said| said.contents.next() <= consumed).count()
    }

    /// One that is next, soon, or heard already.
    fn pick(&self, from: u32, to: u32, pick: usize) -> Option<Envelope> {
        let place = self.unheard(from, to) + pick % 3;
        self.history.get(&(from, to))?.get(place.saturating_sub(pick / 3 % 4)).cloned()
    }

    /// No block holds a transaction twice.
    fn offer(&mut self, id: u32, signed: SignedTransaction) {
        let pool = self.pools.entry(id).or_default();
        if !pool.contains(&signed) {
            pool.push(signed);
        }
    }

    /// A block with what the pool offers; what it defers is offered again, elsewhere if it is for another group.
    fn block(&mut self, id: u32, after_ms: u64, envelopes: Vec<Envelope>) {
        let mut list = self.pools.remove(&id).unwrap_or_default();
        let executed = self.network.block_of(id, after_ms, list.clone(), envelopes);
        let deferred: BTreeMap<TxId, _> = executed.deferred.into_iter().collect();
        for signed in list.drain(..) {
            match deferred.get(&signed.id()) {
                Some(crate::execute::Stopped::Elsewhere) => {
                    self.offer(id % GROUPS + 1, signed);
                }
                Some(_) => self.offer(id, signed),
                None => {}
            }
        }
        for receipt in &executed.commit.receipts {
            self.receipts.entry(receipt.id).or_default().push(receipt.clone());
        }
        for ((from, to), said) in std::mem::take(&mut self.network.said) {
            self.history.entry((from.0, to.0)).or_default().extend(said);
        }
    }

    /// A ledger opened again knows what it knew. One with a mistake is not: that it forgets is not the mistake.
    fn reopen(&mut self, id: u32) {
        if self.fault.is_some() {
            return;
        }
        let ledger = self.network.ledgers.get_mut(&group(id)).unwrap();
        let (again, _) = Ledger::open(ledger.store().clone(), &self.network.genesis, group(id)).unwrap();
        let again = again.under(Scheme::StandIn);
        assert_eq!(again.dealings(), ledger.dealings(), "group {id}");
        assert_eq!(again.tip_outcome(), ledger.tip_outcome());
        *ledger = again;
    }

    /// Everything unheard is heard and everything due is done.
    fn settle(&mut self) {
        for _ in 0..3_000 {
            let is_unheard = |(from, to): &(u32, u32)| {
                self.history.get(&(*from, *to)).is_some_and(|all| self.unheard(*from, *to) < all.len())
            };
            let is_open = |ledger: &Ledger<_>| ledger.next_due_ms().is_some();
            let ways = (1..=GROUPS).flat_map(|from| (1..=GROUPS).map(move |to| (from, to)));
            let is_busy = ways.clone().any(|way| is_unheard(&way))
                || self.network.ledgers.values().any(is_open)
                || self.pools.values().any(|pool| !pool.is_empty());
            if !is_busy {
                return;
            }
            (1..=GROUPS).for_each(|id| self.hear_all(id, 10));
        }
        panic!("the groups never come to rest");
    }

    fn hear_all(&mut self, id: u32, after_ms: u64) {
        let heard = (1..=GROUPS).flat_map(|from| {
            let all = self.history.get(&(from, id)).map_or(&[][..], Vec::as_slice);
            all[self.unheard(from, id).min(all.len())..].to_vec()
        });
        let heard = heard.collect();
        self.block(id, after_ms, heard);
    }

    fn assert_one_outcome_each(&self) {
        for Wished { signed, marks, .. } in &self.wished {
            let receipts = self.receipts.get(&signed.id()).map_or(&[][..], Vec::as_slice);
            // One that nobody took in before it expired has none.
            assert!(receipts.len() <= 1, "{receipts:?}");
            let is_applied = receipts.iter().any(|receipt| applied(&receipt.outcome));
            for mark in marks {
                assert_eq!(self.network.value(mark).is_some(), is_applied, "{mark} of {receipts:?}");
            }
        }
    }

    /// The numbers of the transactions that appended to a group's list, in order.
    fn appended(&self, id: u32) -> Vec<Vec<u8>> {
        match self.network.ledger(id).entry(&list_key(id)).map(|entry| entry.value) {
            Some(Value::List(items)) => items,
            None => vec![],
            other => panic!("{other:?}"),
        }
    }

    /// Those that appended in two groups did so in one order.
    fn assert_one_order(&self) {
        for (one, other) in [(1, 2), (2, 3), (1, 3)] {
            let (one, other) = (self.appended(one), self.appended(other));
            let shared = |list: &[Vec<u8>], with: &[Vec<u8>]| -> Vec<Vec<u8>> {
                list.iter().filter(|item| with.contains(item)).cloned().collect()
            };
            assert_eq!(shared(&one, &other), shared(&other, &one));
        }
    }

    fn assert_balances_add_up(&self) {
        let balance = |read: &crate::value::Read| match read.entry.as_ref().map(|entry| &entry.value) {
            Some(Value::Balance(balance)) => *balance,
            other => panic!("{other:?}"),
        };
        for wished in self.wished.iter().filter(|wished| wished.is_snapshot) {
            let receipts = self.receipts.get(&wished.signed.id()).map_or(&[][..], Vec::as_slice);
            for receipt in receipts {
                if let TransactionOutcome::Applied { reads } = &receipt.outcome {
                    assert_eq!(reads.iter().map(balance).sum::<u128>(), 6_000, "a snapshot");
                }
            }
        }
        assert_eq!(self.network.total(), 40_000);
    }

    /// Nothing is held, claimed or pending any more, and of what was said only what is not told yet is kept.
    fn assert_at_rest(&mut self) {
        // Claims of what expired end with the next block.
        (1..=GROUPS).for_each(|id| self.hear_all(id, 10));
        for ledger in self.network.ledgers.values() {
            assert!(ledger.dealings().locks.is_empty());
            assert_eq!((ledger.dealings().prepared().count(), ledger.next_due_ms()), (0, None));
            assert!(ledger.outbox().count() <= 2 * 256);
        }
        (1..=GROUPS).for_each(|id| self.reopen(id));
    }

    /// Another node that executes the same blocks comes to the same.
    fn assert_replayed_alike(&self) {
        if self.fault.is_some() {
            return;
        }
        for (id, ledger) in &self.network.ledgers {
            let (again, _) = Ledger::open(MemoryStore::default(), &self.network.genesis, *id).unwrap();
            let mut again = again.under(Scheme::StandIn);
            for height in 1..=ledger.tip().height {
                let block: Arc<Block> = ledger.block(height).unwrap();
                again.execute(block);
                assert_eq!(Some(again.tip_outcome()), ledger.outcome(height).as_ref());
            }
            assert_eq!(again.dealings(), ledger.dealings());
        }
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    let extra = vec((0..3_u32, 0..2_usize, 0..5_usize), 0..4);
    prop_oneof![
        3 => (0..6_usize, 0..6_usize, 1..700_u128)
            .prop_map(|(from, to, amount)| Wish::Transfer { from, to, amount }),
        3 => (vec(0..GROUPS, 1..5), extra).prop_map(|(groups, ops)| Wish::Many { groups, ops }),
        1 => Just(Wish::Snapshot),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let after_ms = prop_oneof![12 => 1..60_u64, 2 => 500..1_500_u64, 1 => 4_000..7_000_u64];
    let picks = vec((1..=GROUPS, 0..12_usize), 0..8);
    prop_oneof![
        4 => (1..=GROUPS, wish()).prop_map(|(id, wish)| Step::Submit(id, wish)),
        1 => (1..=GROUPS, 0..4_usize).prop_map(|(id, ago)| Step::Again(id, ago)),
        8 => (1..=GROUPS, after_ms, picks)
            .prop_map(|(group, after_ms, picks)| Step::Block { group, after_ms, picks }),
        1 => (1..=GROUPS).prop_map(Step::Reopen),
    ]
}

/// Plays a history to its end and judges it.
fn play(steps: Vec<Step>, fault: Option<PlantedFault>) {
    let mut world = World::with(fault);
    steps.into_iter().for_each(|step| world.step(step));
    world.settle();
    world.assert_one_outcome_each();
    world.assert_one_order();
    world.assert_balances_add_up();
    world.assert_at_rest();
    world.assert_replayed_alike();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_transaction_has_one_outcome_in_all_its_groups(steps in vec(step(), 1..120)) {
        play(steps, None);
    }
}

/// Which of so many histories is the first that a mistake breaks and that holds without it.
fn found_in(fault: PlantedFault, histories: usize) -> Option<usize> {
    let mut runner = TestRunner::deterministic();
    (1..=histories).find(|_| {
        let steps = vec(step(), 1..120).new_tree(&mut runner).unwrap().current();
        play(steps.clone(), None);
        catch_unwind(AssertUnwindSafe(|| play(steps, Some(fault)))).is_err()
    })
}

#[test]
fn mistakes_that_split_outcomes_or_show_halves_are_found_within_twenty_histories() {
    for fault in [
        PlantedFault::NoReplayCursor,
        PlantedFault::ParticipantDecidesAlone,
        PlantedFault::ReadIgnoresLocks,
        PlantedFault::OldVoteCounts,
        PlantedFault::AddLockIsNone,
        PlantedFault::GapsAreConsumed,
    ] {
        let found = found_in(fault, 20);
        println!("{fault:?} is found in history {found:?}");
        assert!(found.is_some(), "{fault:?} lives");
    }
}
