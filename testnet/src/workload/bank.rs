//! The bank: clients move amounts between accounts of all groups, a few of them hot, and what all accounts hold together
//! never changes, whenever it is looked at.

use super::submit::{Fate, Patience, look_up, see_through};
use super::unix_ms;
use rand::RngExt;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use witan_rpc::{Client, ClientError, TransactionState, ValueView};
use witan_types::{Account, ChainId, GroupId, Key, Op, SecretKey, SignedTransaction, Transaction};

/// A client asks about a transaction for this much longer than it lives.
const GRACE: Duration = Duration::from_secs(5);
/// Between two looks at all accounts through one node.
const SNAPSHOT_EVERY: Duration = Duration::from_secs(1);
/// How long one node may take to answer such a look.
const LOOK_FOR: Duration = Duration::from_secs(6);
/// The most that a transfer moves.
const MAX_AMOUNT: u128 = 100;

/// Who plays, and for how long.
#[derive(Clone, Debug)]
pub struct BankPlan {
    /// Clients that transfer at once, one transfer after another each.
    pub clients: usize,
    /// How many of the accounts are hot: in every second transfer one of them takes part.
    pub hot: usize,
    /// The share of transfers between groups, in percent.
    pub across: u32,
    /// For how long.
    pub window: Duration,
    /// How long a transfer lives.
    pub lifetime: Duration,
}

/// A look at all accounts at once.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// When it was there, since the start.
    pub at: Duration,
    /// What they held together.
    pub total: u128,
}

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct BankReport {
    /// Transfers that had their effect.
    pub committed: usize,
    /// Those of them between groups.
    pub across: usize,
    /// Transfers that a check of the balance failed.
    pub failed: usize,
    /// Transfers given up: by reason.
    pub aborted: BTreeMap<String, usize>,
    /// Transfers that expired.
    pub expired: usize,
    /// Transfers of which nobody could tell what came of them.
    pub unknown: usize,
    /// Transfers refused before any block.
    pub refused: usize,
    /// Looks at all accounts that succeeded.
    pub snapshots: Vec<Snapshot>,
    /// Looks that did not: by reason.
    pub failed_snapshots: BTreeMap<String, usize>,
    /// Accounts whose balance is not what the transfers that were acknowledged make of it: account, expected, found.
    pub wrong: Vec<(Account, u128, u128)>,
    /// Acknowledged transfers that a node no longer knows of, or tells otherwise.
    pub lost: usize,
}

impl BankReport {
    /// Transfers of all fates.
    pub fn transfers(&self) -> usize {
        let aborted: usize = self.aborted.values().sum();
        self.committed + self.failed + aborted + self.expired + self.unknown + self.refused
    }

    /// The share of transfers that were executed rather than given up or lost, between 0 and 1.
    pub fn executed(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share of counts far below 2^52")]
        let share = (self.committed + self.failed) as f64 / self.transfers().max(1) as f64;
        share
    }

    /// The longest time without a look at all accounts, from the start to the end of the window: when it began, and how long
    /// it was.
    pub fn longest_blindness(&self, window: Duration) -> (Duration, Duration) {
        let times = self.snapshots.iter().map(|snapshot| snapshot.at.min(window));
        let mut ends: Vec<Duration> = times.chain([window]).collect();
        ends.sort_unstable();
        let begins = std::iter::once(Duration::ZERO).chain(ends.clone());
        let gaps = begins.zip(ends).map(|(begin, end)| (begin, end.saturating_sub(begin)));
        gaps.max_by_key(|(_, length)| *length).unwrap_or((Duration::ZERO, window))
    }
}

/// An account of the bank.
#[derive(Clone, Debug)]
struct Holder {
    key: SecretKey,
    account: Account,
    home: GroupId,
}

/// The bank on a network.
#[derive(Debug)]
pub struct Bank {
    clients: Vec<Client>,
    chain: ChainId,
    holders: Vec<Holder>,
    opening: u128,
    /// Each transfer with its fate.
    ledger: Mutex<Vec<(SignedTransaction, Fate)>>,
    snapshots: Mutex<(Vec<Snapshot>, BTreeMap<String, usize>)>,
}

