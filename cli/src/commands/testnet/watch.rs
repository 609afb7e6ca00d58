//! `witan testnet status --watch`: the network on a screen of its own, looked at once a second. Without a terminal, one look after
//! the other: a line of JSON each, or text.

mod frame;
pub(super) mod look;
mod terminal;

use super::report;
use super::up::interrupted;
use crate::context::Context;
use crate::error::CliError;
use look::Observer;
use std::time::Duration;
use terminal::Screen;
use tokio::time::{MissedTickBehavior, interval};
use witan_testnet::local::Network;

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Shows the network until the user leaves.
///
/// # Errors
/// If there is no such network.
pub(super) async fn run(context: &Context) -> Result<(), CliError> {
    let network = context.network()?;
    let mut interrupted = std::pin::pin!(interrupted()?);
    if !context.output.is_live() {
        return tokio::select! {
            ended = print(network, context) => ended,
            () = &mut interrupted => Ok(()),
        };
    }
    let screen = Screen::enter();
    tokio::select! {
        ended = draw(network, context) => ended,
        () = screen.left() => Ok(()),
        () = &mut interrupted => Ok(()),
    }
}

async fn draw(mut network: Network, context: &Context) -> Result<(), CliError> {
    let mut observer = Observer::default();
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        network.refresh()?;
        let look = observer.look(&network).await;
        Screen::show(&frame::frame(&look, Screen::size(), context.output));
    }
}

/// One look after the other, until nobody reads any more.
async fn print(mut network: Network, context: &Context) -> Result<(), CliError> {
    let mut observer = Observer::default();
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        network.refresh()?;
        let reports = network.status().await;
        let look =
            if context.output.is_json() { observer.look(&network).await } else { look::Look::default() };
        let document = serde_json::to_value(&look).map_err(CliError::failed)?;
        let text = || report::status(&reports, network.description(), context.output);
        if !context.output.has_reader(&document, text) {
            return Ok(());
        }
    }
}
