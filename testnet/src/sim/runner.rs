//! Runs scenarios: one by one, or many on several threads. A run itself knows no threads.

use super::check::{Broken, Promise};
use super::report::Report;
use super::scenario::{CannotRun, Scenario};
use super::world::World;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::channel;

/// Runs a scenario to its end, or to the first promise that does not hold.
///
/// # Errors
/// If the scenario can't be run.
pub fn run(scenario: &Scenario) -> Result<Report, CannotRun> {
    scenario.check()?;
    let mut world = World::new(scenario.clone());
    // A panic is a finding like any other: it must not hide the seed and the events that led to it.
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| world.run())) {
        world.note(Err(Broken { promise: Promise::NoPanic, what: text_of(panic.as_ref()) }));
    }
    Ok(world.report())
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without text".into())
}

/// Runs scenarios on this many threads, taking the next whenever a thread is free, and hands each report over as it
/// comes, in no order.
///
/// # Errors
/// If one of them can't be run; none is begun after it.
pub fn run_all<I>(scenarios: I, threads: usize, each: &mut dyn FnMut(Report)) -> Result<(), CannotRun>
where
    I: IntoIterator<Item = Scenario>,
    I::IntoIter: Send,
{
    let waiting =
        Mutex::new(scenarios.into_iter().map(|scenario| scenario.check().map(|()| scenario)).fuse());
    let (sender, results) = channel();
    let mut outcome = Ok(());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let sender = sender.clone();
            let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            scope.spawn(move || {
                for scenario in std::iter::from_fn(next) {
                    let result = scenario.and_then(|scenario| run(&scenario));
                    let ends = result.is_err();
                    // Nobody listens any more if the caller gave up.
                    if sender.send(result).is_err() || ends {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for result in results {
            match result {
                Ok(report) => each(report),
                Err(error) => outcome = Err(error),
            }
        }
    });
    outcome
}
