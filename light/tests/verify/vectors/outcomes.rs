//! How transactions ended in all their groups.

use super::*;
use crate::outcomes::{aborted, committed, of_one_group, unheard};
use witan_ledger::records::Record;
use witan_ledger::{AbortReason, PortableOutcome, PortablePart};

type Change = fn(&mut PortableOutcome);
type Held = fn() -> Value;

/// What may be changed of a good proof, and why it is one no longer.
const CHANGES: [(&str, &str, Change); 20] = [
    ("without parts", "WRONG_PARTS", |it| it.parts.clear()),
    ("with a part twice", "WRONG_PARTS", |it| it.parts.push(it.parts[0].clone())),
    ("with the part of another group", "WRONG_PARTS", |it| it.parts[0].header = it.receipt.header.clone()),
    ("with another transaction", "ANOTHER_TRANSACTION", |it| {
        it.transaction.as_mut().unwrap().transaction.salt = 2
    }),
    ("with another signature", "NOT_SIGNED", |it| it.transaction.as_mut().unwrap().signature.0[0] ^= 1),
    ("with another cursor", "WRONG_PATH", |it| it.parts[0].cursor.value = Value::Record(vec![9; 16])),
    ("with a count for a cursor", "WRONG_PATH", |it| it.parts[0].cursor.value = Value::Counter(9)),
    ("with a slot's marker in the path of a cursor", "WRONG_PATH", |it| {
        it.parts[0].proof.marker = Some(SlotMarker { incarnation: 0, state: SlotState::Serving });
    }),
    ("with the path of a cursor by way of a slot", "WRONG_PATH", |it| {
        it.parts[0].proof.slot_siblings = vec![Hash::ZERO; 13];
    }),
    ("with a sibling more in the path of a cursor", "WRONG_PATH", |it| {
        it.parts[0].proof.slot_siblings.push(Hash::ZERO);
    }),
    ("with a path of a cursor that ends nowhere", "WRONG_PATH", |it| it.parts[0].proof.slot_siblings.clear()),
    ("with another leaf beside a cursor", "WRONG_PATH", |it| {
        it.parts[0].proof.other = absences()[1].proof.other
    }),
    ("with another header of a part", "SEAL_OF_ANOTHER_BLOCK", |it| it.parts[0].header.header.time_ms += 1),
    ("with a part sealed by two of four", "SEAL", |it| {
        it.parts[0].header.seal = sealed_by(&[0, 3], &it.parts[0].header.seal.outcome);
    }),
    ("with another header of the receipt", "SEAL_OF_ANOTHER_BLOCK", |it| {
        it.receipt.header.header.time_ms += 1
    }),
    ("with a receipt sealed by two of four", "SEAL", |it| {
        it.receipt.header.seal = sealed_by(&[0, 3], &it.receipt.header.seal.outcome);
    }),
    ("with another end", "WRONG_RECEIPT", |it| {
        it.receipt.receipt.outcome = TransactionOutcome::Aborted { reason: AbortReason::Deadline };
    }),
    ("with a receipt that names no other groups", "WRONG_RECEIPT", |it| {
        it.receipt.receipt.told.clear();
        it.parts.clear();
    }),
    ("with a receipt that names an earlier place", "WRONG_RECEIPT", |it| {
        it.receipt.receipt.told[0].place = 0
    }),
    ("with a receipt at another place", "WRONG_RECEIPT", |it| it.receipt.proof.length += 1),
];

/// What may stand where a cursor belongs, sealed, and is none.
const NO_CURSORS: [(&str, Held); 4] = [
    ("with a sealed count for a cursor", || Value::Counter(99)),
    ("with sealed bytes for a cursor", || Value::Bytes(vec![9; 16])),
    ("with a sealed cursor that is too long", || Value::Record(vec![9; 17])),
    ("with a sealed cursor that is too short", || Value::Record(vec![9; 8])),
];

/// A part of group 2 in whose state this stands for the channel from group 1.
fn part(value: Value) -> PortablePart {
    let (key, cursor) = (Record::Incoming(GroupId(1)).key(), Entry { value, version: Version::new(0, 2, 0) });
    let tree = Tree::new(0..SLOTS, 0).update([(&key, Some(cursor.hash()))]);
    let header = sealed(Header { group: GroupId(2), ..header() }, tree.root());
    PortablePart { header, proof: tree.prove(&key), cursor }
}

/// A block that ends a transaction of another network, which no honest group makes.
fn of_another_network() -> PortableOutcome {
    let mut transaction = committed().1.transaction.unwrap().transaction;
    transaction.chain = Genesis { name: "another".into(), ..genesis() }.chain();
    let signed = transaction.sign(&secret(9));
    let mut proved = receipt();
    proved.receipt.id = signed.id();
    let hashes = [proved.receipt.hash()];
    let outcome = Outcome { receipts_root: merkle_list::root(&hashes), ..outcome(&header(), hash("state")) };
    proved.header.seal = sealed_by(&[0, 1, 3], &outcome);
    proved.proof = merkle_list::prove(&hashes, 0).unwrap();
    PortableOutcome { transaction: Some(signed), receipt: proved, parts: Vec::new() }
}

fn cases() -> Vec<Case> {
    let about = |portable: &PortableOutcome| json!({"txId": portable.receipt.receipt.id.to_string()});
    let case = |name, portable: &PortableOutcome, refused| Case {
        name,
        about: about(portable),
        bytes: portable.encode(),
        refused,
    };
    let good = committed().1;
    let mut cases = vec![
        case("committed", &good, None),
        case("committed, without its bytes", &PortableOutcome { transaction: None, ..good.clone() }, None),
        case("aborted", &aborted().1, None),
        case("of one group", &of_one_group(), None),
        case("with a transaction of another network", &of_another_network(), Some("WRONG_CHAIN")),
        case("not heard by one group", &unheard(), Some("NOT_HEARD")),
    ];
    for (name, why, change) in CHANGES {
        let mut changed = good.clone();
        change(&mut changed);
        cases.push(case(name, &changed, Some(why)));
    }
    for (name, value) in NO_CURSORS {
        let changed = PortableOutcome { parts: vec![part(value())], ..good.clone() };
        cases.push(case(name, &changed, Some("NOT_HEARD")));
    }
    let bytes = good.encode();
    let count = bytes.len() - good.parts[0].encode().len() - 4;
    for (name, bytes) in malformed(&bytes, count) {
        cases.push(Case { name, about: about(&good), bytes, refused: Some(MALFORMED) });
    }
    cases
}

#[test]
fn the_vectors_of_outcomes_are_judged_as_they_say() {
    check("outcomes", Map::new(), &cases(), |case| {
        verdict(&case.bytes, |portable| verifier().verify_outcome(portable))
    });
}
