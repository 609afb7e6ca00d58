//! `witan chain evidence`: who was caught signing what no honest validator signs.

use crate::commands::remote::failed;
use crate::error::CliError;
use crate::output::Table;
use witan_testnet::rpc::{Client, EvidencePage};

/// Pieces on a page.
const PAGE: u32 = 100;

/// All that the node has: there is never much.
///
/// # Errors
/// If the node has no answer.
pub(super) async fn fetch(client: &Client) -> Result<EvidencePage, CliError> {
    let mut found = client.evidence(PAGE, None).await.map_err(failed)?;
    while let Some(cursor) = found.next_cursor.take() {
        let page = client.evidence(PAGE, Some(cursor)).await.map_err(failed)?;
        found.items.extend(page.items);
        found.next_cursor = page.next_cursor;
    }
    Ok(found)
}

/// For people.
pub(super) fn describe(page: &EvidencePage) -> String {
    if page.items.is_empty() {
        return "this node has caught nobody".to_owned();
    }
    let mut table = Table::new(["GROUP", "VALIDATOR", "CONFLICT", "SEEN"]);
    for item in &page.items {
        table.row([
            item.group.to_string(),
            format!("{} ({})", item.name, item.validator),
            item.conflict.clone(),
            item.seen_ms.to_string(),
        ]);
    }
    table.to_string()
}
