//! What is wrong with a configuration, in words that lead to the right line.

use super::settings::KEYS;
use super::{Config, Source};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// The most peers a configuration may name.
const MAX_PEERS: usize = 256;
/// The most characters of a node's name.
const MAX_NAME: usize = 64;
/// How unlike a known key may be to be suggested: edits (Damerau-Levenshtein).
const MAX_EDITS: usize = 3;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key (`rpc.listen`), or empty if the file as a whole is meant.
    pub key: String,
    /// What is wrong, with the value and where it stands.
    pub message: String,
}

/// A configuration that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Everything that is wrong; at least one.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [only] => f.write_str(&only.message),
            all => {
                write!(f, "the configuration has {} problems:", all.len())?;
                all.iter().try_for_each(|problem| write!(f, "\n  {}", problem.message))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Environment => f.write_str("the environment"),
            Source::Flag => f.write_str("the command line"),
        }
    }
}

/// A key that does not exist. `shown` is how the user wrote it.
pub(super) fn unknown(key: &str, shown: &str, source: Source<'_>) -> Problem {
    let hint = match suggestion(key) {
        Some((section, "")) => format!("did you mean `[{section}]`?"),
        Some((section, name)) => format!("did you mean `{}`?", written(section, name, key, source)),
        None => format!(
            "sections are {}",
            KEYS.iter().map(|(section, _)| *section).collect::<Vec<_>>().join(", ")
        ),
    };
    Problem { key: key.to_owned(), message: format!("unknown key `{shown}` in {source}: {hint}") }
}

/// A value that its setting can't have.
pub(super) fn wrong(key: &str, value: impl fmt::Display, expected: &str, source: Source<'_>) -> Problem {
    let value: String = value.to_string().chars().take(200).collect();
    Problem { key: key.to_owned(), message: format!("`{key}` in {source} is {value}: expected {expected}") }
}

/// A known key, as the user would write it there.
fn written(section: &str, name: &str, given: &str, source: Source<'_>) -> String {
    match source {
        Source::Environment => {
            format!("{}{}__{}", super::ENVIRONMENT_PREFIX, section.to_uppercase(), name.to_uppercase())
        }
        Source::File(_) if given.split('.').next() == Some(section) => name.to_owned(),
        Source::File(_) | Source::Flag => format!("{section}.{name}"),
    }
}

/// The known key most like `key`: in its own section, else the same name elsewhere, else a section.
fn suggestion(key: &str) -> Option<(&'static str, &'static str)> {
    let (section, name) = key.split_once('.').unwrap_or((key, ""));
    let named = |section: &'static str, names: &'static [&'static str]| {
        names.iter().map(move |name| (section, *name))
    };
    let own = KEYS.iter().find(|(known, _)| *known == section);
    let near = own.and_then(|(section, names)| closest(name, named(section, names), |(_, name)| name));
    let all = || KEYS.iter().flat_map(|(section, names)| named(section, names));
    let same_name = || all().find(|(_, known)| *known == name || *known == key);
    let near_section =
        || closest(section, KEYS.iter().map(|(section, _)| (*section, "")), |(section, _)| section);
    near.or_else(same_name).or_else(|| {
        let (section, _) = near_section()?;
        let (_, names) = KEYS.iter().find(|(known, _)| *known == section)?;
        let inside = closest(name, named(section, names), |(_, name)| name);
        Some(inside.filter(|_| !name.is_empty()).unwrap_or((section, "")))
    })
}

fn closest<T: Copy>(
    given: &str,
    known: impl Iterator<Item = T>,
    text: impl Fn(T) -> &'static str,
) -> Option<T> {
    let scored = known.map(|item| (strsim::damerau_levenshtein(given, text(item)), item));
    let best = scored.min_by_key(|(edits, _)| *edits)?;
    (best.0 <= MAX_EDITS.min(given.len().div_ceil(2))).then_some(best.1)
}

/// What no single value shows.
pub(super) fn check(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, key: &str, message: String| {
        if !holds {
            problems.push(Problem { key: key.to_owned(), message: format!("`{key}` {message}") });
        }
    };
    let (node, p2p, rpc) = (&config.node, &config.p2p, &config.rpc);
    let name_fits =
        (1..=MAX_NAME).contains(&node.name.chars().count()) && !node.name.chars().any(char::is_control);
    require(
        name_fits,
        "node.name",
        format!("must have 1 to {MAX_NAME} characters, none of them control characters"),
    );
    let most = Duration::from_secs(60);
    require(node.shutdown_timeout <= most, "node.shutdown_timeout", "must be at most 1m".into());
    require(
        p2p.peers.len() <= MAX_PEERS,
        "p2p.peers",
        format!("lists {} peers, above {MAX_PEERS}", p2p.peers.len()),
    );
    let mut seen = BTreeSet::new();
    for peer in &p2p.peers {
        require(seen.insert(peer.node), "p2p.peers", format!("lists node {} twice", peer.node));
    }
    require(
        p2p.max_inbound_per_address <= p2p.max_inbound,
        "p2p.max_inbound_per_address",
        above("max_inbound"),
    );
    let bodies = 1024..=64 * 1024 * 1024;
    require(bodies.contains(&rpc.max_body_bytes), "rpc.max_body_bytes", "must be 1024 to 67108864".into());
    require(
        bodies.contains(&rpc.max_response_bytes),
        "rpc.max_response_bytes",
        "must be 1024 to 67108864".into(),
    );
    require((1..=10_000).contains(&rpc.max_batch), "rpc.max_batch", "must be 1 to 10000".into());
    require(rpc.max_connections >= 1, "rpc.max_connections", "must be at least 1".into());
    require(rpc.max_calls >= 1, "rpc.max_calls", "must be at least 1".into());
    // A caller may have a quarter.
    let call = rpc.max_body_bytes.saturating_add(rpc.max_response_bytes).saturating_mul(4);
    require(
        rpc.max_pending_bytes >= call,
        "rpc.max_pending_bytes",
        format!("must be at least {call}, four calls"),
    );
    let pool = &config.mempool;
    require(pool.max_transactions >= 1, "mempool.max_transactions", "must be at least 1".into());
    require(pool.max_bytes >= 1024 * 1024, "mempool.max_bytes", "must be at least 1048576".into());
    require(
        pool.max_per_signer <= pool.max_transactions,
        "mempool.max_per_signer",
        above("max_transactions"),
    );
    require(pool.max_per_signer >= 1, "mempool.max_per_signer", "must be at least 1".into());
    let listens = [
        ("p2p.listen", Some(p2p.listen)),
        ("rpc.listen", Some(rpc.listen)),
        ("metrics.listen", config.metrics.listen.0),
    ];
    let mut ports = BTreeSet::new();
    for (key, address) in listens.iter().filter_map(|(key, address)| Some((key, (*address)?))) {
        let free = address.port() == 0 || ports.insert(address.port());
        require(free, key, format!("is {address}, a port that another listener has"));
    }
    problems
}

fn above(other: &str) -> String {
    format!("must be at most {other}")
}
