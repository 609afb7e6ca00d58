//! Judging messages before a replica sees them: decoding, membership, signatures. Stateless, so it runs on any core.

use crate::message::Message;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use witan_consensus::engine::{Engine, Instance, Rejected, Verified};
use witan_types::{
    BatchName, Block, BlockId, CodecError, Committee, Envelope, Epoch, FaultModel, GroupId, Holders,
    IdentifiedTransaction, NodeId, Outcome, Scheme, SealedBlock, SealedHeader, Signature, Signed,
    TransactionError, TxId, ValidatorIndex, Wire,
};

/// Why a peer's message is refused. Held against the peer that sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Not an encoding of a message.
    #[error(transparent)]
    Malformed(#[from] CodecError),
    /// A message that only members of a group send, from someone else.
    #[error("only members of the group send this")]
    NotAValidator,
    /// The engine refuses it.
    #[error(transparent)]
    Engine(#[from] Rejected),
    /// A transaction of wrong form.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    /// A transaction for another network.
    #[error("a transaction for another chain")]
    WrongChain,
    /// A client's signature that does not verify.
    #[error("transaction {0} is not signed by its signer")]
    ClientSignature(TxId),
    /// A message of another group that proves nothing, in a block or alone.
    #[error("a message of another group that its seal does not prove")]
    Envelope,
    /// A word that a batch of transactions is held, that is not the sender's.
    #[error("a batch that is said to be held without the holder's signature")]
    Held,
    /// A seal, share or sealed block that proves nothing.
    #[error("a seal, share or sealed block does not verify")]
    Seal,
}

/// Remembers client signatures already found valid, so that a block's transactions are not verified again.
/// Forgetting is always allowed.
pub trait SignatureCache: Send + Sync {
    /// The places, ascending, of the transactions whose very signature was not found valid before.
    fn unknown(&self, transactions: &[&IdentifiedTransaction]) -> Vec<usize>;
    /// Their signatures were found valid.
    fn learn(&self, transactions: &[&IdentifiedTransaction]);
}

/// Remembers nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCache;

impl SignatureCache for NoCache {
    fn unknown(&self, transactions: &[&IdentifiedTransaction]) -> Vec<usize> {
        (0..transactions.len()).collect()
    }
    fn learn(&self, _: &[&IdentifiedTransaction]) {}
}

/// A message found acceptable. Only [`MessageVerifier`] makes one.
pub struct VerifiedMessage(pub(crate) Content);

pub(crate) enum Content {
    /// An engine's `Verified<E::Message>`, and the blocks it carries: their payload is their header's, and their transactions
    /// have the right form, chain and, unless a trusted member vouches for them, signatures.
    Engine(Box<dyn Any + Send>, Vec<BlockId>),
    /// Transactions whose signatures are good, or vouched for by a member that the group trusts.
    Transactions(Vec<IdentifiedTransaction>),
    /// A member's batch, its transactions judged like those.
    Batch(JudgedBatch),
    /// Anything else, as it was sent.
    Plain(Box<Message>),
}

/// A batch with its name, and the encoding whose hash is in it.
#[derive(Debug)]
pub(crate) struct JudgedBatch {
    /// Who sent it.
    pub(crate) author: ValidatorIndex,
    pub(crate) name: BatchName,
    pub(crate) transactions: Vec<IdentifiedTransaction>,
    pub(crate) encoding: Vec<u8>,
}

impl VerifiedMessage {
    /// Whether it is transactions.
    pub fn is_transactions(&self) -> bool {
        matches!(self.0, Content::Transactions(..))
    }

    /// Whether it is what another group says.
    pub fn is_envelope(&self) -> bool {
        matches!(&self.0, Content::Plain(message) if matches!(**message, Message::Envelope(_)))
    }

    /// Whether it is a sealed header.
    pub fn is_sealed_header(&self) -> bool {
        matches!(&self.0, Content::Plain(message) if matches!(**message, Message::SealedHeader(_)))
    }
}

impl fmt::Debug for VerifiedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Engine(..) => f.write_str("engine message"),
            Content::Transactions(list) => write!(f, "{} transactions", list.len()),
            Content::Batch(batch) => write!(f, "a batch of {} transactions", batch.transactions.len()),
            Content::Plain(message) => message.fmt(f),
        }
    }
}

/// A message that was read and is not judged yet.
#[derive(Debug)]
pub struct ReadMessage {
    from: NodeId,
    is_trusted: bool,
    message: Message,
}

impl ReadMessage {
    /// Who sent it.
    pub fn from(&self) -> NodeId {
        self.from
    }

