//! Runs scenarios: one by one, or many on several threads. A run itself knows no threads.

use super::check::{Broken, Promise};
use super::report::Report;
use super::scenario::{Scenario, UnknownEngine};
use super::world::World;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::channel;

/// Runs a scenario to its end, or to the first promise that does not hold.
///
/// # Errors
/// If the engine is unknown here.
pub fn run(scenario: &Scenario) -> Result<Report, UnknownEngine> {
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

/// Runs many scenarios on this many threads, and hands each report over as it comes, in no order.
///
/// # Errors
/// If the engine of one is unknown here; then none is run.
pub fn run_all(
    scenarios: Vec<Scenario>,
    threads: usize,
    each: &mut dyn FnMut(Report),
) -> Result<(), UnknownEngine> {
    scenarios.iter().try_for_each(Scenario::check)?;
    let waiting = Mutex::new(scenarios.into_iter());
    let (sender, reports) = channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            let sender = sender.clone();
            let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            scope.spawn(move || {
                let done = std::iter::from_fn(next).filter_map(|scenario| run(&scenario).ok());
                // Nobody listens any more if the caller gave up.
                done.map(|report| sender.send(report).is_ok()).take_while(|heard| *heard).for_each(drop);
            });
        }
        drop(sender);
        reports.into_iter().for_each(each);
    });
    Ok(())
}
