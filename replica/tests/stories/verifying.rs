//! What peers may not send.

use crate::cluster::{Cluster, key, node, proposal, put, verifier, verifier_under};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use witan_replica::message::MAX_MESSAGE_BYTES;
use witan_replica::{Message, NoCache, Rejection, SignatureCache};
use witan_types::{
    ChainId, CodecError, FaultModel, Hash, IdentifiedTransaction, QuorumSignatures, SealShare, SealedBlock,
    SealedHeader, SignedTransaction, TransactionError, TxId, ValidatorIndex, Wire,
};

fn refused(cluster: &Cluster, from: usize, message: &Message) -> Rejection {
    cluster.verifier.verify(&NoCache, node(from), &message.bytes()).unwrap_err()
}

/// A group with two blocks, and the second one with its seal.
fn with_sealed_block() -> (Cluster, SealedBlock) {
    let mut cluster = Cluster::running(4, 1);
    cluster.execute(0, 1);
    let Message::Blocks(mut blocks) = cluster.ask(4, 0, &Message::BlocksRequest { from: 2 }).remove(0) else {
        panic!("no blocks");
    };
    (cluster, blocks.remove(0))
}

#[test]
fn bytes_that_are_no_message_are_malformed() {
    let cluster = Cluster::of(4, 0);
    let verify = |bytes: &[u8]| cluster.verifier.verify(&NoCache, node(0), bytes).unwrap_err();
    let heartbeat = Message::BlocksRequest { from: 1 }.bytes();
    for bytes in [&[][..], &[255], &heartbeat[..5], &[&heartbeat[..], &[0]].concat()] {
        assert!(matches!(verify(bytes), Rejection::Malformed(CodecError::Malformed(_))), "{bytes:?}");
    }
    let long = vec![0; MAX_MESSAGE_BYTES + 1];
    assert!(matches!(verify(&long), Rejection::Malformed(CodecError::TooLong { .. })));
    let huge_list = [&[1][..], &u32::MAX.to_le_bytes()].concat();
    assert!(matches!(verify(&huge_list), Rejection::Malformed(CodecError::Malformed(_))));
    let no_engine_message = Message::Engine(vec![255; 40]);
    assert!(matches!(refused(&cluster, 0, &no_engine_message), Rejection::Malformed(_)));
}

#[test]
fn an_engine_message_counts_from_the_validator_that_signed_it_alone() {
    let mut cluster = Cluster::running(4, 1);
    cluster.execute(0, 1);
    let sent = cluster.nodes[0].sent.iter().find(|message| {
        let bytes = message.bytes();
        let refused_from_1 = cluster.verifier.verify(&NoCache, node(1), &bytes).is_err();
        matches!(message, Message::Engine(_)) && refused_from_1
    });
    let signed = sent.expect("a vote").clone();
    assert!(cluster.verifier.verify(&NoCache, node(0), &signed.bytes()).is_ok());
    assert!(matches!(refused(&cluster, 1, &signed), Rejection::Engine(_)));
    assert_eq!(refused(&cluster, 4, &signed), Rejection::NotAValidator);
}

#[test]
fn a_share_is_a_members_own_signature_sent_by_a_member() {
    let (cluster, sealed) = with_sealed_block();
    let outcome = sealed.seal.outcome;
    let shares = |share: SealShare| Message::Shares { again: false, shares: vec![share] };
    let good = SealShare::sign(outcome.clone(), ValidatorIndex(2), &key(2));
    assert!(cluster.verifier.verify(&NoCache, node(2), &shares(good.clone()).bytes()).is_ok());
    assert_eq!(refused(&cluster, 4, &shares(good.clone())), Rejection::NotAValidator);
    let forged = SealShare { validator: ValidatorIndex(3), ..good };
    assert_eq!(refused(&cluster, 2, &shares(forged)), Rejection::Seal);
    let stranger = SealShare::sign(outcome.clone(), ValidatorIndex(4), &key(4));
    assert_eq!(refused(&cluster, 2, &shares(stranger)), Rejection::Seal);
    let mut elsewhere = outcome;
    elsewhere.chain = ChainId(Hash::ZERO);
    let elsewhere = SealShare::sign(elsewhere, ValidatorIndex(2), &key(2));
    assert_eq!(refused(&cluster, 2, &shares(elsewhere)), Rejection::Seal);
}

