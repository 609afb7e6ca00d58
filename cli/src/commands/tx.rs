//! `witan tx`: signs a transaction here, submits it, and says what became of it.

mod approve;
pub(crate) mod check;
mod dry_run;
mod listing;
pub(crate) mod signer;
pub(crate) mod text;

use crate::commands::follow;
use crate::commands::remote::{self, connect, failed, with_encoding, write_readable};
use crate::commands::state::{find_account, write_document};
use crate::context::Context;
use crate::error::CliError;
use approve::Standing;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use witan_testnet::rpc::transaction_json::{unsigned_from_json, unsigned_to_json};
use witan_testnet::rpc::{ClientError, Phase, PhaseView, RpcError, TransactionState, TxStatusView, Wait};
use witan_types::transaction::MAX_TRANSACTION_BYTES;
use witan_types::{Account, Key, Op, SignedTransaction, Transaction, TxId};

const EXAMPLE: &str = "\
Example:
  witan tx put greeting hello
  witan tx put greeting hi --check greeting=value:hello
  witan tx transfer --to witan1... --amount 5 --from 1
  witan tx send --file ops.json      [{\"op\":\"put\",\"key\":\"a\",\"value\":\"1\"},{\"op\":\"get\",\"key\":\"a\"}]
  witan tx add hits 1 --wait applied            until every group it touches shows it
  witan tx approve --set idleIntervalMs=2000    as an operator: agree to a change of the configuration
  witan tx transfer --to witan1... --amount 5 --dry-run    what would happen, with nothing submitted
  witan tx status 0x...                         how one that was submitted before stands
  witan tx watch 0x...                          each step of its life, until it is over
  witan tx watch --account 0                    each transaction that the account signs or receives from
  witan tx list --account 1 --limit 50          what it signed and what pays it, newest first
  witan tx status 0x... --prove --json | witan verify -

Exits 0 if the transaction was committed, 1 if it failed, was aborted, was rejected or expired.";

/// How long the node is waited for beyond the transaction's own time.
const GRACE: Duration = Duration::from_secs(10);
/// Who signs if nobody is named.
const FIRST_ACCOUNT: &str = "0";
/// The longest wait that a node grants.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Sign and submit a transaction.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    options: Options,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Set a key
    #[command(after_help = "Example:\n  witan tx put greeting hello")]
    Put {
        key: String,
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Read keys in one transaction
    #[command(after_help = "Example:\n  witan tx get greeting user/1")]
    Get {
        #[arg(required = true)]
        keys: Vec<String>,
    },
    /// Remove a key
    #[command(after_help = "Example:\n  witan tx delete greeting")]
    Delete { key: String },
    /// Add to a counter
    #[command(after_help = "Example:\n  witan tx add hits -1 --wait applied")]
    Add {
        key: String,
        /// What to add; may be negative
        #[arg(allow_negative_numbers = true)]
        delta: i128,
    },
    /// Append to a list
    #[command(after_help = "Example:\n  witan tx append events started")]
    Append {
        key: String,
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Move balance to another account
    #[command(after_help = "Example:\n  witan tx transfer --to witan1... --amount 5 --from 1")]
    Transfer {
        /// The receiver's address
        #[arg(long, value_name = "ACCOUNT")]
        to: Account,
        /// How much
        #[arg(long)]
        amount: u128,
    },
    /// Submit the ops of a file, all of them or nothing
    #[command(after_help = "Example:\n  witan tx send --file ops.json")]
    Send {
        /// JSON: an array of ops, or {"ops": [...], "checks": [...]}
        #[arg(long)]
        file: PathBuf,
    },
    /// Approve a change of the configuration, as one of its operators; it happens once enough of them have
    #[command(after_help = "Example:\n  witan tx approve --set idleIntervalMs=2000")]
    Approve(approve::Wanted),
    /// Print each step of a transaction until it is over, or each transaction of an account until Ctrl-C; submits nothing
    #[command(after_help = "Example:\n  witan tx watch --account 0")]
    Watch {
        /// Its id
        #[arg(required_unless_present = "account")]
        id: Option<TxId>,
        /// An address, or the index of a development account
        #[arg(long, conflicts_with = "id")]
        account: Option<String>,
    },
    /// What has ended, newest first; submits nothing
    #[command(after_help = "Example:\n  witan tx list --account 1 --limit 50")]
    List(listing::Listing),
    /// How a submitted transaction stands; submits nothing
    #[command(after_help = "Example:\n  witan tx status 0x... --prove --json | witan verify -")]
    Status {
        /// Its id
        id: TxId,
        /// Ask for a proof of how it ended in every group it touches, which `witan verify` checks offline
        #[arg(long)]
        prove: bool,
        /// Write the answer as JSON to a file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(clap::Args, Debug)]
struct Options {
    /// Who signs: the index of a development account, or a key file; the account with index 0 if absent
    #[arg(long, global = true, value_name = "KEY")]
    from: Option<String>,
    /// A condition on the state before, such as key=version:3, key=absent, key=exists, key=value:text,
    /// @account=balance:10; may come more than once
    #[arg(long, global = true, value_name = "CHECK")]
    check: Vec<String>,
    /// How long the transaction is good for
    #[arg(long, global = true, default_value = "60s", value_parser = text::duration, value_name = "TIME")]
    expires: Duration,
    /// What to wait for
    #[arg(long, global = true, default_value = "committed")]
    wait: WaitFor,
    /// Print what would happen on the newest state, and submit nothing; exits 1 if it would not be applied
    #[arg(long, global = true)]
    dry_run: bool,
    /// Keys and values are hex, here and in the answer
    #[arg(long, global = true)]
    hex: bool,
}

/// The steps of the wait ladder.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum WaitFor {
    /// In a mempool: not durable
    Accepted,
    /// Decided and executed
    Committed,
    /// Provable by a seal
    Sealed,
    /// Visible in every group it touches
    Applied,
}

impl From<WaitFor> for Wait {
    fn from(wait: WaitFor) -> Wait {
        match wait {
            WaitFor::Accepted => Wait::Accepted,
            WaitFor::Committed => Wait::Committed,
            WaitFor::Sealed => Wait::Sealed,
            WaitFor::Applied => Wait::Applied,
        }
    }
}

/// Signs, submits, waits, reports.
///
/// # Errors
/// If it was not applied.
pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    if let What::Status { id, prove, out } = &args.what {
        let client = connect(context)?;
        let status =
            if *prove { client.proved_transaction(*id).await } else { client.transaction(*id).await };
        let status = status.map_err(failed)?;
        if let Some(path) = out {
            let mut written = status.clone();
            let encoding = write_readable(&mut written, args.options.hex);
            write_document(path, &with_encoding(&written, encoding)?)?;
        }
        return report(status, None, &args.options, context);
    }
    if let What::Watch { id, account } = &args.what {
        return watch(*id, account.as_deref(), args.options.hex, context).await;
    }
    if let What::List(listing) = &args.what {
        return listing.show(args.options.from.as_deref(), context).await;
    }
    let key = signer::find(args.options.from.as_deref().unwrap_or(FIRST_ACCOUNT), context)?;
    let client = connect(context)?;
    let genesis = client.genesis().await.map_err(failed)?;
    let lifetime = Duration::from_millis(genesis.genesis.parameters.max_tx_lifetime_ms);
    let expires = args.options.expires;
    if expires > lifetime {
        return Err(CliError::Usage(format!(
            "--expires {expires:?}: this network allows {lifetime:?} at most"
        )));
    }
    let expires_ms = u64::try_from(expires.as_millis()).unwrap_or(u64::MAX);
    let mut transaction = Transaction {
        chain: genesis.chain,
        signer: Account(key.public()),
        salt: rand::random(),
        expires_at_ms: remote::now_ms().saturating_add(expires_ms),
        checks: Vec::new(),
        ops: Vec::new(),
    };
    let change = match &args.what {
        What::Approve(wanted) => Some(wanted.change(&client).await?),
        _ => None,
    };
    args.fill(&mut transaction)?;
    transaction.ops.extend(change.clone().map(|change| Op::Approve { change }));
    transaction.check_form().map_err(CliError::failed)?;
    let signed = transaction.sign(&key);
    if signed.size() > MAX_TRANSACTION_BYTES {
        let size = signed.size();
        return Err(CliError::failed(format!(
            "the transaction has {size} bytes, above {MAX_TRANSACTION_BYTES}"
        )));
    }
    if args.options.dry_run {
        return dry_run::show(&client, &signed, args.options.hex, context).await;
    }
    let timeout = expires.saturating_add(GRACE).min(LONGEST_WAIT);
    match client.submit(&signed, args.options.wait.into(), timeout).await {
        Ok(status) => {
            let standing = match change.filter(|_| status.status == TransactionState::Committed) {
                Some(change) => Some(Standing::of(&change, &client).await?),
                None => None,
            };
            report(status, standing, &args.options, context)
        }
        Err(error) => Err(not_applied(&error, &signed, context)),
    }
}

/// Follows a transaction, or an account.
async fn watch(
    id: Option<TxId>,
    account: Option<&str>,
    hex: bool,
    context: &Context,
) -> Result<(), CliError> {
    match (id, account) {
        (Some(id), _) => follow::transaction(id, hex, context).await,
        (None, Some(account)) => follow::account(find_account(account, context)?, hex, context).await,
        (None, None) => Err(CliError::Usage("name a transaction, or an account by --account".into())),
    }
}

impl Args {
    /// Writes ops and checks into a transaction.
    fn fill(&self, transaction: &mut Transaction) -> Result<(), CliError> {
        let hex = self.options.hex;
        if let What::Send { file } = &self.what {
            read_file(file, transaction, hex)?;
        } else {
            transaction.ops = self.what.ops(hex).map_err(CliError::Usage)?;
        }
        for argument in &self.options.check {
            transaction.checks.push(check::parse(argument, hex).map_err(CliError::Usage)?);
        }
        Ok(())
    }
}

impl What {
    fn ops(&self, hex: bool) -> Result<Vec<Op>, String> {
        let key = |text: &String| text::bytes(text, hex).map(Key);
        Ok(match self {
            What::Put { key: name, value } => {
                vec![Op::Put { key: key(name)?, value: text::bytes(value, hex)? }]
            }
            What::Append { key: name, value } => {
                vec![Op::Append { key: key(name)?, item: text::bytes(value, hex)? }]
            }
            What::Get { keys } => {
                keys.iter().map(|name| Ok(Op::Get { key: key(name)? })).collect::<Result<_, String>>()?
            }
            What::Delete { key: name } => vec![Op::Delete { key: key(name)? }],
            What::Add { key: name, delta } => vec![Op::Add { key: key(name)?, delta: *delta }],
            What::Transfer { to, amount } => vec![Op::Transfer { to: *to, amount: *amount }],
            What::Send { .. }
            | What::Approve(_)
            | What::List(_)
            | What::Status { .. }
            | What::Watch { .. } => Vec::new(),
        })
    }
}

/// Reads ops and checks in their JSON form, which is that of JSON-RPC.
fn read_file(file: &std::path::Path, transaction: &mut Transaction, hex: bool) -> Result<(), CliError> {
    let refuse = |why: String| CliError::failed(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| refuse(error.to_string()))?;
    let given: Value = serde_json::from_str(&text).map_err(|error| refuse(format!("no JSON: {error}")))?;
    *transaction = ops_from_json(given, transaction, hex).map_err(refuse)?;
    Ok(())
}

/// `frame` with the ops and checks of a JSON document.
fn ops_from_json(given: Value, frame: &Transaction, hex: bool) -> Result<Transaction, String> {
    let encoding = text::encoding(hex);
    let mut json = unsigned_to_json(frame, encoding).map_err(|error| error.to_string())?;
    match given {
        Value::Array(ops) => {
            json.insert("ops".into(), Value::Array(ops));
        }
        Value::Object(parts) => {
            if let Some(unknown) = parts.keys().find(|name| !["ops", "checks"].contains(&name.as_str())) {
                return Err(format!("unknown field {unknown:?}; expected ops and checks"));
            }
            json.extend(parts);
        }
        _ => return Err("expected an array of ops, or an object with ops and checks".into()),
    }
    unsigned_from_json(&json, "file", encoding).map_err(|error| error.to_string())
}

fn report(
    mut status: TxStatusView,
    standing: Option<Standing>,
    options: &Options,
    context: &Context,
) -> Result<(), CliError> {
    let mut text = describe(&status, options.hex);
    let encoding = write_readable(&mut status, options.hex);
    let mut document = with_encoding(&status, encoding)?;
    if let Some(standing) = standing {
        text += &format!("\n{}", standing.describe());
        if let Some(object) = document.as_object_mut() {
            object.insert("approval".into(), serde_json::to_value(&standing).map_err(CliError::failed)?);
        }
    }
    context.output.result(&document, || text);
    match (status.status, options.wait) {
        (TransactionState::Committed, _) => Ok(()),
        // The user did not want to know more.
        (TransactionState::Accepted | TransactionState::Pending, WaitFor::Accepted) => Ok(()),
        _ => Err(CliError::Exit(1)),
    }
}

/// One line on what became of it, and one for each read.
fn describe(status: &TxStatusView, hex: bool) -> String {
    let mut text = status.status.name().to_owned();
    if let Some(reason) = status.result.as_ref().and_then(|result| result.reason.as_ref()) {
        text += &format!(": {reason}");
    }
    if let (Some(group), Some(height)) = (status.group, status.height) {
        text += &format!(" in block {height} of group {group}");
    }
    if status.sealed {
        text += ", sealed";
    }
    if status.applied && !status.phases.is_empty() {
        text += ", and over in every group";
    }
    text += &format!("\ntransaction {}", status.tx_id);
    for phase in &status.phases {
        text += &format!("\n  group {}: {}", phase.group, describe_phase(phase));
    }
    for read in status.result.iter().flat_map(|result| &result.reads) {
        let value = read.value.as_ref().map_or("(absent)".to_owned(), |value| text::show_value(value, hex));
        text += &format!("\n{} = {value}  (version {})", text::show(&read.key, hex), read.version);
    }
    text
}

/// What a group has done for a transaction that spans groups.
fn describe_phase(phase: &PhaseView) -> String {
    let (did, means) = match phase.phase {
        Phase::Pending => ("began", "the outcome is open"),
        Phase::Committed => ("committed", "as the coordinator"),
        Phase::Failed => ("failed", "without effect anywhere"),
        Phase::Aborted => ("aborted", "without effect anywhere"),
        Phase::Asked => ("asked", "it has not answered"),
        Phase::Prepared => ("prepared", "its keys are locked until the decision"),
        Phase::Refused => ("refused", "nothing is locked"),
        Phase::Applied => ("applied", "visible"),
        Phase::Released => ("released", "nothing is locked"),
    };
    let block = phase.height.map_or(String::new(), |height| format!(" in block {height}"));
    format!("{did}{block} ({means})")
}

/// An error, and whether the transaction may still commit.
fn not_applied(error: &ClientError, signed: &SignedTransaction, context: &Context) -> CliError {
    let id = signed.id();
    let open = match error {
        // It is decided, and the wait was for more.
        ClientError::Rpc(RpcError::WaitTimeout { status, .. }) => !status.is_final(),
        ClientError::Transport { .. } => true,
        ClientError::Rpc(_) | ClientError::Other(_) | ClientError::Answer { .. } => false,
    };
    if !context.output.is_json() {
        let id = if open { format!(" (transaction {id} may still commit)") } else { String::new() };
        return CliError::failed(format!("{error}{id}; {}", error.hint()));
    }
    let reason = error.rpc().map(RpcError::reason);
    let document = json!({
        "error": error.to_string(),
        "code": error.code(),
        "reason": reason,
        "hint": error.hint(),
        "txId": id.to_string(),
        "mayStillCommit": open,
    });
    context.output.result(&document, String::new);
    CliError::Exit(1)
}

#[cfg(test)]
mod tests;
