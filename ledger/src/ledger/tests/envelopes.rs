//! Blocks with messages of other groups, as a voter judges them. That seals are a quorum's is judged before, so none is
//! signed here.

use super::*;
use witan_types::envelope::{MAX_CONTENTS_BYTES, MAX_ENVELOPE_MESSAGES, MAX_MESSAGE_BYTES};
use witan_types::{Contents, Envelope};

/// What group 2 says to group 1.
fn envelope(messages: Vec<Vec<u8>>) -> Envelope {
    envelope_of(2, 1, messages)
}

fn envelope_of(from: u32, to: u32, messages: Vec<Vec<u8>>) -> Envelope {
    let contents = Contents { destination: GroupId(to), first: 0, consumed: 0, messages };
    let mut outcome = started().tip_outcome().clone();
    (outcome.group, outcome.outbox_root) = (GroupId(from), merkle_list::root(&[contents.leaf()]));
    let proof = merkle_list::prove(&[contents.leaf()], 0).unwrap();
    Envelope { seal: Seal { outcome, signatures: QuorumSignatures::default() }, contents, proof }
}

fn judged(envelopes: &[Envelope]) -> Validity {
    verdict(one(), |block| {
        block.payload.envelopes = envelopes.to_vec();
        block.header.payload_root = block.payload.root();
    })
}

#[test]
fn a_block_may_carry_what_other_groups_say_to_this_one() {
    let good = envelope(vec![b"anything".to_vec()]);
    assert_eq!(judged(std::slice::from_ref(&good)), Validity::Valid);
    assert_eq!(judged(&[good.clone(), good]), Validity::Valid, "repeated without effect");
    assert_eq!(judged(&[envelope(vec![])]), Validity::Valid);
}

#[test]
fn a_block_with_an_envelope_for_another_group_or_from_its_own_is_never_voted_for() {
    assert_eq!(judged(&[envelope_of(2, 3, vec![])]), Validity::Never);
    assert_eq!(judged(&[envelope_of(1, 1, vec![])]), Validity::Never);
    let good = envelope(vec![b"x".to_vec()]);
    assert_eq!(judged(&[good, envelope_of(2, 3, vec![])]), Validity::Never, "one of two");
}

#[test]
fn a_block_with_contents_that_a_seal_does_not_cover_is_never_voted_for() {
    let good = envelope(vec![b"a".to_vec(), b"b".to_vec()]);
    let altered = |change: &dyn Fn(&mut Envelope)| {
        let mut altered = good.clone();
        change(&mut altered);
        judged(&[altered])
    };
    assert_eq!(altered(&|_| ()), Validity::Valid);
    assert_eq!(altered(&|envelope| envelope.contents.messages[0] = b"c".to_vec()), Validity::Never);
    assert_eq!(altered(&|envelope| envelope.contents.messages.truncate(1)), Validity::Never);
    assert_eq!(altered(&|envelope| envelope.contents.first = 1), Validity::Never);
    assert_eq!(altered(&|envelope| envelope.contents.consumed = 1), Validity::Never);
    assert_eq!(altered(&|envelope| envelope.proof.length = 2), Validity::Never);
    assert_eq!(altered(&|envelope| envelope.proof.siblings.push(Hash::ZERO)), Validity::Never);
    assert_eq!(altered(&|envelope| envelope.seal.outcome.outbox_root = Hash::ZERO), Validity::Never);
}

#[test]
fn envelopes_are_part_of_what_the_header_commits_to() {
    let added = |block: &mut Block| block.payload.envelopes = vec![envelope(vec![])];
    assert_eq!(verdict(one(), added), Validity::Never);
}

#[test]
fn a_block_holds_so_many_messages_or_one_envelope_with_more() {
    let of = |count: usize| envelope(vec![vec![0]; count]);
    let half = MAX_BLOCK_MESSAGES / 2;
    assert_eq!(judged(&[of(half), of(half)]), Validity::Valid);
    assert_eq!(judged(&[of(half), of(half + 1)]), Validity::Never);
    assert_eq!(judged(&[of(MAX_ENVELOPE_MESSAGES)]), Validity::Valid);
    assert_eq!(judged(&[of(MAX_ENVELOPE_MESSAGES), of(0)]), Validity::Never);
}

#[test]
fn a_block_holds_the_largest_envelope_and_no_more_bytes_of_them_than_agreed() {
    let of = |bytes: usize| {
        let whole = bytes / MAX_MESSAGE_BYTES;
        let rest = vec![0; bytes % MAX_MESSAGE_BYTES];
        envelope([vec![vec![0; MAX_MESSAGE_BYTES]; whole], vec![rest]].concat())
    };
    let largest = of(MAX_CONTENTS_BYTES - 64);
    assert_eq!(judged(std::slice::from_ref(&largest)), Validity::Valid);
    assert_eq!(judged(&[largest.clone(), of(64 * 1024)]), Validity::Valid);
    assert_eq!(judged(&[largest, of(160 * 1024)]), Validity::Never);
}
