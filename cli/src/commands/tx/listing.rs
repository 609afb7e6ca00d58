//! `witan tx list`: what an account has done, or everybody.

use crate::commands::remote::{connect, failed};
use crate::commands::state::find_account;
use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use witan_testnet::rpc::{AccountRole, Client, TransactionPage};
use witan_types::{Account, GroupId};

/// Transactions on a page.
const PAGE: usize = 500;

/// Which transactions to list.
#[derive(clap::Args, Debug)]
pub(super) struct Listing {
    /// Those that this account signed or that pay it; an address, or the index of a development account
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// Those that this group decided; all groups of the node if absent
    #[arg(long)]
    group: Option<u32>,
    /// At most this many
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

impl Listing {
    /// Lists and prints. `from` is whose key `--from` names, which says the same as an account.
    pub(super) async fn show(&self, from: Option<&str>, context: &Context) -> Result<(), CliError> {
        if self.account.is_some() && from.is_some() {
            return Err(CliError::Usage("--account or --from, which both name the account".into()));
        }
        let name = self.account.as_deref().or(from);
        let account = name.map(|name| find_account(name, context)).transpose()?;
        let page = self.fetch(&connect(context)?, account).await?;
        if !context.output.is_json() {
            let places: Vec<String> =
                page.at.iter().map(|at| format!("{} of group {}", at.height, at.group)).collect();
            let more = if page.next_cursor.is_some() { "; there are more, see --limit" } else { "" };
            let count = page.items.len();
            context.output.note(&format!("{count} transactions up to block {}{more}", places.join(", ")));
        }
        context
            .output
            .result(&page, || if page.items.is_empty() { String::new() } else { table(&page).to_string() });
        Ok(())
    }

    /// The newest, page by page.
    async fn fetch(&self, client: &Client, account: Option<Account>) -> Result<TransactionPage, CliError> {
        let group = self.group.map(GroupId);
        let mut found = TransactionPage { items: Vec::new(), next_cursor: None, at: Vec::new() };
        loop {
            let left = self.limit.saturating_sub(found.items.len()).clamp(1, PAGE);
            let left = u32::try_from(left).unwrap_or(1);
            let cursor = found.next_cursor.take();
            let page = client.transactions(account, group, left, cursor).await.map_err(failed)?;
            found.items.extend(page.items);
            (found.next_cursor, found.at) = (page.next_cursor, page.at);
            if found.next_cursor.is_none() || found.items.len() >= self.limit {
                return Ok(found);
            }
        }
    }
}

fn table(page: &TransactionPage) -> Table {
    let mut table = Table::new(["BLOCK", "GROUP", "TIME", "STATUS", "ROLE", "SIGNER", "TRANSACTION"]);
    for item in &page.items {
        let reason = item.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        table.row([
            item.height.to_string(),
            item.group.to_string(),
            item.time_ms.to_string(),
            format!("{}{reason}", item.status.name()),
            item.role.map_or("", AccountRole::name).to_owned(),
            item.signer.to_string(),
            item.tx_id.to_string(),
        ]);
    }
    table
}
