//! What the simulator promises, asked of a live network through public RPC alone: a file a promise. A check changes nothing but
//! keys of its own, and says what it looked at, so that a promise of which nothing was seen is never told as kept.
//!
//! It believes no node: seals are judged from genesis alone, and what nodes say is compared with what others say. What no node
//! shows, it can't see: a network whose nodes all tell the same lie about a height without a seal passes.

pub mod acknowledged;
mod agreement;
mod conservation;
mod durability;
mod evidence;
mod liveness;
mod locks;
mod report;
mod seals;
mod serializability;
mod source;
#[cfg(test)]
mod tests;

pub use evidence::{Evidence, HeldBlock, first_sentence};
pub use report::{Asked, CheckReport, Finding, MAX_EVIDENCE, Outcome, Verdict, is_about_liveness};
pub use source::{Balances, Node, Source};

use crate::sim::Promise;
use acknowledged::Journal;
use futures::future::join_all;
use std::path::PathBuf;
use std::time::Duration;
use witan_light::{LightError, Verifier};
use witan_rpc::{GroupStatus, NodeStatus};
use witan_types::{ChainId, Genesis, GroupId, Height, ValidatorIndex};

/// The promises in the order in which they are looked at: first what writes, so that its blocks are looked at too.
pub const PROMISES: [Promise; 7] = [
    Promise::Liveness,
    Promise::Serializability,
    Promise::Durability,
    Promise::NoOrphans,
    Promise::Conservation,
    Promise::Agreement,
    Promise::ValidSeals,
];

/// Why a network can't be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No node answers.
    #[error("no node answers: {why}; start the network, or name running nodes with --rpc")]
    NobodyAnswers {
        /// What each of them said instead.
        why: String,
    },
    /// A node of another network.
    #[error(
        "{node} is a node of chain {found}, and the genesis is that of chain {expected}: name the right --genesis"
    )]
    OtherChain {
        /// Which node.
        node: String,
        /// Its chain.
        found: ChainId,
        /// The chain of genesis.
        expected: ChainId,
    },
    /// A genesis from which nothing can be judged.
    #[error("the genesis proves nothing: {0}")]
    Genesis(#[from] LightError),
    /// An address that can't be called.
    #[error("{name}: {why}")]
    Address {
        /// Whose.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file of acknowledged transactions that can't be used.
    #[error("{}: {why}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// Whom to ask.
#[derive(Clone, Debug)]
pub struct Subject<S> {
    /// What everything is judged by.
    pub genesis: Genesis,
    /// The nodes to ask.
    pub nodes: Vec<S>,
    /// Nodes that are known and can't be asked, with the reason.
    pub absent: Vec<(String, String)>,
}

/// How long a check waits for what may come late. Users have no reason to change it.
#[derive(Clone, Copy, Debug)]
pub struct Waits {
    /// How long a transaction may take to commit.
    pub commit: Duration,
    /// What a lock has beside two prepare time-outs to go by itself.
    pub lock: Duration,
    /// How long a decision may take to a lock whose transaction is over.
    pub decision: Duration,
    /// Between two looks at the same.
    pub look: Duration,
}

impl Default for Waits {
    fn default() -> Waits {
        Waits {
            commit: Duration::from_secs(10),
            lock: Duration::from_secs(5),
            decision: Duration::from_secs(5),
            look: Duration::from_millis(500),
        }
    }
}

/// How to look.
#[derive(Clone, Debug)]
pub struct Options {
    /// The first height that is compared in each group; by default the first of all, or of as many of the newest as a check
    /// compares.
    pub from: Option<Height>,
    /// How long clients append to lists and read them.
    pub window: Duration,
    /// Whether transactions may be submitted.
    pub write: bool,
    /// Where acknowledged transactions were written down.
    pub acknowledged: Option<PathBuf>,
    /// How long to wait for what comes late.
    pub waits: Waits,
}

impl Default for Options {
    fn default() -> Options {
        let (window, waits) = (Duration::from_secs(5), Waits::default());
        Options { from: None, window, write: true, acknowledged: None, waits }
    }
}

/// A node that answered.
struct Witness<'a, S> {
    source: &'a S,
    status: NodeStatus,
}

impl<S: Source> Witness<'_, S> {
    fn name(&self) -> &str {
        self.source.name()
    }

    /// How a group stands there, if it hosts it.
    fn group(&self, group: GroupId) -> Option<&GroupStatus> {
        self.status.groups.iter().find(|status| status.group == group)
    }
}

/// A network as checkers see it.
struct Network<'a, S> {
    genesis: &'a Genesis,
    chain: ChainId,
    waits: Waits,
    witnesses: Vec<Witness<'a, S>>,
}

