//! Answers to nodes that do not host a group, from one that does. What is asked is bounded in size, how often one node may
//! ask by the second, and how many are answered at once.

use super::message::{ANSWER_BYTES, Answer, PartStep, Question, Standing, What};
use crate::backend::NodeBackend;
use crate::wire;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc};
use witan_ledger::records::reading::{self, Step};
use witan_ledger::{PortableReceipt, PortableStateProof, Receipt, Store as _, Told};
use witan_p2p::{Misbehaviour, Network, ResponseToken};
use witan_replica::{Admission, wrong_signatures};
use witan_types::codec::encode;
use witan_types::{
    GroupId, Height, IdentifiedTransaction, Key, NodeId, Scheme, SealedHeader, TxId, Wire as _, merkle_list,
};

/// Questions that may wait.
pub(crate) const MAX_WAITING: usize = 256;
/// Questions that are answered at once.
const MAX_AT_ONCE: usize = 64;
/// Questions of one node that are answered in a second; to the rest this node says that it is busy.
const MAX_A_SECOND: u32 = 2_000;

/// A question that reached this node.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) from: NodeId,
    pub(crate) token: ResponseToken,
    pub(crate) bytes: Vec<u8>,
}

/// How many questions each node has asked in this second.
#[derive(Debug)]
struct Rations {
    since: Instant,
    asked: BTreeMap<NodeId, u32>,
}

impl Rations {
    fn take(&mut self, node: NodeId, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            self.asked.clear();
            self.since = now;
        }
        let asked = self.asked.entry(node).or_default();
        *asked = asked.saturating_add(1);
        *asked <= MAX_A_SECOND
    }
}

/// Answers questions for as long as the node runs.
pub(crate) async fn serve(backend: Arc<NodeBackend>, network: Network, mut asked: mpsc::Receiver<Asked>) {
    let places = Arc::new(Semaphore::new(MAX_AT_ONCE));
    let mut rations = Rations { since: Instant::now(), asked: BTreeMap::new() };
    while let Some(Asked { from, token, bytes }) = asked.recv().await {
        if !rations.take(from, Instant::now()) {
            // An honest node's clients may ask for that much: it hears that it is too much, and is not held to be hostile.
            network.respond(token, wire::frame(wire::QUESTIONS, &Answer::Busy.encode()));
            continue;
        }
        let Ok(question) = Question::decode(&bytes) else {
            network.report(from, Misbehaviour::Malformed);
            continue;
        };
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (backend, network) = (Arc::clone(&backend), network.clone());
        tokio::spawn(async move {
            let answer = backend.answer(from, question).await;
            network.respond(token, wire::frame(wire::QUESTIONS, &answer.encode()));
            drop(place);
        });
    }
}

impl NodeBackend {
    async fn answer(&self, from: NodeId, question: Question) -> Answer {
        let Question { group, what } = question;
        if !self.stores.contains_key(&group) {
            return Answer::Busy;
        }
        match what {
            What::Submit(list) => self.take_in(from, group, list).await,
            What::Transaction(id) => Answer::Stands(self.stands(group, id).await),
            What::Part { coordinator, id, decided } => self.part_of(group, coordinator, &id, decided),
            What::State { keys, at, at_least } => self.prove_state(group, &keys, at, at_least),
        }
    }

    /// Takes transactions in as a client's. A node that hands on what nobody signed did not look.
    async fn take_in(&self, from: NodeId, group: GroupId, list: Vec<IdentifiedTransaction>) -> Answer {
        let (signatures, chain, count) = (Arc::clone(&self.signatures), self.chain, list.len());
        let judged = tokio::task::spawn_blocking(move || {
            let is_good = |known: &IdentifiedTransaction| {
                known.transaction.chain == chain && known.transaction.check_form_of(known.size()).is_ok()
            };
            let wrong = || {
                let list: Vec<_> = list.iter().collect();
                wrong_signatures(Scheme::Ed25519, signatures.as_ref(), &list)
            };
            (list.iter().all(is_good) && wrong().is_empty()).then_some(list)
        });
        let Ok(Some(good)) = judged.await else {
            self.network.report(from, Misbehaviour::Forged);
            return Answer::Busy;
        };
        match self.admit_to(group, good).await {
            Ok(admissions) => Answer::Admitted(admissions),
            Err(_) => Answer::Admitted(vec![Admission::MempoolFull; count]),
        }
    }

