//! `witan keys`: the key files of a node.

use crate::context::Context;
use crate::error::CliError;
use crate::output::Table;
use serde::Serialize;
use std::path::{Path, PathBuf};
use witan_node::home::Home;
use witan_node::keys::{self, Password, PasswordSource};
use witan_types::{Account, Hash, PublicKey};

const EXAMPLE: &str = "\
Example:
  witan keys new --out operator.key --password-file secret.txt
  witan keys list --home /var/lib/witan";

/// Make and list the keys of a node.
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Make a key file, encrypted unless --plain
    #[command(after_help = "Example:\n  witan keys new --out operator.key")]
    New {
        /// The file to write; never over an existing one
        #[arg(long)]
        out: PathBuf,
        #[command(flatten)]
        protection: Protection,
    },
    /// Show the public keys of a node's home
    #[command(after_help = "Example:\n  witan keys list --home /var/lib/witan")]
    List {
        /// The node's folder
        #[arg(long, default_value = "witan-home", env = "WITAN_HOME", hide_env_values = true)]
        home: PathBuf,
    },
}

/// How new keys are protected.
#[derive(clap::Args, Debug)]
pub(crate) struct Protection {
    /// Write the keys in plain, for a devnet
    #[arg(long)]
    plain: bool,
    /// Read the password from the first line of this file; otherwise it is asked on the terminal
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "plain",
        env = "WITAN_KEY_PASSWORD_FILE",
        hide_env_values = true
    )]
    password_file: Option<PathBuf>,
}

impl Protection {
    /// The password for new keys; none if they are to stand in plain, as by default on a devnet.
    ///
    /// # Errors
    /// If there is no usable one.
    pub(crate) fn password(&self, devnet: bool) -> Result<Option<Password>, CliError> {
        if self.plain || (devnet && self.password_file.is_none()) {
            return Ok(None);
        }
        Ok(Some(PasswordSource::choose(self.password_file.as_deref()).ask_new()?))
    }
}

/// One key, as shown to its owner.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyReport {
    /// What it is for.
    role: String,
    /// The public key, `0x` hex.
    public: String,
    /// The account it signs transactions for.
    account: String,
    /// Whether the file needs a password.
    pub(crate) encrypted: bool,
    /// Where it is.
    file: PathBuf,
}

impl KeyReport {
    /// Makes a key file.
    ///
    /// # Errors
    /// If it exists or can't be written.
    pub(crate) fn make(role: &str, path: &Path, password: Option<&Password>) -> Result<KeyReport, CliError> {
        let secret = keys::generate();
        match password {
            Some(password) => keys::write_encrypted(path, &secret, password)?,
            None => keys::write_plain(path, &secret)?,
        }
        Ok(KeyReport::new(role, secret.public(), password.is_some(), path))
    }

    fn read(role: &str, path: &Path) -> Result<KeyReport, CliError> {
        Ok(KeyReport::new(role, keys::read_public(path)?, keys::is_encrypted(path)?, path))
    }

    fn new(role: &str, public: PublicKey, encrypted: bool, path: &Path) -> KeyReport {
        KeyReport {
            role: role.into(),
            public: Hash(public.0).to_string(),
            account: Account(public).to_string(),
            encrypted,
            file: path.to_owned(),
        }
    }

    /// The keys under aligned headings.
    pub(crate) fn table(reports: &[KeyReport]) -> Table {
        let mut table = Table::new(["KEY", "PUBLIC", "STORED", "FILE"]);
        for key in reports {
            let stored = if key.encrypted { "encrypted" } else { "plain" };
            table.row([key.role.clone(), key.public.clone(), stored.into(), key.file.display().to_string()]);
        }
        table
    }
}

/// Makes or lists keys.
///
/// # Errors
/// If a file exists, is missing, or can't be used.
pub(crate) fn run(args: Args, context: &Context) -> Result<(), CliError> {
    match args.what {
        What::New { out, protection } => {
            let report = KeyReport::make("new", &out, protection.password(false)?.as_ref())?;
            context.output.result(&report, || {
                format!("{}\n  account  {}", KeyReport::table(std::slice::from_ref(&report)), report.account)
            });
        }
        What::List { home } => {
            let home = Home::new(home);
            let mut reports = vec![KeyReport::read("node", &home.node_key_path())?];
            if home.validator_key_path().exists() {
                reports.push(KeyReport::read("validator", &home.validator_key_path())?);
            }
            context.output.result(&reports, || KeyReport::table(&reports).to_string());
        }
    }
    Ok(())
}
