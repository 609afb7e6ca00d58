//! `witan state history`: what a key has held.

use super::{place, shorten};
use crate::commands::remote::{failed, with_encoding, write_readable};
use crate::commands::tx::text;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use witan_testnet::rpc::{Client, HistoryPage};

/// Versions on a page.
const PAGE: usize = 500;

/// Asks and prints.
///
/// # Errors
/// If the node has no answer.
pub(super) async fn show(
    client: &Client,
    key: &[u8],
    limit: usize,
    hex: bool,
    context: &Context,
) -> Result<(), CliError> {
    let mut page = fetch(client, key, limit).await?;
    let mut table = Table::new(["BLOCK", "TIME", "VALUE"]);
    for item in &page.items {
        let value = item.value.as_ref().map_or("(deleted)".to_owned(), |value| text::show_value(value, hex));
        table.row([item.height.to_string(), item.time_ms.to_string(), shorten(&value)]);
    }
    if !context.output.is_json() {
        let more = if page.next_cursor.is_some() { "; there are more, see --limit" } else { "" };
        context.output.note(&format!("{} versions {}{more}", page.items.len(), place(&page.at)));
    }
    let shown = if page.items.is_empty() { String::new() } else { table.to_string() };
    let encoding = write_readable(&mut page, hex);
    context.output.result(&with_encoding(&page, encoding)?, || shown);
    Ok(())
}

/// The newest versions, page by page.
async fn fetch(client: &Client, key: &[u8], limit: usize) -> Result<HistoryPage, CliError> {
    let next = |left: usize| u32::try_from(left.clamp(1, PAGE)).unwrap_or(1);
    let mut found = client.history(key, next(limit), None).await.map_err(failed)?;
    while found.items.len() < limit
        && let Some(cursor) = found.next_cursor.take()
    {
        let left = next(limit - found.items.len());
        let page = client.history(key, left, Some(cursor)).await.map_err(failed)?;
        found.items.extend(page.items);
        found.next_cursor = page.next_cursor;
    }
    Ok(found)
}