impl<'a, S: Source> Network<'a, S> {
    /// Asks every node how it is.
    async fn meet(subject: &'a Subject<S>, waits: Waits) -> Result<(Network<'a, S>, Vec<Asked>), CheckError> {
        let chain = subject.genesis.chain();
        let answers = join_all(subject.nodes.iter().map(Source::status)).await;
        let (mut witnesses, mut asked) = (Vec::new(), Vec::new());
        for (source, answer) in subject.nodes.iter().zip(answers) {
            let name = source.name().to_owned();
            match answer {
                Ok(status) if status.chain != chain => {
                    let found = status.chain;
                    return Err(CheckError::OtherChain { node: name, found, expected: chain });
                }
                Ok(status) => {
                    asked.push(Asked { name, not_asked: None });
                    witnesses.push(Witness { source, status });
                }
                Err(error) => {
                    asked.push(Asked { name, not_asked: Some(format!("it does not answer ({error})")) });
                }
            }
        }
        let absent = subject.absent.iter();
        asked.extend(absent.map(|(name, why)| Asked { name: name.clone(), not_asked: Some(why.clone()) }));
        if witnesses.is_empty() {
            let whys = asked
                .iter()
                .map(|node| format!("{}: {}", node.name, node.not_asked.as_deref().unwrap_or("")));
            return Err(CheckError::NobodyAnswers { why: whys.collect::<Vec<_>>().join("; ") });
        }
        Ok((Network { genesis: &subject.genesis, chain, waits, witnesses }, asked))
    }

    /// Asks the nodes again how they are; those that do not answer any more keep what they said before, and are named.
    async fn look_again(&mut self) -> Vec<String> {
        let answers = join_all(self.witnesses.iter().map(|witness| witness.source.status())).await;
        let mut silent = Vec::new();
        for (witness, answer) in self.witnesses.iter_mut().zip(answers) {
            match answer {
                Ok(status) => witness.status = status,
                Err(_) => silent.push(witness.name().to_owned()),
            }
        }
        silent
    }

    /// All groups, the root group first.
    fn groups(&self) -> impl Iterator<Item = GroupId> {
        self.genesis.groups.iter().map(|group| group.id)
    }

    /// The groups that hold keys of users.
    fn user_groups(&self) -> impl Iterator<Item = GroupId> {
        self.groups().filter(|group| *group != GroupId::ROOT)
    }

    /// The nodes that host a group.
    fn hosts(&self, group: GroupId) -> Vec<&Witness<'a, S>> {
        self.witnesses.iter().filter(|witness| witness.group(group).is_some()).collect()
    }

    /// The name of a member of a group.
    fn member(&self, group: GroupId, place: ValidatorIndex) -> String {
        let members = self.genesis.groups.iter().find(|entry| entry.id == group);
        let place = match members.and_then(|entry| entry.members.as_ref()) {
            None => Some(usize::from(place.0)),
            Some(members) => members.get(usize::from(place.0)).copied().map(usize::from),
        };
        let validator = place.and_then(|place| self.genesis.validators.get(place));
        validator.map_or_else(|| "nobody known".to_owned(), |validator| validator.name.clone())
    }

    fn names(&self) -> String {
        self.witnesses.iter().map(Witness::name).collect::<Vec<_>>().join(" ")
    }
}

/// Checks every promise and tells each finding as soon as it stands.
///
/// # Errors
/// If nothing can be judged: no node answers, one is of another chain, or the file of acknowledged transactions can't be read.
pub async fn run<S: Source + Sync>(
    subject: &Subject<S>,
    options: &Options,
    tell: &mut dyn FnMut(&Finding),
) -> Result<CheckReport, CheckError> {
    let verifier = Verifier::new(&subject.genesis)?;
    let journal = match &options.acknowledged {
        Some(path) => acknowledged::read(path, subject.genesis.chain())?,
        None => Journal::default(),
    };
    let (mut network, asked) = Network::meet(subject, options.waits).await?;
    let mut findings = Vec::new();
    let mut found = |finding: Finding, findings: &mut Vec<Finding>| {
        tell(&finding);
        findings.push(finding);
    };
    let live = liveness::check(&network, options.write).await;
    let works = live.verdict == Verdict::Kept;
    found(live, &mut findings);
    let history = if !options.write {
        Finding::not_judged(Promise::Serializability, NO_WRITE)
    } else if works {
        serializability::check(&network, options.window).await
    } else {
        Finding::not_judged(Promise::Serializability, "not every transaction comes through: see liveness")
    };
    found(history, &mut findings);
    let silent = network.look_again().await;
    found(durability::check(&mut network, &journal).await, &mut findings);
    found(locks::check(&mut network).await, &mut findings);
    found(conservation::check(&mut network, options.write && works).await, &mut findings);
    network.look_again().await;
    let (mut agreement, chains) = agreement::check(&network, options.from).await;
    silent.iter().for_each(|name| agreement.leaves_out(format!("{name} stopped answering")));
    found(agreement, &mut findings);
    found(seals::check(&network, verifier, options.from, &chains).await, &mut findings);
    Ok(CheckReport::new(subject.genesis.chain().to_string(), asked, findings))
}

/// Why what writes is left out.
const NO_WRITE: &str = "left out, since nothing is to be written (--no-write)";
