//! The configuration of a node: what may differ between the nodes of one network. Anything on which validators must
//! agree stands in genesis.
//!
//! A value comes from the first that has it: a flag, the environment (`WITAN_RPC__LISTEN` for `rpc.listen`), the file
//! `config.toml`, the default. A key that does not exist is an error, wherever it stands.

mod problems;
mod setting;
mod settings;

pub use problems::{ConfigError, Problem};
pub use setting::{Follow, LogFormat, LogLevel, Optional, Peer, Setting};
pub use settings::{Config, Log, Mempool, Metrics, Node, P2p, Rpc, Storage};

use std::collections::BTreeMap;
use std::path::Path;

/// What environment variables that set configuration start with; two underscores stand for the dot.
pub const ENVIRONMENT_PREFIX: &str = "WITAN_";
/// The most bytes a configuration file may have.
pub const MAX_CONFIG_BYTES: u64 = 1024 * 1024;

/// Values given on the command line, by key (`rpc.listen`). They win over everything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    values: BTreeMap<String, String>,
}

impl Overrides {
    /// Sets `key` (`section.name`); the last one wins. Judged when the configuration is loaded.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.values.insert(key.into(), value.into());
    }

    /// Sets `key` if there is a value.
    pub fn set_optional(&mut self, key: &str, value: Option<impl ToString>) {
        if let Some(value) = value {
            self.set(key, value.to_string());
        }
    }
}

/// Where a value came from, for error messages.
#[derive(Debug, Clone, Copy)]
enum Source<'a> {
    File(&'a Path),
    Environment,
    Flag,
}

impl Config {
    /// The configuration of `file` (none is like an empty one) under the environment and the flags of this process.
    ///
    /// # Errors
    /// Every problem found, not only the first.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Config, ConfigError> {
        // A variable that is not Unicode can't be one of ours: our names and values are ASCII.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Config::load_from(file, environment, overrides)
    }

    /// As [`Config::load`], under a given environment.
    ///
    /// # Errors
    /// Every problem found, not only the first.
    pub fn load_from(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &Overrides,
    ) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        let mut problems = Vec::new();
        if let Some(path) = file {
            config.apply_file(path, &mut problems);
        }
        for (name, value) in environment {
            if let Some(key) = key_of_variable(&name) {
                config.apply_text(&key, &value, &name, Source::Environment, &mut problems);
            }
        }
        for (key, value) in &overrides.values {
            config.apply_text(key, value, key, Source::Flag, &mut problems);
        }
        if problems.is_empty() {
            problems = config.check();
        }
        if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
    }

    /// Every problem of values that are well-formed one by one.
    pub fn check(&self) -> Vec<Problem> {
        problems::check(self)
    }

    fn apply_file(&mut self, path: &Path, problems: &mut Vec<Problem>) {
        match read_table(path) {
            Err(why) => problems.push(Problem { key: String::new(), message: why }),
            Ok(table) => {
                for (section, value) in &table {
                    self.apply_section(section, value, Source::File(path), problems);
                }
            }
        }
    }

    fn apply_section(
        &mut self,
        section: &str,
        value: &toml::Value,
        source: Source<'_>,
        problems: &mut Vec<Problem>,
    ) {
        match value {
            toml::Value::Table(entries) if settings::has_section(section) => {
                for (name, value) in entries {
                    let key = format!("{section}.{name}");
                    match self.read(section, name, value) {
                        None => problems.push(problems::unknown(&key, &key, source)),
                        Some(Err(expected)) => problems.push(problems::wrong(&key, value, &expected, source)),
                        Some(Ok(())) => {}
                    }
                }
            }
            _ => problems.push(problems::unknown(section, section, source)),
        }
    }

    fn apply_text(
        &mut self,
        key: &str,
        text: &str,
        shown: &str,
        source: Source<'_>,
        problems: &mut Vec<Problem>,
    ) {
        let (section, name) = key.split_once('.').unwrap_or((key, ""));
        match self.read_text(section, name, text) {
            None => problems.push(problems::unknown(key, shown, source)),
            Some(Err(expected)) => problems.push(problems::wrong(shown, text, &expected, source)),
            Some(Ok(())) => {}
        }
    }
}

/// The key that an environment variable sets: those without two underscores are not ours.
fn key_of_variable(name: &str) -> Option<String> {
    let rest = name.strip_prefix(ENVIRONMENT_PREFIX)?;
    let (section, name) = rest.split_once("__")?;
    Some(format!("{}.{}", section.to_ascii_lowercase(), name.to_ascii_lowercase()))
}

fn read_table(path: &Path) -> Result<toml::Table, String> {
    let shown = path.display();
    let size = std::fs::metadata(path).map_err(|error| format!("can't read {shown}: {error}"))?.len();
    if size > MAX_CONFIG_BYTES {
        return Err(format!("{shown} has {size} bytes, above the limit of {MAX_CONFIG_BYTES}"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("can't read {shown}: {error}"))?;
    text.parse()
        .map_err(|error: toml::de::Error| format!("{shown} is not TOML: {}", error.to_string().trim_end()))
}

#[cfg(test)]
mod tests;
