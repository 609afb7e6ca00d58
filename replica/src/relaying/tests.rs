//! What waits for a block, and in which order it goes.

use super::*;
use witan_ledger::MemoryStore;
use witan_types::genesis::{GenesisGroup, GenesisValidator, Operators, Parameters};
use witan_types::{
    BlockId, ChainId, Contents, EngineKind, Epoch, Genesis, Hash, NodeId, Outcome, PublicKey,
    QuorumSignatures, merkle_list,
};

/// A ledger of group 1 that has heard nothing yet.
fn ledger() -> Ledger<MemoryStore> {
    let group = |id| GenesisGroup::of_all(GroupId(id), EngineKind::HotStuff);
    let genesis = Genesis {
        name: "test".into(),
        time_ms: 1,
        devnet: true,
        permissioned: false,
        validators: vec![GenesisValidator {
            name: "n0".into(),
            key: PublicKey([9; 32]),
            node: NodeId(Hash([9; 32])),
        }],
        followers: Vec::new(),
        operators: Operators::default(),
        groups: (0..4).map(group).collect(),
        balances: Vec::new(),
        parameters: Parameters::default(),
    };
    Ledger::open(MemoryStore::default(), &genesis, GroupId(1)).unwrap().0
}

/// An envelope of a group with this many messages of this many bytes each, from a place on.
fn envelope(source: u32, first: u64, messages: usize, bytes: usize) -> Arc<Envelope> {
    let contents =
        Contents { destination: GroupId(1), first, consumed: 0, messages: vec![vec![7; bytes]; messages] };
    let outcome = Outcome {
        chain: ChainId::default(),
        group: GroupId(source),
        epoch: Epoch(1),
        height: first + 1,
        block_id: BlockId::default(),
        state_root: Hash::ZERO,
        receipts_root: Hash::ZERO,
        outbox_root: merkle_list::root(&[contents.leaf()]),
        next_epoch: None,
    };
    let proof = merkle_list::prove(&[contents.leaf()], 0).unwrap();
    Arc::new(Envelope { seal: Seal { outcome, signatures: QuorumSignatures::default() }, contents, proof })
}

fn places(selected: &[Envelope]) -> Vec<(u32, u64)> {
    selected.iter().map(|envelope| (envelope.source().0, envelope.contents.first)).collect()
}

#[test]
fn what_came_out_of_order_goes_in_order_and_not_over_a_gap() {
    let (mut inbox, ledger) = (Inbox::default(), ledger());
    for first in [2, 0, 4, 1] {
        inbox.take(envelope(2, first, 1, 10), &ledger);
    }
    assert_eq!(places(&inbox.select(Cursors::new(), 0)), [(2, 0), (2, 1), (2, 2)]);
    let after_two = Cursors::from([(GroupId(2), 2)]);
    assert_eq!(places(&inbox.select(after_two, 0)), [(2, 2)], "what an ancestor carries is not repeated");
}

#[test]
fn a_full_inbox_still_takes_the_one_that_comes_first() {
    let (mut inbox, ledger) = (Inbox::default(), ledger());
    for first in 1..=MAX_WAITING as u64 + 10 {
        inbox.take(envelope(2, first, 1, 10), &ledger);
    }
    assert!(!inbox.has_messages(&Cursors::new()), "the first is missing");
    inbox.take(envelope(2, 0, 1, 10), &ledger);
    assert!(inbox.has_messages(&Cursors::new()));
    let waiting = &inbox.waiting[&GroupId(2)];
    assert_eq!((waiting.len(), waiting.contains_key(&0)), (MAX_WAITING, true));
}

#[test]
fn an_inbox_is_bounded_in_bytes_too() {
    let (mut inbox, ledger) = (Inbox::default(), ledger());
    for first in (0..200).rev() {
        inbox.take(envelope(2, first, 1, 300_000), &ledger);
    }
    let bytes: usize = inbox.waiting[&GroupId(2)].values().map(|waiting| waiting.bytes).sum();
    assert!(bytes <= MAX_WAITING_BYTES && bytes > MAX_WAITING_BYTES - 400_000);
    assert!(inbox.has_messages(&Cursors::new()), "the first ones are kept");
}

#[test]
fn each_sender_is_the_first_in_its_turn() {
    let (mut inbox, ledger) = (Inbox::default(), ledger());
    for source in [2, 3] {
        inbox.take(envelope(source, 0, 2, 300_000), &ledger);
    }
    assert_eq!(places(&inbox.select(Cursors::new(), 0)), [(2, 0)], "both together are too large");
    assert_eq!(places(&inbox.select(Cursors::new(), 1)), [(3, 0)]);
}

#[test]
fn a_block_carries_no_more_envelopes_and_messages_than_it_may() {
    let (mut inbox, ledger) = (Inbox::default(), ledger());
    inbox.take(envelope(2, 0, MAX_BLOCK_MESSAGES + 5, 10), &ledger);
    inbox.take(envelope(3, 0, 1, 10), &ledger);
    assert_eq!(places(&inbox.select(Cursors::new(), 0)), [(2, 0)], "one alone goes whatever it holds");
    assert_eq!(places(&inbox.select(Cursors::new(), 1)), [(3, 0)]);
    for source in 4..4 + 5 {
        for first in 0..MAX_WAITING as u64 {
            inbox.take(envelope(source, first, 1, 0), &ledger);
        }
    }
    let selected = inbox.select(Cursors::new(), 1);
    let messages: usize = selected.iter().map(|envelope| envelope.contents.messages.len()).sum();
    assert!(selected.len() <= MAX_ENVELOPES && messages <= MAX_BLOCK_MESSAGES);
}
