//! Accounts: one address each, and no text that is nearly an address passes for one.

use crate::samples::{account, secret};
use bech32::primitives::iter::{ByteIterExt as _, Fe32IterExt as _};
use bech32::{Bech32, Bech32m, Fe32, Hrp};
use proptest::prelude::*;
use witan_types::{Account, Key, PublicKey};

fn why(text: &str) -> String {
    text.parse::<Account>().unwrap_err().why
}

fn with_prefix(prefix: &str, bytes: &[u8]) -> String {
    bech32::encode::<Bech32m>(Hrp::parse(prefix).unwrap(), bytes).unwrap()
}

#[test]
fn an_address_is_bech32m_with_the_prefix_witan() {
    let account = account(1);
    let text = account.to_string();
    assert!(text.starts_with("witan1") && text.len() == 64, "{text}");
    assert_eq!(text, with_prefix("witan", &account.0.0));
    assert_eq!(format!("{account:?}"), text);
}

proptest! {
    #[test]
    fn an_address_reads_back_as_its_account(bytes: [u8; 32]) {
        let account = Account(PublicKey(bytes));
        prop_assert_eq!(account.to_string().parse(), Ok(account));
    }

    #[test]
    fn a_changed_character_is_noticed(bytes: [u8; 32], place in 6..64_usize, new in "[ac-hj-np-z02-9]") {
        let text = Account(PublicKey(bytes)).to_string();
        let mut changed = text.clone();
        changed.replace_range(place..=place, &new);
        prop_assume!(changed != text);
        prop_assert!(changed.parse::<Account>().is_err());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), near in "witan1[a-z0-9]{0,70}") {
        prop_assert!(text.parse::<Account>().is_err());
        prop_assert!(near.parse::<Account>().is_err());
    }
}

#[test]
fn what_is_wrong_with_an_address_is_said() {
    let key = secret(1).public();
    let text = account(1).to_string();
    assert_eq!(why(&text.to_uppercase()), "addresses are lowercase");
    assert_eq!(why(&with_prefix("other", &key.0)), "its prefix is other, not witan");
    assert_eq!(why(&with_prefix("witan", &key.0[..31])), "it does not hold 32 bytes");
    assert_eq!(why(&with_prefix("witan", &[&key.0[..], &[0]].concat())), "it does not hold 32 bytes");
    let other_checksum = bech32::encode::<Bech32>(Hrp::parse("witan").unwrap(), &key.0).unwrap();
    for nearly in
        ["", "witan1", "witan", &text[..63], &format!("{text}q"), &format!(" {text}"), &other_checksum]
    {
        assert!(!why(nearly).is_empty(), "{nearly:?}");
    }
}

#[test]
fn an_error_quotes_a_bounded_part_of_the_text() {
    let error = "é".repeat(10_000).parse::<Account>().unwrap_err();
    assert_eq!(error.text.chars().count(), 100);
}

/// 32 bytes take 52 characters of 5 bits, 4 bits more than needed: they are 0 in the one address of an account.
#[test]
fn a_second_address_made_by_the_bits_left_over_is_refused() {
    let account = account(1);
    let mut symbols: Vec<Fe32> = account.0.0.iter().copied().bytes_to_fes().collect();
    assert_eq!(symbols.len(), 52);
    let hrp = Hrp::parse("witan").unwrap();
    let text =
        |symbols: &[Fe32]| symbols.iter().copied().with_checksum::<Bech32m>(&hrp).chars().collect::<String>();
    assert_eq!(text(&symbols), account.to_string());
    let last = symbols[51].to_u8();
    assert_eq!(last & 0b1111, 0);
    for left_over in 1..16 {
        symbols[51] = Fe32::try_from(last | left_over).unwrap();
        assert!(text(&symbols).parse::<Account>().is_err(), "left over bits {left_over:04b}");
    }
}

#[test]
fn the_owner_of_a_key_stands_between_the_at_sign_and_the_first_slash() {
    let owner = |text: &str| Key::from(text).owner().map(str::to_owned);
    assert_eq!(owner("@anna/color").as_deref(), Some("anna"));
    assert_eq!(owner("@anna/").as_deref(), Some("anna"));
    assert_eq!(owner("@anna/a/b").as_deref(), Some("anna"));
    assert_eq!(owner("@/x").as_deref(), Some(""));
    for nobodys in ["", "color", "@anna", "anna/color", " @anna/color", "/@anna/color"] {
        assert_eq!(owner(nobodys), None, "{nobodys:?}");
    }
    assert_eq!(Key(b"@\xff\xfe/x".to_vec()).owner(), None, "no text");
    assert_eq!(Key::balance_of(&account(1)).owner(), Some(account(1).to_string().as_str()));
}
