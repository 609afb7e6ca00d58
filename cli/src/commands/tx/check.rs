//! Checks as the command line writes them: `key=version:3`, `key=absent`, `@account=balance:10`.

use super::text;
use witan_types::{Account, Check, Key};

/// What a check may look like.
const FORMS: &str =
    "KEY=absent, KEY=exists, KEY=value:TEXT, KEY=version:NUMBER or @ACCOUNT=balance:NUMBER (at least)";

/// Reads a check. The key ends at the first `=` that a condition follows, so keys and values may hold `=`.
///
/// # Errors
/// If it is none of the forms; the text says which there are.
pub(crate) fn parse(argument: &str, hex: bool) -> Result<Check, String> {
    let places = argument.match_indices('=').map(|(place, _)| place);
    for place in places {
        let (subject, rest) = argument.split_at(place);
        if let Some(condition) = rest.strip_prefix('=')
            && let Some(check) = condition_on(subject, condition, hex)
        {
            return check.map_err(|why| format!("check {argument:?}: {why}"));
        }
    }
    Err(format!("check {argument:?}: expected {FORMS}"))
}

/// The check that a condition makes; `None` if it is no condition at all.
fn condition_on(subject: &str, condition: &str, hex: bool) -> Option<Result<Check, String>> {
    let key = || text::bytes(subject, hex).map(Key);
    let (kind, argument) = match condition.split_once(':') {
        Some((kind, argument)) => (kind, Some(argument)),
        None => (condition, None),
    };
    Some(match (kind, argument) {
        ("absent", None) => key().map(|key| Check::Absent { key }),
        ("exists", None) => key().map(|key| Check::Exists { key }),
        ("value", Some(value)) => {
            key().and_then(|key| Ok(Check::Value { key, value: text::bytes(value, hex)? }))
        }
        ("version", Some(version)) => {
            key().and_then(|key| Ok(Check::Version { key, version: number(version)? }))
        }
        ("balance", Some(amount)) => balance(subject, amount),
        _ => return None,
    })
}

fn balance(subject: &str, amount: &str) -> Result<Check, String> {
    let address =
        subject.strip_prefix('@').ok_or("a balance is an account's: write @witan1...=balance:NUMBER")?;
    let account: Account = address.parse().map_err(|error| format!("{error}"))?;
    Ok(Check::Balance { account, at_least: number(amount)? })
}

fn number(text: &str) -> Result<u128, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| format!("{text:?} is no whole number below 2^128"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use witan_types::SecretKey;

    fn account() -> Account {
        Account(SecretKey::from_seed([3; 32]).public())
    }

    #[test]
    fn every_form_is_read() {
        let key = || Key::from("a/b");
        assert_eq!(parse("a/b=absent", false), Ok(Check::Absent { key: key() }));
        assert_eq!(parse("a/b=exists", false), Ok(Check::Exists { key: key() }));
        assert_eq!(parse("a/b=value:x:y", false), Ok(Check::Value { key: key(), value: b"x:y".to_vec() }));
        assert_eq!(parse("a/b=value:", false), Ok(Check::Value { key: key(), value: Vec::new() }));
        assert_eq!(parse("a/b=version:3", false), Ok(Check::Version { key: key(), version: 3 }));
        let balance = format!("@{}=balance:10", account());
        assert_eq!(parse(&balance, false), Ok(Check::Balance { account: account(), at_least: 10 }));
        let hex = parse("0x00=value:0xff", true);
        assert_eq!(hex, Ok(Check::Value { key: Key(vec![0]), value: vec![255] }));
    }

    #[test]
    fn keys_and_values_may_hold_equals_signs() {
        assert_eq!(parse("a=b=absent", false), Ok(Check::Absent { key: Key::from("a=b") }));
        let check = parse("a=value:b=exists", false);
        assert_eq!(check, Ok(Check::Value { key: Key::from("a"), value: b"b=exists".to_vec() }));
    }

    #[test]
    fn what_is_no_check_is_refused_with_the_forms() {
        for bad in [
            "",
            "a",
            "a=",
            "a=missing",
            "a=absent:1",
            "a=version",
            "a=version:-1",
            "a=version:+1",
            "a=version:x",
        ] {
            assert!(parse(bad, false).is_err(), "{bad}");
        }
        assert!(parse("a=nothing", false).unwrap_err().contains("KEY=absent"));
        assert!(parse("@nobody=balance:1", false).unwrap_err().contains("nobody"));
        assert!(parse("a=balance:1", false).unwrap_err().contains("@witan1"));
        assert!(parse("zz=absent", true).unwrap_err().contains("hex"));
    }

    proptest! {
        #[test]
        fn any_version_of_any_plain_key_is_read_back(key in "[^=]{1,40}", version in any::<u128>()) {
            let check = parse(&format!("{key}=version:{version}"), false);
            prop_assert_eq!(check, Ok(Check::Version { key: Key::from(key.as_str()), version }));
        }

        #[test]
        fn no_text_upsets_the_parser(argument in ".{0,60}", hex in any::<bool>()) {
            if let Err(why) = parse(&argument, hex) {
                prop_assert!(why.starts_with("check "));
            }
        }
    }
}
