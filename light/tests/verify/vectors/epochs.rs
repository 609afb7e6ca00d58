//! Who runs a group in an epoch, from genesis and from a checkpoint.

use super::*;
use crate::epochs::{absent, block, block_by, holding, link, portable, record};
use witan_ledger::records::Record;
use witan_ledger::{EpochRecord, PortableEpoch};
use witan_light::Checkpoint;
use witan_types::BlockId;

type Change = fn(&mut PortableEpoch);

/// What may be changed of a good proof over one step, and why it is one no longer.
const CHANGES: [(&str, &str, Change); 14] = [
    ("with a step left out", "UNKNOWN_EPOCH", |it| it.links.clear()),
    ("with the step after instead", "EPOCH_SKIPPED", |it| it.links = vec![link(2)]),
    ("with a step that leaps", "EPOCH_SKIPPED", |it| it.links[0].record = record(0, 3)),
    ("with a step to another record", "FORGED_EPOCH", |it| it.links[0].record.members.truncate(3)),
    ("with a step that ends no epoch", "NOT_THE_END", |it| it.links[0].closing = block(0, 1, 10)),
    ("with a step of a group of users", "NOT_THE_ROOT", |it| it.links[0].record.group = GroupId(1)),
    ("with a step by a group of users", "NOT_THE_ROOT", |it| {
        it.links[0].closing = block_by(1, 1, 1, 10, |outcome| outcome.next_epoch = Some(record(0, 2).hash()));
    }),
    ("with a step that the new validators sealed", "SEAL", |it| {
        it.links[0].closing = block_by(2, 0, 1, 10, |outcome| outcome.next_epoch = Some(record(0, 2).hash()));
    }),
    ("with a step to a record without members", "UNSOUND_EPOCH", |it| unsound(it, |to| to.members.clear())),
    ("with a step to a record in which a key counts twice", "UNSOUND_EPOCH", |it| {
        unsound(it, |to| to.members[3].validator.key = to.members[0].validator.key);
    }),
    ("with a step to a record in which a place counts twice", "UNSOUND_EPOCH", |it| {
        unsound(it, |to| to.members[3].place = to.members[0].place);
    }),
    ("with the record under another name", "WRONG_PATH", |it| {
        it.record.key = Record::Epoch(GroupId(2), Epoch(2)).key();
    }),
    ("with a record that is denied", "WRONG_PATH", |it| it.record.entry = None),
    ("with the record of no epoch", "NOT_AN_EPOCH", |it| it.record.key = Record::SlotMap.key()),
];

/// The first step leads to a record with this change, as a quorum says.
fn unsound(portable: &mut PortableEpoch, change: fn(&mut EpochRecord)) {
    let step = &mut portable.links[0];
    change(&mut step.record);
    let named = step.record.hash();
    step.closing = block_by(1, 0, 1, 10, |outcome| outcome.next_epoch = Some(named));
}

/// Epoch 2 of group 1 once it is over, as epoch 3 of the root group has it.
fn closed() -> PortableEpoch {
    let last = block(1, 2, 30).header.id();
    portable(3, 25, &EpochRecord { closed: Some((30, last)), ..record(1, 2) })
}

/// A record with an end that its hash does not cover.
fn with_forged_end(record: EpochRecord) -> EpochRecord {
    EpochRecord { closed: Some((1, BlockId(hash("forged")))), ..record }
}

/// Whose word is taken: the root group's third epoch.
fn checkpoint() -> Checkpoint {
    Checkpoint { chain: genesis().chain(), epoch: Epoch(3), hash: record(0, 3).hash() }
}

fn from_checkpoint() -> Verifier {
    Verifier::from_checkpoint(&checkpoint(), &with_forged_end(record(0, 3))).unwrap()
}

fn shown_checkpoint() -> serde_json::Value {
    let Checkpoint { chain, epoch, hash } = checkpoint();
    let record = format!("0x{}", hex::encode(with_forged_end(record(0, 3)).encode()));
    json!({"chain": chain.to_string(), "epoch": epoch.0, "hash": hash.to_string(), "record": record})
}

fn case(name: &'static str, start: &str, portable: &PortableEpoch, refused: Option<&'static str>) -> Case {
    Case { name, about: json!({"start": start, "is": "epoch"}), bytes: portable.encode(), refused }
}

fn from_genesis_cases() -> Vec<Case> {
    let case = |name, portable: &PortableEpoch, refused| case(name, "genesis", portable, refused);
    let good = portable(2, 15, &record(1, 2));
    let mut other_engine = record(1, 1);
    other_engine.engine = EngineKind::Pbft;
    let misplaced = EpochRecord { epoch: Epoch(3), ..record(1, 2) };
    let mut by_users = good.clone();
    by_users.record.header = block(1, 1, 15);
    let mut late = portable(1, 11, &record(1, 2));
    late.links = vec![link(1)];
    let mut forged_end = closed();
    forged_end.links[0].record = with_forged_end(record(0, 2));
    let mut lone = record(1, 2);
    lone.members[1].validator.key = lone.members[0].validator.key;
    let mut cases = vec![
        case("of the first epoch", &portable(1, 5, &record(1, 1)), None),
        case("over one step", &good, None),
        case("that is over, over two steps", &closed(), None),
        case("of the root group", &portable(3, 25, &record(0, 2)), None),
        case(
            "of an epoch that there is not",
            &PortableEpoch { links: vec![], record: absent() },
            Some("NO_SUCH_EPOCH"),
        ),
        case(
            "with another engine than genesis says",
            &portable(1, 5, &other_engine),
            Some("CONFLICTING_EPOCH"),
        ),
        case(
            "with the record of another epoch",
            &holding(Value::Record(misplaced.encode())),
            Some("NOT_AN_EPOCH"),
        ),
        case(
            "with bytes that are no record",
            &holding(Value::Bytes(record(1, 2).encode())),
            Some("NOT_AN_EPOCH"),
        ),
        case("with a record cut short", &holding(Value::Record(vec![1; 9])), Some("NOT_AN_EPOCH")),
        case(
            "with a record in which a key counts twice",
            &holding(Value::Record(lone.encode())),
            Some("UNSOUND_EPOCH"),
        ),
        case("over a step to a record with an end that nobody sealed", &forged_end, None),
        case("by a group of users", &by_users, Some("NOT_THE_ROOT")),
        case("in a block after the epoch that sealed it", &late, Some("OUTSIDE_EPOCH")),
    ];
    for (name, why, change) in CHANGES {
        let mut changed = good.clone();
        change(&mut changed);
        cases.push(case(name, &changed, Some(why)));
    }
    let start = || json!({"start": "genesis", "is": "epoch"});
    for (name, bytes) in malformed(&good.encode(), 0) {
        cases.push(Case { name, about: start(), bytes, refused: Some(MALFORMED) });
    }
    let many = PortableEpoch { links: vec![link(1); 129], ..good };
    let name = "with more steps than there may be";
    cases.push(Case { name, about: start(), bytes: many.encode()[..4].to_vec(), refused: Some(MALFORMED) });
    cases
}

