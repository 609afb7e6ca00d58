//! Committees: quorums meet in an honest member, and only a true quorum's signatures count.

use crate::samples::{self, secret};
use proptest::prelude::*;
use std::collections::BTreeSet;
use witan_types::committee::MAX_VALIDATORS;
use witan_types::{
    CertificateError, Committee, FaultModel, PublicKey, QuorumSignatures, Scheme, Signature, SignerSet,
    ValidatorIndex,
};

const MESSAGE: &[u8] = b"the block is final";

fn place(number: u16) -> ValidatorIndex {
    ValidatorIndex(number)
}

fn of_size(n: usize, faults: FaultModel) -> Committee {
    let key = |place: usize| PublicKey([u8::try_from(place).unwrap(); 32]);
    Committee::new((0..n).map(key).collect(), faults)
}

/// Four members with the seeds 1 to 4; a quorum is 3.
fn four() -> Committee {
    Committee::new((1..=4).map(|byte| secret(byte).public()).collect(), FaultModel::Byzantine)
}

fn signed_by(places: &[u16]) -> QuorumSignatures {
    let sign = |at: &u16| (place(*at), secret(u8::try_from(*at + 1).unwrap()).sign_bytes(MESSAGE));
    QuorumSignatures::collect(places.iter().map(sign))
}

fn judge(signatures: &QuorumSignatures) -> Result<(), CertificateError> {
    signatures.verify(&four(), |_| MESSAGE.to_vec())
}

#[test]
fn any_two_quorums_share_an_honest_member_and_the_honest_alone_are_a_quorum() {
    for n in 1..=MAX_VALIDATORS {
        let byzantine = of_size(n, FaultModel::Byzantine);
        let (q, f) = (byzantine.quorum(), byzantine.max_faulty());
        assert!(n > 3 * f && n <= 3 * (f + 1), "f is the most that n = {n} withstands");
        assert!(2 * q > n + f, "Byzantine n = {n}: two quorums share more than f members");
        assert!(n - f >= q, "Byzantine n = {n}: the honest are enough");

        let crash = of_size(n, FaultModel::Crash);
        let (q, f) = (crash.quorum(), crash.max_faulty());
        assert!(n > 2 * f && n <= 2 * (f + 1), "f is the most that n = {n} withstands");
        assert!(2 * q > n, "crash n = {n}: two quorums share a member, and nobody lies");
        assert!(n - f >= q, "crash n = {n}: the living are enough");
    }
}

#[test]
fn quorums_of_well_known_sizes() {
    let quorums = |faults| [1, 2, 3, 4, 5, 6, 7, 10, 100].map(|n| of_size(n, faults).quorum());
    assert_eq!(quorums(FaultModel::Byzantine), [1, 2, 2, 3, 4, 4, 5, 7, 67]);
    assert_eq!(quorums(FaultModel::Crash), [1, 2, 2, 3, 3, 4, 4, 6, 51]);
}

#[test]
fn an_empty_committee_has_no_quorum_to_offer() {
    for faults in [FaultModel::Byzantine, FaultModel::Crash] {
        let nobody = of_size(0, faults);
        assert_eq!((nobody.size(), nobody.max_faulty(), nobody.quorum()), (0, 0, 1));
        let verdict = QuorumSignatures::default().verify(&nobody, |_| MESSAGE.to_vec());
        assert_eq!(verdict, Err(CertificateError::NoQuorum { signers: 0, quorum: 1 }));
    }
}

#[test]
fn a_committee_knows_its_members_by_place_and_by_key() {
    let committee = four();
    assert_eq!(committee.validators().collect::<Vec<_>>(), [0, 1, 2, 3].map(place));
    for at in committee.validators() {
        assert_eq!(committee.place_of(committee.key(at).unwrap()), Some(at));
    }
    assert_eq!(committee.key(place(4)), None);
    assert_eq!(committee.key(place(u16::MAX)), None);
    assert_eq!(committee.place_of(&secret(9).public()), None);
}

#[test]
fn a_signer_set_holds_every_place_and_ignores_those_beyond() {
    let mut set = SignerSet::default();
    assert!(set.insert(place(0)) && set.insert(place(127)));
    assert!(!set.insert(place(0)), "a second time");
    for beyond in [128, 129, 255, 256, u16::MAX] {
        assert!(!set.insert(place(beyond)));
        assert!(!set.contains(place(beyond)));
    }
    assert_eq!(set.iter().collect::<Vec<_>>(), [place(0), place(127)]);
    assert_eq!(set.count(), 2);
}

proptest! {
    #[test]
    fn a_signer_set_is_a_set(places in proptest::collection::vec(0..160_u16, 0..200)) {
        let expected: BTreeSet<u16> = places.iter().copied().filter(|at| *at < 128).collect();
        let set: SignerSet = places.iter().copied().map(ValidatorIndex).collect();
        prop_assert_eq!(set.count(), expected.len());
        prop_assert_eq!(set.iter().map(|at| at.0).collect::<Vec<_>>(), expected.iter().copied().collect::<Vec<_>>());
        for at in 0..200 {
            prop_assert_eq!(set.contains(place(at)), expected.contains(&at));
        }
    }
}

