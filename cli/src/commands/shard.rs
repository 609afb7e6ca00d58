//! `witan shard`: which group holds what.

use crate::commands::remote::{connect, failed, with_encoding, write_readable};
use crate::commands::tx::text;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use witan_testnet::rpc::{Client, LockPage, ShardView};
use witan_types::GroupId;

const EXAMPLE: &str = "\
Example:
  witan shard list
  witan shard for-key greeting
  witan shard for-key '{order-7}/state'     the same group as '{order-7}/items'
  witan shard locks --group 1               keys that undecided transactions hold";

/// Locks on a page.
const PAGE: usize = 1_000;

/// See which group holds which keys.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// The groups that hold keys, with the slots they own
    #[command(after_help = "Example:\n  witan shard list")]
    List,
    /// The slot of a key, and the group that owns it
    #[command(after_help = "Example:\n  witan shard for-key '{order-7}/state'")]
    ForKey {
        key: String,
        /// The key is hex
        #[arg(long)]
        hex: bool,
    },
    /// The keys of a group that transactions across groups have locked until they are decided
    #[command(after_help = "Example:\n  witan shard locks --group 1")]
    Locks {
        /// Which group
        #[arg(long)]
        group: u32,
        /// At most this many
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Show keys as hex
        #[arg(long)]
        hex: bool,
    },
}

/// Asks and prints.
///
/// # Errors
/// If the node has no answer.
pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = connect(context)?;
    match args.what {
        What::List => {
            let shards = client.shards().await.map_err(failed)?;
            context.output.result(&shards, || table(&shards).to_string());
        }
        What::ForKey { key, hex } => {
            let key = text::bytes(&key, hex).map_err(CliError::Usage)?;
            let found = client.shard_of(&key).await.map_err(failed)?;
            context.output.result(&found, || format!("group {} (slot {})", found.group, found.slot));
        }
        What::Locks { group, limit, hex } => {
            let page = locks(&client, GroupId(group), limit).await?;
            show_locks(page, hex, context)?;
        }
    }
    Ok(())
}

/// The first locks of a group, page by page.
async fn locks(client: &Client, group: GroupId, limit: usize) -> Result<LockPage, CliError> {
    let mut found = LockPage { items: Vec::new(), next_cursor: None };
    loop {
        let left = limit.saturating_sub(found.items.len()).clamp(1, PAGE);
        let left = u32::try_from(left).unwrap_or(1);
        let page = client.locks(group, left, found.next_cursor.take()).await.map_err(failed)?;
        found.items.extend(page.items);
        found.next_cursor = page.next_cursor;
        if found.next_cursor.is_none() || found.items.len() >= limit {
            return Ok(found);
        }
    }
}

fn show_locks(mut page: LockPage, hex: bool, context: &Context) -> Result<(), CliError> {
    let mut table = Table::new(["KEY", "MODE", "SINCE BLOCK", "TRANSACTION"]);
    for lock in &page.items {
        let delta = lock.delta.as_ref().map_or(String::new(), |delta| format!(" {delta}"));
        let mode = format!("{}{delta}", lock.mode.name());
        let since = lock.since_height.to_string();
        table.row([text::show(&lock.key, hex), mode, since, lock.tx_id.to_string()]);
    }
    if !context.output.is_json() {
        let more = if page.next_cursor.is_some() { "; there are more, see --limit" } else { "" };
        context.output.note(&format!("{} locks{more}", page.items.len()));
    }
    let shown = if page.items.is_empty() { String::new() } else { table.to_string() };
    let encoding = write_readable(&mut page, hex);
    context.output.result(&with_encoding(&page, encoding)?, || shown);
    Ok(())
}

fn table(shards: &[ShardView]) -> Table {
    let mut table = Table::new(["GROUP", "ENGINE", "SLOTS", "COUNT"]);
    for shard in shards {
        let ranges = shard.slots.iter().map(|range| format!("{}-{}", range.first, range.last));
        let ranges: Vec<String> = ranges.collect();
        let count: u32 = shard.slots.iter().map(|range| u32::from(range.last - range.first) + 1).sum();
        table.row([shard.group.to_string(), shard.engine.label(), ranges.join(" "), count.to_string()]);
    }
    table
}