    /// The transactions that it brings, as far as their signatures must be verified.
    pub fn to_verify(&self) -> &[IdentifiedTransaction] {
        if self.is_trusted { &[] } else { self.brought() }
    }

    fn brought(&self) -> &[IdentifiedTransaction] {
        match &self.message {
            Message::Transactions(list) | Message::Batch(list) => list,
            _ => &[],
        }
    }
}

/// What clients signed, in a message.
#[derive(Clone, Copy)]
enum Clients<'a> {
    /// Verify what is not known to be valid.
    Check(&'a dyn SignatureCache),
    /// Verified by who sent it, whom the group trusts. Nothing is learnt of it: outside the group the word of a member
    /// counts no more than anyone's.
    Trust,
}

/// An accepted engine message, its type erased, and the blocks whose payload is still to be judged.
type JudgedEngineMessage = (Box<dyn Any + Send>, Vec<Arc<Block>>);
type EngineVerify =
    fn(&Instance, &Committee, ValidatorIndex, &[u8]) -> Result<JudgedEngineMessage, Rejection>;

/// The members of another group, who sign its seals and may bring what it says.
#[derive(Clone, Debug)]
pub struct OtherGroup {
    /// Their keys.
    pub committee: Committee,
    /// Their network identities, in the order of the committee.
    pub nodes: Vec<NodeId>,
}

/// Judges the messages of one group in one epoch.
#[derive(Clone)]
pub struct MessageVerifier {
    instance: Instance,
    committee: Committee,
    validators: BTreeMap<NodeId, ValidatorIndex>,
    /// Of the other groups, whose seals come with what they say.
    others: Arc<BTreeMap<GroupId, OtherGroup>>,
    engine: EngineVerify,
}

impl fmt::Debug for MessageVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message verifier of group {}", self.instance.group)
    }
}

impl MessageVerifier {
    /// A verifier for engine `E`; `validators` are the network identities of the committee, in its order.
    pub fn new<E: Engine>(
        instance: Instance,
        committee: Committee,
        validators: &[NodeId],
        others: BTreeMap<GroupId, OtherGroup>,
    ) -> MessageVerifier {
        let places = committee.validators();
        let validators = validators.iter().copied().zip(places).collect();
        let others = Arc::new(others);
        MessageVerifier { instance, committee, validators, others, engine: verify_engine::<E> }
    }

