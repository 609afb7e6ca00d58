//! Tests of the checkers: disks that break their word, engines with a wrong rule, relays that give up, wrong two-phase
//! commit, replicas that forget too early; and which promises are seen to break.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test may fail by panic")]

use std::collections::BTreeSet;
use std::num::NonZero;
use witan_consensus::hotstuff::PlantedFault;
use witan_ledger::two_phase::PlantedFault as Mistake;
use witan_replica::PlantedFault as TooEarly;
use witan_testnet::sim::{
    Attacks, CannotRun, Crash, Disks, PipelineCrash, Plan, Promise, Relays, Report, RuleFault, Scenario,
    Step, Whom, run, run_all,
};
use witan_types::{EngineKind, GroupId};

fn with(disks: Disks, seed: u64, unchecked: &[Promise]) -> Scenario {
    let unchecked: BTreeSet<Promise> = unchecked.iter().copied().collect();
    Scenario { disks, unchecked, ..Scenario::of(seed, 4) }
}

/// The promises that these runs break, each run's first.
fn broken_in(scenarios: impl Iterator<Item = Scenario> + Send) -> Vec<Promise> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut broken = Vec::new();
    run_all(scenarios, threads, &mut |report| broken.extend(report.violation.map(|found| found.promise)))
        .unwrap();
    broken
}

/// The promises that these seeds break on such disks.
fn broken(disks: Disks, seeds: std::ops::RangeInclusive<u64>, unchecked: &[Promise]) -> Vec<Promise> {
    broken_in(seeds.map(|seed| with(disks, seed, unchecked)))
}

fn count(broken: &[Promise], promise: Promise) -> usize {
    broken.iter().filter(|found| **found == promise).count()
}

/// Everything that notices a fault before two nodes disagree.
const EARLIER: [Promise; 3] = [Promise::WriteAhead, Promise::Innocence, Promise::Liveness];

#[test]
fn a_disk_that_forgets_records_in_a_crash_breaks_agreement() {
    let broken = broken(Disks::ForgetRecords, 1..=100, &EARLIER);
    assert!(count(&broken, Promise::Agreement) > 0, "of 100 seeds: {broken:?}");
}

#[test]
fn a_validator_whose_disk_forgot_is_seen_to_contradict_itself() {
    let broken = broken(Disks::ForgetRecords, 1..=60, &[]);
    assert!(count(&broken, Promise::Innocence) > 0, "of 60 seeds: {broken:?}");
}

#[test]
fn saying_that_records_are_durable_too_early_is_noticed_at_the_first_message() {
    let broken = broken(Disks::ReportEarly, 1..=10, &[]);
    assert_eq!(count(&broken, Promise::WriteAhead), 10, "{broken:?}");
}

#[test]
fn messages_released_before_their_records_are_durable_break_agreement_in_a_crash() {
    let broken = broken(Disks::ReportEarly, 1..=60, &EARLIER);
    assert!(count(&broken, Promise::Agreement) > 0, "of 60 seeds: {broken:?}");
}

#[test]
fn a_violation_names_its_promise_its_seed_and_how_to_see_it_again() {
    let scenario = with(Disks::ReportEarly, 7, &[]);
    let report = run(&scenario).unwrap();
    let text = report.to_string();
    assert!(text.contains("nothing before it is durable"), "{text}");
    assert!(text.contains("witan sim run -n 4 --engine hotstuff --seed 7"), "{text}");
    let events = |report: Report| report.violation.unwrap().events;
    let again = run(&scenario).unwrap();
    assert_eq!(again.trace, report.trace);
    assert_eq!(events(again), events(report));
}

#[test]
fn what_can_not_be_run_is_refused_with_the_reason() {
    let trusting = Scenario::of(1, 4).with(EngineKind::Raft).under(Attacks::Drawn);
    assert_eq!(run(&trusting).err(), Some(CannotRun::Trusting(EngineKind::Raft)));
    let few = Scenario::of(1, 3).under(Attacks::Drawn);
    assert_eq!(run(&few).err(), Some(CannotRun::TooFew(3)));
    let attacked = Scenario::of(1, 4).sharded(2).under(Attacks::Drawn);
    assert_eq!(run(&attacked).err(), Some(CannotRun::AttackedShards(2)));
    assert_eq!(run(&Scenario::of(1, 4).sharded(0)).err(), Some(CannotRun::Shards(0)));
    assert_eq!(run(&Scenario::of(1, 4).sharded(65)).err(), Some(CannotRun::Shards(65)));
    let beyond = Scenario { engines: [(GroupId(2), EngineKind::Pbft)].into(), ..Scenario::of(1, 4) };
    assert_eq!(run(&beyond).err(), Some(CannotRun::NoGroup(GroupId(2), 1)));
}

