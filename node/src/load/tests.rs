use super::*;
use crate::inbound::tests::{CHAIN, GROUP, judge, transaction};
use crate::signatures::Refused;
use std::sync::mpsc::{TryRecvError, sync_channel};
use tokio::runtime::{Builder, Runtime};
use witan_replica::Message;
use witan_types::{Hash, Signature};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn reader() -> Reader<Load> {
    Together::new(Room { clients: 1, each_validator: 1 }, weigh, Load::sender).reader()
}

fn good() -> SignedTransaction {
    transaction(CHAIN)
}

fn forged() -> SignedTransaction {
    SignedTransaction { signature: Signature([1; 64]), ..transaction(CHAIN) }
}

fn foreign() -> SignedTransaction {
    transaction(ChainId(Hash([8; 32])))
}

#[test]
fn what_is_judged_together_is_accepted_or_refused_alone() {
    let runtime = runtime();
    let (commands, inbox) = sync_channel(8);
    let judge = Judge { commands, ..judge(&runtime) };
    let from = *judge.validators.first().unwrap();
    let bytes = |transactions: Vec<SignedTransaction>| {
        let list = transactions.into_iter().map(Into::into).collect();
        wire::frame(GROUP, &Message::Batch(list).bytes())
    };
    let frame = |transactions| Load::Frame { from, bytes: bytes(transactions) };
    let list = || {
        let (answer, verdicts) = oneshot::channel();
        (Load::List { transactions: vec![forged(), good(), foreign()], answer }, verdicts)
    };
    let ((first, first_verdicts), (second, second_verdicts)) = (list(), list());
    drop(second_verdicts);
    let garbage = Load::Frame { from, bytes: wire::frame(GROUP, &[1, 255, 255, 255, 255]) };
    let mixed = vec![
        frame(vec![good()]),
        first,
        frame(vec![good(), forged()]),
        frame(vec![foreign()]),
        garbage,
        second,
        frame(vec![good(), good()]),
    ];
    assert!(judge_together(&judge, CHAIN, &reader(), mixed).is_some());
    assert_eq!(inbox.try_iter().count(), 2);
    let verdicts = first_verdicts.blocking_recv().unwrap();
    assert_eq!(verdicts, [Err(Refused::BadSignature), Ok(good().into()), Err(Refused::WrongChain)]);
    drop(inbox);
    assert!(
        judge_together(&judge, CHAIN, &reader(), vec![frame(vec![good()])]).is_none(),
        "nobody listens any more"
    );
}

#[test]
fn lists_that_are_judged_together_keep_their_own_verdicts() {
    let runtime = runtime();
    let (frames, clients) = start(&judge(&runtime), CHAIN, 2).unwrap();
    let judged = (0..40)
        .map(|number| clients.judge(if number % 2 == 0 { vec![good(), forged()] } else { vec![forged()] }));
    let verdicts = runtime.block_on(futures::future::join_all(judged));
    for (number, verdicts) in (0..).zip(verdicts) {
        let expected: Vec<Verdict> = match number % 2 {
            0 => vec![Ok(good().into()), Err(Refused::BadSignature)],
            _ => vec![Err(Refused::BadSignature)],
        };
        assert_eq!(verdicts, Some(expected));
    }
    drop(frames);
}

#[test]
fn threads_end_when_nothing_can_come_any_more() {
    let runtime = runtime();
    let (commands, inbox) = sync_channel(8);
    let (frames, clients) = start(&Judge { commands, ..judge(&runtime) }, CHAIN, 2).unwrap();
    assert_eq!(inbox.try_recv().unwrap_err(), TryRecvError::Empty);
    drop((frames, clients));
    // The threads held the last ways to the loop.
    assert!(inbox.recv().is_err());
}