    /// Judges the bytes that `from` sent as its own words.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn verify(
        &self,
        cache: &dyn SignatureCache,
        from: NodeId,
        bytes: &[u8],
    ) -> Result<VerifiedMessage, Rejection> {
        self.verify_message(self.clients(cache, from), from, Message::decode(bytes)?)
    }

    /// Reads bytes that `from` sent as its own words, and judges the form of the transactions that they bring: what is left are
    /// signatures, those of several messages together, and then [`MessageVerifier::verify_read`].
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(&self, from: NodeId, bytes: &[u8]) -> Result<ReadMessage, Rejection> {
        let read = ReadMessage { from, is_trusted: self.trusts(&from), message: Message::decode(bytes)? };
        self.check_forms(read.brought().iter())?;
        Ok(read)
    }

    /// Judges what was read. Signatures that the cache knows are not verified again.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify_read(
        &self,
        cache: &dyn SignatureCache,
        read: ReadMessage,
    ) -> Result<VerifiedMessage, Rejection> {
        self.verify_message(self.clients(cache, read.from), read.from, read.message)
    }

    /// Judges bytes that `from` passed on without having judged them.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn verify_passed_on(
        &self,
        cache: &dyn SignatureCache,
        from: NodeId,
        bytes: &[u8],
    ) -> Result<VerifiedMessage, Rejection> {
        self.verify_message(Clients::Check(cache), from, Message::decode(bytes)?)
    }

    fn clients<'a>(&self, cache: &'a dyn SignatureCache, from: NodeId) -> Clients<'a> {
        if self.trusts(&from) { Clients::Trust } else { Clients::Check(cache) }
    }

    /// Members of a crash-model group are trusted to have verified what clients signed when they took it in.
    fn trusts(&self, from: &NodeId) -> bool {
        self.committee.faults() == FaultModel::Crash && self.validators.contains_key(from)
    }

    fn verify_message(
        &self,
        clients: Clients<'_>,
        from: NodeId,
        message: Message,
    ) -> Result<VerifiedMessage, Rejection> {
        let content = match message {
            Message::Engine(bytes) => {
                let place = *self.validators.get(&from).ok_or(Rejection::NotAValidator)?;
                let (message, blocks) = (self.engine)(&self.instance, &self.committee, place, &bytes)?;
                let judge = |block: &Arc<Block>| {
                    self.check_envelopes(&block.payload.envelopes)?;
                    self.judge_transactions(clients, block.payload.transactions())?;
                    Ok(block.id())
                };
                let blocks: Result<Vec<BlockId>, Rejection> = blocks.iter().map(judge).collect();
                Content::Engine(message, blocks?)
            }
            Message::Transactions(list) => {
                self.judge_transactions(clients, list.iter())?;
                Content::Transactions(list)
            }
            Message::Batch(list) => {
                let author = *self.validators.get(&from).ok_or(Rejection::NotAValidator)?;
                self.judge_transactions(clients, list.iter())?;
                let (name, encoding) = BatchName::with_encoding(&list);
                Content::Batch(JudgedBatch { author, name, transactions: list, encoding })
            }
            Message::BatchHeld { name, by, signature } => {
                self.check_holder(from, &name, by, &signature)?;
                Content::Plain(Box::new(Message::BatchHeld { name, by, signature }))
            }
            Message::Envelope(envelope) => {
                self.check_bearer(from, &envelope)?;
                self.check_envelopes(std::slice::from_ref(&*envelope))?;
                Content::Plain(Box::new(Message::Envelope(envelope)))
            }
            other => {
                self.check_seals(from, &other)?;
                Content::Plain(Box::new(other))
            }
        };
        Ok(VerifiedMessage(content))
    }

    /// Form, chain and signature of client transactions: those not known yet as one batch.
    ///
    /// # Errors
    /// The first rule that one of them breaks.
    pub fn check_signatures<'a>(
        &self,
        cache: &dyn SignatureCache,
        transactions: impl Iterator<Item = &'a IdentifiedTransaction>,
    ) -> Result<(), Rejection> {
        self.judge_transactions(Clients::Check(cache), transactions)
    }

    fn check_forms<'a>(
        &self,
        mut transactions: impl Iterator<Item = &'a IdentifiedTransaction>,
    ) -> Result<(), Rejection> {
        transactions.try_for_each(|known| match known.transaction.chain == self.instance.chain {
            true => known.transaction.check_form_of(known.size()).map_err(Rejection::from),
            false => Err(Rejection::WrongChain),
        })
    }

    /// Form, chain and, as far as need be, signatures.
    fn judge_transactions<'a>(
        &self,
        clients: Clients<'_>,
        transactions: impl Iterator<Item = &'a IdentifiedTransaction>,
    ) -> Result<(), Rejection> {
        let transactions: Vec<&IdentifiedTransaction> = transactions.collect();
        self.check_forms(transactions.iter().copied())?;
        let Clients::Check(cache) = clients else { return Ok(()) };
        match wrong_signatures(self.committee.scheme(), cache, &transactions).first() {
            Some(place) => {
                let id = transactions.get(*place).map(|known| known.id());
                Err(Rejection::ClientSignature(id.unwrap_or_default()))
            }
            None => Ok(()),
        }
    }

    fn check_seals(&self, from: NodeId, message: &Message) -> Result<(), Rejection> {
        let valid = match message {
            Message::Shares { .. } | Message::BatchReady(_) if !self.validators.contains_key(&from) => {
                return Err(Rejection::NotAValidator);
            }
            Message::Shares { shares, .. } => {
                shares.iter().all(|share| self.is_ours(&share.outcome) && share.verify(&self.committee))
            }
            Message::Seals(seals) => {
                seals.iter().all(|seal| self.is_ours(&seal.outcome) && seal.verify(&self.committee).is_ok())
            }
            Message::Blocks(blocks) => blocks.iter().all(|sealed| self.is_sealed_block(sealed)),
            Message::SealedHeader(sealed) => self.is_sealed_header(sealed),
            Message::BatchReady(held) => held.verify(&self.holders(), &self.committee).is_ok(),
            Message::Engine(_)
            | Message::Transactions(_)
            | Message::Envelope(_)
            | Message::Accepted
            | Message::Heartbeat(_)
            | Message::Batch(_)
            | Message::BatchHeld { .. }
            | Message::BatchesRequest(_)
            | Message::Batches(_)
            | Message::BlocksRequest { .. } => true,
        };
        if valid { Ok(()) } else { Err(Rejection::Seal) }
    }

    fn holders(&self) -> Holders {
        let Instance { chain, group, epoch } = self.instance;
        Holders { chain, group, epoch }
    }

    /// That it holds a batch each member says for itself.
    fn check_holder(
        &self,
        from: NodeId,
        name: &BatchName,
        by: ValidatorIndex,
        signature: &Signature,
    ) -> Result<(), Rejection> {
        if self.validators.get(&from) != Some(&by) {
            return Err(Rejection::NotAValidator);
        }
        let message = name.signing_bytes(&self.holders());
        let key = self.committee.key(by);
        match key.is_some_and(|key| self.committee.scheme().verify(key, &message, signature)) {
            true => Ok(()),
            false => Err(Rejection::Held),
        }
    }

    /// What a group says is brought by its members alone: others would only cost what judging it costs.
    fn check_bearer(&self, from: NodeId, envelope: &Envelope) -> Result<(), Rejection> {
        let other = self.others.get(&envelope.source());
        match other.is_some_and(|other| other.nodes.contains(&from)) {
            true => Ok(()),
            false => Err(Rejection::NotAValidator),
        }
    }

    /// What other groups say counts for their seals: those of the group that it comes from, in an epoch that is known.
    fn check_envelopes(&self, envelopes: &[Envelope]) -> Result<(), Rejection> {
        if envelopes.iter().all(|envelope| self.is_authentic(envelope)) {
            Ok(())
        } else {
            Err(Rejection::Envelope)
        }
    }

    fn is_authentic(&self, envelope: &Envelope) -> bool {
        let outcome = &envelope.seal.outcome;
        let other = self.others.get(&outcome.group);
        outcome.chain == self.instance.chain
            && outcome.epoch == Epoch(1)
            && envelope.contents.destination == self.instance.group
            && envelope.is_consistent()
            && other.is_some_and(|other| envelope.seal.verify(&other.committee).is_ok())
    }

    fn is_ours(&self, outcome: &Outcome) -> bool {
        let instance = &self.instance;
        outcome.chain == instance.chain && outcome.group == instance.group && outcome.epoch == instance.epoch
    }

    fn is_sealed_header(&self, sealed: &SealedHeader) -> bool {
        self.is_ours(&sealed.seal.outcome)
            && sealed.is_consistent()
            && sealed.seal.verify(&self.committee).is_ok()
    }

    fn is_sealed_block(&self, sealed: &SealedBlock) -> bool {
        let header = SealedHeader { header: sealed.block.header.clone(), seal: sealed.seal.clone() };
        self.is_sealed_header(&header) && sealed.block.is_whole()
    }
}