#[test]
fn a_fault_in_one_engine_is_noticed_in_the_group_that_runs_it() {
    let rule_fault = Some(RuleFault::HotStuff(PlantedFault::OrderVoteWithoutLock));
    let mixed = |seed| Scenario::of(seed, 4).sharded(2).mixed(&[EngineKind::Pbft, EngineKind::HotStuff]);
    let report = run(&Scenario { rule_fault, ..mixed(1) }).unwrap();
    let found = report.violation.unwrap();
    assert_eq!(found.promise, Promise::WriteAhead);
    assert!(found.what.starts_with("group 2: "), "{}", found.what);
    assert!(found.events.iter().any(|event| event.contains("group 1")), "events name their groups");
    assert!(run(&mixed(1)).unwrap().violation.is_none());
}

/// Forks are rare: the search starts near the first one known.
const FIRST_TRIED: u64 = 140;

/// The promises that these seeds break when every validator's engine makes this mistake.
fn broken_by(
    fault: PlantedFault,
    seeds: std::ops::RangeInclusive<u64>,
    unchecked: &[Promise],
) -> Vec<Promise> {
    let rule_fault = Some(RuleFault::HotStuff(fault));
    broken_in(seeds.map(|seed| Scenario { rule_fault, ..with(Disks::Honest, seed, unchecked) }))
}

#[test]
fn an_order_vote_whose_promise_is_not_on_disk_is_noticed_at_once_and_forks_in_a_crash() {
    let noticed = broken_by(PlantedFault::OrderVoteWithoutLock, 1..=5, &[]);
    assert_eq!(count(&noticed, Promise::WriteAhead), 5, "{noticed:?}");
    let forks = |seed| broken_by(PlantedFault::OrderVoteWithoutLock, seed..=seed, &EARLIER);
    let first = (FIRST_TRIED..FIRST_TRIED + 100).find(|seed| forks(*seed).contains(&Promise::Agreement));
    println!("first fork at seed {first:?}");
    assert!(first.is_some(), "no fork in 100 seeds");
}

#[test]
fn an_order_vote_after_a_time_out_is_proven_against_its_author() {
    let broken = broken_by(PlantedFault::OrderVoteAfterTimeout, 7..=16, &[]);
    assert_eq!(broken, [Promise::Innocence; 10], "of 10 seeds");
}

/// Three groups on four nodes, an engine each.
fn three_groups(seed: u64) -> Scenario {
    Scenario::of(seed, 4).sharded(3).mixed(&EngineKind::ALL)
}

#[test]
fn a_relay_that_offers_only_once_leaves_what_was_lost_undone() {
    let relays = Relays::OfferOnce;
    let broken = broken_in((1..=40).map(|seed| Scenario { relays, ..three_groups(seed) }));
    let (live, orphans) = (count(&broken, Promise::Liveness), count(&broken, Promise::NoOrphans));
    println!("{live} of 40 seeds do not go on, {orphans} leave orphans");
    // In a seed or two nothing is lost that is not said again for another reason.
    assert!(live > 0 && orphans > 0 && live + orphans >= 26, "{broken:?}");
}

#[test]
fn groups_that_do_not_hear_of_new_parameters_are_noticed_after_the_heal() {
    let ledger_fault = Some(Mistake::ParametersUnheard);
    let broken = broken_in((1..=3).map(|seed| Scenario { ledger_fault, ..three_groups(seed).rooted() }));
    // In one of them a node starts again, and executes what it decided before the mistake is planted in it anew: it hears what
    // the others did not.
    assert_eq!((count(&broken, Promise::Configuration), count(&broken, Promise::Agreement)), (2, 1));
}

/// The promises that these seeds break when two-phase commit makes this mistake. A group stalls in them and no node
/// crashes: what a node reads back from its disk is locked as it should be.
fn broken_across(
    fault: Mistake,
    seeds: std::ops::RangeInclusive<u64>,
    unchecked: &[Promise],
) -> Vec<Promise> {
    let ledger_fault = Some(fault);
    let unchecked: BTreeSet<Promise> = unchecked.iter().copied().collect();
    let stalls = |seed| three_groups(seed).planned(Plan::Stall(GroupId(1)));
    broken_in(seeds.map(|seed| Scenario { ledger_fault, unchecked: unchecked.clone(), ..stalls(seed) }))
}