#[test]
fn a_quorum_of_true_signatures_counts() {
    for quorum in [&[0, 1, 2][..], &[0, 1, 3], &[0, 2, 3], &[1, 2, 3], &[3, 1, 0, 2]] {
        assert_eq!(judge(&signed_by(quorum)), Ok(()));
    }
}

#[test]
fn fewer_than_a_quorum_do_not_count() {
    let refused = |signers| Err(CertificateError::NoQuorum { signers, quorum: 3 });
    assert_eq!(judge(&signed_by(&[])), refused(0));
    assert_eq!(judge(&signed_by(&[2])), refused(1));
    assert_eq!(judge(&signed_by(&[0, 3])), refused(2));
}

#[test]
fn one_member_twice_counts_once() {
    assert_eq!(judge(&signed_by(&[0, 1, 1])), Err(CertificateError::NoQuorum { signers: 2, quorum: 3 }));
    let mut forged = signed_by(&[0, 1]);
    forged.signatures.push(forged.signatures[1]);
    assert_eq!(judge(&forged), Err(CertificateError::Mismatch { signers: 2, signatures: 3 }));
}

#[test]
fn of_two_signatures_of_one_member_the_first_is_kept() {
    let (first, second) = (Signature([1; 64]), Signature([2; 64]));
    let collected = QuorumSignatures::collect([(place(5), first), (place(2), second), (place(5), second)]);
    assert_eq!(collected.iter().collect::<Vec<_>>(), [(place(2), second), (place(5), first)]);
}

#[test]
fn a_signature_from_beyond_the_largest_committee_is_dropped() {
    let mut parts: Vec<_> = signed_by(&[0, 1, 2]).iter().collect();
    parts.push((place(128), Signature([0; 64])));
    assert_eq!(judge(&QuorumSignatures::collect(parts)), Ok(()));
}

#[test]
fn a_signer_who_is_no_member_does_not_count() {
    assert_eq!(judge(&signed_by(&[0, 1, 4])), Err(CertificateError::NotAMember(place(4))));
    assert_eq!(judge(&signed_by(&[0, 1, 2, 127])), Err(CertificateError::NotAMember(place(127))));
}

#[test]
fn signers_and_signatures_must_pair_up() {
    let mut missing = signed_by(&[0, 1, 2, 3]);
    missing.signatures.pop();
    assert_eq!(judge(&missing), Err(CertificateError::Mismatch { signers: 4, signatures: 3 }));
    let mut unnamed = signed_by(&[0, 1, 2]);
    unnamed.signers = [0, 1].map(place).into_iter().collect();
    assert_eq!(judge(&unnamed), Err(CertificateError::Mismatch { signers: 2, signatures: 3 }));
}

#[test]
fn one_wrong_signature_spoils_the_whole() {
    let good = signed_by(&[0, 1, 3]);
    for (at, signer) in [0, 1, 3].into_iter().enumerate() {
        let mut bad = good.clone();
        bad.signatures[at].0[5] ^= 1;
        assert_eq!(judge(&bad), Err(CertificateError::BadSignature(place(signer))));
    }
    let mut swapped = good.clone();
    swapped.signatures.swap(0, 1);
    assert_eq!(judge(&swapped), Err(CertificateError::BadSignature(place(0))));
    let mut moved = good;
    moved.signers = [0, 1, 2].map(place).into_iter().collect();
    assert_eq!(judge(&moved), Err(CertificateError::BadSignature(place(2))), "signed by 3, said of 2");
}

#[test]
fn each_signer_is_judged_by_its_own_message() {
    let signatures = signed_by(&[0, 1, 2]);
    let other = |at: ValidatorIndex| if at == place(1) { b"another".to_vec() } else { MESSAGE.to_vec() };
    assert_eq!(signatures.verify(&four(), other), Err(CertificateError::BadSignature(place(1))));
}

#[test]
fn a_committee_judges_under_its_own_scheme() {
    let stand_in = four().under(Scheme::StandIn);
    let verdict = signed_by(&[0, 1, 2]).verify(&stand_in, |_| MESSAGE.to_vec());
    assert_eq!(verdict, Err(CertificateError::BadSignature(place(0))));
    let sign = |at: u16| {
        let key = secret(u8::try_from(at + 1).unwrap()).under(Scheme::StandIn);
        (place(at), key.sign_bytes(MESSAGE))
    };
    let signatures = QuorumSignatures::collect([0, 1, 2].map(sign));
    assert_eq!(signatures.verify(&stand_in, |_| MESSAGE.to_vec()), Ok(()));
    assert!(signatures.verify(&four(), |_| MESSAGE.to_vec()).is_err());
}

#[test]
fn a_seal_counts_with_a_quorum_and_falls_with_any_change() {
    let committee = samples::genesis().committee(witan_types::GroupId(1)).unwrap();
    let seal = samples::seal();
    assert_eq!(seal.verify(&committee), Ok(()));
    let mut changed = seal;
    changed.outcome.state_root = samples::hash("another state");
    assert_eq!(changed.verify(&committee), Err(CertificateError::BadSignature(place(0))));
}
