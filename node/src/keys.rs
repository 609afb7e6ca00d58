//! Key files: one ed25519 key each, as JSON, readable by their owner alone.
//!
//! A devnet's keys stand in plain. All others are encrypted: the password is stretched by Argon2id (RFC 9106) into the
//! key of XChaCha20-Poly1305, which also binds the public key that stands beside it.

mod password;

pub use password::{Password, PasswordSource};

use crate::error::NodeError;
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use witan_types::{Hash, PublicKey, SecretKey};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The most bytes a key file may have.
const MAX_KEY_FILE_BYTES: u64 = 16 * 1024;
/// Bounds on what a key file may ask of this machine to open it: memory in KiB, passes, lanes.
const MAX_STRETCH: Stretch = Stretch { memory_kib: 1024 * 1024, passes: 16, lanes: 16 };
/// How new files stretch a password: RFC 9106's second recommendation (64 MiB, 3 passes, 4 lanes).
const STRETCH: Stretch = Stretch { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

/// The only scheme there is, yet.
const ED25519: &str = "ed25519";
const ARGON2ID: &str = "argon2id";
const XCHACHA20POLY1305: &str = "xchacha20poly1305";

/// A key file's content.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    scheme: String,
    public: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<SeedText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encrypted: Option<Encrypted>,
}

/// A seed as `0x` hex; wiped when dropped.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
struct SeedText(String);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encrypted {
    kdf: String,
    params: Stretch,
    salt: String,
    cipher: String,
    nonce: String,
    ciphertext: String,
}

/// What Argon2id spends on a password.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
struct Stretch {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A new key, from the operating system's randomness.
pub fn generate() -> SecretKey {
    SecretKey::from_seed(rand::random())
}

/// Writes a key in plain: for devnets. Never over an existing file.
///
/// # Errors
/// If the file exists or can't be written.
pub fn write_plain(path: &Path, secret: &SecretKey) -> Result<(), NodeError> {
    let seed = Some(SeedText(prefixed(Zeroizing::new(secret.seed()).as_slice())));
    let file = KeyFile { scheme: ED25519.into(), public: shown(secret), seed, encrypted: None };
    write(path, &file)
}

/// Writes a key encrypted under a password. Never over an existing file.
///
/// # Errors
/// If the file exists or can't be written.
pub fn write_encrypted(path: &Path, secret: &SecretKey, password: &Password) -> Result<(), NodeError> {
    let salt: [u8; 16] = rand::random();
    let nonce: [u8; 24] = rand::random();
    let public = shown(secret);
    let cipher = cipher(path, password, STRETCH, &salt)?;
    let seed = Zeroizing::new(secret.seed());
    let payload = Payload { msg: seed.as_slice(), aad: public.as_bytes() };
    let ciphertext =
        cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| refuse(path, "can't be encrypted"))?;
    let encrypted = Encrypted {
        kdf: ARGON2ID.into(),
        params: STRETCH,
        salt: prefixed(&salt),
        cipher: XCHACHA20POLY1305.into(),
        nonce: prefixed(&nonce),
        ciphertext: prefixed(&ciphertext),
    };
    write(path, &KeyFile { scheme: ED25519.into(), public, seed: None, encrypted: Some(encrypted) })
}

/// The public key of a key file, without its password.
///
/// # Errors
/// If the file can't be read, or others may read it.
pub fn read_public(path: &Path) -> Result<PublicKey, NodeError> {
    public_of(path, &read(path)?)
}

/// Whether a key file needs a password.
///
/// # Errors
/// If the file can't be read, or others may read it.
pub fn is_encrypted(path: &Path) -> Result<bool, NodeError> {
    Ok(read(path)?.encrypted.is_some())
}

/// The key of a key file. `password` is asked for one only if the file needs it.
///
/// # Errors
/// If the file can't be read, others may read it, its password is wrong, or its two halves don't belong together.
pub fn load(path: &Path, password: &PasswordSource) -> Result<SecretKey, NodeError> {
    let file = read(path)?;
    let public = public_of(path, &file)?;
    let seed = match (&file.seed, &file.encrypted) {
        (Some(seed), None) => bytes::<32>(path, "seed", &seed.0)?,
        (None, Some(encrypted)) => decrypt(path, encrypted, &file.public, &password.ask(path)?)?,
        _ => return Err(refuse(path, "must have either a seed or an encrypted one")),
    };
    let secret = SecretKey::from_seed(*seed);
    if secret.public() != public {
        return Err(refuse(
            path,
            format!("its seed belongs to {}, not to the public key it names", shown(&secret)),
        ));
    }
    Ok(secret)
}

