//! Known answers: what each value looks like on the wire, so that no change of format goes unnoticed and any other
//! implementation can compare itself.
//!
//! `types/vectors/<name>.hex` holds hex digits; lines that start with `#` are comments. All keys come from fixed seeds
//! (see `samples`). After a wanted change of format, write the files anew and read the difference:
//!
//! ```sh
//! WITAN_WRITE_VECTORS=1 cargo test --release -p witan-types --test laws vectors
//! ```

use crate::samples;
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use witan_types::codec::encode;
use witan_types::{Batch, Domain, GroupId, Hash, Scheme, SealShare, SignedTransaction, Wire};

/// Reads bytes back and fails if they are not the value they were made of.
type ReadBack = Box<dyn Fn(&[u8])>;

/// One file: what stands in it, and how what stands in it is read back.
struct Vector {
    name: &'static str,
    about: &'static str,
    bytes: Vec<u8>,
    check: ReadBack,
}

/// A value of a wire type.
fn wire<T: Wire + PartialEq + Debug + 'static>(name: &'static str, about: &'static str, value: T) -> Vector {
    let bytes = value.encode();
    let check = move |bytes: &[u8]| assert_eq!(T::decode(bytes).as_ref(), Ok(&value), "{name} read back");
    Vector { name, about, bytes, check: Box::new(check) }
}

/// A value that travels inside others.
fn part<T>(name: &'static str, about: &'static str, value: T) -> Vector
where
    T: BorshSerialize + BorshDeserialize + PartialEq + Debug + 'static,
{
    let bytes = encode(&value);
    let check =
        move |bytes: &[u8]| assert_eq!(borsh::from_slice::<T>(bytes).unwrap(), value, "{name} read back");
    Vector { name, about, bytes, check: Box::new(check) }
}

/// Bytes that are made but never decoded: hashes, and what is signed.
fn made(name: &'static str, about: &'static str, bytes: impl Into<Vec<u8>>) -> Vector {
    let (bytes, check) = (bytes.into(), |_: &[u8]| {});
    Vector { name, about, bytes, check: Box::new(check) }
}

/// A hash, as its 32 bytes.
fn id(name: &'static str, about: &'static str, hash: Hash) -> Vector {
    made(name, about, hash.0)
}

fn vectors() -> Vec<Vector> {
    let mut vectors = ledger_vectors();
    vectors.extend(signed_vectors());
    vectors
}

fn ledger_vectors() -> Vec<Vector> {
    let batch = samples::payload().batches.remove(0);
    vec![
        id("chain-id", "Genesis::chain of the sample genesis.", samples::genesis().chain().0),
        part("genesis", "The sample genesis, as hashed for the chain's id.", samples::genesis()),
        id("base-block-id", "Id of group 1's base block.", samples::genesis().base_header(GroupId(1)).id().0),
        part("transaction", "Every check and every op once.", samples::transaction()),
        wire("signed-transaction", "The transaction with its signature.", samples::signed_transaction()),
        id("transaction-id", "SHA-256 of transaction-signing-bytes.", samples::transaction().id().0),
        wire("change", "A change of the parameters.", samples::change()),
        wire("change-operators", "A change of the operators.", samples::change_of_operators()),
        id("change-hash", "Change::hash of the change of the parameters.", samples::change().hash()),
        part("approval", "A transaction that approves it.", samples::approval()),
        id("batch-digest", "Digest of a batch of that one transaction.", batch.digest()),
        part("batch", "The batch, inline.", batch),
        wire("batch-name", "Its name.", samples::batch_name()),
        made(
            "batch-signing-bytes",
            "What its holders sign.",
            samples::batch_name().signing_bytes(&samples::holders()),
        ),
        wire("held-batch", "The name, held by validators 0, 1 and 3.", samples::held_batch()),
        part("batch-named", "The batch, by name alone.", Batch::Named(samples::held_batch())),
        wire("envelope", "What a block of group 2 says to group 1, with its proof.", samples::envelope()),
        wire("contents", "What it says.", samples::envelope().contents),
        id("outbox-leaf", "Contents::leaf of what it says.", samples::envelope().contents.leaf()),
        wire("payload", "The batch and the envelope.", samples::payload()),
        id("payload-root", "Payload::root of it.", samples::payload().root()),
        wire("header", "A header that commits to the payload.", samples::header()),
        id("block-id", "Id of the header.", samples::header().id().0),
        wire("block", "Header and payload.", samples::block()),
        wire("outcome", "What came out of the block.", samples::outcome()),
        wire("seal-share", "Validator 0's signature on the outcome.", samples::seal_share(0)),
        part("quorum-signatures", "Signatures of validators 0, 1 and 3.", samples::quorum_signatures()),
        wire("seal", "The outcome with these signatures.", samples::seal()),
        wire("sealed-header", "Header and seal.", samples::sealed_header()),
        wire("sealed-block", "Block and seal.", samples::sealed_block()),
        id("list-root", "Root of the Merkle list of SHA-256 of a, b, c, d, e.", list_root()),
        part("list-proof", "The proof of its third leaf.", samples::list_proof()),
    ]
}