/// Verifies as one batch the signatures of transactions that several brought; if all are right, the cache learns them. If one is wrong it
/// learns none: then each is judged with what brought it, so that who brings a wrong one makes that dear for itself alone.
pub fn learn_together(scheme: Scheme, cache: &dyn SignatureCache, transactions: &[&IdentifiedTransaction]) {
    let unknown = cache.unknown(transactions);
    let unknown: Vec<&IdentifiedTransaction> =
        unknown.into_iter().filter_map(|place| transactions.get(place).copied()).collect();
    let items: Vec<Signed> = unknown.iter().map(|known| known.signed()).collect();
    if scheme.verify_all(&items) {
        cache.learn(&unknown);
    }
}

/// The places, ascending, of the transactions that their signers did not sign. Those not known to be signed are verified as one
/// batch, and the cache learns the right ones of them.
pub fn wrong_signatures(
    scheme: Scheme,
    cache: &dyn SignatureCache,
    transactions: &[&IdentifiedTransaction],
) -> Vec<usize> {
    let unknown = cache.unknown(transactions);
    let at = |place: &usize| transactions.get(*place).copied();
    let items: Vec<Signed> = unknown.iter().filter_map(at).map(|known| known.signed()).collect();
    let wrong = scheme.verify_batch(&items);
    let wrong: Vec<usize> = wrong.into_iter().filter_map(|place| unknown.get(place).copied()).collect();
    let right = unknown.iter().filter(|place| wrong.binary_search(place).is_err());
    cache.learn(&right.filter_map(at).collect::<Vec<_>>());
    wrong
}

fn verify_engine<E: Engine>(
    instance: &Instance,
    committee: &Committee,
    from: ValidatorIndex,
    bytes: &[u8],
) -> Result<JudgedEngineMessage, Rejection> {
    let message = E::Message::decode(bytes)?;
    let verified: Verified<E::Message> = E::verify(instance, committee, from, message)?;
    let blocks = E::blocks(verified.message()).into_iter().cloned().collect();
    Ok((Box::new(verified), blocks))
}