fn decrypt(
    path: &Path,
    file: &Encrypted,
    public: &str,
    password: &Password,
) -> Result<Zeroizing<[u8; 32]>, NodeError> {
    if file.kdf != ARGON2ID || file.cipher != XCHACHA20POLY1305 {
        return Err(refuse(
            path,
            format!("is encrypted by {} and {}, which this release can't open", file.kdf, file.cipher),
        ));
    }
    let salt = bytes::<16>(path, "salt", &file.salt)?;
    let nonce = bytes::<24>(path, "nonce", &file.nonce)?;
    let ciphertext = bytes::<48>(path, "ciphertext", &file.ciphertext)?;
    let payload = Payload { msg: ciphertext.as_slice(), aad: public.as_bytes() };
    let opened = cipher(path, password, file.params, salt.as_slice())?
        .decrypt(&XNonce::from(*nonce), payload)
        .map_err(|_| refuse(path, "the password is wrong, or the file was changed"))?;
    let opened = Zeroizing::new(opened);
    let mut seed = Zeroizing::new([0; 32]);
    for (byte, source) in seed.iter_mut().zip(opened.iter()) {
        *byte = *source;
    }
    Ok(seed)
}

/// The cipher under a password's key.
fn cipher(
    path: &Path,
    password: &Password,
    stretch: Stretch,
    salt: &[u8],
) -> Result<XChaCha20Poly1305, NodeError> {
    let Stretch { memory_kib, passes, lanes } = stretch;
    if memory_kib > MAX_STRETCH.memory_kib || passes > MAX_STRETCH.passes || lanes > MAX_STRETCH.lanes {
        return Err(refuse(
            path,
            format!("asks for more work than allowed: {stretch:?}, at most {MAX_STRETCH:?}"),
        ));
    }
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(|error| refuse(path, error))?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, key.as_mut_slice())
        .map_err(|error| refuse(path, error))?;
    Ok(XChaCha20Poly1305::new(&(*key).into()))
}

/// The text of a file with a secret, which nobody else may read.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<String>, NodeError> {
    let metadata = std::fs::metadata(path).map_err(NodeError::file("read", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let why = format!("others may read it (mode {mode:04o}): run `chmod 600 {}`", path.display());
        return Err(refuse(path, why));
    }
    if metadata.len() > MAX_KEY_FILE_BYTES {
        return Err(refuse(path, format!("has {} bytes, above {MAX_KEY_FILE_BYTES}", metadata.len())));
    }
    std::fs::read_to_string(path).map(Zeroizing::new).map_err(NodeError::file("read", path))
}

fn read(path: &Path) -> Result<KeyFile, NodeError> {
    let text = read_secret(path)?;
    // The parser's own message may quote the text, and with it a secret.
    serde_json::from_str(&text).map_err(|error| {
        refuse(path, format!("is no key file: line {}, column {}", error.line(), error.column()))
    })
}

fn write(path: &Path, file: &KeyFile) -> Result<(), NodeError> {
    let mut text = Zeroizing::new(serde_json::to_string_pretty(file).map_err(|error| refuse(path, error))?);
    text.push('\n');
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut opened = opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => NodeError::Exists { path: path.to_owned() },
        _ => NodeError::file("make", path)(error),
    })?;
    opened.write_all(text.as_bytes()).and_then(|()| opened.sync_all()).map_err(NodeError::file("write", path))
}

fn public_of(path: &Path, file: &KeyFile) -> Result<PublicKey, NodeError> {
    if file.scheme != ED25519 {
        return Err(refuse(path, format!("its scheme is {:?}; this release knows {ED25519}", file.scheme)));
    }
    let key: Hash = file.public.parse().map_err(|error| refuse(path, format!("its public key: {error}")))?;
    Ok(PublicKey(key.0))
}

fn bytes<const N: usize>(path: &Path, field: &str, text: &str) -> Result<Zeroizing<[u8; N]>, NodeError> {
    let mut bytes = Zeroizing::new([0; N]);
    text.strip_prefix("0x")
        .and_then(|digits| hex::decode_to_slice(digits, bytes.as_mut_slice()).ok())
        .ok_or_else(|| refuse(path, format!("its {field} is not 0x and {} hex digits", N * 2)))?;
    Ok(bytes)
}

fn prefixed(bytes: &[u8]) -> String {
    // Made at once at its full length: a text that grows would leave copies of a secret behind.
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("0x");
    for byte in bytes {
        for half in [byte >> 4, byte & 15] {
            text.push(char::from_digit(u32::from(half), 16).unwrap_or_default());
        }
    }
    text
}

fn shown(secret: &SecretKey) -> String {
    Hash(secret.public().0).to_string()
}

fn refuse(path: &Path, why: impl ToString) -> NodeError {
    NodeError::Key { path: path.to_owned(), why: why.to_string() }
}

#[cfg(test)]
mod tests;
