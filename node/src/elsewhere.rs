//! Groups that this node does not host. Their members are asked, one after another: they take transactions in, say how
//! those stand, and read state. A value counts for its proof against a sealed block, and so does the end of a transaction;
//! what can't be proved counts once more members say it than may lie, and anything else is a hint.

pub(crate) mod answering;
mod heard;
pub(crate) mod kept;
pub(crate) mod message;
mod questions;

pub(crate) use questions::Questions;

use crate::clock::Clock;
use crate::wire;
use heard::{Heard, is_refusal};
use kept::Kept;
use message::{Answer, HANDED_BYTES, MAX_HANDED, MAX_KEYS, PartStep, Question, Standing, What};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use witan_ledger::{Limits, PortableReceipt, PortableStateProof, Refusal, Told};
use witan_light::{LightError, Verifier};
use witan_p2p::{Misbehaviour, Network};
use witan_replica::Admission;
use witan_rpc::{NotReady, RpcError};
use witan_types::{BlockId, Genesis, GroupId, Height, IdentifiedTransaction, Key, NodeId, TxId, Wire as _};

/// How long one member may take to answer before the next one is asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How often what is kept is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// How long a read is tried again while no member has what this node knows to be sealed.
const READ_WITHIN: Duration = Duration::from_secs(3);
/// The pause before it is.
const READ_AGAIN: Duration = Duration::from_millis(50);
/// Questions that one member has before it at once: fewer than the network lets through, which replicas need too.
const MAX_ASKED: usize = 24;

/// The members of a group that is hosted elsewhere.
#[derive(Debug)]
struct Members {
    names: Vec<String>,
    nodes: Vec<NodeId>,
    /// As many that say the same are believed: one of them is honest.
    enough: usize,
}

/// All groups that are hosted elsewhere, and what this node has going on with them.
#[derive(Debug)]
pub(crate) struct Elsewhere {
    groups: BTreeMap<GroupId, Members>,
    verifier: Verifier,
    network: Network,
    clock: Clock,
    started: Instant,
    next_member: AtomicUsize,
    questions: Arc<Questions>,
    /// Room for questions to each member.
    places: BTreeMap<NodeId, Semaphore>,
    /// How far ahead of this node's clock a transaction may expire; milliseconds.
    longest_ms: u64,
    kept: Mutex<Kept>,
    /// The newest block of each group that something was proved of.
    newest: Mutex<BTreeMap<GroupId, Height>>,
}

/// What keys hold after one sealed block, each with its proof, in the order asked for.
#[derive(Debug)]
pub(crate) struct ReadElsewhere {
    pub(crate) height: Height,
    pub(crate) block_id: BlockId,
    pub(crate) proofs: Vec<PortableStateProof>,
}

/// How a transaction stands that another group coordinates.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "made and consumed one by one")]
pub(crate) enum StandsElsewhere {
    /// No member answers.
    Unheard,
    /// Members answer, and none says that it knows it.
    Unknown,
    /// A member has taken it in, or this node keeps it.
    Accepted,
    /// A member says that it is pending since this block with these other groups.
    Pending(Height, Vec<GroupId>),
    /// More members than may lie say that it is void and in no block.
    Expired,
    /// It ended: proved.
    Ended(PortableReceipt),
}

