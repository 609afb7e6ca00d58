//! Groups hold every record once, in order, within the bounds of a transaction.

use super::super::records::Reason;
use super::*;
use proptest::prelude::*;
use witan_types::transaction::{MAX_OPS, MAX_TRANSACTION_BYTES, MAX_VALUE_BYTES};

fn group_all(lines: Vec<Line>) -> (Vec<Group>, Vec<Rejection>) {
    let mut source = lines.into_iter();
    let mut groups = Groups::new(|| Ok(source.next()), Box::new(home));
    let (mut made, mut rejected) = (Vec::new(), Vec::new());
    while let Some(step) = groups.next_step().unwrap() {
        match step {
            Step::Group(group) => made.push(group),
            Step::Rejected(rejection) => rejected.push(rejection),
        }
    }
    (made, rejected)
}

/// Three parts of a network, by the first letter of a key.
fn home(key: &[u8]) -> GroupId {
    GroupId(key.first().map_or(0, |letter| u32::from(letter % 3)))
}

fn line(number: u64, value_bytes: usize, good: bool) -> Line {
    if good {
        Ok(Record { line: number, key: number.to_string().into_bytes(), value: vec![b'v'; value_bytes] })
    } else {
        Err(Rejection { line: number, reason: Reason::BadJson, detail: String::new() })
    }
}

proptest! {
    #[test]
    fn no_record_is_lost_or_doubled_and_every_bound_holds(
        shape in proptest::collection::vec(
            (prop_oneof![4 => 0..1_000_usize, 1 => 0..=MAX_VALUE_BYTES], proptest::bool::weighted(0.9)),
            0..300,
        ),
    ) {
        let lines: Vec<Line> =
            shape.iter().zip(1..).map(|((bytes, good), number)| line(number, *bytes, *good)).collect();
        let (groups, rejected) = group_all(lines.clone());

        let grouped: Vec<Record> = groups.iter().flat_map(|group| group.records.clone()).collect();
        let good: Vec<Record> = lines.iter().filter_map(|line| line.clone().ok()).collect();
        let bad: Vec<Rejection> = lines.iter().filter_map(|line| line.clone().err()).collect();
        prop_assert_eq!(grouped, good);
        prop_assert_eq!(rejected, bad);
        for group in &groups {
            let bytes: usize = group.records.iter().map(Record::op_bytes).sum();
            prop_assert!(group.records.iter().all(|record| home(&record.key) == home(&group.records[0].key)));
            prop_assert!((1..=MAX_GROUP_RECORDS).contains(&group.records.len()));
            prop_assert!(bytes <= MAX_GROUP_BYTES || group.records.len() == 1);
            prop_assert!(bytes + 1024 <= MAX_TRANSACTION_BYTES && group.records.len() <= MAX_OPS);
        }
        prop_assert_eq!(group_all(lines).0, groups, "the same file makes the same groups");
    }

    #[test]
    fn halves_hold_the_whole_and_end_at_single_records(count in 1..200_u64) {
        let whole = Group { records: (1..=count).map(|number| line(number, 1, true).unwrap()).collect() };
        let mut parts = vec![whole];
        let mut singles = Vec::new();
        while let Some(part) = parts.pop() {
            if part.records.len() == 1 {
                singles.push(part.first_line());
            } else {
                let (first, second) = part.halves();
                parts.extend([second, first]);
            }
        }
        prop_assert_eq!(singles, (1..=count).collect::<Vec<_>>());
    }
}
