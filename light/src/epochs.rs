//! Who seals when: the committees of epochs, from genesis or from a checkpoint on.

use crate::error::{Bound, LightError};
use crate::{VerifiedBlock, Verifier};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;
use witan_ledger::records::Record;
use witan_ledger::{EpochLink, EpochRecord, PortableEpoch, PortableStateProof, Value};
use witan_types::{
    BlockId, ChainId, Committee, EngineKind, Epoch, Genesis, GroupId, Hash, Height, Seal, Wire,
};

/// The most epochs of all groups together that a verifier keeps. Each one that it learns was proved, so nobody but a network
/// that lives long comes near.
pub const MAX_EPOCHS: usize = 65_536;

/// A start to trust other than genesis: an epoch of the root group. Whoever takes it trusts that whoever named it told
/// the truth, and none of the keys that were good before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Checkpoint {
    /// The network.
    pub chain: ChainId,
    /// Which epoch of its root group.
    pub epoch: Epoch,
    /// [`EpochRecord::hash`] of its record.
    pub hash: Hash,
}

impl Wire for Checkpoint {
    const MAX_BYTES: usize = 32 + 8 + 32;
}

/// What is known of an epoch.
#[derive(Clone, Debug)]
pub(crate) struct Era {
    committee: Committee,
    engine: EngineKind,
    hash: Hash,
    /// Its last block, if that is known.
    last: Option<(Height, BlockId)>,
}

/// The epochs that are known, by group.
#[derive(Clone, Debug, Default)]
pub(crate) struct Eras(BTreeMap<(GroupId, Epoch), Era>);

/// A proved epoch of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifiedEpoch {
    /// The block of the root group after which its record stood.
    pub at: VerifiedBlock,
    /// Who runs the group in it, and how; and its last block, if it was over then.
    pub record: EpochRecord,
}

impl Eras {
    /// The first epochs of all groups.
    pub(crate) fn of_genesis(genesis: &Genesis) -> Result<Eras, LightError> {
        let mut eras = Eras::default();
        for record in genesis.groups.iter().filter_map(|group| EpochRecord::first(genesis, group.id)) {
            eras.learn(&record)?;
        }
        Ok(eras)
    }

    pub(crate) fn engine(&self, group: GroupId, epoch: Epoch) -> Option<EngineKind> {
        self.0.get(&(group, epoch)).map(|era| era.engine)
    }

    /// The oldest and the newest epoch of the root group that are known.
    fn root(&self) -> Option<(Epoch, Epoch)> {
        let mut known = self.0.range((GroupId::ROOT, Epoch(0))..=(GroupId::ROOT, Epoch(u64::MAX)));
        let first = known.next().map(|((_, epoch), _)| *epoch)?;
        Some((first, known.next_back().map_or(first, |((_, epoch), _)| *epoch)))
    }

    /// Takes in what a record says, which was proved.
    pub(crate) fn learn(&mut self, record: &EpochRecord) -> Result<(), LightError> {
        let (group, epoch) = (record.group, record.epoch);
        record.check().map_err(|why| LightError::UnsoundEpoch(group, epoch, why))?;
        let is_full = self.0.len() >= MAX_EPOCHS;
        let hash = record.hash();
        match self.0.get_mut(&(group, epoch)) {
            None if is_full => return Err(LightError::TooManyEpochs),
            None => {
                let (committee, engine, last) = (record.committee(), record.engine, record.closed);
                self.0.insert((group, epoch), Era { committee, engine, hash, last });
            }
            Some(known) => {
                let agree = known.last.is_none() || record.closed.is_none() || known.last == record.closed;
                if known.hash != hash || !agree {
                    return Err(LightError::ConflictingEpoch(group, epoch));
                }
                known.last = known.last.or(record.closed);
            }
        }
        Ok(())
    }

    /// Whether the committee of the seal's group and epoch signed it, and the block may be one of that epoch.
    pub(crate) fn verify(&self, seal: &Seal) -> Result<(), LightError> {
        let outcome = &seal.outcome;
        let (group, epoch, height) = (outcome.group, outcome.epoch, outcome.height);
        let Some(era) = self.0.get(&(group, epoch)) else {
            let mut others = self.0.range((group, Epoch(0))..=(group, Epoch(u64::MAX)));
            return Err(match others.next() {
                Some(_) => LightError::UnknownEpoch(group, epoch),
                None => LightError::UnknownGroup(group),
            });
        };
        let outside = |bound| LightError::OutsideEpoch { group, epoch, height, bound };
        let before = epoch.0.checked_sub(1).and_then(|before| self.0.get(&(group, Epoch(before))));
        if let Some((after, _)) = before.and_then(|era| era.last).filter(|(after, _)| height <= *after) {
            return Err(outside(Bound::After(after)));
        }
        if let Some((last, id)) = era.last
            && (height > last || (height == last && outcome.block_id != id))
        {
            return Err(outside(Bound::Last(last)));
        }
        Ok(seal.verify(&era.committee)?)
    }

    /// The root group's epoch ended with this block.
    fn end_root(&mut self, epoch: Epoch, height: Height, id: BlockId) -> Result<(), LightError> {
        let Some(era) = self.0.get_mut(&(GroupId::ROOT, epoch)) else {
            return Err(LightError::UnknownEpoch(GroupId::ROOT, epoch));
        };
        if era.last.is_some_and(|last| last != (height, id)) {
            return Err(LightError::ConflictingEpoch(GroupId::ROOT, epoch));
        }
        era.last = Some((height, id));
        Ok(())
    }
}

