use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_pair_is_hashed_like_its_parts(tag: u8, left: [u8; 32], right: [u8; 32]) {
        prop_assert_eq!(sha256_pair(tag, &Hash(left), &Hash(right)), sha256(&[&[tag], &left, &right]));
    }
}
