//! Answers as text, under the id of their request as it was written.

use super::fault::Fault;
use super::shares::Share;
use crate::error::{ErrorView, RpcError};
use serde::Serialize;
use std::io::{self, Write};

/// The id of an answer to what has none.
pub(super) const NO_ID: &str = "null";
/// Room that most answers fit in, in bytes.
const USUAL_BYTES: usize = 512;

/// What is sent back, and what of the node's memory it takes until it has left.
pub(super) struct Answer {
    text: String,
    _share: Option<Share>,
}

impl Answer {
    /// An answer that takes a share; errors are too small to.
    pub(super) fn new(text: String, share: Option<Share>) -> Answer {
        Answer { text, _share: share }
    }

    /// An error that answers no request in particular.
    pub(super) fn error(error: impl Into<ErrorView>) -> Answer {
        Answer::new(error_under(NO_ID, error), None)
    }

    /// The JSON.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// An error under an id.
pub(super) fn error_under(id: &str, error: impl Into<ErrorView>) -> String {
    Draft::under(id, usize::MAX).error(error)
}

/// An answer whose id is written, and whose result is not.
pub(super) struct Draft {
    text: Vec<u8>,
    head: usize,
    limit: usize,
}

impl Draft {
    /// Starts an answer of at most `limit` bytes.
    pub(super) fn under(id: &str, limit: usize) -> Draft {
        let mut text = Vec::with_capacity(USUAL_BYTES);
        text.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
        text.extend_from_slice(id.as_bytes());
        text.push(b',');
        Draft { head: text.len(), text, limit }
    }

    /// Ends it with what a method said.
    pub(super) fn end<T: Serialize>(self, said: Result<T, RpcError>) -> String {
        match said {
            Ok(result) => self.result(&result),
            Err(error) => self.error(error),
        }
    }

    fn result<T: Serialize>(mut self, result: &T) -> String {
        self.text.extend_from_slice(br#""result":"#);
        match serde_json::to_writer(&mut self, result) {
            Ok(()) => self.close(),
            Err(error) if error.is_io() => {
                let limit = self.limit;
                self.error(Fault::ResponseTooLarge { limit })
            }
            Err(error) => self.error(RpcError::internal(format!("no JSON: {error}"))),
        }
    }

    /// Ends it with an error, however long.
    pub(super) fn error(mut self, error: impl Into<ErrorView>) -> String {
        self.text.truncate(self.head);
        self.limit = usize::MAX;
        self.text.extend_from_slice(br#""error":"#);
        if let Err(error) = serde_json::to_writer(&mut self, &error.into()) {
            tracing::error!(%error, "an error that is no JSON");
        }
        self.close()
    }

    fn close(mut self) -> String {
        self.text.push(b'}');
        // JSON is UTF-8, and so is an id that was read as JSON.
        String::from_utf8(self.text).unwrap_or_default()
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.text.len().saturating_add(bytes.len()) >= self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_answer_fits_its_limit_or_is_an_error() {
        let whole = Draft::under("1", usize::MAX).end(Ok("abc"));
        assert_eq!(whole, r#"{"jsonrpc":"2.0","id":1,"result":"abc"}"#);
        assert_eq!(Draft::under("1", whole.len()).end(Ok("abc")), whole);
        let refused = read(&Draft::under("1", whole.len() - 1).end(Ok("abc")));
        assert_eq!((&refused["id"], &refused["error"]["code"]), (&json!(1), &json!(-32008)));
        assert_eq!(refused.get("result"), None);
    }

    #[test]
    fn an_error_has_the_id_as_it_was_written() {
        let text = error_under("1.50", Fault::NoRequest);
        assert!(text.starts_with(r#"{"jsonrpc":"2.0","id":1.50,"error":{"code":-32600,"#), "{text}");
    }
}
