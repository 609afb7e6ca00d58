//! The description of a run. Everything that happens in it follows from this.

use super::check::Promise;
#[cfg(feature = "planted-faults")]
use super::engines::RuleFault;
use super::engines::{Speech, speech};
use super::plan::Plan;
use super::random::Random;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use witan_replica::MIN_BATCH_BYTES;
use witan_replica::attack::Attack;
use witan_types::genesis::MAX_GROUPS;
use witan_types::{EngineKind, FaultModel, GroupId, Scheme};

/// The first group that holds keys; the only one unless a scenario has several.
pub(super) const GROUP: GroupId = GroupId(1);
/// The time of the base block, Unix milliseconds.
pub(super) const GENESIS_MS: u64 = 1_700_000_000_000;
/// The most that a transaction lives, in milliseconds; below what genesis allows by more than clocks differ.
pub(super) const LIFETIME_MS: u64 = 14_000;
/// One seed in this many uses real signatures.
const REAL_SIGNATURES: u64 = 20;
/// Attackers are drawn apart from everything else in a run.
const ATTACKERS: u64 = 0x6174_7461_636b;

/// Whether disks keep their word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Disks {
    /// What a disk calls durable survives.
    #[default]
    Honest,
    /// A planted fault: consensus records that the disk called durable are lost in a crash.
    ForgetRecords,
    /// A planted fault: the host says that records are durable before the disk has synced them.
    ReportEarly,
}

/// Whether a node hands on between its groups what one of them says to another until that one has heard it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Relays {
    /// It is offered again and again.
    #[default]
    Patient,
    /// A planted fault: it is offered once, and what is lost then stays lost.
    OfferOnce,
}

/// How the signatures of a run are made and judged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Signatures {
    /// By ed25519.
    Real,
    /// By hashes that anyone could make and that cost nothing: enough while nobody forges any.
    StandIn,
    /// Real ones for one seed in twenty, stand-ins for the others.
    #[default]
    Mixed,
}

impl Signatures {
    fn of(self, seed: u64) -> Scheme {
        match self {
            Signatures::Real => Scheme::Ed25519,
            Signatures::Mixed if seed.is_multiple_of(REAL_SIGNATURES) => Scheme::Ed25519,
            Signatures::StandIn | Signatures::Mixed => Scheme::StandIn,
        }
    }
}

impl FromStr for Signatures {
    type Err = String;

    fn from_str(text: &str) -> Result<Signatures, String> {
        match text {
            "real" => Ok(Signatures::Real),
            "stand-in" => Ok(Signatures::StandIn),
            "mixed" => Ok(Signatures::Mixed),
            _ => Err(format!("{text:?}: expected real, stand-in or mixed")),
        }
    }
}

/// Who attacks in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Attacks {
    /// Nobody.
    #[default]
    None,
    /// As many validators as the group withstands; how follows from the seed.
    Drawn,
    /// As many, all in this way.
    All(Attack),
}

impl FromStr for Attacks {
    type Err = String;

    fn from_str(text: &str) -> Result<Attacks, String> {
        if text == "drawn" { Ok(Attacks::Drawn) } else { text.parse().map(Attacks::All) }
    }
}