    async fn stands(&self, group: GroupId, id: TxId) -> Standing {
        if let Some(standing) = self.traced_in(group, &id) {
            return standing;
        }
        let pending = self.is_pending(id).await;
        // It may have been executed while we asked.
        match self.traced_in(group, &id) {
            Some(standing) => standing,
            None if pending => Standing::Accepted,
            None if self.shared.has_expired(&id) => Standing::Expired,
            None => Standing::Unknown,
        }
    }

    /// What is on disk of a transaction that the group coordinates.
    fn traced_in(&self, group: GroupId, id: &TxId) -> Option<Standing> {
        let store = self.stores.get(&group)?;
        if let Some((height, receipt)) = store.find_transaction(id) {
            let proved = self.prove_receipt(group, height, receipt);
            return Some(proved.map_or(Standing::Accepted, Standing::Ended));
        }
        let known = reading::coordinated(store, id)?;
        let participants = known.participants.to_vec();
        Some(Standing::Pending { since: known.since_height, participants })
    }

    /// The receipt with its proof, once its block is sealed.
    pub(crate) fn prove_receipt(
        &self,
        group: GroupId,
        height: Height,
        receipt: Receipt,
    ) -> Option<PortableReceipt> {
        let store = self.stores.get(&group)?;
        let (block, seal) = store.block(height).zip(store.seal(height))?;
        let receipts = store.receipts(height);
        let hashes: Vec<_> = receipts.iter().map(Receipt::hash).collect();
        let place = receipts.iter().position(|other| other.id == receipt.id)?;
        let header = SealedHeader { header: block.header.clone(), seal };
        Some(PortableReceipt { header, proof: merkle_list::prove(&hashes, place)?, receipt })
    }

    fn part_of(
        &self,
        group: GroupId,
        coordinator: GroupId,
        id: &TxId,
        decided: Option<(Told, bool)>,
    ) -> Answer {
        let Some(store) = self.stores.get(&group) else { return Answer::Busy };
        let decided = decided.as_ref().map(|(told, commits)| (told, *commits));
        let heard = decided.is_some_and(|(told, _)| reading::has_heard(store, coordinator, told));
        Answer::Part { heard, step: on_wire(reading::step(store, coordinator, id, decided)) }
    }

    /// Proofs of the first keys, as many as an answer holds.
    fn prove_state(&self, group: GroupId, keys: &[Key], at: Option<Height>, at_least: Height) -> Answer {
        let Some(store) = self.stores.get(&group) else { return Answer::Busy };
        let wanted = at.unwrap_or(at_least);
        let tip = store.sealed_tip();
        let height = at.unwrap_or(tip);
        if tip < wanted || height == 0 {
            return Answer::Future(tip);
        }
        let Some(proofs) = self.shared.view(group).map(|view| view.proofs.clone()) else {
            return Answer::Busy;
        };
        let pruned = Answer::Pruned(proofs.oldest().unwrap_or(0).max(1));
        let Some((block, seal)) = store.block(height).zip(store.seal(height)) else { return pruned };
        let header = SealedHeader { header: block.header.clone(), seal };
        let (mut answer, mut bytes) = (Vec::new(), 0);
        for key in keys.iter().filter(|key| !key.is_reserved()) {
            let Some(proof) = proofs.prove(height, key) else { return pruned };
            let entry = store.entry_at(key, height);
            let portable = PortableStateProof { header: header.clone(), key: key.clone(), entry, proof };
            bytes += encode(&portable).len();
            if !answer.is_empty() && bytes > ANSWER_BYTES {
                break;
            }
            answer.push(portable);
        }
        Answer::State(answer)
    }
}

fn on_wire(step: Step) -> PartStep {
    match step {
        Step::Asked => PartStep::Asked,
        Step::Prepared(height) => PartStep::Prepared(height),
        Step::Refused(height) => PartStep::Refused(height),
        Step::Applied(height) => PartStep::Applied(height),
        Step::Released(height) => PartStep::Released(height),
    }
}

#[cfg(test)]
mod tests;
