//! `witan chain`: blocks and seals, and the configuration.

mod configuration;
mod evidence;
mod light;

use crate::commands::follow;
use crate::commands::remote::{connect, failed, with_encoding, write_readable};
use crate::commands::state::write_document;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use serde_json::Value;
use std::path::PathBuf;
use witan_testnet::rpc::{
    At, BlockTransactions, BlockView, Client, Encoding, Order, SealView, TransactionDetail,
};
use witan_types::{Epoch, GroupId, Height};

const EXAMPLE: &str = "\
Example:
  witan chain blocks --limit 5
  witan chain blocks --follow             each new block as it comes, until Ctrl-C
  witan chain block --at 12 --prove --json | witan verify - --genesis genesis.json
  witan chain seal --at sealed
  witan chain evidence                    who was caught signing what no honest validator signs
  witan chain light --group 2 --json | witan verify -
  witan chain epoch --group 2 --prove --json | witan verify -
  witan chain config                      the parameters, who may change them, and what is approved";

/// Blocks in a page of a list.
const PAGE: u32 = 200;

/// Look at blocks, seals and the configuration.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// Which group's chain
    #[arg(long, global = true, default_value_t = 1)]
    group: u32,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// One block
    #[command(after_help = "Example:\n  witan chain block --at 12 --prove --json | witan verify -")]
    Block {
        /// latest, sealed, or a height
        #[arg(long, default_value = "latest", value_parser = parse_at)]
        at: At,
        /// Its transactions: none, ids, or full
        #[arg(long, default_value = "ids")]
        txs: Detail,
        /// Add all transactions and the seal, so that `witan verify` can check the block offline
        #[arg(long)]
        prove: bool,
        /// Write the answer as JSON to a file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// A block without its payload, with its seal: what `witan verify` judges by genesis or a checkpoint
    #[command(after_help = "Example:\n  witan chain light --group 2 --json | witan verify -")]
    Light {
        /// sealed, or a height
        #[arg(long, default_value = "sealed", value_parser = parse_at)]
        at: At,
        /// Write the answer as JSON to a file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Who runs the group in an epoch, and how
    #[command(after_help = "Example:\n  witan chain epoch --group 2 --prove --json | witan verify -")]
    Epoch {
        /// Which epoch, from 1; the newest if not named
        #[arg(long, value_name = "NUMBER")]
        epoch: Option<u64>,
        /// Ask for a proof that `witan verify` checks offline
        #[arg(long)]
        prove: bool,
        /// Write the answer as JSON to a file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// The newest blocks
    #[command(after_help = "Example:\n  witan chain blocks --follow")]
    Blocks {
        /// From this height downwards; with --follow from it upwards
        #[arg(long, visible_alias = "at", value_name = "HEIGHT")]
        from: Option<Height>,
        /// Print each block as it comes, until Ctrl-C; with --json one document a line
        #[arg(long, conflicts_with = "limit")]
        follow: bool,
        /// At most this many
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// The configuration, who may change it, and which changes they approve
    #[command(after_help = "Example:\n  witan chain config")]
    Config,
    /// What this node itself caught validators signing, in all groups
    #[command(after_help = "Example:\n  witan chain evidence")]
    Evidence,
    /// The quorum's signatures on what came out of a block
    #[command(after_help = "Example:\n  witan chain seal --at sealed")]
    Seal {
        /// sealed, or a height
        #[arg(long, default_value = "sealed", value_parser = parse_at)]
        at: At,
        /// Write the answer as JSON to a file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Detail {
    None,
    Ids,
    Full,
}

impl From<Detail> for TransactionDetail {
    fn from(detail: Detail) -> TransactionDetail {
        match detail {
            Detail::None => TransactionDetail::None,
            Detail::Ids => TransactionDetail::Ids,
            Detail::Full => TransactionDetail::Full,
        }
    }
}

fn parse_at(text: &str) -> Result<At, String> {
    text.parse().map_err(|why| format!("{text:?}: {why}"))
}

/// Asks and prints.
///
/// # Errors
/// If the node has no answer.
pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = connect(context)?;
    let group = GroupId(args.group);
    match args.what {
        What::Block { at, prove: true, out, .. } => {
            let at = if at == At::Latest { At::Sealed } else { at };
            let (document, text) = proved_block(&client, group, at).await?;
            finish(&document, text, out, context)
        }
        What::Block { at, txs, prove: false, out } => {
            let mut block = client.block(group, at, txs.into()).await.map_err(failed)?;
            let encoding = write_readable(&mut block, false);
            finish(&with_encoding(&block, encoding)?, describe(&block), out, context)
        }
        What::Config => {
            let configuration = client.configuration().await.map_err(failed)?;
            let document = serde_json::to_value(&configuration).map_err(CliError::failed)?;
            finish(&document, configuration::describe(&configuration), None, context)
        }
        What::Light { at, out } => {
            let block = client.light_block(group, at).await.map_err(failed)?;
            let document = serde_json::to_value(&block).map_err(CliError::failed)?;
            finish(&document, light::describe_block(&block), out, context)
        }
        What::Epoch { epoch, prove, out } => {
            let epoch = client.epoch(group, epoch.map(Epoch), prove).await.map_err(failed)?;
            let document = serde_json::to_value(&epoch).map_err(CliError::failed)?;
            finish(&document, light::describe_epoch(&epoch), out, context)
        }
        What::Blocks { from, follow: true, .. } => follow::blocks(group, from, context).await,
        What::Blocks { from, limit, follow: false } => blocks(&client, group, from, limit, context).await,
        What::Evidence => {
            let page = evidence::fetch(&client).await?;
            let document = serde_json::to_value(&page).map_err(CliError::failed)?;
            finish(&document, evidence::describe(&page), None, context)
        }
        What::Seal { at, out } => {
            let seal = client.seal(group, sealed_height(&client, group, at).await?).await.map_err(failed)?;
            let document = serde_json::to_value(&seal).map_err(CliError::failed)?;
            finish(&document, describe_seal(&seal), out, context)
        }
    }
}

fn finish(document: &Value, text: String, out: Option<PathBuf>, context: &Context) -> Result<(), CliError> {
    if let Some(path) = out {
        write_document(&path, document)?;
    }
    context.output.result(document, || text);
    Ok(())
}

/// The height of the block that is meant, of those that have a seal.
async fn sealed_height(client: &Client, group: GroupId, at: At) -> Result<Height, CliError> {
    match at {
        At::Height(height) => Ok(height),
        At::Latest | At::Sealed => {
            let block = client.block(group, At::Sealed, TransactionDetail::None).await.map_err(failed)?;
            Ok(block.height)
        }
    }
}

/// A block with all its transactions and its seal: the document that `witan verify` takes.
async fn proved_block(client: &Client, group: GroupId, at: At) -> Result<(Value, String), CliError> {
    let block = client.block(group, at, TransactionDetail::Full).await.map_err(failed)?;
    let seal = client.seal(group, block.height).await.map_err(failed)?;
    let mut document = with_encoding(&block, Encoding::Hex)?;
    if let Some(object) = document.as_object_mut() {
        object.insert("seal".into(), serde_json::to_value(&seal).map_err(CliError::failed)?);
    }
    Ok((document, format!("{}\n{}", describe(&block), describe_seal(&seal))))
}

async fn blocks(
    client: &Client,
    group: GroupId,
    from: Option<Height>,
    limit: usize,
    context: &Context,
) -> Result<(), CliError> {
    let mut items: Vec<BlockView> = Vec::new();
    let mut cursor = None;
    while items.len() < limit {
        let next = u32::try_from(limit - items.len()).unwrap_or(PAGE).min(PAGE);
        let page = client.blocks(group, from, Order::Desc, next, cursor).await.map_err(failed)?;
        items.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let document = serde_json::json!({ "items": items, "nextCursor": cursor });
    context.output.result(&document, || {
        let mut table = Table::new(["HEIGHT", "BLOCK", "PROPOSER", "TXS", "SEALED", "TIME"]);
        for block in &items {
            let sealed = if block.sealed { "yes" } else { "no" };
            table.row([
                block.height.to_string(),
                block.block_id.to_string(),
                block.proposer.to_string(),
                block.tx_count.to_string(),
                sealed.to_owned(),
                block.time_ms.to_string(),
            ]);
        }
        table.to_string()
    });
    Ok(())
}

fn describe(block: &BlockView) -> String {
    let root = block.state_root.map_or("not kept".to_owned(), |root| root.to_string());
    let sealed = if block.sealed { "sealed" } else { "not sealed yet" };
    let mut text = format!(
        "block {} of group {}, {sealed}\nid          {}\nparent      {}\nproposer    validator {}, tag {}, epoch {}\n\
         time        {} ms\nstate root  {root}\ntransactions {}",
        block.height,
        block.group,
        block.block_id,
        block.parent,
        block.proposer,
        block.tag,
        block.epoch,
        block.time_ms,
        block.tx_count
    );
    let ids: Vec<String> = match &block.txs {
        None => Vec::new(),
        Some(BlockTransactions::Ids(ids)) => ids.iter().map(|id| id.0.to_string()).collect(),
        Some(BlockTransactions::Full(all)) => {
            all.iter().map(|full| full.transaction.id().to_string()).collect()
        }
    };
    for id in ids {
        text += &format!("\n  {id}");
    }
    text
}

fn describe_seal(seal: &SealView) -> String {
    let signers: Vec<String> = seal.signers.iter().map(ToString::to_string).collect();
    format!(
        "seal of block {} of group {}, signed by validators {}\nblock       {}\nstate root  {}",
        seal.height,
        seal.group,
        signers.join(", "),
        seal.block_id,
        seal.state_root
    )
}