impl Bank {
    /// Opens the bank with these accounts, which nobody else uses meanwhile and which all hold the same; the first are the
    /// hot ones.
    ///
    /// # Errors
    /// If no node answers.
    pub async fn open(clients: Vec<Client>, keys: Vec<SecretKey>) -> Result<Bank, ClientError> {
        let first = clients.first().ok_or_else(no_nodes)?;
        let chain = first.genesis().await?.chain;
        let (mut holders, mut opening) = (Vec::new(), 0);
        for key in keys {
            let account = Account(key.public());
            let home = first.shard_of(&Key::balance_of(&account).0).await?.group;
            opening = first.account(account, witan_rpc::At::Latest).await?.balance;
            holders.push(Holder { key, account, home });
        }
        Ok(Bank { clients, chain, holders, opening, ledger: Mutex::default(), snapshots: Mutex::default() })
    }

    /// What all accounts hold together.
    pub fn total(&self) -> u128 {
        self.opening.saturating_mul(self.holders.len() as u128)
    }

    /// Plays for the time of the plan, and until every transfer has ended.
    pub async fn play(&self, plan: &BankPlan) {
        let start = Instant::now();
        let end = start + plan.window;
        let clients = (0..plan.clients).map(|number| self.transfer_until(plan, number, end));
        let lookers = self.clients.iter().map(|client| self.look_until(client, start, end));
        futures::join!(futures::future::join_all(clients), futures::future::join_all(lookers));
    }

    async fn transfer_until(&self, plan: &BankPlan, number: usize, end: Instant) {
        while Instant::now() < end {
            let Some(signed) = self.draw(plan) else { return };
            let first = rand::rng().random_range(0..self.clients.len().max(1)).wrapping_add(number);
            let patience = Patience { first, until: Instant::now() + plan.lifetime + GRACE };
            let fate = see_through(&self.clients, &signed, patience).await.fate;
            self.ledger.lock().unwrap_or_else(PoisonError::into_inner).push((signed, fate));
        }
    }

    /// A transfer between two accounts, hot or cold, of one group or of two.
    fn draw(&self, plan: &BankPlan) -> Option<SignedTransaction> {
        let mut rng = rand::rng();
        let hot = plan.hot.clamp(1, self.holders.len());
        let reach = if rng.random_bool(0.5) { hot } else { self.holders.len() };
        let from = self.holders.get(rng.random_range(0..reach))?;
        let across = rng.random_ratio(plan.across.min(100), 100);
        let fits = |holder: &&Holder| (holder.home != from.home) == across && holder.account != from.account;
        let others: Vec<&Holder> = self.holders.iter().filter(fits).collect();
        let to = others.get(rng.random_range(0..others.len().max(1)))?;
        let transaction = Transaction {
            chain: self.chain,
            signer: from.account,
            salt: rng.random(),
            expires_at_ms: unix_ms() + u64::try_from(plan.lifetime.as_millis()).unwrap_or(u64::MAX),
            checks: Vec::new(),
            ops: vec![Op::Transfer { to: to.account, amount: rng.random_range(1..=MAX_AMOUNT) }],
        };
        Some(transaction.sign(&from.key))
    }

    async fn look_until(&self, client: &Client, start: Instant, end: Instant) {
        while Instant::now() < end {
            let looked = match timeout(LOOK_FOR, self.look(client)).await {
                Ok(looked) => looked.map_err(|error| reason_of(&error)),
                Err(_) => Err("no answer in time".to_owned()),
            };
            self.looked(start.elapsed(), looked);
            sleep(SNAPSHOT_EVERY).await;
        }
    }

    fn looked(&self, at: Duration, total: Result<u128, String>) {
        let mut snapshots = self.snapshots.lock().unwrap_or_else(PoisonError::into_inner);
        match total {
            Ok(total) => snapshots.0.push(Snapshot { at, total }),
            Err(reason) => *snapshots.1.entry(reason).or_default() += 1,
        }
    }

    /// What all accounts hold together at one moment, by one strict read.
    async fn look(&self, client: &Client) -> Result<u128, ClientError> {
        self.balances(client).await.map(|balances| balances.iter().sum())
    }

