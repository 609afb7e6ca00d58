//! `witan shard`: which group holds what.

use crate::commands::remote::{connect, failed};
use crate::commands::tx::text;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use witan_testnet::rpc::ShardView;

const EXAMPLE: &str = "\
Example:
  witan shard list
  witan shard for-key greeting
  witan shard for-key '{order-7}/state'     the same group as '{order-7}/items'";

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
    List,
    /// The slot of a key, and the group that owns it
    ForKey {
        key: String,
        /// The key is hex
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
    }
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
