//! The lines of an import file, each a record to load or a rejection with its reason.

use serde::Deserialize;
use std::io::{self, BufRead, Read as _};
use witan_types::transaction::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use witan_types::{Account, ChainId, Key, Op, Transaction};

/// The most bytes of one record in the file: the largest value, each byte escaped as `\u0000`, and a little more.
pub(crate) const MAX_RECORD_BYTES: usize = 6 * (MAX_VALUE_BYTES + MAX_KEY_BYTES) + 1024;

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// One JSON object a line
    Jsonl,
    /// Two columns, quoted as in RFC 4180; a first line `key,value` is a heading
    Csv,
}

/// A key to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Where it starts in the file, counted from 1: its identity.
    pub(crate) line: u64,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Record {
    /// Bytes it takes in a transaction: op tag, two lengths, key and value.
    pub(crate) fn op_bytes(&self) -> usize {
        9 + self.key.len() + self.value.len()
    }

    /// The op that writes it.
    pub(crate) fn op(&self) -> Op {
        Op::Put { key: Key(self.key.clone()), value: self.value.clone() }
    }
}

/// Why a line is not loaded, as users meet it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reason {
    BadJson,
    BadCsv,
    BadHex,
    NotUtf8,
    LineTooLong,
    KeyEmpty,
    KeyTooLong,
    ValueTooLarge,
    ForbiddenKey,
}

impl Reason {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reason::BadJson => "BAD_JSON",
            Reason::BadCsv => "BAD_CSV",
            Reason::BadHex => "BAD_HEX",
            Reason::NotUtf8 => "NOT_UTF8",
            Reason::LineTooLong => "LINE_TOO_LONG",
            Reason::KeyEmpty => "KEY_EMPTY",
            Reason::KeyTooLong => "KEY_TOO_LONG",
            Reason::ValueTooLarge => "VALUE_TOO_LARGE",
            Reason::ForbiddenKey => "FORBIDDEN_KEY",
        }
    }
}

/// A record that is not loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    pub(crate) line: u64,
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

/// What one record of the file turned out to be.
pub(crate) type Line = Result<Record, Rejection>;

/// Reads records one by one, in bounded memory. Blank lines are skipped.
pub(crate) struct Records<R> {
    input: R,
    format: Format,
    hex: bool,
    signer: Account,
    line: u64,
}

impl<R: BufRead> Records<R> {
    /// Reads `input`; `hex` says whether keys and values are written as hex.
    pub(crate) fn new(input: R, format: Format, hex: bool, signer: Account) -> Records<R> {
        Records { input, format, hex, signer, line: 0 }
    }

