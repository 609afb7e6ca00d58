//! A few networks at a time, each with ports that no other one takes, even while its nodes are down.

use crate::network::is_free;
use std::sync::{Condvar, Mutex, PoisonError};

/// Networks that run at the same time: more would measure each other.
const NETWORKS: usize = 2;
/// Where the ports of the first one begin, below those that the system hands to outgoing connections.
const FIRST: u16 = 20_000;
/// Ports from which each one chooses.
const EACH: u16 = 4_000;
/// Ports that four validators and two more nodes need, ten apart.
const NEEDED: u16 = 60;

static TAKEN: Mutex<[bool; NETWORKS]> = Mutex::new([false; NETWORKS]);
static GIVEN_BACK: Condvar = Condvar::new();

/// The right to run a network, until it is dropped.
pub(crate) struct Slot(usize);

impl Slot {
    /// Waits for one.
    pub(crate) fn take() -> Slot {
        let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(place) = taken.iter().position(|taken| !taken) {
                taken[place] = true;
                return Slot(place);
            }
            taken = GIVEN_BACK.wait(taken).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The first of enough free ports.
    pub(crate) fn port_base(&self) -> u16 {
        let first = FIRST + EACH * u16::try_from(self.0).unwrap();
        loop {
            let base = rand::random_range(first..first + EACH - NEEDED);
            if (base..base + NEEDED).all(is_free) {
                return base;
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner)[self.0] = false;
        GIVEN_BACK.notify_one();
    }
}
