//! What users hear of transactions across groups follows from the stored records.

use super::*;
use crate::fixtures::{account, block_at, put, signed, transaction};
use crate::memory_store::MemoryStore;
use crate::records::Records;
use crate::store::BlockCommit;
use crate::value::{AbortReason, Receipt};
use witan_types::{BlockId, ChainId, Epoch, Hash, Op, Outcome, SignedTransaction};

const COORDINATOR: GroupId = GroupId(2);

/// A store that holds these records, and one key of a user.
fn store(records: Records) -> MemoryStore {
    let outcome = Outcome {
        chain: ChainId::default(),
        group: GroupId(1),
        epoch: Epoch(1),
        height: 9,
        block_id: BlockId::default(),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: Hash::ZERO,
        next_epoch: None,
    };
    let receipts: Vec<Receipt> = Vec::new();
    let mut store = MemoryStore::default();
    let block = std::sync::Arc::new(block_at(9, 9, Vec::new()));
    store.apply(&BlockCommit {
        block,
        outcome,
        receipts,
        parties: Vec::new(),
        changes: records.into_changes(9),
    });
    store
}

fn writes(keys: &[&str]) -> SignedTransaction {
    signed(transaction(1, Vec::new(), keys.iter().map(|key| put(key, "value")).collect()))
}

fn prepared(transaction: &SignedTransaction) -> ParticipantStage {
    ParticipantStage::Prepared { taken_at_ms: 5, since_ms: 4, transaction: transaction.clone() }
}

fn participated(stage: ParticipantStage) -> Participated {
    Participated { coordinator: COORDINATOR, attempt: 1, voted_at: 7, keep_until_ms: 99, stage }
}

fn coordinated(transaction: &SignedTransaction, stage: CoordinatorStage) -> Coordinated {
    Coordinated {
        attempt: 1,
        since_ms: 5,
        since_height: 6,
        participants: vec![COORDINATOR],
        stage,
        transaction: transaction.clone(),
    }
}

#[test]
fn a_participant_is_told_by_its_record_and_by_the_decision_once_that_is_forgotten() {
    let tx = writes(&["a"]);
    let id = tx.id();
    let told = Told { group: GroupId(1), place: 3 };
    let at = |stage: Option<ParticipantStage>, consumed: u64, told: Option<(&Told, bool)>| {
        let mut records = Records::default();
        if let Some(stage) = stage {
            records.put(Record::Participated(id), &participated(stage));
        }
        let mut incoming = Incoming::default();
        incoming.consumed = consumed;
        records.put(Record::Incoming(COORDINATOR), &incoming);
        step(&store(records), COORDINATOR, &id, told)
    };
    let decided = |verdict| Some(ParticipantStage::Decided { verdict, height: 8 });
    assert_eq!(at(None, 0, None), Step::Asked);
    assert_eq!(at(Some(prepared(&tx)), 1, None), Step::Prepared(7));
    assert_eq!(at(Some(ParticipantStage::Refused), 1, None), Step::Refused(7));
    assert_eq!(at(decided(Verdict::Commit), 4, Some((&told, true))), Step::Applied(Some(8)));
    assert_eq!(at(decided(Verdict::GiveUp), 4, Some((&told, false))), Step::Released(Some(8)));
    assert_eq!(at(None, 3, Some((&told, true))), Step::Asked, "the decision is the next message");
    assert_eq!(at(None, 4, Some((&told, true))), Step::Applied(None));
    assert_eq!(at(None, 4, Some((&told, false))), Step::Released(None));
}

#[test]
fn locks_are_those_of_undecided_transactions_and_fit_together_page_by_page() {
    let asking = CoordinatorStage::Preparing { taken_at_ms: 5, deadline_ms: 9, votes: Vec::new() };
    let (own, waiting, other, over) =
        (writes(&["a", "b", "foreign"]), writes(&["w"]), writes(&["c", "foreign"]), writes(&["o"]));
    let add = Op::Add { key: Key::from("n"), delta: -4 };
    let transfer = Op::Transfer { to: account(2), amount: 3 };
    let adds = signed(transaction(2, Vec::new(), vec![add, transfer]));
    let mut records = Records::default();
    records.put(Record::Coordinated(own.id()), &coordinated(&own, asking.clone()));
    records.put(
        Record::Coordinated(waiting.id()),
        &coordinated(&waiting, CoordinatorStage::Waiting { until_ms: 9, because: AbortReason::Conflict }),
    );
    records.put(Record::Participated(other.id()), &participated(prepared(&other)));
    records.put(Record::Participated(adds.id()), &participated(prepared(&adds)));
    let decided = ParticipantStage::Decided { verdict: Verdict::Commit, height: 8 };
    records.put(Record::Participated(over.id()), &participated(decided));
    let store = store(records);
    let owns = |key: &Key| key.0 != b"foreign" && !key.0.starts_with(b"@");

    let (all, next) = locks(&store, &owns, None, 99, 99);
    assert_eq!(next, None);
    let held = |key: &str, tx: &SignedTransaction, mode, since_height| StoredLock {
        key: Key::from(key),
        id: tx.id(),
        mode,
        since_height,
        awaits: vec![COORDINATOR],
    };
    assert_eq!(all[..2], [held("a", &own, Mode::Write, 6), held("b", &own, Mode::Write, 6)]);
    assert_eq!(all.len(), 4);
    assert!(all.contains(&held("c", &other, Mode::Write, 7)));
    assert!(all.contains(&held("n", &adds, Mode::Add((-4).into()), 7)));
    for (limit, most_records) in (1..=4).flat_map(|limit| [(limit, 1), (limit, 2), (limit, 99)]) {
        let (mut pages, mut from, mut seen) = (Vec::new(), None, 0);
        loop {
            let (page, next) = locks(&store, &owns, from.as_ref(), limit, most_records);
            assert!(page.len() <= limit);
            pages.extend(page);
            seen += 1;
            from = next;
            let Some(next) = &from else { break };
            assert!(next.is_of_a_transaction(), "{next:?}");
        }
        assert_eq!(pages, all, "in pages of {limit}, of {most_records} records");
        assert!(seen * most_records >= 5, "{seen} pages of {most_records} records each hold all five");
    }
}