#[test]
fn a_seal_is_a_quorums() {
    let (cluster, sealed) = with_sealed_block();
    let SealedBlock { block, seal } = sealed;
    let messages = |seal: &witan_types::Seal| {
        let header = SealedHeader { header: block.header.clone(), seal: seal.clone() };
        let sealed = SealedBlock { block: block.clone(), seal: seal.clone() };
        [Message::Seals(vec![seal.clone()]), Message::SealedHeader(header), Message::Blocks(vec![sealed])]
    };
    for message in messages(&seal) {
        assert!(cluster.verifier.verify(&NoCache, node(4), &message.bytes()).is_ok());
    }
    let mut too_few = seal.clone();
    too_few.signatures = QuorumSignatures::collect(seal.signatures.iter().take(2));
    let mut of_another = seal.clone();
    of_another.outcome.height += 1;
    for message in [messages(&too_few), messages(&of_another)].concat() {
        assert_eq!(refused(&cluster, 0, &message), Rejection::Seal, "{message:?}");
    }
}

#[test]
fn a_sealed_block_carries_the_payload_that_was_sealed() {
    let (cluster, sealed) = with_sealed_block();
    let mut other_payload = sealed.clone();
    other_payload.block.payload.batches.clear();
    assert_eq!(refused(&cluster, 0, &Message::Blocks(vec![other_payload])), Rejection::Seal);
    let mut other_header = sealed;
    other_header.block.header.time_ms += 1;
    assert_eq!(refused(&cluster, 0, &Message::Blocks(vec![other_header])), Rejection::Seal);
}

#[test]
fn a_transaction_is_of_this_chain_of_right_form_and_signed() {
    let cluster = Cluster::of(4, 0);
    let of = |transaction| {
        Message::Transactions(vec![cluster.put(1).into(), SignedTransaction::into(transaction)])
    };
    assert!(cluster.verifier.verify(&NoCache, node(9), &of(cluster.put(2)).bytes()).is_ok());
    let mut elsewhere = cluster.put(2);
    elsewhere.transaction.chain = ChainId(Hash::ZERO);
    assert_eq!(refused(&cluster, 0, &of(elsewhere)), Rejection::WrongChain);
    let mut changed = cluster.put(2);
    changed.transaction.salt = 3;
    assert_eq!(refused(&cluster, 0, &of(changed.clone())), Rejection::ClientSignature(changed.id()));
    let mut without_ops = cluster.put(2);
    without_ops.transaction.ops.clear();
    assert_eq!(refused(&cluster, 0, &of(without_ops)), Rejection::Transaction(TransactionError::NoOps));
}

#[test]
fn members_who_are_trusted_vouch_for_what_clients_signed_and_nobody_else_does() {
    let cluster = Cluster::of(4, 0);
    let trusting = verifier_under(&cluster.genesis, FaultModel::Crash);
    let mut forged = cluster.put(2);
    forged.transaction.salt = 3;
    let of = |transaction| Message::Transactions(vec![SignedTransaction::into(transaction)]).bytes();
    let (member, follower) = (node(2), node(4));
    let refused = Rejection::ClientSignature(forged.id());

    assert!(trusting.verify(&NoCache, member, &of(forged.clone())).is_ok());
    let judged = trusting.verify(&NoCache, follower, &of(forged.clone()));
    assert_eq!(judged.unwrap_err(), refused, "from outside the group");
    let judged = trusting.verify_passed_on(&NoCache, member, &of(forged.clone()));
    assert_eq!(judged.unwrap_err(), refused, "a member that passes gossip on has not judged it");
    let judged = trusting.check_signatures(&NoCache, [&forged.clone().into()].into_iter());
    assert_eq!(judged.unwrap_err(), refused, "from a client");
    let judged = cluster.verifier.verify(&NoCache, member, &of(forged.clone()));
    assert_eq!(judged.unwrap_err(), refused, "a group whose members may lie trusts none of them");

    let mut elsewhere = cluster.put(2);
    elsewhere.transaction.chain = ChainId(Hash::ZERO);
    assert_eq!(trusting.verify(&NoCache, member, &of(elsewhere)).unwrap_err(), Rejection::WrongChain);
    let mut without_ops = cluster.put(2);
    without_ops.transaction.ops.clear();
    let judged = trusting.verify(&NoCache, member, &of(without_ops)).unwrap_err();
    assert_eq!(judged, Rejection::Transaction(TransactionError::NoOps));
}