    async fn balances(&self, client: &Client) -> Result<Vec<u128>, ClientError> {
        let keys: Vec<Vec<u8>> =
            self.holders.iter().map(|holder| Key::balance_of(&holder.account).0).collect();
        let read = client.strict_states(&keys).await?;
        let balance = |value: Option<ValueView>| match value {
            Some(ValueView::Balance(balance)) => balance,
            _ => 0,
        };
        Ok(read.items.into_iter().map(|item| balance(item.value)).collect())
    }

    /// Closes the books once every node works again: each acknowledged transfer is known everywhere, and each balance is
    /// what the transfers make of it.
    pub async fn close(&self) -> BankReport {
        let mut report = BankReport::default();
        let transfers = std::mem::take(&mut *self.ledger.lock().unwrap_or_else(PoisonError::into_inner));
        let mut expected: BTreeMap<Account, i128> = BTreeMap::new();
        for (signed, fate) in &transfers {
            let fate = self.resolve(signed, fate, &mut report).await;
            self.book(signed, &fate, &mut report, &mut expected);
        }
        (report.snapshots, report.failed_snapshots) =
            self.snapshots.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.compare(&expected, &mut report).await;
        report
    }

    /// What became of a transfer by the word of a node now; one that was acknowledged must be told the same by all.
    async fn resolve(&self, signed: &SignedTransaction, fate: &Fate, report: &mut BankReport) -> Fate {
        if let Fate::Ended(told) = fate {
            if told.status == TransactionState::Committed {
                for client in &self.clients {
                    let status = client.transaction(signed.id()).await.map(|now| now.status);
                    report.lost += usize::from(!matches!(status, Ok(TransactionState::Committed)));
                }
            }
            return fate.clone();
        }
        look_up(&self.clients, signed.id())
            .await
            .map_or_else(|| fate.clone(), |(_, now)| Fate::Ended(Box::new(now)))
    }

    fn book(
        &self,
        signed: &SignedTransaction,
        fate: &Fate,
        report: &mut BankReport,
        expected: &mut BTreeMap<Account, i128>,
    ) {
        let status = match fate {
            Fate::Ended(status) => status,
            Fate::Refused { .. } => return report.refused += 1,
            Fate::Unknown => return report.unknown += 1,
        };
        match status.status {
            TransactionState::Committed => {
                report.committed += 1;
                report.across += usize::from(!status.phases.is_empty());
                for op in &signed.transaction.ops {
                    if let Op::Transfer { to, amount } = op {
                        let amount = i128::try_from(*amount).unwrap_or(0);
                        *expected.entry(signed.transaction.signer).or_default() -= amount;
                        *expected.entry(*to).or_default() += amount;
                    }
                }
            }
            TransactionState::Failed => report.failed += 1,
            TransactionState::Aborted => {
                let reason = status.result.as_ref().and_then(|result| result.reason.clone());
                *report.aborted.entry(reason.unwrap_or_default()).or_default() += 1;
            }
            TransactionState::Expired => report.expired += 1,
            TransactionState::Unknown | TransactionState::Accepted | TransactionState::Pending => {
                report.unknown += 1;
            }
        }
    }

    async fn compare(&self, expected: &BTreeMap<Account, i128>, report: &mut BankReport) {
        let Some(first) = self.clients.first() else { return };
        let found = self.balances(first).await.unwrap_or_default();
        for (place, holder) in self.holders.iter().enumerate() {
            let moved = expected.get(&holder.account).copied().unwrap_or(0);
            let expected = self.opening.saturating_add_signed(moved);
            let found = found.get(place).copied().unwrap_or(0);
            if found != expected {
                report.wrong.push((holder.account, expected, found));
            }
        }
    }
}

/// Why a look failed, in few words.
fn reason_of(error: &ClientError) -> String {
    match error {
        ClientError::Rpc(error) => error.reason().into(),
        ClientError::Transport { .. } => "no connection".into(),
        other => other.to_string(),
    }
}

fn no_nodes() -> ClientError {
    ClientError::Transport { url: String::new(), why: "no node was named".into() }
}