fn from_checkpoint_cases() -> Vec<Case> {
    let case = |name, portable: &PortableEpoch, refused| case(name, "checkpoint", portable, refused);
    vec![
        case(
            "of a group's first epoch, over steps from before the start",
            &portable(4, 35, &record(1, 1)),
            None,
        ),
        case("of the start itself", &portable(3, 25, &record(0, 3)), None),
        case("of an epoch before the start", &portable(4, 35, &record(0, 2)), Some("BEFORE_THE_START")),
        case("sealed before the start", &portable(1, 5, &record(1, 1)), Some("UNKNOWN_EPOCH")),
    ]
}

/// What the validators of epoch 2 of group 1 might seal at the height of its last block.
fn another_last() -> SealedHeader {
    let header = Header { tag: 9, ..block(1, 2, 30).header };
    let outcome = outcome(&header, hash("state"));
    let share = |(place, person)| {
        let share = SealShare::sign(outcome.clone(), ValidatorIndex(place), &secret(person));
        (share.validator, share.signature)
    };
    let parts: Vec<_> = (0..).zip(4..7).map(share).collect();
    SealedHeader { header, seal: Seal { outcome, signatures: QuorumSignatures::collect(parts) } }
}

/// What is learned before the cases that start there: group 1's second epoch once it is over, and again as it was before.
fn learned() -> [PortableEpoch; 2] {
    [closed(), portable(3, 24, &record(1, 2))]
}

fn from_learned() -> Verifier {
    let mut verifier = verifier();
    learned().iter().for_each(|portable| drop(verifier.learn_epoch(portable).unwrap()));
    verifier
}

fn from_learned_cases() -> Vec<Case> {
    let case = |name, portable: &PortableEpoch, refused| case(name, "learned", portable, refused);
    let another_end = EpochRecord { closed: Some((31, block(1, 2, 31).header.id())), ..record(1, 2) };
    let another_last = EpochRecord { closed: Some((30, BlockId(hash("another")))), ..record(1, 2) };
    vec![
        case("that was learned before", &closed(), None),
        case("with another end than is known", &portable(3, 25, &another_end), Some("CONFLICTING_EPOCH")),
        case(
            "with another last block than is known",
            &portable(3, 25, &another_last),
            Some("CONFLICTING_EPOCH"),
        ),
    ]
}

/// Headers, to be judged by who has learned that.
fn header_cases() -> Vec<Case> {
    let case = |name, header: &SealedHeader, refused| Case {
        name,
        about: json!({"start": "learned", "is": "header"}),
        bytes: header.encode(),
        refused,
    };
    vec![
        case("the last block of an epoch", &block(1, 2, 30), None),
        case("another block at the height of the last", &another_last(), Some("OUTSIDE_EPOCH")),
        case("a block after the last", &block(1, 2, 31), Some("OUTSIDE_EPOCH")),
        case("a block that the epoch before sealed", &block_by(1, 1, 2, 29, |_| ()), Some("SEAL")),
        case("a block of the first epoch still", &block(1, 1, 5), None),
        case("a block of an epoch to come", &block(1, 3, 40), Some("UNKNOWN_EPOCH")),
        case("a block of the root group's third epoch", &block(0, 3, 21), None),
        case("a block at the height where the second ended", &block(0, 3, 20), Some("OUTSIDE_EPOCH")),
        case("a block of the second epoch above its last", &block(0, 2, 21), Some("OUTSIDE_EPOCH")),
    ]
}

#[test]
fn the_vectors_of_epochs_are_judged_as_they_say() {
    let cases =
        [from_genesis_cases(), from_checkpoint_cases(), from_learned_cases(), header_cases()].concat();
    let learned = learned().map(|portable| format!("0x{}", hex::encode(portable.encode())));
    let more = [("checkpoint", shown_checkpoint()), ("learned", json!(learned))];
    let more = more.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    check("epochs", more, &cases, |case| {
        let mut verifier = match case.about["start"].as_str().unwrap() {
            "genesis" => verifier(),
            "checkpoint" => from_checkpoint(),
            _ => from_learned(),
        };
        match case.about["is"].as_str().unwrap() {
            "epoch" => verdict(&case.bytes, |portable| verifier.learn_epoch(portable)),
            _ => verdict(&case.bytes, |header| verifier.verify_header(header)),
        }
    });
}