#[test]
fn a_members_word_is_not_remembered_as_a_valid_signature() {
    #[derive(Default)]
    struct Learnt(Mutex<Vec<TxId>>);
    impl SignatureCache for Learnt {
        fn unknown(&self, transactions: &[&IdentifiedTransaction]) -> Vec<usize> {
            let learnt = self.0.lock().unwrap();
            (0..transactions.len()).filter(|place| !learnt.contains(&transactions[*place].id())).collect()
        }
        fn learn(&self, transactions: &[&IdentifiedTransaction]) {
            self.0.lock().unwrap().extend(transactions.iter().map(|known| known.id()));
        }
    }
    let cluster = Cluster::of(4, 0);
    let trusting = verifier_under(&cluster.genesis, FaultModel::Crash);
    let (cache, transaction) = (Learnt::default(), cluster.put(2));
    let message = Message::Transactions(vec![transaction.clone().into()]).bytes();
    trusting.verify(&cache, node(2), &message).unwrap();
    assert!(cache.0.lock().unwrap().is_empty());
    trusting.verify(&cache, node(4), &message).unwrap();
    assert_eq!(*cache.0.lock().unwrap(), [transaction.id()]);
}

#[test]
fn a_proposal_carries_the_payload_its_header_names_and_what_clients_signed() {
    use witan_consensus::engine::Instance;
    use witan_consensus::hotstuff::{Message as Inner, Proposal};
    let mut cluster = Cluster::running(4, 0);
    cluster.execute(0, 1);
    cluster.run(Duration::from_millis(10));
    let (place, honest) = proposal(&cluster);
    let header = honest.block.header.clone();
    let instance = Instance { chain: header.chain, group: header.group, epoch: header.epoch };
    let signed_again = |block: witan_types::Block| {
        let (justify, tc) = (honest.justify.clone(), honest.tc.clone());
        let proposal = Proposal::sign(&instance, &key(place), Arc::new(block), justify, tc);
        Message::Engine(Inner::Proposal(proposal).encode())
    };
    let honest_block = (*honest.block).clone();
    let accepted = signed_again(honest_block.clone());
    assert!(cluster.verifier.verify(&NoCache, node(place), &accepted.bytes()).is_ok());
    let mut emptied = honest_block.clone();
    emptied.payload.batches.clear();
    assert!(matches!(refused(&cluster, place, &signed_again(emptied)), Rejection::Engine(_)));
    let mut unsigned = honest_block;
    let witan_types::Batch::Inline(list) = &mut unsigned.payload.batches[0] else {
        panic!("little travels inline")
    };
    let mut changed = SignedTransaction::clone(&list[0]);
    changed.transaction.salt += 1;
    list[0] = changed.into();
    let id = list[0].id();
    unsigned.header.payload_root = unsigned.payload.root();
    let forged = signed_again(unsigned);
    assert_eq!(refused(&cluster, place, &forged), Rejection::ClientSignature(id));
    let trusting = verifier_under(&cluster.genesis, FaultModel::Crash);
    assert!(trusting.verify(&NoCache, node(place), &forged.bytes()).is_ok(), "a trusted leader vouches");
}

#[test]
fn a_verifier_of_another_network_accepts_nothing_of_this_one() {
    let (cluster, sealed) = with_sealed_block();
    let mut other = cluster.genesis.clone();
    other.name = "another".into();
    let transaction = put(&cluster.genesis, 1, 1);
    let messages = [
        Message::Seals(vec![sealed.seal.clone()]),
        Message::Blocks(vec![sealed]),
        Message::Transactions(vec![transaction.into()]),
    ];
    for message in messages {
        let verdict = verifier(&other).verify(&NoCache, node(0), &message.bytes());
        assert!(verdict.is_err(), "{message:?}");
    }
}