fn list_root() -> Hash {
    witan_types::merkle_list::root(&samples::leaves())
}

fn signed_vectors() -> Vec<Vector> {
    let domain = samples::engine_domain();
    let statement = (7_u64, samples::hash("block"));
    vec![
        made("public-key", "The public key of the seed 0b 32 times.", samples::secret(11).public().0),
        made("account", "Its address, as ASCII.", samples::account(11).to_string()),
        made(
            "transaction-signing-bytes",
            "What the signer of the transaction signs.",
            samples::transaction().signing_bytes(),
        ),
        made("transaction-signature", "Its signature.", samples::signed_transaction().signature.0),
        made("outcome-signing-bytes", "What a validator signs to seal.", samples::outcome().signing_bytes()),
        part::<Domain>("domain", "HotStuff's message 2 in group 1, epoch 1.", domain),
        made(
            "domain-signing-bytes",
            "A number and a hash, to be signed there.",
            domain.signing_bytes(&statement),
        ),
        made("domain-signature", "Signed by seed 01.", samples::secret(1).sign(&domain, &statement).0),
    ]
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn read(name: &str) -> Vec<u8> {
    let path = folder().join(format!("{name}.hex"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; WITAN_WRITE_VECTORS=1 writes it", path.display());
    });
    let digits: String = text.lines().filter(|line| !line.starts_with('#')).map(str::trim).collect();
    hex::decode(digits).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "only when somebody asks for new vectors")]
fn write(vector: &Vector) {
    let digits = hex::encode(&vector.bytes);
    let lines: Vec<&str> =
        digits.as_bytes().chunks(96).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let text = format!("# {}\n{}\n", vector.about, lines.join("\n"));
    fs::write(folder().join(format!("{}.hex", vector.name)), text).unwrap();
}

#[test]
fn every_value_has_its_known_encoding_and_is_read_back_from_it() {
    let rewrite = std::env::var_os("WITAN_WRITE_VECTORS").is_some_and(|value| value == "1");
    for vector in vectors() {
        if rewrite {
            write(&vector);
        }
        let known = read(vector.name);
        assert_eq!(
            hex::encode(&vector.bytes),
            hex::encode(&known),
            "{} has another encoding now",
            vector.name
        );
        (vector.check)(&known);
    }
}

#[test]
fn every_file_in_the_folder_is_read_by_this_test() {
    let known: BTreeSet<String> = vectors().iter().map(|vector| format!("{}.hex", vector.name)).collect();
    assert_eq!(known.len(), vectors().len(), "each name once");
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name), "vectors/{name} is read by nothing");
    }
}

/// `SealedHeader` -> `sealed-header`.
fn kebab(name: &str) -> String {
    let mut words = String::new();
    for (place, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && place > 0 {
            words.push('-');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[test]
fn every_wire_type_of_this_crate_has_a_file() {
    let known: BTreeSet<&str> = vectors().iter().map(|vector| vector.name).collect();
    let mut wire_types = 0;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for folder in [root.clone(), root.join("genesis")] {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for source in files.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).unwrap()) {
            for name in source.lines().filter_map(|line| line.strip_prefix("impl Wire for ")) {
                let name = kebab(name.trim_end_matches(" {"));
                assert!(known.contains(name.as_str()), "no vectors/{name}.hex");
                wire_types += 1;
            }
        }
    }
    assert!(wire_types >= 9, "the search finds the types");
}

#[test]
fn the_signatures_in_the_files_verify() {
    let transaction = SignedTransaction::decode(&read("signed-transaction")).unwrap();
    assert!(transaction.verify(Scheme::Ed25519));
    assert_eq!(transaction.signature.0.to_vec(), read("transaction-signature"));
    assert_eq!(transaction.id().0.0.to_vec(), read("transaction-id"));
    assert_eq!(transaction.transaction.signing_bytes(), read("transaction-signing-bytes"));
    let committee = samples::genesis().committee(GroupId(1)).unwrap();
    assert!(SealShare::decode(&read("seal-share")).unwrap().verify(&committee));
    assert_eq!(witan_types::Seal::decode(&read("seal")).unwrap().verify(&committee), Ok(()));
    assert_eq!(samples::list_proof().root(&samples::leaves()[2]).unwrap().0.to_vec(), read("list-root"));
}
