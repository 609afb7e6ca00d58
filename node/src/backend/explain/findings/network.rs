//! What is wrong with other nodes, as far as this one sees them.

use super::super::situation::{GroupSituation, Lock, Member, Situation, Stranger};
use super::super::words::{by_count, listed, seconds};
use super::{Found, grave, node, noted};
use std::collections::BTreeMap;
use std::time::Duration;
use witan_types::GroupId;

/// Locks are held for moments; one that is so old is worth a word.
const OLD_LOCK: Duration = Duration::from_secs(5);
/// Transactions with old locks that are told of.
const MAX_LOCKS: usize = 4;

fn names<'a>(members: &[&'a Member]) -> Vec<&'a str> {
    members.iter().map(|member| member.name.as_str()).collect()
}

/// `group 1` or `groups 0 and 1`.
fn groups_named(groups: &[GroupId]) -> String {
    let numbers: Vec<String> = groups.iter().map(ToString::to_string).collect();
    format!("{} {}", by_count(groups.len(), "group", "groups"), listed(&numbers))
}

/// More validators are on another chain than on this node's: then it is this node that went astray.
pub(super) fn wrong_genesis(situation: &Situation, found: &mut Vec<Found>) {
    let astray: Vec<&Stranger> = situation.strangers.iter().filter(|stranger| stranger.validator).collect();
    if !is_astray(situation, &astray) {
        return;
    }
    let me = situation.node.as_str();
    let others: Vec<&str> = astray.iter().map(|stranger| stranger.name.as_str()).collect();
    let theirs = astray.iter().find_map(|stranger| stranger.chain.as_deref()).unwrap_or("of another version");
    let text = format!(
        "{me} runs another genesis than {}: its chain is {}, theirs {theirs}, and so they refuse each other.",
        listed(&others),
        situation.chain
    );
    let fix = format!(
        "Stop {me}, put their genesis.json into its home, move its data folder and signed/ of this chain away, and start it."
    );
    found.push(grave("WRONG_GENESIS", None, &[me], text, fix));
}

fn is_astray(situation: &Situation, astray: &[&Stranger]) -> bool {
    let root = situation.groups.first().map(|group| group.members.as_slice()).unwrap_or_default();
    let with_me = root.iter().filter(|member| member.reached && !member.is_me).count();
    astray.len() > with_me
}

/// Nodes of another chain try to join.
pub(super) fn strangers(situation: &Situation, found: &mut Vec<Found>) {
    let me = situation.node.as_str();
    let astray: Vec<&Stranger> = situation.strangers.iter().filter(|stranger| stranger.validator).collect();
    let told = !is_astray(situation, &astray);
    for stranger in situation.strangers.iter().filter(|stranger| told || !stranger.validator) {
        let Stranger { name, id, address, chain, .. } = stranger;
        let chain =
            chain.as_deref().map_or("another version of the protocol".to_owned(), |it| format!("chain {it}"));
        let text = format!(
            "{name} ({id} at {address}) runs another genesis than {me}: {chain} instead of {}, and so they refuse each other.",
            situation.chain
        );
        let fix = format!(
            "If {name} belongs to this network, stop it, put the network's genesis.json into its home, move its data folder away, and start it."
        );
        found.push(noted("WRONG_GENESIS", None, &[name], text, fix));
    }
}

/// Groups that reach too few members, those with the same missing ones in one sentence.
pub(super) fn no_quorum(situation: &Situation, found: &mut Vec<Found>) {
    let me = situation.node.as_str();
    let lacking: Vec<&GroupSituation> = situation.groups.iter().filter(|group| !group.has_quorum()).collect();
    let reason = if lacking.len() == situation.groups.len() { "NO_QUORUM" } else { "GROUP_WITHOUT_QUORUM" };
    let mut alike: BTreeMap<(Vec<&str>, usize, usize), Vec<GroupId>> = BTreeMap::new();
    for group in &lacking {
        let key = (names(&group.missing()), group.reached(), group.quorum);
        alike.entry(key).or_default().push(group.group);
    }
    for ((missing, reached, quorum), groups) in alike {
        let has = by_count(groups.len(), "has", "have");
        let makes = by_count(groups.len(), "makes", "make");
        let lost = lacking.iter().any(|group| groups.contains(&group.group) && group.lost_its_vote());
        let own = if lost { format!(", and {me} itself has lost its vote") } else { String::new() };
        let text = format!(
            "{} can't be reached from {me}{own}, so {} {has} {reached} of the {quorum} validators that a block needs, and {makes} none.",
            listed(&missing),
            groups_named(&groups)
        );
        let needed = quorum.saturating_sub(reached);
        let fix = format!(
            "Start {} ({}), or repair the network between {me} and {}: {needed} more {} enough.",
            listed(&missing),
            start_command(&missing),
            by_count(missing.len(), "it", "them"),
            by_count(needed, "is", "are")
        );
        let group = if let [only] = groups.as_slice() { Some(*only) } else { None };
        found.push(grave(reason, group, &missing, text, fix));
    }
}

fn start_command(names: &[&str]) -> String {
    format!("in a local network: `witan testnet start {}`", names.join(" "))
}

