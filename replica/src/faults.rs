//! The mistakes that tests plant in what a replica makes durable, says and forgets, to prove that they would be found.

/// A mistake planted when a group is opened, by tests alone: a test that lets it live is too weak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlantedFault {
    /// A member says that it holds a batch as soon as it gets one.
    HeldBeforeDurable,
    /// Batches leave the disk once the blocks that carry them can be read, durable or not.
    ForgetsAtWritten,
    /// The engine hears that blocks are stable once they can be read, durable or not.
    StableAtWritten,
}

/// The mistake planted, if any. Without the feature `planted-faults` there is no room for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Planted {
    #[cfg(any(test, feature = "planted-faults"))]
    fault: Option<PlantedFault>,
}

impl Planted {
    /// This one.
    #[cfg(feature = "planted-faults")]
    pub(crate) fn one(fault: PlantedFault) -> Planted {
        Planted { fault: Some(fault) }
    }

    /// Whether it is this one.
    #[cfg(any(test, feature = "planted-faults"))]
    pub(crate) fn is(self, fault: PlantedFault) -> bool {
        self.fault == Some(fault)
    }

    /// Whether it is this one.
    #[cfg(not(any(test, feature = "planted-faults")))]
    pub(crate) fn is(self, _fault: PlantedFault) -> bool {
        false
    }
}
