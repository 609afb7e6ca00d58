//! What follows the network until Ctrl-C: one line for each of its news.

use crate::commands::remote::{failed, with_encoding, write_readable};
use crate::commands::tx::text;
use crate::context::Context;
use crate::error::CliError;
use serde::Serialize;
use serde_json::Value;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use witan_testnet::rpc::client::{Follow, Following};
use witan_testnet::rpc::view::FollowedBlock;
use witan_testnet::rpc::{
    AccountTransaction, BlockNews, ClientError, Encoded, RpcError, Since, StateChange, StateNews, Subscriber,
    TransactionNews, TransactionState, TxStatusView,
};
use witan_types::{Account, GroupId, Height, TxId};

/// How long to wait before a node that is away is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// A line for people, and the same as JSON.
type Line = (String, Value);

async fn subscriber(context: &Context) -> Result<Subscriber, CliError> {
    let url = context.rpc_url()?;
    match context.rpc_token()? {
        Some(token) => Subscriber::connect_with_token(&url, &token).await.map_err(failed),
        None => Subscriber::connect(&url).await.map_err(failed),
    }
}

/// The blocks of a group, from a height or the next one on.
///
/// # Errors
/// If the node refuses, or is not there at the start.
pub(crate) async fn blocks(group: GroupId, from: Option<Height>, context: &Context) -> Result<(), CliError> {
    let since = from.map(Since::Height);
    let following = subscriber(context).await?.blocks(Some(group), since).await.map_err(failed)?;
    follow(following, context, |news| {
        let BlockNews::Block(FollowedBlock { block, .. }) = &news;
        let text = format!(
            "block {} of group {}  {}  {} transactions  by validator {}  {} ms",
            block.height, block.group, block.block_id, block.tx_count, block.proposer, block.time_ms
        );
        Ok((text, serde_json::to_value(&news).map_err(CliError::failed)?))
    })
    .await
}

/// A transaction, until it is over, sealed and applied.
///
/// # Errors
/// If it did not commit, or the node refuses, or is not there at the start.
pub(crate) async fn transaction(id: TxId, hex: bool, context: &Context) -> Result<(), CliError> {
    let following = subscriber(context).await?.transaction(id).await.map_err(failed)?;
    let mut newest = TransactionState::Unknown;
    follow(following, context, |news| {
        if let TransactionNews::Status(status) = &news {
            newest = status.status;
        }
        transaction_line(news, hex)
    })
    .await?;
    // One that is not over yet was left by the user.
    match newest.is_final() && newest != TransactionState::Committed {
        true => Err(CliError::Exit(1)),
        false => Ok(()),
    }
}

/// The transactions of an account, from now on.
///
/// # Errors
/// If the node refuses, or is not there at the start.
pub(crate) async fn account(account: Account, hex: bool, context: &Context) -> Result<(), CliError> {
    let following = subscriber(context).await?.account(account, None).await.map_err(failed)?;
    follow(following, context, |news| transaction_line(news, hex)).await
}

fn transaction_line(mut news: TransactionNews, hex: bool) -> Result<Line, CliError> {
    let text = match &news {
        TransactionNews::Status(status) => describe_status(status),
        TransactionNews::Tx(AccountTransaction { tx_id, status, reason, signer, group, height, .. }) => {
            let because = reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
            format!(
                "{tx_id}  {}{because} in block {height} of group {group}, signed by {signer}",
                status.name()
            )
        }
    };
    Ok((text, written(&mut news, hex)?))
}

fn describe_status(status: &TxStatusView) -> String {
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
    if status.applied {
        text += ", applied";
    }
    for phase in &status.phases {
        text += &format!("; group {} {}", phase.group, phase.phase.name());
    }
    text
}

/// The keys with a prefix, from now on.
///
/// # Errors
/// If the node refuses, or is not there at the start.
pub(crate) async fn state(prefix: &[u8], hex: bool, context: &Context) -> Result<(), CliError> {
    let following = subscriber(context).await?.state(prefix, None).await.map_err(failed)?;
    follow(following, context, |mut news| {
        let StateNews::Change(StateChange { key, value, at, .. }) = &news;
        let value = value.as_ref().map_or("(deleted)".to_owned(), |value| text::show_value(value, hex));
        let text = format!("{} = {value}  (block {} of group {})", text::show(key, hex), at.height, at.group);
        Ok((text, written(&mut news, hex)?))
    })
    .await
}

fn written<T: Encoded + Serialize>(news: &mut T, hex: bool) -> Result<Value, CliError> {
    let encoding = write_readable(news, hex);
    with_encoding(news, encoding)
}

/// Prints news until they end, the user has seen enough, or nobody reads what is printed. A node that goes away is tried
/// until it is back.
async fn follow<S: Follow>(
    mut following: Following<S>,
    context: &Context,
    mut line: impl FnMut(S::News) -> Result<Line, CliError>,
) -> Result<(), CliError> {
    // Before the first line is printed, so that whoever has read one may interrupt.
    let interrupted = signal(SignalKind::interrupt());
    let mut interrupted =
        interrupted.map_err(|error| CliError::failed(format!("can't wait for Ctrl-C: {error}")))?;
    let mut is_lost = false;
    loop {
        let step = tokio::select! {
            _ = interrupted.recv() => return Ok(()),
            step = next(&mut following, &mut is_lost, context) => step?,
        };
        match step {
            ControlFlow::Break(()) => return Ok(()),
            ControlFlow::Continue(None) => {}
            ControlFlow::Continue(Some(news)) => {
                let (text, json) = line(news)?;
                if !context.output.has_reader(&json, || text) {
                    return Ok(());
                }
            }
        }
    }
}

/// Whether the node may be back later: it is down, or starts.
fn is_away(error: &ClientError) -> bool {
    matches!(error, ClientError::Transport { .. }) || error.rpc().is_some_and(RpcError::retryable)
}

/// The next news, if there are any before the node goes away.
async fn next<S: Follow>(
    following: &mut Following<S>,
    is_lost: &mut bool,
    context: &Context,
) -> Result<ControlFlow<(), Option<S::News>>, CliError> {
    match following.next().await {
        Ok(Some(news)) => {
            *is_lost = false;
            Ok(ControlFlow::Continue(Some(news)))
        }
        Ok(None) => Ok(ControlFlow::Break(())),
        Err(error) if is_away(&error) => {
            if !std::mem::replace(is_lost, true) {
                context
                    .output
                    .note(&format!("{error}; trying until it is back, and going on where it stood"));
            }
            tokio::time::sleep(PAUSE).await;
            Ok(ControlFlow::Continue(None))
        }
        Err(error) => Err(failed(error)),
    }
}
