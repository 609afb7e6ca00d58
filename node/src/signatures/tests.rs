use super::*;
use witan_types::{Account, Op, SecretKey, Transaction};

fn signed(salt: u64) -> SignedTransaction {
    let secret = SecretKey::from_seed([u8::try_from(salt % 5).unwrap(); 32]);
    let transaction = Transaction {
        chain: ChainId::default(),
        signer: Account(secret.public()),
        salt,
        expires_at_ms: 1,
        checks: Vec::new(),
        ops: vec![Op::Get { key: "key".into() }],
    };
    transaction.sign(&secret)
}

fn forged(salt: u64) -> SignedTransaction {
    SignedTransaction { signature: signed(salt + 1).signature, ..signed(salt) }
}

fn foreign(salt: u64) -> SignedTransaction {
    let mut foreign = signed(salt);
    foreign.transaction.chain.0.0[0] = 1;
    foreign
}

#[test]
fn each_of_a_batch_gets_its_own_verdict_and_only_the_right_are_remembered() {
    let cache = Signatures::default();
    let all = || vec![signed(1), foreign(2), forged(3), signed(4), signed(4), forged(4)];
    let known = |salt| Ok(IdentifiedTransaction::from(signed(salt)));
    let wrong = Err(Refused::BadSignature);
    let expected = [known(1), Err(Refused::WrongChain), wrong.clone(), known(4), known(4), wrong];
    for round in ["fresh", "remembered"] {
        let mut verdicts = judge_chains(ChainId::default(), all());
        judge_signatures(&cache, &mut verdicts);
        assert_eq!(verdicts, expected, "{round}");
    }
    let asked = [signed(1), forged(1), signed(3), signed(4)].map(IdentifiedTransaction::from);
    assert_eq!(cache.unknown(&asked.iter().collect::<Vec<_>>()), [1, 2]);
}

#[test]
fn the_oldest_signatures_are_forgotten() {
    let cache = Signatures::default();
    let list: Vec<IdentifiedTransaction> =
        (0..=2 * GENERATION as u64).map(|salt| SignedTransaction { ..forged(salt) }.into()).collect();
    let (first, rest) = list.split_first().unwrap();
    cache.learn(&[first]);
    assert!(cache.unknown(&[first]).is_empty());
    cache.learn(&rest.iter().collect::<Vec<_>>());
    assert_eq!(cache.unknown(&[first]), [0]);
    assert!(cache.unknown(&rest[rest.len() - GENERATION..].iter().collect::<Vec<_>>()).is_empty());
}
