//! The promise of claims, in random runs: whoever comes behind the oldest does not hold it up.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn wishes() -> impl Strategy<Value = BTreeMap<Key, Mode>> {
    let mode = prop_oneof![Just(Mode::Read), Just(Mode::Write), (-40..40_i128).prop_map(add)];
    let counter = ("[ab]".prop_map(|key| Key::from(&*key)), mode);
    // Balances stop at 0, which makes withdrawals wait for each other.
    let withdrawal = (Just(Key::from(&*purse())), (-40..10_i128).prop_map(add));
    vec(prop_oneof![counter, withdrawal], 1..4).prop_map(|wishes| wishes.into_iter().collect())
}

/// A table with the one balance in its state.
struct Bank {
    table: LockTable,
    money: u128,
}

impl Bank {
    fn ask(&mut self, number: u32, modes: &BTreeMap<Key, Mode>) -> Outcome {
        let money = self.money;
        let committed = |key: &Key| reservation::is_balance(key).then_some(Value::Balance(money));
        let asked = Request { modes: modes.clone(), ..request(number, &[]) };
        self.table.take(&asked, &committed, GENESIS_MS).unwrap()
    }

    fn decide(&mut self, number: u32, commits: bool) {
        let purse = Key::from(&*purse());
        let mut locks = self.table.locks();
        let mode = locks.find(|held| *held.key == purse && held.holder == holder(number));
        match mode.map(|held| held.mode) {
            Some(Mode::Add(Delta::Up(delta))) if commits => self.money += delta,
            Some(Mode::Add(Delta::Down(delta))) if commits => self.money -= delta.get(),
            _ => {}
        }
        drop(locks);
        self.table.release(&holder(number));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn under_a_storm_of_younger_ones_the_oldest_is_served_once_present_holders_are_gone(
        present in vec((wishes(), any::<bool>()), 1..8), wanted in wishes(),
        storm in vec(vec((wishes(), any::<bool>()), 0..6), 8),
    ) {
        let mut bank = Bank { table: table(), money: 50 };
        for (number, (modes, _)) in (100..).zip(&present) {
            bank.ask(number, modes);
        }
        let first = bank.ask(1, &wanted);
        if !matches!(first, Outcome::Conflict { .. }) {
            return Ok(());
        }
        // Of the storm's waves the last ones break when those present are gone.
        for (wave, asking) in (0..).zip(&storm) {
            for (number, (modes, ends)) in (1_000 + 10 * wave..).zip(asking) {
                if bank.ask(number, modes) == Outcome::Granted && *ends {
                    bank.decide(number, number % 2 == 0);
                }
            }
            let commits = present.get(wave as usize).is_some_and(|(_, commits)| *commits);
            bank.decide(100 + wave, commits);
        }
        let last = bank.ask(1, &wanted);
        // Those before it may have spent the balance; but nobody holds it up.
        prop_assert!(matches!(last, Outcome::Granted | Outcome::Impossible { .. }), "{:?}", last);
    }
}