/// What to simulate.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where all chance comes from.
    pub seed: u64,
    /// How many validators; at least one.
    pub nodes: usize,
    /// How many nodes that follow without voting.
    pub followers: usize,
    /// How many groups share the keys.
    pub shards: u32,
    /// Whether the root group runs beside them, and operators change the parameters of all.
    pub root: bool,
    /// The members of single groups, by the places of validators, ascending; all are members of any other. A node hosts
    /// the groups that it is a member of, and one that follows without voting hosts all.
    pub members: BTreeMap<GroupId, Vec<u16>>,
    /// The consensus engine of every group that `engines` does not name.
    pub engine: EngineKind,
    /// The engines of single groups.
    pub engines: BTreeMap<GroupId, EngineKind>,
    /// How signatures are made and judged.
    pub scheme: Scheme,
    /// Who attacks.
    pub attacks: Attacks,
    /// Whether disks keep their word.
    pub disks: Disks,
    /// Whether messages between groups are offered until they are heard.
    pub relays: Relays,
    /// What goes wrong.
    pub plan: Plan,
    /// A mistake planted in the rules of an engine, on every validator and in every group that runs it.
    #[cfg(feature = "planted-faults")]
    pub rule_fault: Option<RuleFault>,
    /// A mistake planted in the two-phase commit of every group on every node.
    #[cfg(feature = "planted-faults")]
    pub ledger_fault: Option<witan_ledger::two_phase::PlantedFault>,
    /// A mistake planted in every replica.
    #[cfg(feature = "planted-faults")]
    pub replica_fault: Option<witan_replica::PlantedFault>,
    /// Promises that are not looked after: to see which others a planted fault breaks.
    pub unchecked: BTreeSet<Promise>,
}

/// Why a scenario can't be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotRun {
    /// The engine trusts its members not to lie.
    #[error("{0} trusts its members not to lie: it has no defence against attackers to try")]
    Trusting(EngineKind),
    /// So few validators withstand no attacker.
    #[error("{0} validators withstand no attacker: at least 4 do")]
    TooFew(usize),
    /// No group, or more than a network can have.
    #[error("{0} groups: 1 to {most} are possible", most = MAX_GROUPS - 1)]
    Shards(u32),
    /// An engine or members for a group that is not there.
    #[error("there is no group {0}: they are 0 (root) to {1}")]
    NoGroup(GroupId, u32),
    /// Members that are no validators, or none.
    #[error("the members of group {0} must be some of n0 to n{1}")]
    Members(GroupId, usize),
    /// Attackers lie in one group only.
    #[error("attackers know how to attack one group alone: {0} groups run without attackers only")]
    AttackedShards(u32),
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { seed, nodes, engine, scheme, attacks, .. } = self;
        if let Some(file) = self.file() {
            return write!(f, "witan sim run {file} --seed {seed}");
        }
        write!(f, "witan sim run -n {nodes} --engine {engine}")?;
        if self.shards != 1 {
            write!(f, " --shards {}", self.shards)?;
        }
        let others = self.other_engines();
        if !others.is_empty() {
            let others = others.iter().map(|(group, engine)| format!("{group}={engine}"));
            write!(f, " --group-engines {}", others.collect::<Vec<_>>().join(","))?;
        }
        if self.root {
            f.write_str(" --root")?;
        }
        if !self.members.is_empty() {
            let name = |place: &u16| format!("n{place}");
            let names = |places: &Vec<u16>| places.iter().map(name).collect::<Vec<_>>().join("+");
            let groups = self.members.iter().map(|(group, places)| format!("{group}={}", names(places)));
            write!(f, " --group-nodes {}", groups.collect::<Vec<_>>().join(","))?;
        }
        write!(f, " --seed {seed}")?;
        match attacks {
            Attacks::None => {}
            Attacks::Drawn => f.write_str(" --byzantine")?,
            Attacks::All(attack) => write!(f, " --byzantine={attack}")?,
        }
        match scheme {
            scheme if *scheme == Signatures::Mixed.of(*seed) => Ok(()),
            Scheme::Ed25519 => f.write_str(" --signatures real"),
            Scheme::StandIn => f.write_str(" --signatures stand-in"),
        }
    }
}

impl Scenario {
    /// The run of a seed with this many validators, and one node that follows them. Most seeds use signatures that
    /// cost nothing, a fixed share real ones.
    pub fn of(seed: u64, nodes: usize) -> Scenario {
        Scenario {
            seed,
            nodes,
            followers: 1,
            shards: 1,
            root: false,
            members: BTreeMap::new(),
            engine: EngineKind::HotStuff,
            engines: BTreeMap::new(),
            scheme: Signatures::Mixed.of(seed),
            attacks: Attacks::None,
            disks: Disks::Honest,
            relays: Relays::Patient,
            plan: Plan::Drawn,
            #[cfg(feature = "planted-faults")]
            rule_fault: None,
            #[cfg(feature = "planted-faults")]
            ledger_fault: None,
            #[cfg(feature = "planted-faults")]
            replica_fault: None,
            unchecked: BTreeSet::new(),
        }
    }

