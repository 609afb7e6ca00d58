//! `witan explain`: one paragraph on what a network or a node does, or why it doesn't.

mod merge;

use crate::commands::remote::failed;
use crate::context::Context;
use crate::error::CliError;
use merge::{Answer, GroupFacts};
use std::time::Duration;
use tokio::task::JoinSet;
use witan_testnet::local::Network;
use witan_testnet::rpc::{Client, Explanation};
use witan_types::Genesis;

const EXAMPLE: &str = "\
Example:
  witan explain                                 the local network: asks every node of it
  witan explain --rpc http://127.0.0.1:27001    what this one node knows
  witan explain --json                          with every finding of every node";

/// How long a node may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Say what the network does, or why it makes no progress and what would fix it.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {}

/// Asks and prints.
///
/// # Errors
/// If there is no such network, or the one node asked does not answer.
pub(crate) async fn run(_: Args, context: &Context) -> Result<(), CliError> {
    let (summary, answers) = match context.rpc() {
        Some(url) => one_node(url, context.rpc_token()?.as_deref()).await?,
        None => whole_network(context).await?,
    };
    let document = serde_json::json!({ "summary": summary, "nodes": answers });
    context.output.result(&document, || summary);
    Ok(())
}

/// What one node says, in its own words.
async fn one_node(url: &str, token: Option<&str>) -> Result<(String, Vec<Answer>), CliError> {
    let client = Client::with_timeout_and_token(url, ANSWER_TIMEOUT, token).map_err(failed)?;
    let explanation = client.explain().await.map_err(failed)?;
    let status = client.status().await.map_err(failed)?;
    let name = status.name.unwrap_or_else(|| url.to_owned());
    let summary = explanation.summary.clone();
    Ok((summary, vec![Answer::new(name, true, Some(explanation))]))
}

/// What all nodes of the local network say, put together.
async fn whole_network(context: &Context) -> Result<(String, Vec<Answer>), CliError> {
    let network = context.network()?;
    let groups = groups_of(&network)?;
    let token = context.rpc_token()?;
    let mut asking = JoinSet::new();
    for (place, node) in network.description().nodes.iter().enumerate() {
        let (url, runs) = (node.rpc.clone(), network.is_running(&node.name));
        let (name, token) = (node.name.clone(), token.clone());
        asking.spawn(async move {
            let said = if runs { ask(&url, token.as_deref()).await } else { None };
            (place, Answer::new(name, runs, said))
        });
    }
    let mut answers = asking.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    let answers: Vec<Answer> = answers.into_iter().map(|(_, answer)| answer).collect();
    Ok((merge::summary(&groups, &answers), answers))
}

async fn ask(url: &str, token: Option<&str>) -> Option<Explanation> {
    Client::with_timeout_and_token(url, ANSWER_TIMEOUT, token).ok()?.explain().await.ok()
}

/// Who votes in each group, and how many of them a block needs.
fn groups_of(network: &Network) -> Result<Vec<GroupFacts>, CliError> {
    let path = network.genesis_path();
    let unreadable = |why: &dyn std::fmt::Display| CliError::failed(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&error))?;
    let genesis: Genesis = serde_json::from_str(&text).map_err(|error| unreadable(&error))?;
    let facts = |group| {
        let members = genesis.members(group).iter().map(|member| member.name.clone()).collect();
        Some(GroupFacts { group, members, quorum: genesis.committee(group)?.quorum() })
    };
    Ok(genesis.groups.iter().filter_map(|group| facts(group.id)).collect())
}
