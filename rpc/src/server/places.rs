//! Places for subscriptions: so many on a connection, so many on the node.

use crate::error::RpcError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many places there are, of whom, and how many of them are taken.
#[derive(Debug)]
pub(super) struct Places {
    of: &'static str,
    max: usize,
    taken: AtomicUsize,
}

/// A place, free again when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Places>);

impl Places {
    /// So many of [`RpcError::NODE`] or [`RpcError::CONNECTION`].
    pub(super) fn new(of: &'static str, max: usize) -> Arc<Places> {
        Arc::new(Places { of, max, taken: AtomicUsize::new(0) })
    }

    /// Takes one.
    ///
    /// # Errors
    /// [`RpcError::TooManySubscriptions`] if there is none.
    pub(super) fn take(self: &Arc<Self>) -> Result<Place, RpcError> {
        let one_more = |taken: usize| taken.checked_add(1).filter(|taken| *taken <= self.max);
        match self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            Ok(_) => Ok(Place(Arc::clone(self))),
            Err(_) => Err(RpcError::TooManySubscriptions { of: self.of, max: self.max }),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_once_its_subscription_is_gone() {
        let places = Places::new(RpcError::NODE, 2);
        let (first, _second) = (places.take().unwrap(), places.take().unwrap());
        assert_eq!(places.take().unwrap_err(), RpcError::TooManySubscriptions { of: RpcError::NODE, max: 2 });
        drop(first);
        let _again = places.take().unwrap();
        assert!(places.take().is_err());
    }
}