    /// The same with another engine.
    #[must_use]
    pub fn with(self, engine: EngineKind) -> Scenario {
        Scenario { engine, ..self }
    }

    /// The same with several groups that share the keys.
    #[must_use]
    pub fn sharded(self, shards: u32) -> Scenario {
        Scenario { shards, ..self }
    }

    /// The same with the root group, whose operators change the parameters.
    #[must_use]
    pub fn rooted(self) -> Scenario {
        Scenario { root: true, ..self }
    }

    /// The same with one group for each of these lists of members, which are places of validators, ascending.
    #[must_use]
    pub fn among(self, members: &[&[u16]]) -> Scenario {
        let members: BTreeMap<GroupId, Vec<u16>> =
            (1..).map(GroupId).zip(members.iter().map(|places| places.to_vec())).collect();
        Scenario { shards: u32::try_from(members.len()).unwrap_or(u32::MAX), members, ..self }
    }

    /// The same with these engines for the groups that it has, one after another and over again.
    #[must_use]
    pub fn mixed(self, engines: &[EngineKind]) -> Scenario {
        let engines = self.groups().zip(engines.iter().copied().cycle()).collect();
        Scenario { engines, ..self }
    }

    /// The same with other things going wrong than those that the seed draws.
    #[must_use]
    pub fn planned(self, plan: Plan) -> Scenario {
        Scenario { plan, ..self }
    }

    /// The same with attackers.
    #[must_use]
    pub fn under(self, attacks: Attacks) -> Scenario {
        Scenario { attacks, ..self }
    }

    /// The same with other signatures.
    #[must_use]
    pub fn signed(self, signatures: Signatures) -> Scenario {
        Scenario { scheme: signatures.of(self.seed), ..self }
    }

    /// Whether it can be run here.
    ///
    /// # Errors
    /// If not, why.
    pub fn check(&self) -> Result<(), CannotRun> {
        if !usize::try_from(self.shards).is_ok_and(|shards| (1..MAX_GROUPS).contains(&shards)) {
            return Err(CannotRun::Shards(self.shards));
        }
        let beyond = GroupId(self.shards.saturating_add(1));
        let engine = self.engines.range(beyond..).next().map(|(group, _)| group);
        if let Some(group) = engine.or(self.members.range(beyond..).next().map(|(group, _)| group)) {
            return Err(CannotRun::NoGroup(*group, self.shards));
        }
        if let Some(group) = self.members.keys().find(|group| !self.has_members(**group)) {
            return Err(CannotRun::Members(*group, self.nodes.saturating_sub(1)));
        }
        if self.attacks == Attacks::None {
            return Ok(());
        }
        if self.shards > 1 || self.root {
            return Err(CannotRun::AttackedShards(self.shards.saturating_add(u32::from(self.root))));
        }
        match self.engine_of(GROUP) {
            engine if engine.faults() == FaultModel::Crash => Err(CannotRun::Trusting(engine)),
            _ if self.most_attackers() == 0 => Err(CannotRun::TooFew(self.nodes)),
            _ => Ok(()),
        }
    }

    /// The groups that hold keys.
    pub fn groups(&self) -> impl Iterator<Item = GroupId> + use<> {
        (1..=self.shards).map(GroupId)
    }

    /// All groups that run: the root group among them, if it does.
    pub(super) fn running(&self) -> impl Iterator<Item = GroupId> + use<> {
        self.root.then_some(GroupId::ROOT).into_iter().chain(self.groups())
    }