/// A quorum is reached and work waits, and yet there is no block.
pub(super) fn stuck(situation: &Situation, found: &mut Vec<Found>) {
    for group in situation.groups.iter().filter(|group| group.has_quorum() && group.is_stuck()) {
        let leader = group.leader_name().unwrap_or("nobody");
        let text = format!(
            "{leader} leads group {}, which has made no block for {} though work waits and {} reaches {} of the {} validators needed: {} views in a row were given up.",
            group.group,
            node::waited(group),
            situation.node,
            group.reached(),
            group.quorum,
            group.timeouts
        );
        let fix =
            "Compare node_explain and the logs of all members: clocks, disks, and who gives up which view."
                .to_owned();
        found.push(grave("NO_PROGRESS", Some(group.group), &[leader], text, fix));
    }
}

/// Members are missing, and a quorum is left.
pub(super) fn absent(situation: &Situation, found: &mut Vec<Found>) {
    let me = situation.node.as_str();
    // Those of another chain were told of.
    let mut told: Vec<String> = situation.strangers.iter().map(|stranger| stranger.name.clone()).collect();
    // Groups with keys say more than the root group, which has all validators.
    let (root, keys): (Vec<&GroupSituation>, Vec<_>) =
        situation.groups.iter().partition(|group| group.group == GroupId::ROOT);
    for group in keys.into_iter().chain(root).filter(|group| group.has_quorum()) {
        let missing = group.missing();
        let leader = missing.iter().find(|member| group.leader_name() == Some(&member.name));
        if let Some(leader) = leader.filter(|leader| !told.contains(&leader.name)) {
            found.push(dead_leader(me, group, &leader.name));
            told.push(leader.name.clone());
        }
        let others: Vec<&str> =
            names(&missing).into_iter().filter(|name| !told.iter().any(|it| it == name)).collect();
        if others.is_empty() {
            continue;
        }
        let spare = group.reached().saturating_sub(group.quorum);
        let text = format!(
            "{} can't be reached from {me}; group {} goes on with {} validators of the {} that a block needs.",
            listed(&others),
            group.group,
            group.reached(),
            group.quorum
        );
        let warning = if spare == 0 { ": one more failure stops the group" } else { "" };
        let fix = format!("Start {} ({}){warning}.", listed(&others), start_command(&others));
        found.push(noted("VALIDATOR_DOWN", Some(group.group), &others, text, fix));
        told.extend(others.into_iter().map(str::to_owned));
    }
}

fn dead_leader(me: &str, group: &GroupSituation, leader: &str) -> Found {
    let when = match group.next_timeout_ms {
        Some(next) => format!("its turn ends in {}", seconds(next)),
        None => "the next transaction waits until its turn has timed out".to_owned(),
    };
    let text = format!(
        "{leader}, which leads group {} in view {}, can't be reached from {me}: {when}, then another of the {} validators reached leads.",
        group.group,
        group.view,
        group.reached()
    );
    let fix = format!(
        "Start {leader} ({}): until then every turn that it is given costs a time-out.",
        start_command(&[leader])
    );
    noted("DEAD_LEADER", Some(group.group), &[leader], text, fix)
}

/// Groups that are hosted elsewhere and have too few members connected to this node.
pub(super) fn elsewhere(situation: &Situation, found: &mut Vec<Found>) {
    let me = situation.node.as_str();
    for group in situation.elsewhere.iter().filter(|group| !group.has_quorum()) {
        let missing = names(&group.missing());
        let text = format!(
            "{} can't be reached from {me}, so group {}, which {me} does not host, has too few validators for a block as far as {me} sees.",
            listed(&missing),
            group.group
        );
        let fix = format!(
            "Start {} ({}); transactions with keys of that group wait.",
            listed(&missing),
            start_command(&missing)
        );
        found.push(noted("GROUP_WITHOUT_QUORUM", Some(group.group), &missing, text, fix));
    }
}

/// Keys stay locked because a group does not say what it has to.
pub(super) fn locks(situation: &Situation, found: &mut Vec<Found>) {
    for lock in situation.locks.iter().filter(|lock| lock.age >= OLD_LOCK).take(MAX_LOCKS) {
        let Lock { group, key, more, transaction, since_height, age, awaits } = lock;
        let missing = missing_of(situation, awaits);
        let awaited = groups_named(awaits);
        let why = if missing.is_empty() {
            format!("{} waits for {awaited}", situation.node)
        } else {
            format!(
                "{} can't be reached from {}, and {awaited} without {} can't decide",
                listed(&missing),
                situation.node,
                by_count(missing.len(), "it", "them")
            )
        };
        let keys = if *more > 0 { format!("{key} and {more} more keys") } else { key.clone() };
        let age = seconds(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let text = format!(
            "{why}: so transaction {transaction} keeps {keys} of group {group} locked since block {since_height}, {age} ago."
        );
        let fix = if missing.is_empty() {
            format!(
                "See node_explain at the members of {awaited}: the keys are free once it has decided; transactions that want them wait."
            )
        } else {
            format!(
                "Start {} ({}): the keys are free once {awaited} has decided; transactions that want them wait.",
                listed(&missing),
                start_command(&missing)
            )
        };
        let nodes = if missing.is_empty() { vec![situation.node.as_str()] } else { missing };
        found.push(noted("LOCKED_KEY", Some(*group), &nodes, text, fix));
    }
}

/// The members of groups without a quorum that can't be reached.
fn missing_of<'a>(situation: &'a Situation, groups: &[GroupId]) -> Vec<&'a str> {
    let here = situation.groups.iter().filter(|group| !group.has_quorum() && groups.contains(&group.group));
    let there =
        situation.elsewhere.iter().filter(|group| !group.has_quorum() && groups.contains(&group.group));
    let missing = here.flat_map(GroupSituation::missing).chain(there.flat_map(|group| group.missing()));
    let mut names: Vec<&str> = missing.map(|member| member.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
