//! The words every room of Witan shares: ids, keys and signatures, the codec and its limits, committee and
//! quorum, transaction, block, seal, genesis. Pure: no clock, no input or output, no randomness of its own.

pub mod account;
pub mod batch;
pub mod block;
pub mod change;
pub mod codec;
pub mod committee;
pub mod crypto;
pub mod envelope;
pub mod genesis;
pub mod hash;
pub mod identified;
pub mod ids;
pub mod lookup;
pub mod merkle_list;
#[cfg(feature = "schema")]
pub mod schema;
pub mod seal;
pub mod transaction;

pub use account::Account;
pub use batch::{Batch, BatchName, HeldBatch, Holders};
pub use block::{Block, Header, Payload};
pub use change::{Change, ChangeKind};
pub use codec::{CodecError, Wire};
pub use committee::{CertificateError, Committee, FaultModel, QuorumSignatures, SignerSet};
pub use crypto::{Domain, PublicKey, Role, Scheme, SecretKey, Signature, Signed};
pub use envelope::{Contents, Envelope};
pub use genesis::{EngineKind, Genesis, GenesisError, Operators};
pub use hash::{Hash, sha256, sha256_pair};
pub use identified::IdentifiedTransaction;
pub use ids::{BlockId, ChainId, Epoch, GroupId, Height, NodeId, TxId, ValidatorIndex};
pub use lookup::Lookup;
pub use seal::{Outcome, Seal, SealShare, SealedBlock, SealedHeader};
pub use transaction::{Check, Key, Op, SignedTransaction, Transaction, TransactionError};
