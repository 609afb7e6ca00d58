//! Whatever the network does to an import, every record is written once, in the order of the file, or rejected.

use super::super::groups::Groups;
use super::super::journal::Binding;
use super::super::records::{Reason, Record};
use super::*;
use futures::executor::block_on;
use proptest::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// What goes wrong, in percent of the occasions.
#[derive(Clone, Copy, Debug, Default)]
struct Troubles {
    full: u64,
    answer_lost: u64,
    request_lost: u64,
    forgotten: u64,
    delayed: u64,
}

/// A network in memory, under virtual time. A transaction that writes the key `poison` fails as a whole.
struct FakeNetwork {
    now_ms: u64,
    troubles: Troubles,
    draws: u64,
    mempool: BTreeMap<TxId, SignedTransaction>,
    executed: BTreeMap<TxId, Result<(), String>>,
    state: BTreeMap<Vec<u8>, Vec<u8>>,
    writes: BTreeMap<(Vec<u8>, Vec<u8>), usize>,
    /// Calls until it falls silent for good.
    calls_left: usize,
}

impl FakeNetwork {
    fn new(seed: u64, troubles: Troubles) -> FakeNetwork {
        FakeNetwork {
            now_ms: 1_000_000,
            troubles,
            draws: seed,
            mempool: BTreeMap::new(),
            executed: BTreeMap::new(),
            state: BTreeMap::new(),
            writes: BTreeMap::new(),
            calls_left: usize::MAX,
        }
    }

    fn happens(&mut self, percent: u64) -> bool {
        self.draws = self.draws.wrapping_add(1).wrapping_mul(6_364_136_223_846_793_005).rotate_left(17);
        self.draws % 100 < percent
    }

    fn call(&mut self) -> Result<(), String> {
        self.calls_left = self.calls_left.saturating_sub(1);
        if self.calls_left == 0 { Err("connection refused".into()) } else { Ok(()) }
    }

    fn take(&mut self, bytes: &[u8]) -> Answer {
        let signed = SignedTransaction::decode(bytes).expect("an import sends transactions");
        assert!(
            signed.transaction.check_form().is_ok(),
            "an import sends nothing that any node would refuse"
        );
        let id = signed.id();
        if self.executed.contains_key(&id) {
            return Answer::Taken;
        }
        if signed.transaction.expires_at_ms < self.now_ms {
            return Answer::Expired;
        }
        if self.happens(self.troubles.full) {
            return Answer::Later(30);
        }
        self.mempool.insert(id, signed);
        Answer::Taken
    }

    /// Executes what waits, in the order of ids, which is none of the file's.
    fn make_block(&mut self) {
        for (id, signed) in std::mem::take(&mut self.mempool) {
            if self.happens(self.troubles.forgotten) || signed.transaction.expires_at_ms < self.now_ms {
                continue;
            }
            if self.happens(self.troubles.delayed) {
                self.mempool.insert(id, signed);
                continue;
            }
            self.execute(id, &signed);
        }
    }

    fn execute(&mut self, id: TxId, signed: &SignedTransaction) {
        let puts: Vec<_> = signed
            .transaction
            .ops
            .iter()
            .map(|op| match op {
                witan_types::Op::Put { key, value } => (key.0.clone(), value.clone()),
                other => panic!("an import only puts, not {other:?}"),
            })
            .collect();
        let poisoned = puts.iter().any(|(key, _)| key == b"poison");
        if !poisoned {
            for (key, value) in puts {
                self.state.insert(key.clone(), value.clone());
                *self.writes.entry((key, value)).or_default() += 1;
            }
        }
        let outcome = if poisoned { Err("WRONG_TYPE".to_owned()) } else { Ok(()) };
        assert_eq!(self.executed.insert(id, outcome), None);
    }
}

impl Network for FakeNetwork {
    async fn submit(&mut self, transactions: &[&[u8]]) -> Result<Vec<Answer>, String> {
        assert!(transactions.len() <= MAX_BATCH);
        assert!(transactions.iter().map(|bytes| bytes.len()).sum::<usize>() <= MAX_BATCH_BYTES);
        self.call()?;
        if self.happens(self.troubles.request_lost) {
            return Err("connection reset".into());
        }
        let answers = transactions.iter().map(|bytes| self.take(bytes)).collect();
        if self.happens(self.troubles.answer_lost) { Err("timed out".into()) } else { Ok(answers) }
    }

    async fn fates(&mut self, ids: &[TxId]) -> Result<Vec<Fate>, String> {
        self.call()?;
        let fate = |id: &TxId| match self.executed.get(id) {
            Some(Ok(())) => Fate::Committed,
            Some(Err(reason)) => Fate::Failed(reason.clone()),
            None if self.mempool.contains_key(id) => Fate::Waiting,
            None => Fate::Unknown,
        };
        Ok(ids.iter().map(fate).collect())
    }

    fn now_ms(&self) -> u64 {
        self.now_ms
    }

    async fn pause(&mut self, time: Duration) {
        self.now_ms += u64::try_from(time.as_millis()).expect("a short pause");
        if self.calls_left > 0 {
            self.make_block();
        }
    }
}

#[derive(Default)]
struct Silent;

impl Listener for Silent {
    fn progress(&mut self, _: &Counts) {}
    fn rejected(&mut self, _: u64, _: &str, _: &str) {}
    fn trouble(&mut self, _: &str) {}
}

