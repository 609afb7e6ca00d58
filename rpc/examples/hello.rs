//! A whole client: signs a transaction here, submits it, reads what it wrote, and follows it on.
//!
//! ```sh
//! cargo run --release -p witan-rpc --example hello -- http://127.0.0.1:27001
//! ```

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use witan_rpc::{At, Client, Subscriber, Wait};
use witan_types::{Account, Key, Op, SecretKey, Transaction};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:27001".into());
    let client = Client::new(&url)?;
    let chain = client.genesis().await?.chain;

    // Any key may write: accounts need a balance only to transfer. The salt tells this transaction from its like.
    let secret = SecretKey::from_seed([42; 32]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let transaction = Transaction {
        chain,
        signer: Account(secret.public()),
        salt: u64::try_from(now.as_nanos())?,
        expires_at_ms: u64::try_from(now.as_millis())? + 60_000,
        checks: Vec::new(),
        ops: vec![Op::Put { key: Key::from("greeting"), value: b"hello from Rust".to_vec() }],
    };
    let signed = transaction.sign(&secret);

    // The same bytes again, here or at another node, would answer the same outcome.
    let status = client.submit(&signed, Wait::Committed, Duration::from_secs(10)).await?;
    println!("{} is {} in block {}", status.tx_id, status.status.name(), status.height.unwrap_or_default());

    let found = client.state(b"greeting", At::Latest, false).await?;
    println!("greeting is {:?} at version {}", found.value, found.version);

    let mut steps = Subscriber::connect(&url).await?.transaction(signed.id()).await?;
    while let Some(step) = steps.next().await? {
        println!("{step:?}");
    }
    Ok(())
}
