//! Every line of a file is either loaded as it stands or rejected with its reason; none goes missing.

use super::*;
use proptest::prelude::*;
use witan_types::SecretKey;

fn signer() -> Account {
    Account(SecretKey::from_seed([7; 32]).public())
}

fn read(input: &[u8], format: Format, hex: bool) -> Vec<Line> {
    let mut records = Records::new(input, format, hex, signer());
    let mut lines = Vec::new();
    while let Some(line) = records.next_line().unwrap() {
        lines.push(line);
    }
    lines
}

fn one(input: &str) -> Line {
    let lines = read(input.as_bytes(), Format::Jsonl, false);
    assert_eq!(lines.len(), 1);
    lines.into_iter().next().unwrap()
}

fn reasons(lines: &[Line]) -> Vec<(u64, &'static str)> {
    let rejections = lines.iter().filter_map(|line| line.as_ref().err());
    rejections.map(|rejection| (rejection.line, rejection.reason.name())).collect()
}

#[test]
fn a_json_line_is_its_key_and_value() {
    let record = one(r#"{"key":"gr\u00fc\u00dfe","value":"a\nb"}"#).unwrap();
    assert_eq!((record.key, record.value), ("grüße".into(), b"a\nb".to_vec()));
}

#[test]
fn a_value_that_is_no_string_is_kept_as_compact_json() {
    assert_eq!(one(r#"{"key":"k","value":{"n": [1, true]}}"#).unwrap().value, br#"{"n":[1,true]}"#);
}

#[test]
fn a_bad_line_is_rejected_with_its_reason_and_its_neighbours_are_kept() {
    let long_key = "k".repeat(MAX_KEY_BYTES + 1);
    let large = "v".repeat(MAX_VALUE_BYTES + 1);
    let other = Account(SecretKey::from_seed([8; 32]).public());
    let me = signer();
    let file = format!(
        "{{\"key\":\"a\",\"value\":\"1\"}}\n\
         not json\n\
         \n\
         {{\"key\":\"\",\"value\":\"1\"}}\n\
         {{\"key\":\"{long_key}\",\"value\":\"1\"}}\n\
         {{\"key\":\"b\",\"value\":\"{large}\"}}\n\
         {{\"key\":\"@{other}/x\",\"value\":\"1\"}}\n\
         {{\"key\":\"@{me}/balance\",\"value\":\"1\"}}\n\
         {{\"key\":\"@{me}/x\",\"value\":\"1\"}}\n\
         {{\"key\":\"c\"}}\n\
         {{\"key\":\"c\",\"value\":\"1\",\"more\":\"2\"}}\n\
         {{\"key\":\"z\",\"value\":\"1\"}}"
    );
    let lines = read(file.as_bytes(), Format::Jsonl, false);
    let loaded: Vec<u64> =
        lines.iter().filter_map(|line| line.as_ref().ok()).map(|record| record.line).collect();
    assert_eq!(loaded, [1, 9, 12]);
    assert_eq!(
        reasons(&lines),
        [
            (2, "BAD_JSON"),
            (4, "KEY_EMPTY"),
            (5, "KEY_TOO_LONG"),
            (6, "VALUE_TOO_LARGE"),
            (7, "FORBIDDEN_KEY"),
            (8, "FORBIDDEN_KEY"),
            (10, "BAD_JSON"),
            (11, "BAD_JSON"),
        ]
    );
}

#[test]
fn the_longest_key_and_the_largest_value_are_loaded_however_they_are_escaped() {
    let key = "k".repeat(MAX_KEY_BYTES);
    let value = "\\u0000".repeat(MAX_VALUE_BYTES);
    let record = one(&format!(r#"{{"key":"{key}","value":"{value}"}}"#)).unwrap();
    assert_eq!((record.key.len(), record.value.len()), (MAX_KEY_BYTES, MAX_VALUE_BYTES));
}

#[test]
fn a_line_above_every_bound_is_skipped_to_its_end() {
    let file = format!("{}\n{{\"key\":\"a\",\"value\":\"1\"}}\n", "x".repeat(3 * MAX_RECORD_BYTES));
    let lines = read(file.as_bytes(), Format::Jsonl, false);
    assert_eq!(reasons(&lines), [(1, "LINE_TOO_LONG")]);
    assert_eq!(lines[1].as_ref().unwrap().key, b"a");
}

#[test]
fn bytes_that_are_no_utf8_are_rejected() {
    let lines = read(b"{\"key\":\"\xff\",\"value\":\"1\"}\n", Format::Jsonl, false);
    assert_eq!(reasons(&lines), [(1, "NOT_UTF8")]);
}

#[test]
fn csv_has_two_columns_quotes_and_a_heading() {
    let file = "\u{feff}key,value\r\na,1\r\nb,\"x,\"\"y\"\"\nz\"\n\"c\",\nd\ne,1,2\nf,a\"b\n";
    let lines = read(file.as_bytes(), Format::Csv, false);
    let loaded: Vec<_> = lines.iter().filter_map(|line| line.as_ref().ok()).collect();
    let texts: Vec<_> = loaded.iter().map(|record| (&record.key[..], &record.value[..])).collect();
    assert_eq!(texts, [(&b"a"[..], &b"1"[..]), (b"b", b"x,\"y\"\nz"), (b"c", b"")]);
    let bad: Vec<_> = reasons(&lines).into_iter().map(|(line, _)| line).collect();
    assert_eq!(bad, [5, 6, 7].map(|line| line + 1));
}

#[test]
fn hex_is_read_with_and_without_its_prefix() {
    let lines = read(b"0x00ff,01\nzz,01\n", Format::Csv, true);
    let record = lines[0].as_ref().unwrap();
    assert_eq!((&record.key[..], &record.value[..]), (&[0, 255][..], &[1][..]));
    assert_eq!(reasons(&lines), [(2, "BAD_HEX")]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_their_end(input in proptest::collection::vec(any::<u8>(), 0..600), csv in any::<bool>()) {
        let mut input = input;
        input.extend_from_slice(b"\"\n");
        let last = if csv { "a,b" } else { "{\"key\":\"a\",\"value\":\"b\"}" };
        // Quotes may be open before: a line with one more quote closes them.
        let open = csv && input.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
        input.extend_from_slice(if open { b"\"\n" } else { b"\n" });
        let before = read(&input, if csv { Format::Csv } else { Format::Jsonl }, false).len();
        input.extend_from_slice(last.as_bytes());
        let lines = read(&input, if csv { Format::Csv } else { Format::Jsonl }, false);
        prop_assert_eq!(lines.len(), before + 1);
        prop_assert_eq!(&lines[before].as_ref().unwrap().key, b"a");
    }

    #[test]
    fn any_texts_come_back_from_json_and_from_csv(texts in proptest::collection::vec(("[^@].{0,30}", ".{0,60}"), 1..20)) {
        let (mut json, mut csv) = (String::new(), String::new());
        for (key, value) in &texts {
            json.push_str(&serde_json::json!({"key": key, "value": value}).to_string());
            json.push('\n');
            let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
            csv.push_str(&format!("{},{}\n", quoted(key), quoted(value)));
        }
        for (file, format) in [(json, Format::Jsonl), (csv, Format::Csv)] {
            let lines = read(file.as_bytes(), format, false);
            let found: Vec<_> = lines.into_iter().map(|line| line.unwrap()).collect();
            let expected: Vec<_> = texts.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
            let found: Vec<_> = found.iter().map(|record| (&record.key[..], &record.value[..])).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
