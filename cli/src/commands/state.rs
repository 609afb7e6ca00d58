//! `witan state`: reads keys and accounts, with proofs if asked for.

mod history;

use crate::commands::follow;
use crate::commands::remote::{connect, failed, with_encoding, write_readable};
use crate::commands::tx::signer;
use crate::commands::tx::text;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use std::path::{Path, PathBuf};
use witan_testnet::rpc::server::ScanRange;
use witan_testnet::rpc::{At, Client, ReadPoint, ScanItem, ScanPage, SlotView, StateValue};
use witan_types::{Account, Height};

const EXAMPLE: &str = "\
Example:
  witan state get greeting
  witan state get greeting --strict         after all that was committed before, whichever node answers
  witan state get greeting --prove --out proof.json && witan verify proof.json --genesis genesis.json
  witan state slot '{user1}' --prove --json | witan verify -      all keys that share a slot, none left out
  witan state scan --prefix user/ --limit 20
  witan state watch user/                   each change of those keys as it happens, until Ctrl-C
  witan state history greeting              what it has held, newest first
  witan state account witan1...";

/// Keys in a page of a scan.
const PAGE: u32 = 500;

/// Read the state.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
    /// At which block: latest, sealed, or a height
    #[arg(long, global = true, value_name = "HEIGHT", value_parser = parse_at)]
    at: Option<At>,
    /// Keys and values are hex, here and in the answer
    #[arg(long, global = true)]
    hex: bool,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// The value at a key
    #[command(after_help = "Example:\n  witan state get greeting --prove --json | witan verify -")]
    Get {
        key: String,
        /// Ask for a proof that `witan verify` checks offline; reads at the newest sealed block unless --at says else
        #[arg(long)]
        prove: bool,
        /// Read what no earlier transaction can change any more: ordered like a transaction, so it takes a block
        #[arg(long, conflicts_with_all = ["prove", "at"])]
        strict: bool,
        /// Write the answer as JSON to a file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// All keys of one slot
    #[command(after_help = "Example:\n  witan state slot '{user1}' --prove --json | witan verify -")]
    Slot {
        /// A key of the slot: `witan shard for KEY` says which that is
        #[arg(required_unless_present = "slot")]
        key: Option<String>,
        /// The slot's number, 0 to 4095, instead of a key
        #[arg(long, conflicts_with = "key")]
        slot: Option<u16>,
        /// Ask for a proof that leaves no key out, which `witan verify` checks offline; reads at the newest sealed block unless
        /// --at says else
        #[arg(long)]
        prove: bool,
        /// Write the answer as JSON to a file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Keys in order, group after group
    #[command(after_help = "Example:\n  witan state scan --prefix user/ --limit 20")]
    Scan {
        /// Keys that begin so
        #[arg(long, default_value = "")]
        prefix: String,
        /// At most this many
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Print each change of the keys that begin so, until Ctrl-C; with --json one document a line
    #[command(after_help = "Example:\n  witan state watch user/")]
    Watch {
        /// What the keys begin with; every key if left out
        #[arg(default_value = "", conflicts_with = "at")]
        prefix: String,
    },
    /// What a key has held, newest first
    #[command(after_help = "Example:\n  witan state history greeting --limit 5")]
    History {
        key: String,
        /// At most this many versions
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// An account's balance
    #[command(after_help = "Example:\n  witan state account 0 --strict")]
    Account {
        /// An address, or the index of a development account
        account: String,
        /// Read what no earlier transaction can change any more: ordered like a transaction, so it takes a block
        #[arg(long, conflicts_with = "at")]
        strict: bool,
    },
}

fn parse_at(text: &str) -> Result<At, String> {
    text.parse().map_err(|why| format!("{text:?}: {why}"))
}

/// Reads and prints.
///
/// # Errors
/// If the node has no answer.
pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    if let What::Watch { prefix } = &args.what {
        let prefix = text::bytes(prefix, args.hex).map_err(CliError::Usage)?;
        return follow::state(&prefix, args.hex, context).await;
    }
    let client = connect(context)?;
    match args.what {
        What::Watch { .. } => Ok(()),
        What::Get { key, prove, strict, out } => {
            let at = args.at.unwrap_or(if prove { At::Sealed } else { At::Latest });
            let key = text::bytes(&key, args.hex).map_err(CliError::Usage)?;
            let value =
                if strict { client.strict_state(&key).await } else { client.state(&key, at, prove).await };
            let value = value.map_err(failed)?;
            show(value, args.hex, out.as_deref(), context)
        }
        What::Slot { key, slot, prove, out } => {
            let at = args.at.unwrap_or(if prove { At::Sealed } else { At::Latest });
            let slot = match (slot, key) {
                (Some(slot), _) => slot,
                (None, key) => {
                    let key = text::bytes(&key.unwrap_or_default(), args.hex).map_err(CliError::Usage)?;
                    client.shard_of(&key).await.map_err(failed)?.slot
                }
            };
            let view = client.slot(slot, at, prove).await.map_err(failed)?;
            show_slot(view, args.hex, out.as_deref(), context)
        }
        What::Scan { prefix, limit } => {
            let prefix = text::bytes(&prefix, args.hex).map_err(CliError::Usage)?;
            let found = scan(&client, &prefix, limit, args.at.unwrap_or_default()).await?;
            show_found(found, args.hex, context)
        }
        What::History { key, limit } => {
            if args.at.is_some() {
                return Err(CliError::Usage("--at: a history has all versions; state get takes it".into()));
            }
            let key = text::bytes(&key, args.hex).map_err(CliError::Usage)?;
            history::show(&client, &key, limit, args.hex, context).await
        }
        What::Account { account, strict } => {
            let account = find_account(&account, context)?;
            let view = if strict {
                client.strict_account(account).await
            } else {
                client.account(account, args.at.unwrap_or_default()).await
            };
            let view = view.map_err(failed)?;
            context.output.result(&view, || {
                let at = place(&view.at);
                format!("{}\nbalance {}  (version {}, {at})", view.account, view.balance, view.version)
            });
            Ok(())
        }
    }
}

/// The account of an address, or of a development account or key file.
pub(crate) fn find_account(text: &str, context: &Context) -> Result<Account, CliError> {
    if text.starts_with("witan1") {
        return text.parse().map_err(|error| CliError::Usage(format!("{error}")));
    }
    Ok(Account(signer::find(text, context)?.public()))
}

fn place(at: &ReadPoint) -> String {
    format!("after block {} of group {}", at.height, at.group)
}

/// The value on stdout, and what is to be known of it on stderr: so that a script gets the value alone.
fn show(mut value: StateValue, hex: bool, out: Option<&Path>, context: &Context) -> Result<(), CliError> {
    let shown = value.value.as_ref().map(|value| text::show_value(value, hex));
    let encoding = write_readable(&mut value, hex);
    let document = with_encoding(&value, encoding)?;
    if let Some(path) = out {
        write_document(path, &document)?;
    }
    if !context.output.is_json() {
        let proof = if value.proof.is_some() { ", with a proof" } else { "" };
        let what = if shown.is_some() { format!("version {}", value.version) } else { "absent".into() };
        context.output.note(&format!("{what}, {}{proof}", place(&value.at)));
    }
    context.output.result(&document, || shown.unwrap_or_default());
    Ok(())
}

fn show_slot(mut view: SlotView, hex: bool, out: Option<&Path>, context: &Context) -> Result<(), CliError> {
    let table = table_of(&view.items, hex);
    let encoding = write_readable(&mut view, hex);
    let document = with_encoding(&view, encoding)?;
    if let Some(path) = out {
        write_document(path, &document)?;
    }
    if !context.output.is_json() {
        let proof = if view.proof.is_some() { ", with a proof" } else { "" };
        let (count, slot) = (view.items.len(), view.slot);
        context.output.note(&format!("{count} keys in slot {slot}, {}{proof}", place(&view.at)));
    }
    context.output.result(&document, || table.to_string());
    Ok(())
}

fn table_of(items: &[ScanItem], hex: bool) -> Table {
    let mut table = Table::new(["KEY", "VALUE", "WRITTEN AT"]);
    for ScanItem { key, value, version } in items {
        let value = value.as_ref().map_or(String::new(), |value| text::show_value(value, hex));
        table.row([text::show(key, hex), shorten(&value), written_at(*version).to_string()]);
    }
    table
}

/// Writes a document to a file, whole or not at all.
pub(crate) fn write_document(path: &Path, document: &serde_json::Value) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(document).map_err(CliError::failed)?;
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    std::fs::write(&part, text + "\n")
        .and_then(|()| std::fs::rename(&part, path))
        .map_err(|error| CliError::failed(format!("{}: {error}", path.display())))
}

/// What a scan found: pages put together, with where it stood in each group.
struct Found {
    page: ScanPage,
    at: Vec<ReadPoint>,
}

/// The first keys with a prefix, page by page.
async fn scan(client: &Client, prefix: &[u8], limit: usize, at: At) -> Result<Found, CliError> {
    let range = ScanRange { start: prefix.to_vec(), end: after_prefix(prefix) };
    let next = |left: usize| u32::try_from(left).unwrap_or(PAGE).clamp(1, PAGE);
    let page = client.scan(&range, next(limit), None, at).await.map_err(failed)?;
    let mut found = Found { at: vec![page.at], page };
    while found.page.items.len() < limit
        && let Some(cursor) = found.page.next_cursor.take()
    {
        let left = next(limit - found.page.items.len());
        let more = client.scan(&range, left, Some(cursor), at).await.map_err(failed)?;
        found.page.items.extend(more.items);
        found.page.next_cursor = more.next_cursor;
        if found.at.last() != Some(&more.at) {
            found.at.push(more.at);
        }
    }
    found.page.items.truncate(limit);
    Ok(found)
}

/// The first key beyond all with this prefix; none if there is no such key.
fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

fn show_found(found: Found, hex: bool, context: &Context) -> Result<(), CliError> {
    let Found { mut page, at } = found;
    let table = table_of(&page.items, hex);
    let (count, more) = (page.items.len(), page.next_cursor.is_some());
    let encoding = write_readable(&mut page, hex);
    if !context.output.is_json() {
        let more = if more { "; there are more, see --limit" } else { "" };
        let places: Vec<String> = at.iter().map(place).collect();
        context.output.note(&format!("{count} keys {}{more}", places.join(", ")));
    }
    let mut document = with_encoding(&page, encoding)?;
    if let Some(object) = document.as_object_mut().filter(|_| at.len() > 1) {
        // Read in several groups, each at a block of its own.
        ["group", "height", "blockId"].iter().for_each(|name| drop(object.remove(*name)));
        object.insert("at".into(), serde_json::to_value(&at).map_err(CliError::failed)?);
    }
    context.output.result(&document, || table.to_string());
    Ok(())
}

/// The height in a version, which is (incarnation: 32 bits, height: 64, index: 32).
fn written_at(version: u128) -> Height {
    Height::try_from((version >> 32) & u128::from(u64::MAX)).unwrap_or(0)
}

/// A value's start on one line of a table.
fn shorten(value: &str) -> String {
    const SHOWN: usize = 80;
    let line = value.replace('\n', "⏎");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_prefix_range_holds_exactly_the_keys_with_the_prefix(
            prefix in proptest::collection::vec(prop_oneof![Just(255_u8), any::<u8>()], 0..4),
            key in proptest::collection::vec(prop_oneof![Just(255_u8), any::<u8>()], 0..6),
        ) {
            let end = after_prefix(&prefix);
            let inside = key >= prefix && end.is_none_or(|end| key < end);
            prop_assert_eq!(inside, key.starts_with(&prefix));
        }
    }

    #[test]
    fn a_version_names_the_block_that_wrote() {
        assert_eq!(written_at((7 << 96) | (42 << 32) | 3), 42);
        assert_eq!(written_at(0), 0);
    }

    #[test]
    fn a_document_is_written_whole_under_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proof.json");
        write_document(&path, &serde_json::json!({"a": 1})).unwrap();
        let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(read["a"], 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no part is left behind");
    }
}
