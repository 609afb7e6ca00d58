//! Keys, values and durations as users write and read them.

use std::time::Duration;
use witan_testnet::rpc::{Encoding, ValueView};

/// How the command line writes keys and values.
pub(crate) fn encoding(hex: bool) -> Encoding {
    if hex { Encoding::Hex } else { Encoding::Utf8 }
}

/// The bytes that a key or value on the command line stands for: text, or hex with or without `0x`.
///
/// # Errors
/// If `hex` is set and it is none.
pub(crate) fn bytes(text: &str, hex: bool) -> Result<Vec<u8>, String> {
    if !hex {
        return Ok(text.as_bytes().to_vec());
    }
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode(digits).map_err(|error| format!("{text:?} is no hex ({error}); leave out --hex for text"))
}

/// Bytes for people: as text if they are printable, else as hex.
pub(crate) fn show(bytes: &[u8], hex: bool) -> String {
    let text = std::str::from_utf8(bytes).ok().filter(|_| !hex);
    let printable =
        text.filter(|text| !text.chars().any(|char| char.is_control() && char != '\n' && char != '\t'));
    printable.map_or_else(|| format!("0x{}", hex::encode(bytes)), str::to_owned)
}

/// A value for people; a list one item a line.
pub(crate) fn show_value(value: &ValueView, hex: bool) -> String {
    match value {
        ValueView::Bytes(bytes) => show(bytes, hex),
        ValueView::List(items) => items.iter().map(|item| show(item, hex)).collect::<Vec<_>>().join("\n"),
        ValueView::Counter(count) => count.to_string(),
        ValueView::Balance(balance) => balance.to_string(),
    }
}

/// A duration such as `500ms`, `60s`, `2m`, `1h`.
///
/// # Errors
/// If it is none.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(format!("{text:?}: expected a number with ms, s, m or h, such as 60s")),
    };
    let number: u64 =
        digits.parse().map_err(|_| format!("{text:?}: expected a number with ms, s, m or h"))?;
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{text:?} is too long a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for bad in ["", "s", "60", "-1s", "1.5s", "1d", "99999999999999999999s", "18446744073709551615h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn bytes_are_text_unless_they_are_said_to_be_hex() {
        assert_eq!(bytes("0a", false), Ok(b"0a".to_vec()));
        assert_eq!(bytes("0a", true), Ok(vec![10]));
        assert_eq!(bytes("0x0a", true), Ok(vec![10]));
        assert!(bytes("0g", true).is_err());
    }

    #[test]
    fn bytes_that_would_upset_a_terminal_are_shown_as_hex() {
        assert_eq!(show("grün\n".as_bytes(), false), "grün\n");
        assert_eq!(show(b"\x1b[2J", false), "0x1b5b324a");
        assert_eq!(show(&[0xff], false), "0xff");
        assert_eq!(show(b"a", true), "0x61");
    }
}