fn next_salt() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn import(lines: &[Line], journal: &Path, network: &mut FakeNetwork) -> Result<Counts, String> {
    let binding = Binding { chain: "c".into(), file: "f".into(), signer: "s".into() };
    let opened = Journal::open(journal.to_owned(), &binding, false).unwrap();
    let key = SecretKey::from_seed([1; 32]);
    let signing = Signing { chain: ChainId::default(), key, lifetime_ms: 5_000, salt: next_salt };
    let mut source = lines.iter().cloned();
    let groups = Groups::new(|| Ok(source.next()), Box::new(|_| witan_types::GroupId(1)));
    let mut listener = Silent;
    let run = Import::new(groups, opened.journal, opened.progress, signing, &mut listener);
    block_on(run.run(network))
}

fn record(line: u64, key: &str, value_bytes: usize) -> Line {
    let mut value = line.to_string().into_bytes();
    value.resize(value.len().max(value_bytes), b'.');
    Ok(Record { line, key: key.into(), value })
}

/// A file of records over few enough keys that some come again, with some bad lines and some poison.
fn file() -> impl Strategy<Value = Vec<Line>> {
    let key =
        prop_oneof![20 => (0..400_u32).prop_map(|key| format!("k{key}")), 1 => Just("poison".to_owned())];
    let size = prop_oneof![20 => Just(10_usize), 2 => Just(2_000), 1 => Just(60_000)];
    proptest::collection::vec((key, size, proptest::bool::weighted(0.95)), 0..400).prop_map(|shape| {
        let line = |((key, size, good), line): ((String, usize, bool), u64)| match good {
            true => record(line, &key, size),
            false => Err(Rejection { line, reason: Reason::BadJson, detail: String::new() }),
        };
        shape.into_iter().zip(1..).map(line).collect()
    })
}

fn troubles() -> impl Strategy<Value = Troubles> {
    (0..40_u64, 0..30_u64, 0..30_u64, 0..20_u64, 0..60_u64).prop_map(
        |(full, answer_lost, request_lost, forgotten, delayed)| Troubles {
            full,
            answer_lost,
            request_lost,
            forgotten,
            delayed,
        },
    )
}

/// What state must hold: the last value of each key, poison left out.
fn expected_state(lines: &[Line]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let good = lines.iter().filter_map(|line| line.as_ref().ok()).filter(|record| record.key != b"poison");
    good.map(|record| (record.key.clone(), record.value.clone())).collect()
}

fn count(lines: &[Line], wanted: impl Fn(&Line) -> bool) -> u64 {
    lines.iter().filter(|line| wanted(line)).count() as u64
}

fn is_poison(line: &Line) -> bool {
    line.as_ref().is_ok_and(|record| record.key == b"poison")
}

fn assert_complete(lines: &[Line], counts: &Counts, network: &FakeNetwork) {
    assert_eq!(counts.read, lines.len() as u64);
    assert_eq!(counts.loaded, count(lines, |line| line.is_ok() && !is_poison(line)));
    let rejected = |reason: &str| counts.rejected.get(reason).copied().unwrap_or(0);
    assert_eq!(rejected("BAD_JSON"), count(lines, |line| line.is_err()));
    assert_eq!(rejected("WRONG_TYPE"), count(lines, is_poison));
    assert_eq!(network.state, expected_state(lines));
    assert!(network.writes.values().all(|times| *times == 1), "a record was written twice");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_record_is_written_once_and_in_order_through_any_trouble(
        lines in file(), troubles in troubles(), seed in any::<u64>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut network = FakeNetwork::new(seed, troubles);
        let counts = import(&lines, &folder.path().join("journal"), &mut network).unwrap();
        assert_complete(&lines, &counts, &network);
        prop_assert_eq!(counts.loaded_before, 0);
    }

    #[test]
    fn an_import_cut_off_anywhere_goes_on_where_it_was(
        lines in file(), troubles in troubles(), seed in any::<u64>(), cuts in proptest::collection::vec(1..40_usize, 1..4),
    ) {
        // What fails as a whole is tried again in parts, and those may be under way when the import is cut off.
        let lines: Vec<Line> = lines.into_iter().filter(|line| !is_poison(line)).collect();
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let mut network = FakeNetwork::new(seed, troubles);
        for cut in cuts {
            network.calls_left = cut;
            import(&lines, &journal, &mut network).ok();
        }
        network.calls_left = usize::MAX;
        let counts = import(&lines, &journal, &mut network).unwrap();
        assert_complete(&lines, &counts, &network);
    }
}

#[test]
fn a_finished_import_sends_nothing_when_it_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<Line> = (1..=200).map(|line| record(line, &format!("k{line}"), 10)).collect();
    let journal = folder.path().join("journal");
    let mut network = FakeNetwork::new(1, Troubles::default());
    import(&lines, &journal, &mut network).unwrap();
    let executed = network.executed.len();
    let again = import(&lines, &journal, &mut network).unwrap();
    assert_eq!((again.loaded, again.loaded_before, again.transactions), (200, 200, 0));
    assert_eq!(network.executed.len(), executed);
}

#[test]
fn a_silent_network_ends_the_import_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut network = FakeNetwork::new(1, Troubles::default());
    network.calls_left = 1;
    let error = import(&[record(1, "k", 10)], &folder.path().join("journal"), &mut network).unwrap_err();
    assert!(error.contains("connection refused") && error.contains("run the same command again"), "{error}");
}
