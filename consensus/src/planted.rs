//! Where tests plant a mistake: an engine's judge asks here before it asks the rules. In a node nothing can be planted.

use std::marker::PhantomData;

/// The mistake planted, if any. Without the feature `planted-faults` there is no room for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planted<F> {
    #[cfg(any(test, feature = "planted-faults"))]
    fault: Option<F>,
    of: PhantomData<F>,
}

impl<F: Copy + PartialEq> Planted<F> {
    /// None.
    pub(crate) fn none() -> Planted<F> {
        Planted {
            #[cfg(any(test, feature = "planted-faults"))]
            fault: None,
            of: PhantomData,
        }
    }

    /// This one.
    #[cfg(any(test, feature = "planted-faults"))]
    pub(crate) fn one(fault: F) -> Planted<F> {
        Planted { fault: Some(fault), of: PhantomData }
    }

    /// Whether it is this one.
    #[cfg(any(test, feature = "planted-faults"))]
    pub(crate) fn is(&self, fault: F) -> bool {
        self.fault == Some(fault)
    }

    /// Whether it is this one.
    #[cfg(not(any(test, feature = "planted-faults")))]
    pub(crate) fn is(&self, _fault: F) -> bool {
        false
    }
}