#[test]
fn read_locks_that_end_with_the_vote_show_a_reader_what_never_was() {
    // Rare: the search starts near the first seed known.
    let broken = broken_across(Mistake::ReadLocksReleasedAtVote, 11..=22, &[]);
    assert!(count(&broken, Promise::Conservation) > 0, "of 12 seeds: {broken:?}");
}

#[test]
fn reads_that_ignore_locks_show_half_a_transfer_and_lists_in_no_order() {
    let broken = broken_across(Mistake::ReadIgnoresLocks, 1..=4, &[]);
    assert!(count(&broken, Promise::Conservation) > 0, "of 4 seeds: {broken:?}");
    let broken = broken_across(Mistake::ReadIgnoresLocks, 9..=16, &[Promise::Conservation]);
    assert!(count(&broken, Promise::Serializability) > 0, "of 8 seeds: {broken:?}");
}

#[test]
fn adds_without_locks_show_half_a_transfer() {
    let broken = broken_across(Mistake::AddLockIsNone, 1..=4, &[]);
    assert!(count(&broken, Promise::Conservation) > 0, "of 4 seeds: {broken:?}");
}

#[test]
fn a_participant_that_decides_alone_applies_half_a_transfer() {
    let broken = broken_across(Mistake::ParticipantDecidesAlone, 6..=9, &[]);
    assert!(count(&broken, Promise::Conservation) > 0, "of 4 seeds: {broken:?}");
}

/// One place of the pipeline in so many is tried, and those at which a ledger is about to be durable: a network that misses what it forgot stands still until its time is over.
const PLACES_TRIED: usize = 8;

/// The promises that are broken when every replica makes this mistake and the power of all is lost, at places of the pipeline that
/// transactions go through.
fn broken_in_the_pipeline(engine: EngineKind, fault: TooEarly) -> Vec<Promise> {
    let scenario = |place| {
        let crash = PipelineCrash { place, whom: Whom::All, crash: Crash::Power };
        let planned = Scenario::of(6, 4).with(engine).planned(Plan::CrashInPipeline(crash));
        Scenario { replica_fault: Some(fault), ..planned }
    };
    let places = run(&scenario(0)).unwrap().places;
    let is_tried = |place: &usize| {
        let step = places.get(place.wrapping_sub(1)).map(|(_, step)| *step);
        place.is_multiple_of(PLACES_TRIED) || step == Some(Step::LedgerSyncing)
    };
    let tried: Vec<usize> = (0..=places.len()).filter(is_tried).collect();
    let broken = broken_in(tried.iter().copied().map(scenario));
    println!("{engine}, {fault:?}: {} of {} places tried: {broken:?}", broken.len(), tried.len());
    broken
}

/// Under Raft nothing goes in batches, and a log is truncated after many more records than these.
const WITH_BATCHES: [EngineKind; 2] = [EngineKind::HotStuff, EngineKind::Pbft];

#[test]
fn a_member_that_holds_a_batch_before_its_disk_does_is_noticed_at_once() {
    for engine in WITH_BATCHES {
        let broken = broken_in_the_pipeline(engine, TooEarly::HeldBeforeDurable);
        assert!(!broken.is_empty() && broken.iter().all(|promise| *promise == Promise::WriteAhead));
    }
}

#[test]
fn batches_that_are_forgotten_before_their_blocks_are_durable_are_missed_after_a_loss_of_power() {
    for engine in WITH_BATCHES {
        let broken = broken_in_the_pipeline(engine, TooEarly::ForgetsAtWritten);
        // While nobody can execute what is decided, no more is decided than has a bound.
        assert_eq!(count(&broken, Promise::Bounds), 0, "{broken:?}");
        assert!(count(&broken, Promise::Liveness) > 0, "{broken:?}");
    }
}

#[test]
fn an_engine_that_forgets_blocks_before_they_are_durable_misses_them_after_a_loss_of_power() {
    for engine in WITH_BATCHES {
        let broken = broken_in_the_pipeline(engine, TooEarly::StableAtWritten);
        assert!(count(&broken, Promise::Liveness) + count(&broken, Promise::Agreement) > 0, "{broken:?}");
    }
}
