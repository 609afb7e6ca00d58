//! `witan start`: runs a node until SIGTERM or Ctrl-C.

use crate::error::CliError;
use std::path::PathBuf;
use witan_node::config::Overrides;
use witan_node::keys::PasswordSource;

const EXAMPLE: &str = "\
Example:
  witan start --home /var/lib/witan
  witan start --rpc-listen 127.0.0.1:9001 --set mempool.max_transactions=5000

Every setting can also come from the environment: WITAN_RPC__LISTEN=127.0.0.1:9001 witan start";

/// Run a node until it is told to stop.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    /// The node's folder, as `witan init` makes it
    #[arg(long, default_value = "witan-home", env = "WITAN_HOME", hide_env_values = true)]
    home: PathBuf,
    /// Where other nodes connect to
    #[arg(long, value_name = "ADDRESS:PORT")]
    p2p_listen: Option<String>,
    /// Where clients connect to
    #[arg(long, value_name = "ADDRESS:PORT")]
    rpc_listen: Option<String>,
    /// Where metrics are served, or "off"
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics_listen: Option<String>,
    /// The least important log lines to write: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// File whose first line is the password of encrypted keys; asked on the terminal otherwise
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Any other setting, as KEY=VALUE
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE, such as rpc.max_batch=50")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Args {
    fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::default();
        for (key, value) in &self.settings {
            overrides.set(key.clone(), value.clone());
        }
        overrides.set_optional("p2p.listen", self.p2p_listen.as_ref());
        overrides.set_optional("rpc.listen", self.rpc_listen.as_ref());
        overrides.set_optional("metrics.listen", self.metrics_listen.as_ref());
        overrides.set_optional("log.level", self.log_level.as_ref());
        overrides
    }
}

/// Runs the node; returns when it has stopped.
///
/// # Errors
/// If it can't start, or can't go on.
pub(crate) fn run(args: &Args) -> Result<(), CliError> {
    let password = PasswordSource::choose(args.password_file.as_deref());
    Ok(witan_node::run(&args.home, &args.overrides(), &password)?)
}