    /// The next record; `None` at the end of the file.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut raw = Vec::new();
            if !self.read_into(&mut raw)? {
                return Ok(None);
            }
            let line = self.line;
            if line == 1 && raw.starts_with("\u{feff}".as_bytes()) {
                raw.drain(..3);
            }
            if self.format == Format::Csv {
                self.complete_quotes(&mut raw)?;
            }
            if raw.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if line == 1 && self.format == Format::Csv && raw.trim_ascii_end() == b"key,value" {
                continue;
            }
            let judged = self.judge(line, &raw);
            return Ok(Some(judged.map_err(|(reason, detail)| Rejection { line, reason, detail })));
        }
    }

    /// Appends the next line, its end included; of one above the limit only the first part, and the rest is skipped.
    fn read_into(&mut self, raw: &mut Vec<u8>) -> io::Result<bool> {
        let limit = (MAX_RECORD_BYTES + 1).saturating_sub(raw.len());
        let taken = self.input.by_ref().take(limit as u64).read_until(b'\n', raw)?;
        if taken == 0 {
            return Ok(false);
        }
        self.line += 1;
        if raw.len() > MAX_RECORD_BYTES && raw.last() != Some(&b'\n') {
            self.input.skip_until(b'\n')?;
        }
        Ok(true)
    }

    /// A quoted CSV field may go on over several lines: until its quotes pair up.
    fn complete_quotes(&mut self, raw: &mut Vec<u8>) -> io::Result<()> {
        while raw.iter().filter(|byte| **byte == b'"').count() % 2 == 1 && raw.len() <= MAX_RECORD_BYTES {
            if !self.read_into(raw)? {
                break;
            }
        }
        Ok(())
    }

    fn judge(&self, line: u64, raw: &[u8]) -> Result<Record, (Reason, String)> {
        if raw.len() > MAX_RECORD_BYTES {
            return Err((Reason::LineTooLong, format!("above {MAX_RECORD_BYTES} bytes")));
        }
        let text = std::str::from_utf8(raw).map_err(|error| (Reason::NotUtf8, error.to_string()))?;
        let (key, value) = match self.format {
            Format::Jsonl => json_pair(text),
            Format::Csv => csv_pair(text),
        }?;
        let record = Record { line, key: self.bytes_of(key)?, value: self.bytes_of(value)? };
        check(&record, &self.signer)?;
        Ok(record)
    }

    fn bytes_of(&self, text: String) -> Result<Vec<u8>, (Reason, String)> {
        if !self.hex {
            return Ok(text.into_bytes());
        }
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        hex::decode(digits).map_err(|error| (Reason::BadHex, error.to_string()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonRecord {
    key: String,
    value: serde_json::Value,
}

/// A value that is no string is stored as its compact JSON.
fn json_pair(text: &str) -> Result<(String, String), (Reason, String)> {
    let record: JsonRecord =
        serde_json::from_str(text).map_err(|error| (Reason::BadJson, error.to_string()))?;
    let value = match record.value {
        serde_json::Value::String(value) => value,
        other => other.to_string(),
    };
    Ok((record.key, value))
}

fn csv_pair(text: &str) -> Result<(String, String), (Reason, String)> {
    let bad = |why: &str| (Reason::BadCsv, why.to_owned());
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    let (key, rest) = csv_field(text).ok_or_else(|| bad("a quote is not closed or stands inside a field"))?;
    let rest = rest.strip_prefix(',').ok_or_else(|| bad("one column; expected key,value"))?;
    let (value, rest) =
        csv_field(rest).ok_or_else(|| bad("a quote is not closed or stands inside a field"))?;
    if rest.is_empty() { Ok((key, value)) } else { Err(bad("more than two columns; expected key,value")) }
}

/// The first field of `text`, and what comes after it: nothing, or a comma and more.
fn csv_field(text: &str) -> Option<(String, &str)> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let (field, rest) = text.split_at(end);
        return (!field.contains('"')).then(|| (field.to_owned(), rest));
    };
    let mut field = String::new();
    loop {
        let (part, after) = rest.split_once('"')?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                field.push('"');
                rest = more;
            }
            None if after.is_empty() || after.starts_with(',') => return Some((field, after)),
            None => return None,
        }
    }
}

/// The rules that a transaction with this record would break.
fn check(record: &Record, signer: &Account) -> Result<(), (Reason, String)> {
    match (record.key.len(), record.value.len()) {
        (0, _) => Err((Reason::KeyEmpty, "a key has at least one byte".into())),
        (length, _) if length > MAX_KEY_BYTES => {
            Err((Reason::KeyTooLong, format!("{length} bytes, above the limit of {MAX_KEY_BYTES}")))
        }
        (_, length) if length > MAX_VALUE_BYTES => {
            Err((Reason::ValueTooLarge, format!("{length} bytes, above the limit of {MAX_VALUE_BYTES}")))
        }
        _ if record.key.first() == Some(&b'@') => check_owner(record, signer),
        _ => Ok(()),
    }
}

/// Who may write a key is the transaction's own rule.
fn check_owner(record: &Record, signer: &Account) -> Result<(), (Reason, String)> {
    let probe = Transaction {
        chain: ChainId::default(),
        signer: *signer,
        salt: 0,
        expires_at_ms: 0,
        checks: Vec::new(),
        ops: vec![Op::Delete { key: Key(record.key.clone()) }],
    };
    probe.check_form().map_err(|error| (Reason::ForbiddenKey, error.to_string()))
}

#[cfg(test)]
mod tests;
