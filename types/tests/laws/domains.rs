//! A signature counts in one domain: one chain, group, epoch and role, and for one kind of message of one engine.

use crate::samples::{self, hash, secret};
use std::collections::BTreeSet;
use witan_types::crypto::SIGNING_PREFIX;
use witan_types::{ChainId, Domain, EngineKind, Epoch, GroupId, Role, Scheme};

/// Domains that differ from their neighbours in one thing each.
fn domains() -> Vec<Domain> {
    let mut roles = vec![Role::Transaction, Role::Seal, Role::Batch];
    for engine in [EngineKind::HotStuff, EngineKind::Pbft, EngineKind::Raft] {
        for (version, message) in [(1, 0), (1, 1), (2, 0), (256, 0), (1, 255)] {
            roles.push(Role::Engine { engine, version, message });
        }
    }
    let mut domains = Vec::new();
    for role in roles {
        for (group, epoch) in [(0, 0), (0, 1), (1, 0), (1, 1), (256, 1), (1, 256)] {
            for chain in [ChainId(hash("one")), ChainId(hash("two"))] {
                domains.push(Domain { chain, group: GroupId(group), epoch: Epoch(epoch), role });
            }
        }
    }
    domains
}

#[test]
fn a_signature_counts_in_its_own_domain_and_in_no_other() {
    let statement = (7_u64, "vote");
    for scheme in [Scheme::StandIn, Scheme::Ed25519] {
        let key = secret(1).under(scheme);
        let step = if scheme == Scheme::Ed25519 { 17 } else { 1 };
        for signed_in in domains().iter().step_by(step) {
            let signature = key.sign(signed_in, &statement);
            for judged_in in &domains() {
                let counts = scheme.verify(&key.public(), &judged_in.signing_bytes(&statement), &signature);
                assert_eq!(
                    counts,
                    signed_in == judged_in,
                    "signed in {signed_in:?}, judged in {judged_in:?}"
                );
            }
        }
    }
}

#[test]
fn signing_bytes_start_with_the_prefix_and_no_domain_is_the_start_of_another() {
    let all: Vec<Vec<u8>> = domains().iter().map(|domain| domain.signing_bytes(&())).collect();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    for (place, one) in all.iter().enumerate() {
        assert!(one.starts_with(SIGNING_PREFIX));
        let starts = all.iter().enumerate().any(|(other, bytes)| other != place && bytes.starts_with(one));
        assert!(!starts, "{:?} is the start of another", domains()[place]);
    }
}

#[test]
fn another_statement_another_key_or_another_scheme_does_not_verify() {
    let (key, domain) = (secret(1), samples::engine_domain());
    let signature = key.sign(&domain, &1_u64);
    let verify = |scheme: Scheme, signer: u8, statement: u64| {
        scheme.verify(&secret(signer).public(), &domain.signing_bytes(&statement), &signature)
    };
    assert!(verify(Scheme::Ed25519, 1, 1));
    assert!(!verify(Scheme::Ed25519, 1, 2));
    assert!(!verify(Scheme::Ed25519, 2, 1));
    assert!(!verify(Scheme::StandIn, 1, 1));
}

#[test]
fn a_seal_share_of_one_place_in_the_network_does_not_pass_for_another() {
    let committee = samples::genesis().committee(GroupId(1)).unwrap();
    let share = samples::seal_share(0);
    assert!(share.verify(&committee));
    let mut other_group = share.clone();
    other_group.outcome.group = GroupId(2);
    let mut other_epoch = share.clone();
    other_epoch.outcome.epoch = Epoch(2);
    let mut other_chain = share.clone();
    other_chain.outcome.chain = ChainId(hash("other"));
    let mut other_block = share;
    other_block.outcome.block_id = samples::no_block();
    for share in [other_group, other_epoch, other_chain, other_block] {
        assert!(!share.verify(&committee));
    }
}

#[test]
fn a_secret_key_is_never_shown() {
    let shown = format!("{:?}", secret(0xab));
    assert!(!shown.contains("abab"), "{shown}");
    assert!(shown.contains("key 0x"), "{shown}");
}
