//! What brings clients' transactions, whether clients send it or other validators, is judged on threads of its own: votes never
//! wait behind it. All signatures that came meanwhile are verified as one batch, for whatever group and whoever brought them.

use crate::event_loop::Command;
use crate::inbound::Judge;
use crate::signatures::{Verdict, judge_chains, judge_signatures};
use crate::together::{Entrance, Lane, Reader, Room, Together};
use crate::wire;
use std::{io, thread};
use tokio::sync::oneshot;
use witan_replica::{MessageVerifier, ReadMessage, learn_together};
use witan_types::{ChainId, GroupId, IdentifiedTransaction, NodeId, Scheme, SignedTransaction};

/// Lists of clients that may wait, and frames of all validators together. What comes on top of its share of the frames a validator
/// loses, and sends again if it took it in.
const ROOM: usize = 1_024;
/// Each validator's share of the frames is no less than this, however many validators there are.
const LEAST_SHARE: usize = 64;
/// About what a transaction takes that does little.
const SMALL_TRANSACTION_BYTES: usize = 256;

/// What brings transactions.
#[derive(Debug)]
pub(crate) enum Load {
    /// A validator's frame.
    Frame { from: NodeId, bytes: Vec<u8> },
    /// A client's list.
    List { transactions: Vec<SignedTransaction>, answer: oneshot::Sender<Vec<Verdict>> },
}

/// The same once it is read, its signatures not verified yet.
enum Read<'a> {
    Frame { group: GroupId, verifier: &'a MessageVerifier, message: Box<ReadMessage> },
    List { verdicts: Vec<Verdict>, answer: oneshot::Sender<Vec<Verdict>> },
}

/// Where clients' lists go.
#[derive(Debug)]
pub(crate) struct ClientJudge {
    lists: Entrance<Load>,
}

impl ClientJudge {
    /// A verdict for each, in order; none if too much waits.
    pub(crate) async fn judge(&self, transactions: Vec<SignedTransaction>) -> Option<Vec<Verdict>> {
        let (answer, verdicts) = oneshot::channel();
        self.lists.offer(Load::List { transactions, answer }).then_some(())?;
        verdicts.await.ok()
    }
}

/// Starts the threads: where validators' frames go, and clients' lists. A thread ends when nothing can come any more, or the loop
/// is gone.
pub(crate) fn start(
    judge: &Judge,
    chain: ChainId,
    threads: usize,
) -> io::Result<(Entrance<Load>, ClientJudge)> {
    let share = ROOM.checked_div(judge.validators.len()).unwrap_or(ROOM).max(LEAST_SHARE);
    let queue = Together::new(Room { clients: ROOM, each_validator: share }, weigh, Load::sender);
    let (frames, lists) = (queue.entrance(Lane::Validators), queue.entrance(Lane::Clients));
    for number in 0..threads.max(1) {
        let (judge, queue) = (judge.clone(), queue.reader());
        thread::Builder::new().name(format!("judge-load-{number}")).spawn(move || {
            while let Some(taken) = queue.next() {
                if judge_together(&judge, chain, &queue, taken).is_none() {
                    return;
                }
            }
        })?;
    }
    Ok((frames, ClientJudge { lists }))
}

impl Load {
    /// The validator that sends it.
    fn sender(&self) -> Option<NodeId> {
        match self {
            Load::Frame { from, .. } => Some(*from),
            Load::List { .. } => None,
        }
    }
}

/// In small transactions.
fn weigh(load: &Load) -> usize {
    match load {
        Load::Frame { bytes, .. } => bytes.len() / SMALL_TRANSACTION_BYTES + 1,
        Load::List { transactions, .. } => transactions.len(),
    }
}

/// None once the loop is gone.
fn judge_together(judge: &Judge, chain: ChainId, queue: &Reader<Load>, taken: Vec<Load>) -> Option<()> {
    let read: Vec<Read<'_>> = taken.into_iter().filter_map(|load| read(judge, chain, load)).collect();
    let all: Vec<&IdentifiedTransaction> = read.iter().flat_map(Read::to_verify).collect();
    if queue.watched(|| learn_together(Scheme::Ed25519, judge.signatures.as_ref(), &all)) {
        // A loop that has too much to do as it is hears it the next time.
        drop(judge.commands.try_send(Command::ProcessorShort));
    }
    // Clients first: they are to be answered even if the loop is gone.
    let (lists, frames): (Vec<_>, Vec<_>) =
        read.into_iter().partition(|read| matches!(read, Read::List { .. }));
    lists.into_iter().chain(frames).try_for_each(|read| answer(judge, read))
}

fn read(judge: &Judge, chain: ChainId, load: Load) -> Option<Read<'_>> {
    match load {
        Load::List { transactions, answer } => {
            Some(Read::List { verdicts: judge_chains(chain, transactions), answer })
        }
        Load::Frame { from, bytes } => {
            let (group, message) = wire::split(&bytes)?;
            let Some(verifier) = judge.verifiers.get(&group) else {
                judge.refuse_group(from, &bytes);
                return None;
            };
            let read = verifier.read(from, message).map_err(|rejection| judge.refuse(from, &rejection));
            Some(Read::Frame { group, verifier, message: Box::new(read.ok()?) })
        }
    }
}

fn answer(judge: &Judge, read: Read<'_>) -> Option<()> {
    let cache = judge.signatures.as_ref();
    match read {
        Read::List { mut verdicts, answer } => {
            judge_signatures(cache, &mut verdicts);
            // Nobody waits any more if the client hung up.
            drop(answer.send(verdicts));
        }
        Read::Frame { group, verifier, message } => {
            let from = message.from();
            match verifier.verify_read(cache, *message) {
                Ok(message) => judge.commands.send(Command::Message(group, from, message)).ok()?,
                Err(rejection) => judge.refuse(from, &rejection),
            }
        }
    }
    Some(())
}

impl Read<'_> {
    fn to_verify(&self) -> Vec<&IdentifiedTransaction> {
        match self {
            Read::Frame { message, .. } => message.to_verify().iter().collect(),
            Read::List { verdicts, .. } => verdicts.iter().flatten().collect(),
        }
    }
}

#[cfg(test)]
mod tests;
