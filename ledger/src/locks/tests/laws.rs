//! The table against a naive model, in random runs.

use super::model::{Cell, End, Model};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// What happens to the table.
#[derive(Clone, Debug)]
enum Step {
    Ask { number: u32, attempt: u64, modes: BTreeMap<Key, Mode> },
    Release { number: u32, attempt: u64, commits: bool },
    End { number: u32 },
    Wait { ms: u64 },
}

fn keys() -> Vec<Key> {
    let balances = [1, 2].map(|number| Key::balance_of(&account(number)));
    let counters = ["a", "b"].map(Key::from);
    [balances, counters].concat()
}

/// Four transactions with two attempts each: at most 8 adds on one key.
fn steps() -> impl Strategy<Value = Step> {
    let who = || (0..4_u32, 1..3_u64);
    let mode = prop_oneof![
        1 => Just(Mode::Read),
        1 => Just(Mode::Write),
        6 => (-20..=20_i128).prop_map(add),
    ];
    let modes = vec((proptest::sample::select(keys()), mode), 0..4);
    prop_oneof![
        6 => (who(), modes).prop_map(|((number, attempt), modes)| Step::Ask {
            number,
            attempt,
            modes: modes.into_iter().collect(),
        }),
        3 => (who(), any::<bool>())
            .prop_map(|((number, attempt), commits)| Step::Release { number, attempt, commits }),
        1 => (0..4_u32).prop_map(|number| Step::End { number }),
        1 => (1..2 * TIMEOUT_MS).prop_map(|ms| Step::Wait { ms }),
    ]
}

fn cells() -> impl Strategy<Value = Vec<Cell>> {
    let places = vec((any::<bool>(), 0..50_i128), 4);
    places.prop_map(|places| {
        let cell = |(key, (is_low, distance)): (Key, (bool, i128))| {
            let (end, distance) = if is_low { (End::Lowest, distance) } else { (End::Highest, -distance) };
            Cell { key, end, distance }
        };
        keys().into_iter().zip(places).map(cell).collect()
    })
}

/// The ranks of the four transactions do not follow their numbers.
const SINCE_MS: [u64; 4] = [7, 3, 9, 3];

fn step(table: &mut LockTable, model: &mut Model, step: Step, now_ms: &mut u64) {
    match step {
        Step::Ask { number, attempt, modes } => {
            let holder = Holder { id: id(number), attempt };
            let since_ms = SINCE_MS[number as usize];
            let request = Request { holder, since_ms, expires_at_ms: u64::MAX, modes };
            let committed = |key: &Key| Some(model.cell(key).value());
            let foreseen = table.judge(&request, &committed);
            let outcome = table.take(&request, &committed, *now_ms);
            if model.held.iter().any(|held| held.1 == holder) {
                assert_eq!(outcome, Err(LockError::AlreadyHeld(holder)));
            } else {
                assert_eq!(outcome, Ok(foreseen.clone()));
                model.follow(&request, &foreseen, *now_ms);
            }
        }
        Step::Release { number, attempt, commits } => {
            let holder = Holder { id: id(number), attempt };
            assert_eq!(table.release(&holder), model.release(holder, commits));
        }
        Step::End { number } => {
            let had = model.claims.iter().any(|claim| claim.age.id == id(number));
            assert_eq!(table.drop_claim(&id(number)), had);
            model.claims.retain(|claim| claim.age.id != id(number));
        }
        Step::Wait { ms } => {
            *now_ms += ms;
            table.expire(*now_ms);
            model.claims.retain(|claim| claim.until_ms > *now_ms);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_table_says_what_the_naive_model_says(cells in cells(), steps in vec(steps(), 1..60)) {
        let (mut table, mut now_ms) = (table(), GENESIS_MS);
        let mut model = Model { cells, held: Vec::new(), claims: Vec::new() };
        for next in steps {
            step(&mut table, &mut model, next, &mut now_ms);
            model.agree(&table);
        }
        for number in 0..4 {
            (1..3).for_each(|attempt| {
                table.release(&Holder { id: id(number), attempt });
            });
            table.drop_claim(&id(number));
        }
        prop_assert_eq!(told(table), self::table());
    }
}