impl Verifier {
    /// A verifier that starts at a checkpoint. It trusts no genesis: the epochs of all other groups, the first ones included,
    /// have to be proved to it ([`Verifier::learn_epoch`]).
    ///
    /// # Errors
    /// If the record is not the one that the checkpoint names, or makes no committee.
    pub fn from_checkpoint(checkpoint: &Checkpoint, record: &EpochRecord) -> Result<Verifier, LightError> {
        let (group, epoch, found) = (record.group, record.epoch, record.hash());
        if (group, epoch, found) != (GroupId::ROOT, checkpoint.epoch, checkpoint.hash) {
            return Err(LightError::NotTheCheckpoint { group, epoch, found });
        }
        // When an epoch closes is no part of the hash, so it is not believed.
        let opened = EpochRecord { closed: None, ..record.clone() };
        let mut eras = Eras::default();
        eras.learn(&opened)?;
        Ok(Verifier { chain: checkpoint.chain, eras })
    }

    /// Goes from the newest epoch of the root group that is known to the next: its last block, sealed by its own validators,
    /// names the record. A step to an epoch that is known already must say the same; one from before the start is passed over,
    /// since nothing is to be believed of it.
    ///
    /// # Errors
    /// If an epoch is left out, the block is not proved or ends no epoch, or the record is another than it names.
    pub fn learn_root_epoch(&mut self, link: &EpochLink) -> Result<(), LightError> {
        let EpochLink { closing, record } = link;
        let (header, outcome) = (&closing.header, &closing.seal.outcome);
        for group in [header.group, record.group] {
            if group != GroupId::ROOT {
                return Err(LightError::NotTheRoot(group));
            }
        }
        let (first, newest) = self.eras.root().ok_or(LightError::UnknownGroup(GroupId::ROOT))?;
        let (closed, opened) = (header.epoch, record.epoch);
        if opened <= first {
            return Ok(());
        }
        let follows = closed.0.checked_add(1) == Some(opened.0);
        if !follows || closed < first || closed > newest {
            return Err(LightError::EpochSkipped { known: newest, found: opened });
        }
        self.verify_header(closing)?;
        let named = outcome.next_epoch.ok_or(LightError::NotTheEnd(outcome.height))?;
        let found = record.hash();
        if named != found {
            return Err(LightError::ForgedEpoch { named, found });
        }
        // When it closes in turn is no part of the hash, so it is not believed.
        let opened = EpochRecord { closed: None, ..record.clone() };
        self.eras.end_root(closed, outcome.height, outcome.block_id)?;
        self.eras.learn(&opened)
    }

    /// Learns the epochs of the root group that a proof leads over, and then that of a group from its record in the root
    /// group's state.
    ///
    /// # Errors
    /// If a step or the record is not proved. The steps before it are known all the same.
    pub fn learn_epoch(&mut self, portable: &PortableEpoch) -> Result<VerifiedEpoch, LightError> {
        for link in &portable.links {
            self.learn_root_epoch(link)?;
        }
        let verified = self.verify_epoch(&portable.record)?;
        let record = &verified.record;
        if record.group == GroupId::ROOT && self.eras.root().is_some_and(|(first, _)| record.epoch < first) {
            return Err(LightError::BeforeTheStart(record.epoch));
        }
        self.eras.learn(record)?;
        Ok(verified)
    }

    /// Checks the record of an epoch in a sealed state of the root group, without taking it in.
    ///
    /// # Errors
    /// If the header is not proved, is not of the root group, or the path does not lead from a record of an epoch to the state
    /// root.
    pub fn verify_epoch(&self, portable: &PortableStateProof) -> Result<VerifiedEpoch, LightError> {
        let PortableStateProof { header, key, entry, proof } = portable;
        if header.header.group != GroupId::ROOT {
            return Err(LightError::NotTheRoot(header.header.group));
        }
        self.verify_header(header)?;
        let Some(Record::Epoch(group, epoch)) = Record::of(key).filter(|record| record.key() == *key) else {
            return Err(LightError::NotAnEpoch);
        };
        let root = &header.seal.outcome.state_root;
        if !proof.verify(root, key, entry.as_ref().map(witan_ledger::Entry::hash)) {
            return Err(LightError::WrongPath(key.clone()));
        }
        let Some(entry) = entry else {
            return Err(LightError::NoSuchEpoch(group, epoch, header.header.height));
        };
        let Value::Record(bytes) = &entry.value else { return Err(LightError::NotAnEpoch) };
        let record = EpochRecord::decode(bytes).map_err(|_| LightError::NotAnEpoch)?;
        if (record.group, record.epoch) != (group, epoch) {
            return Err(LightError::NotAnEpoch);
        }
        record.check().map_err(|why| LightError::UnsoundEpoch(group, epoch, why))?;
        Ok(VerifiedEpoch { at: VerifiedBlock::of(&header.header), record })
    }

    /// The engine of a group in an epoch that is known.
    pub fn engine(&self, group: GroupId, epoch: Epoch) -> Option<EngineKind> {
        self.eras.engine(group, epoch)
    }
}
