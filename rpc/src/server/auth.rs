//! The bearer token that calls must show, where one is configured (RFC 6750, section 2.1).

use hyper::header::{AUTHORIZATION, HeaderMap};
use std::fmt;
use witan_types::{Hash, sha256};

/// The fewest characters of a token: what a guess a nanosecond would not find.
const MIN_CHARACTERS: usize = 16;
/// The most characters of a token.
const MAX_CHARACTERS: usize = 1024;

/// What calls must show. Only its hash is kept, so that comparing takes the same time whatever was shown, and nothing
/// can print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Hash);

/// Text that is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token has {MIN_CHARACTERS} to {MAX_CHARACTERS} visible ASCII characters and no space")]
pub struct TokenError;

impl Token {
    /// The token that a file holds: all of its text but white space around it.
    ///
    /// # Errors
    /// If that is too short, too long, or can't stand in a header.
    pub fn parse(text: &str) -> Result<Token, TokenError> {
        let token = text.trim();
        let fits = (MIN_CHARACTERS..=MAX_CHARACTERS).contains(&token.len());
        if fits && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Token(hash(token.as_bytes())))
        } else {
            Err(TokenError)
        }
    }

    /// Whether a request shows it.
    pub(super) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
        let Some((scheme, token)) = shown.and_then(|shown| shown.split_at_checked("Bearer ".len())) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(b"Bearer ") && hash(token) == self.0
    }
}

fn hash(token: &[u8]) -> Hash {
    sha256(&[b"witan bearer token", token])
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token")
    }
}

#[cfg(test)]
mod tests;
