//! Known answers for what an engine puts on the wire or into its log: `consensus/vectors/<engine>-<name>.hex`.
//!
//! After a wanted change of format, raise the engine's wire version, write the files anew and read the difference:
//!
//! ```sh
//! WITAN_WRITE_VECTORS=1 cargo test --release -p witan-consensus vectors
//! ```

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use witan_consensus::engine::Instance;
use witan_types::{
    Block, BlockId, ChainId, Epoch, GroupId, Hash, Header, Payload, QuorumSignatures, SecretKey,
    ValidatorIndex, Wire,
};

/// Where the signatures count.
pub const INSTANCE: Instance = Instance { chain: ChainId(Hash([7; 32])), group: GroupId(1), epoch: Epoch(1) };
/// The engines that have vectors.
const ENGINES: [&str; 3] = ["hotstuff", "pbft", "raft"];

/// The key of a member.
pub fn key(place: u8) -> SecretKey {
    SecretKey::from_seed([place + 1; 32])
}

/// The signatures of the first three members.
pub fn signed(bytes: &[u8]) -> QuorumSignatures {
    let sign = |place: u8| (ValidatorIndex(place.into()), key(place).sign_bytes(bytes));
    QuorumSignatures::collect((0..3).map(sign))
}

/// An empty block.
pub fn block(tag: u64) -> Arc<Block> {
    let payload = Payload::default();
    let header = Header {
        chain: INSTANCE.chain,
        group: INSTANCE.group,
        epoch: INSTANCE.epoch,
        height: 5,
        tag,
        parent: BlockId(Hash([3; 32])),
        proposer: ValidatorIndex(1),
        time_ms: 1_700_000_000_000,
        payload_root: payload.root(),
    };
    Arc::new(Block { header, payload })
}

/// The encoding, once it has been read back.
pub fn wire<T: Wire + PartialEq + Debug>(value: &T) -> Vec<u8> {
    let bytes = value.encode();
    assert_eq!(T::decode(&bytes).as_ref(), Ok(value));
    bytes
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Compares an engine's vectors, by name, with its files. No file is left that nobody reads.
#[expect(clippy::disallowed_methods, reason = "a test may write its own vectors when told to")]
pub fn check(engine: &str, vectors: &[(&str, Vec<u8>)]) {
    let file = |name: &str| format!("{engine}-{name}.hex");
    for (name, bytes) in vectors {
        let path = folder().join(file(name));
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if std::env::var_os("WITAN_WRITE_VECTORS").is_some() {
            std::fs::write(&path, format!("{digits}\n")).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), digits, "{engine}: {name}");
    }
    let known: BTreeSet<String> = vectors.iter().map(|(name, _)| file(name)).collect();
    for found in std::fs::read_dir(folder()).unwrap() {
        let found = found.unwrap().file_name().into_string().unwrap();
        let (owner, _) = found.split_once('-').expect("files are named <engine>-<name>");
        assert!(ENGINES.contains(&owner), "{found} belongs to no engine");
        assert!(owner != engine || known.contains(&found), "nobody reads {found}");
    }
}
