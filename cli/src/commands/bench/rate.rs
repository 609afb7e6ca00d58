//! `witan bench --rate`: an open loop, of a given rate or of a share of the full load.

use super::{Args, on_its_own_network, with_and_without_dead};
use crate::context::Context;
use crate::error::CliError;
use std::str::FromStr;
use witan_testnet::bench::{EngineRun, Offer};
use witan_testnet::load::MAX_RATE;
use witan_types::EngineKind;

/// How much is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rate {
    /// Transactions a second.
    PerSecond(u64),
    /// A share of the full load, in percent.
    Share(u64),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let (number, most, rate): (_, _, fn(u64) -> Rate) = match text.strip_suffix('%') {
            Some(number) => (number, 100, Rate::Share),
            None => (text, MAX_RATE, Rate::PerSecond),
        };
        match number.parse() {
            Ok(value) if (1..=most).contains(&value) => Ok(rate(value)),
            _ => Err(format!(
                "{text:?}: expected 1 to {MAX_RATE} transactions a second, or 1% to 100% of the full load"
            )),
        }
    }
}

/// Offers the rate to a network of its own, and with --dead to two more: one without these validators, and one in which they are
/// killed.
///
/// # Errors
/// If a network does not start, or a run has no result.
pub(super) async fn run(
    args: &Args,
    engine: EngineKind,
    rate: Rate,
    context: &Context,
) -> Result<EngineRun, CliError> {
    let (per_second, full) = match rate {
        Rate::PerSecond(rate) => (rate, None),
        Rate::Share(percent) => {
            let full = on_its_own_network(args, engine, (0, args.closed()), context).await?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "`as` saturates, and bounds follow"
            )]
            let share = (full.tx_per_s * percent as f64 / 100.0) as u64;
            (share.clamp(1, MAX_RATE), Some(full))
        }
    };
    let offer = |kill| Offer::Rate { per_second, kill };
    context.output.note(&format!("{}: offering {per_second} tx/s", engine.label()));
    let mut run = with_and_without_dead(args, engine, offer(0), context).await?;
    run.full = full;
    if args.dead > 0 {
        run.with_killed(on_its_own_network(args, engine, (0, offer(args.dead)), context).await?);
    }
    Ok(run)
}