    fn has_members(&self, group: GroupId) -> bool {
        let places = self.members.get(&group).map(Vec::as_slice).unwrap_or_default();
        let ascending = places.iter().zip(places.iter().skip(1)).all(|(one, next)| one < next);
        group != GroupId(0) && ascending && places.last().is_some_and(|last| usize::from(*last) < self.nodes)
    }

    /// The place of a validator among the members of a group, if it is one.
    pub(super) fn place_in(&self, group: GroupId, at: usize) -> Option<u16> {
        let at = u16::try_from(at).ok().filter(|_| at < self.nodes)?;
        match self.members.get(&group) {
            None => Some(at),
            Some(places) => places.iter().position(|place| *place == at)?.try_into().ok(),
        }
    }

    /// Whether the node at a place hosts a group: as a member, or because it follows without voting.
    pub(super) fn is_hosted(&self, group: GroupId, at: usize) -> bool {
        at >= self.nodes || self.place_in(group, at).is_some()
    }

    pub(super) fn engine_of(&self, group: GroupId) -> EngineKind {
        self.engines.get(&group).copied().unwrap_or(self.engine)
    }

    /// The groups whose engine is not the one of all others.
    pub(super) fn other_engines(&self) -> BTreeMap<GroupId, EngineKind> {
        let named = self.engines.iter().filter(|(_, engine)| **engine != self.engine);
        named.map(|(group, engine)| (*group, *engine)).collect()
    }

    /// How a group speaks.
    pub(super) fn speech(&self, group: GroupId) -> &'static dyn Speech {
        speech(self.engine_of(group))
    }

    /// The mistake that a group's engine makes.
    #[cfg(feature = "planted-faults")]
    pub(super) fn rule_fault_of(&self, group: GroupId) -> Option<RuleFault> {
        self.rule_fault.filter(|fault| fault.engine() == self.engine_of(group))
    }

    fn most_attackers(&self) -> usize {
        self.genesis().committee(GROUP).map_or(0, |committee| committee.max_faulty())
    }

    /// How many bytes of transactions travel in a batch: with nothing planted every single one does in half of the seeds, and wherever
    /// crashes in the pipeline are enumerated. The seeds of the other tests are chosen for what happens in them at the pace of few
    /// transactions.
    pub(super) fn min_batch_bytes(&self) -> usize {
        #[cfg(feature = "planted-faults")]
        let is_planted =
            self.rule_fault.is_some() || self.ledger_fault.is_some() || self.replica_fault.is_some();
        #[cfg(not(feature = "planted-faults"))]
        let is_planted = false;
        let is_plain = !is_planted && self.disks == Disks::Honest && self.relays == Relays::Patient;
        let is_enumerated = matches!(self.plan, Plan::CrashInPipeline(_));
        if is_enumerated || (is_plain && self.seed.is_multiple_of(2)) { 1 } else { MIN_BATCH_BYTES }
    }

    /// Who attacks, and how. Eleven seeds in a row have every attack.
    pub fn attackers(&self) -> BTreeMap<usize, Attack> {
        if let Plan::Timetable(timetable) = &self.plan {
            return timetable.attackers();
        }
        let mut random = Random::of(self.seed ^ ATTACKERS);
        let mut attackers = BTreeMap::new();
        let most = if self.attacks == Attacks::None { 0 } else { self.most_attackers() };
        let place = usize::try_from(self.seed % Attack::ALL.len() as u64).unwrap_or(0);
        let mut first = Attack::ALL.get(place).copied();
        while attackers.len() < most {
            let drawn = first.take().or_else(|| Attack::ALL.get(random.place(Attack::ALL.len())).copied());
            let played = match self.attacks {
                Attacks::All(attack) => attack,
                Attacks::None | Attacks::Drawn => drawn.unwrap_or(Attack::Mute),
            };
            attackers.entry(random.place(self.nodes)).or_insert(played);
        }
        attackers
    }

    /// Validators and followers.
    pub fn all_nodes(&self) -> usize {
        self.nodes.saturating_add(self.followers)
    }
}
