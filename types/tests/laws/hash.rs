//! Hashes: SHA-256, written as `0x` and 64 hex digits.

use proptest::prelude::*;
use witan_types::{BlockId, ChainId, Hash, NodeId, TxId, sha256};

/// SHA-256("abc"), FIPS 180-2, appendix B.1.
const ABC: &str = "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

#[test]
fn the_hash_is_sha_256_over_all_parts_together() {
    assert_eq!(sha256(&[b"abc"]).to_string(), ABC);
    assert_eq!(sha256(&[b"a", b"", b"bc"]).to_string(), ABC);
    assert_ne!(sha256(&[b"ab"]).to_string(), ABC);
}

#[test]
fn anything_but_0x_and_64_digits_is_refused() {
    let (short, long) = (&ABC[..65], format!("{ABC}0"));
    let (no_prefix, no_digit) = (&ABC[2..], ABC.replace('b', "g"));
    for text in ["", "0x", short, &long, no_prefix, &no_digit, &format!(" {ABC}"), &ABC.replace("0x", "0X")] {
        assert!(text.parse::<Hash>().is_err(), "{text:?}");
    }
}

#[test]
fn an_error_quotes_a_bounded_part_of_the_text() {
    let error = "é".repeat(10_000).parse::<Hash>().unwrap_err();
    assert_eq!(error.0.chars().count(), 80);
}

proptest! {
    #[test]
    fn hashes_and_ids_read_back_as_they_are_shown(bytes: [u8; 32]) {
        let hash = Hash(bytes);
        let text = hash.to_string();
        prop_assert_eq!(text.parse(), Ok(hash));
        prop_assert_eq!(text.parse(), Ok(ChainId(hash)));
        prop_assert_eq!(text.parse(), Ok(BlockId(hash)));
        prop_assert_eq!(text.parse(), Ok(TxId(hash)));
        prop_assert_eq!(text.parse(), Ok(NodeId(hash)));
        prop_assert_eq!(TxId(hash).to_string(), text);
    }
}
