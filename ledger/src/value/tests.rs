use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        vec(vec(any::<u8>(), 0..4), 0..9).prop_map(Value::List),
        any::<i128>().prop_map(Value::Counter),
        any::<u128>().prop_map(Value::Balance),
    ]
}

fn entries() -> impl Strategy<Value = Entry> {
    (values(), any::<u128>()).prop_map(|(value, version)| Entry { value, version: Version(version) })
}

#[test]
fn an_entry_is_encoded_as_in_the_first_release() {
    let version = Version::new(1, 2, 3);
    let version_bytes = [3, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    let encodings: [(Value, &[u8]); 4] = [
        (Value::Bytes(b"ab".to_vec()), &[0, 2, 0, 0, 0, b'a', b'b']),
        (Value::List(vec![b"c".to_vec(), vec![]]), &[1, 2, 0, 0, 0, 1, 0, 0, 0, b'c', 0, 0, 0, 0]),
        (
            Value::Counter(-1),
            &[2, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
        ),
        (Value::Balance(7), &[3, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (value, expected) in encodings {
        assert_eq!(encode(&Entry { value, version }), [expected, &version_bytes].concat());
    }
}

#[test]
fn a_receipt_is_hashed_as_in_the_first_release() {
    let entry = Some(Entry { value: Value::Counter(5), version: Version(6) });
    let reads = vec![Read { key: Key::from("k"), entry }, Read { key: Key::from("none"), entry: None }];
    let receipt =
        |outcome| Receipt { id: TxId::default(), expires_at_ms: 1, index: 2, outcome, told: vec![] };
    let applied = receipt(TransactionOutcome::Applied { reads }).hash();
    let failed = receipt(TransactionOutcome::Failed { reason: FailureReason::ForbiddenKey }).hash();
    let expected = [
        "0xc35bc063c9d3e71b5a88fcea4c9d507652390fea224835414b7cd22dbbe718c9",
        "0x8891896aa1d9b260ec440d0c4885d15baae86e7ad0df01409f4ae55c700b37b3",
    ];
    assert_eq!([applied, failed].map(|hash| hash.to_string()), expected);
}

#[test]
fn a_list_of_too_many_items_is_no_entry() {
    let list = |items| Entry { value: Value::List(vec![vec![]; items]), version: Version(1) }.encode();
    assert!(Entry::decode(&list(MAX_LIST_ITEMS)).is_ok());
    assert!(Entry::decode(&list(MAX_LIST_ITEMS + 1)).is_err());
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_itself_and_nothing_shorter_or_longer_does(entry in entries(), extra in any::<u8>()) {
        let mut bytes = entry.encode();
        prop_assert_eq!(Entry::decode(&bytes), Ok(entry));
        prop_assert!(Entry::decode(&bytes[..bytes.len() - 1]).is_err());
        bytes.push(extra);
        prop_assert!(Entry::decode(&bytes).is_err());
    }

    #[test]
    fn what_decodes_is_the_one_encoding_of_its_value(bytes in vec(any::<u8>(), 0..80)) {
        if let Ok(entry) = Entry::decode(&bytes) {
            prop_assert_eq!(entry.encode(), bytes.clone());
        }
        if let Ok(receipt) = Receipt::decode(&bytes) {
            prop_assert_eq!(receipt.encode(), bytes);
        }
    }

    #[test]
    fn a_later_write_has_a_higher_version_wherever_the_slot_is(
        one in any::<(u32, u64, u32)>(), other in any::<(u32, u64, u32)>(),
    ) {
        let version = |(incarnation, height, index)| Version::new(incarnation, height, index);
        prop_assert_eq!(version(one).cmp(&version(other)), one.cmp(&other));
        prop_assert_eq!(version(one).height(), one.1);
    }
}