/// A lock whose holder panicked still guards sound data: each critical section here leaves it whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Elsewhere {
    /// Everything that `hosted` leaves out.
    ///
    /// # Errors
    /// If the genesis breaks a rule.
    pub(crate) fn new(
        genesis: &Genesis,
        hosted: &[GroupId],
        limits: Limits,
        network: Network,
        questions: Arc<Questions>,
        clock: Clock,
    ) -> Result<Elsewhere, LightError> {
        let members = |group: GroupId| {
            let members = genesis.members(group);
            let max_faulty = genesis.committee(group).map_or(0, |committee| committee.max_faulty());
            Members {
                names: members.iter().map(|member| member.name.clone()).collect(),
                nodes: members.iter().map(|member| member.node).collect(),
                enough: max_faulty.saturating_add(1),
            }
        };
        let others = genesis.user_groups().filter(|group| !hosted.contains(group));
        let groups: BTreeMap<GroupId, Members> = others.map(|group| (group, members(group))).collect();
        let nodes = groups.values().flat_map(|members| members.nodes.iter().copied());
        let parameters = &genesis.parameters;
        Ok(Elsewhere {
            places: nodes.map(|node| (node, Semaphore::new(MAX_ASKED))).collect(),
            longest_ms: parameters.max_tx_lifetime_ms.saturating_add(parameters.max_drift_ms),
            groups,
            verifier: Verifier::new(genesis)?,
            network,
            started: Instant::now(),
            clock,
            next_member: AtomicUsize::new(0),
            questions,
            kept: Mutex::new(Kept::new(limits)),
            newest: Mutex::default(),
        })
    }

    /// Whether a group is hosted elsewhere.
    pub(crate) fn has(&self, group: GroupId) -> bool {
        self.groups.contains_key(&group)
    }

    /// All groups that are hosted elsewhere.
    pub(crate) fn groups(&self) -> impl Iterator<Item = GroupId> {
        self.groups.keys().copied()
    }

    /// The answer for what only a host of the group has: who hosts it.
    pub(crate) fn not_hosted(&self, group: GroupId) -> RpcError {
        match self.groups.get(&group) {
            Some(members) => RpcError::NotHosted { group, nodes: members.names.clone() },
            None => RpcError::not_found(format!("group {group}")),
        }
    }

    /// The members, another one first each time, those that are connected before the others.
    fn in_turn(&self, group: GroupId) -> Vec<NodeId> {
        let Some(members) = self.groups.get(&group) else { return Vec::new() };
        let connected: BTreeSet<NodeId> = self.network.peers().into_iter().map(|peer| peer.node).collect();
        let mut nodes: Vec<NodeId> =
            members.nodes.iter().filter(|node| connected.contains(node)).copied().collect();
        let turn = self.next_member.fetch_add(1, Ordering::Relaxed);
        if let Some(first) = turn.checked_rem(nodes.len()) {
            nodes.rotate_left(first);
        }
        nodes
    }

    fn enough(&self, group: GroupId) -> usize {
        self.groups.get(&group).map_or(usize::MAX, |members| members.enough)
    }

    pub(crate) fn unreachable(&self, group: GroupId) -> RpcError {
        let names = self.groups.get(&group).map(|members| members.names.join(", ")).unwrap_or_default();
        let detail = format!("no member of group {group} answers: they are {names}");
        RpcError::NotReady { reason: NotReady::NoQuorum, detail }
    }

    /// Asks one member; nothing if it does not answer in time, or with nonsense.
    async fn ask(&self, node: NodeId, group: GroupId, what: What) -> Option<Answer> {
        let place = tokio::time::timeout(ANSWER_WITHIN, self.places.get(&node)?.acquire()).await;
        let _place = place.ok()?.ok()?;
        let (id, receiver) = self.questions.open();
        let question = Question { group, what };
        self.network.request(node, id, wire::frame(wire::QUESTIONS, &question.encode()));
        let answer = tokio::time::timeout(ANSWER_WITHIN, receiver).await;
        self.questions.close(id);
        let bytes = answer.ok()?.ok().flatten()?;
        match wire::split(&bytes).map(|(_, answer)| Answer::decode(answer)) {
            Some(Ok(answer)) => Some(answer),
            Some(Err(_)) | None => {
                self.network.report(node, Misbehaviour::Malformed);
                None
            }
        }
    }

    /// Keeps transactions and hands them to members, one after another until one has answered for all. What nobody took
    /// is kept all the same, unless more members refuse it than may lie; what nobody could ever take in is not.
    pub(crate) async fn submit(&self, group: GroupId, list: Vec<IdentifiedTransaction>) -> Vec<Admission> {
        let (now, latest) = (self.started.elapsed(), self.clock.wall_ms().saturating_add(self.longest_ms));
        let keep = |pooled: &IdentifiedTransaction| {
            if pooled.transaction.expires_at_ms > latest {
                return (Admission::ExpiryTooFar(latest), false);
            }
            match lock(&self.kept).keep(now, group, pooled.clone()) {
                Ok(is_new) => (Admission::Pending, is_new),
                Err(Refusal::SignerFull) => (Admission::SignerFull, false),
                Err(Refusal::Full | Refusal::Duplicate) => (Admission::MempoolFull, false),
            }
        };
        let (mut admissions, new): (Vec<Admission>, Vec<bool>) = list.iter().map(keep).unzip();
        let kept = list.iter().zip(new).zip(&mut admissions);
        let mut kept: Vec<_> = kept.filter(|(_, admission)| **admission == Admission::Pending).collect();
        while !kept.is_empty() {
            let rest = kept.split_off(fitting(kept.iter().map(|((pooled, _), _)| pooled.size())));
            let part: Vec<IdentifiedTransaction> =
                kept.iter().map(|((pooled, _), _)| (*pooled).clone()).collect();
            let heard = self.hand_over(group, &part).await;
            for (((pooled, is_new), admission), heard) in kept.into_iter().zip(heard) {
                *admission = heard;
                // What somebody took in before may still be on its way there.
                if is_refusal(admission) && is_new {
                    lock(&self.kept).end(&pooled.id());
                }
            }
            kept = rest;
        }
        admissions
    }

    /// Asks members to take transactions in until each one is taken or refused by enough of them; pending is what nobody
    /// answered for.
    async fn hand_over(&self, group: GroupId, part: &[IdentifiedTransaction]) -> Vec<Admission> {
        let enough = self.enough(group);
        let mut heard: Vec<Heard> = part.iter().map(|_| Heard::default()).collect();
        for node in self.in_turn(group) {
            let open = heard.iter().zip(part).filter(|(heard, _)| heard.settled(enough).is_none());
            let asked: Vec<IdentifiedTransaction> = open.map(|(_, pooled)| pooled.clone()).collect();
            if asked.is_empty() {
                break;
            }
            let mut said = self.offer(node, group, &asked).await;
            for (heard, pooled) in heard.iter_mut().zip(part) {
                heard.add(said.remove(&pooled.id()));
            }
        }
        heard.into_iter().map(|heard| heard.settled(enough).unwrap_or(Admission::Pending)).collect()
    }

    /// Hands transactions to one member; what it says of each.
    async fn offer(
        &self,
        node: NodeId,
        group: GroupId,
        list: &[IdentifiedTransaction],
    ) -> BTreeMap<TxId, Admission> {
        let transactions = list.to_vec();
        let Some(Answer::Admitted(admissions)) = self.ask(node, group, What::Submit(transactions)).await
        else {
            return BTreeMap::new();
        };
        let (now, enough) = (self.started.elapsed(), self.enough(group));
        let mut kept = lock(&self.kept);
        let heard = list.iter().zip(admissions);
        heard
            .map(|(pooled, admission)| {
                kept.heard(now, &pooled.id(), node, &admission, enough);
                (pooled.id(), admission)
            })
            .collect()
    }

    /// For as long as the node runs: hands over again what is not final.
    pub(crate) async fn see_through(&self) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let due = {
                let mut kept = lock(&self.kept);
                kept.expire(self.clock.wall_ms());
                kept.due(self.started.elapsed())
            };
            let offers = due.into_iter().filter_map(|(group, list)| {
                let node = self.in_turn(group).into_iter().next()?;
                Some(async move { self.offer(node, group, &list).await })
            });
            futures::future::join_all(offers).await;
        }
    }

    /// The group of a transaction that is kept here.
    pub(crate) fn keeps(&self, id: &TxId) -> Option<GroupId> {
        lock(&self.kept).group_of(id)
    }

    /// How a transaction stands that a group coordinates, as far as its members say and prove.
    pub(crate) async fn standing(&self, group: GroupId, id: TxId) -> StandsElsewhere {
        let is_kept = self.keeps(&id).is_some();
        let known = if is_kept { StandsElsewhere::Accepted } else { StandsElsewhere::Unheard };
        let (mut best, mut expired, mut heard) = (known, 0, 0);
        for node in self.in_turn(group) {
            if heard >= self.enough(group) {
                break;
            }
            let Some(Answer::Stands(standing)) = self.ask(node, group, What::Transaction(id)).await else {
                continue;
            };
            heard += usize::from(!matches!(standing, Standing::Ended(_)));
            match standing {
                Standing::Unknown if is_kept => {}
                Standing::Unknown => best = StandsElsewhere::Unknown,
                Standing::Accepted => return StandsElsewhere::Accepted,
                Standing::Pending { since, mut participants } => {
                    participants.sort_unstable();
                    participants.dedup();
                    best = StandsElsewhere::Pending(since, participants);
                    break;
                }
                Standing::Expired => {
                    expired += 1;
                    if expired >= self.enough(group) {
                        return StandsElsewhere::Expired;
                    }
                    if !is_kept {
                        best = StandsElsewhere::Unknown;
                    }
                }
                Standing::Ended(proved) if self.proves(node, group, &id, &proved) => {
                    lock(&self.kept).end(&id);
                    return StandsElsewhere::Ended(proved);
                }
                Standing::Ended(_) => {}
            }
        }
        best
    }

    /// Whether a receipt is the transaction's, in a sealed block of the group. A member that proves anything else lies.
    fn proves(&self, node: NodeId, group: GroupId, id: &TxId, proved: &PortableReceipt) -> bool {
        let header = &proved.header.header;
        let proves =
            header.group == group && proved.receipt.id == *id && self.verifier.verify_receipt(proved).is_ok();
        if proves {
            self.is_sealed(group, header.height);
        } else {
            self.network.report(node, Misbehaviour::Forged);
        }
        proves
    }

    /// Something was proved of this block.
    fn is_sealed(&self, group: GroupId, height: Height) {
        let mut newest = lock(&self.newest);
        let known = newest.entry(group).or_default();
        *known = height.max(*known);
    }

    /// How far a group is with its part of a transaction: whether it has obeyed the decision counts once more members
    /// say so than may lie, the step is a hint.
    pub(crate) async fn part(
        &self,
        group: GroupId,
        coordinator: GroupId,
        id: TxId,
        decided: Option<(Told, bool)>,
    ) -> (bool, PartStep) {
        let (mut heard, mut newest) = (0, PartStep::Asked);
        let enough = self.enough(group);
        for node in self.in_turn(group) {
            let what = What::Part { coordinator, id, decided };
            let Some(Answer::Part { heard: has_heard, step }) = self.ask(node, group, what).await else {
                continue;
            };
            newest = step;
            heard += usize::from(has_heard);
            if !has_heard || decided.is_none() || heard >= enough {
                break;
            }
        }
        (heard >= enough, newest)
    }

    /// What keys of one group hold after its newest sealed block, or after a block that it keeps proofs of.
    ///
    /// # Errors
    /// If no member answers, or none that answers has the block.
    pub(crate) async fn state(
        &self,
        group: GroupId,
        keys: &[Key],
        at: Option<Height>,
    ) -> Result<ReadElsewhere, RpcError> {
        let deadline = Instant::now() + READ_WITHIN;
        loop {
            let mut found = None;
            for node in self.in_turn(group) {
                match self.read_from(node, group, keys, at).await {
                    Ok(read) => return Ok(read),
                    // What one member says that it lacks another one may have.
                    Err(why) => found = why.or(found),
                }
            }
            // The newest one that this node knows of may not have reached the members that it asked.
            let may_come = at.is_none() && matches!(found, Some(RpcError::FutureHeight { .. }));
            if !may_come || Instant::now() >= deadline {
                return Err(found.unwrap_or_else(|| self.unreachable(group)));
            }
            tokio::time::sleep(READ_AGAIN).await;
        }
    }

    /// Reads from one member, in as many questions as its answers take; the first fixes the block.
    async fn read_from(
        &self,
        node: NodeId,
        group: GroupId,
        keys: &[Key],
        at: Option<Height>,
    ) -> Result<ReadElsewhere, Option<RpcError>> {
        let at_least = lock(&self.newest).get(&group).copied().filter(|_| at.is_none()).unwrap_or(0);
        let mut read: Option<ReadElsewhere> = None;
        let mut left = keys;
        while !left.is_empty() {
            let at = read.as_ref().map(|read| read.height).or(at);
            let asked = left.iter().take(MAX_KEYS).cloned().collect();
            let answer = self.ask(node, group, What::State { keys: asked, at, at_least }).await;
            let proofs = match answer {
                Some(Answer::State(proofs)) => proofs,
                Some(Answer::Pruned(oldest_height)) => return Err(Some(RpcError::Pruned { oldest_height })),
                Some(Answer::Future(height)) => return Err(Some(RpcError::FutureHeight { height })),
                Some(_) | None => return Err(None),
            };
            let Some((height, block_id)) = self.proven(group, left, at, &proofs) else {
                self.network.report(node, Misbehaviour::Forged);
                return Err(None);
            };
            if height < at_least {
                return Err(Some(RpcError::FutureHeight { height }));
            }
            left = left.get(proofs.len()..).unwrap_or_default();
            let read = read.get_or_insert_with(|| ReadElsewhere { height, block_id, proofs: Vec::new() });
            read.proofs.extend(proofs);
        }
        if let Some(read) = &read {
            self.is_sealed(group, read.height);
        }
        read.ok_or(None)
    }

    /// The one block after which all proofs prove what the first keys hold; none if they don't.
    fn proven(
        &self,
        group: GroupId,
        keys: &[Key],
        at: Option<Height>,
        proofs: &[PortableStateProof],
    ) -> Option<(Height, BlockId)> {
        let mut block = None;
        for (place, proof) in proofs.iter().enumerate() {
            let verified = self.verifier.verify_state(proof).ok()?;
            let this = (verified.height, verified.block_id);
            let fits = verified.group == group
                && keys.get(place) == Some(&verified.key)
                && at.is_none_or(|at| at == verified.height)
                && *block.get_or_insert(this) == this;
            if !fits {
                return None;
            }
        }
        block
    }
}

/// How many of the first fit one question.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0_usize;
    let fits = |(place, size): &(usize, usize)| {
        bytes = bytes.saturating_add(*size);
        *place == 0 || (*place < MAX_HANDED && bytes <= HANDED_BYTES)
    };
    sizes.enumerate().take_while(fits).count()
}

#[cfg(test)]
mod tests;
