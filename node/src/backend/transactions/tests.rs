use super::*;
use std::future::ready;
use witan_types::{Account, ChainId, SecretKey, Transaction};

fn pooled(salt: u64) -> IdentifiedTransaction {
    let secret = SecretKey::from_seed([9; 32]);
    let (chain, signer) = (ChainId::default(), Account(secret.public()));
    let transaction =
        Transaction { chain, signer, salt, expires_at_ms: 1, checks: Vec::new(), ops: Vec::new() };
    transaction.sign(&secret).into()
}

#[tokio::test]
async fn each_transaction_of_a_batch_gets_the_answer_of_its_own_group() {
    let (taking, full, short) = (GroupId(1), GroupId(2), GroupId(3));
    let mut by_group = ByGroup::new();
    for (place, group) in [taking, full, short, full, taking, short].into_iter().enumerate() {
        by_group.entry(group).or_default().push((place, pooled(place as u64)));
    }
    let is_full = RpcError::MempoolFull { retry_after_ms: RETRY_AFTER_MS };
    let answers = hand_over(by_group, |group, list| {
        let answers: Vec<Admission> = list.iter().map(|_| Admission::Pending).collect();
        ready(match group {
            _ if group == full => Err(is_full.clone()),
            _ if group == short => Ok(vec![Admission::Started]),
            _ => Ok(answers),
        })
    });
    let answers: BTreeMap<usize, Admitted> = answers.await.collect();
    let expected: [Admitted; 6] = [
        Ok(Admission::Pending),
        Err(is_full.clone()),
        Ok(Admission::Started),
        Err(is_full),
        Ok(Admission::Pending),
        Err(stopping()),
    ];
    assert_eq!(answers.into_values().collect::<Vec<_>>(), expected);
}
