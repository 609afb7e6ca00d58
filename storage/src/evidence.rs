//! Evidence of lies that this node saw: kept beside the consensus records, durably, and never more than so much of it.

use crate::error::StorageError;
use crate::instance::Instance;
use crate::keys;
use borsh::{BorshDeserialize, BorshSerialize};
use rocksdb::WriteBatch;
use witan_types::codec::bounded_bytes;
use witan_types::{Epoch, GroupId, PublicKey, Signature, ValidatorIndex, Wire};

/// By group, epoch, validator and kind of lie.
pub(crate) const EVIDENCE: &str = "evidence";

/// The most evidence that is kept against one validator in one group and epoch: one of each kind of lie, the first seen.
pub const MAX_EVIDENCE_OF_ONE: usize = 8;
/// The most evidence that is kept in all; what comes later is counted and logged alone.
pub const MAX_EVIDENCE: usize = 1_024;
/// The longest name of a kind of lie, in bytes.
const MAX_CONFLICT_BYTES: usize = 128;
/// The longest signed message that is kept, in bytes. What engines sign names blocks by their hashes, and is far shorter.
pub const MAX_EVIDENCE_MESSAGE_BYTES: usize = 64 * 1024;

/// What a validator signed.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SignedMessage {
    /// The whole signed bytes, domain included.
    #[borsh(deserialize_with = "bounded_bytes::<MAX_EVIDENCE_MESSAGE_BYTES, _>")]
    pub message: Vec<u8>,
    /// The signature, by ed25519 under ZIP-215.
    pub signature: Signature,
}

/// Two messages that no honest validator signs both of. With the key they can be checked by anyone, at any time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredEvidence {
    /// In which group.
    pub group: GroupId,
    /// In which epoch.
    pub epoch: Epoch,
    /// Who signed both: its place in the group's committee.
    pub validator: ValidatorIndex,
    /// What kind of conflict, such as "two votes in a round".
    pub conflict: String,
    /// Its key.
    pub key: PublicKey,
    /// The first message.
    pub first: SignedMessage,
    /// The second.
    pub second: SignedMessage,
    /// When this node saw the second, by its own clock; Unix milliseconds.
    pub seen_ms: u64,
}

/// Names one piece of evidence: they are listed in this order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct EvidencePlace {
    /// In which group.
    pub group: GroupId,
    /// In which epoch.
    pub epoch: Epoch,
    /// Against whom.
    pub validator: ValidatorIndex,
    /// What kind of conflict.
    pub conflict: String,
}

/// What its key does not say.
#[derive(BorshSerialize, BorshDeserialize)]
struct Kept {
    key: PublicKey,
    first: SignedMessage,
    second: SignedMessage,
    seen_ms: u64,
}

impl Wire for Kept {
    const MAX_BYTES: usize = 2 * (MAX_EVIDENCE_MESSAGE_BYTES + 128) + 64;
}

impl StoredEvidence {
    fn place(&self) -> EvidencePlace {
        let StoredEvidence { group, epoch, validator, conflict, .. } = self;
        EvidencePlace { group: *group, epoch: *epoch, validator: *validator, conflict: conflict.clone() }
    }

    fn fits(&self) -> bool {
        let fits = |signed: &SignedMessage| signed.message.len() <= MAX_EVIDENCE_MESSAGE_BYTES;
        self.conflict.len() <= MAX_CONFLICT_BYTES && fits(&self.first) && fits(&self.second)
    }
}

/// Adds evidence to a batch: the first of each kind against each validator, as long as there is room. Whether any was added.
pub(crate) fn put(
    instance: &Instance,
    batch: &mut WriteBatch,
    evidence: Vec<StoredEvidence>,
) -> Result<bool, StorageError> {
    let mut known: Vec<EvidencePlace> = Vec::new();
    if !evidence.is_empty() {
        known.extend(read(instance, None, MAX_EVIDENCE)?.iter().map(StoredEvidence::place));
    }
    let before = known.len();
    for evidence in evidence.into_iter().filter(StoredEvidence::fits) {
        let place = evidence.place();
        let of_one = |it: &&EvidencePlace| {
            (it.group, it.epoch, it.validator) == (place.group, place.epoch, place.validator)
        };
        let has_room =
            known.len() < MAX_EVIDENCE && known.iter().filter(of_one).count() < MAX_EVIDENCE_OF_ONE;
        if !has_room || known.contains(&place) {
            continue;
        }
        let StoredEvidence { key, first, second, seen_ms, .. } = evidence;
        let kept = Kept { key, first, second, seen_ms };
        batch.put_cf(instance.family(EVIDENCE), keys::evidence(&place), kept.encode());
        known.push(place);
    }
    Ok(known.len() > before)
}

/// At most `limit` pieces, in order of their places, from this one on.
pub(crate) fn read(
    instance: &Instance,
    from: Option<&EvidencePlace>,
    limit: usize,
) -> Result<Vec<StoredEvidence>, StorageError> {
    let mut found = Vec::new();
    let mut iterator = instance.iterate(EVIDENCE, None);
    iterator.seek(from.map(keys::evidence).unwrap_or_default());
    while found.len() < limit
        && let Some((key, value)) = iterator.item()
    {
        let place = keys::decode_evidence(key).ok_or_else(|| instance.malformed("evidence's key"))?;
        let kept = Kept::decode(value).map_err(|error| instance.undecodable("piece of evidence", &error))?;
        let EvidencePlace { group, epoch, validator, conflict } = place;
        let Kept { key, first, second, seen_ms } = kept;
        found.push(StoredEvidence { group, epoch, validator, conflict, key, first, second, seen_ms });
        iterator.next();
    }
    instance.finish(&iterator).map(|()| found)
}
