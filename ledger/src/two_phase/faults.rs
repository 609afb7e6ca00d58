//! The mistakes that tests plant in two-phase commit, its channels and what else goes through them, to prove that they would be found.

/// A mistake planted when a ledger is opened, by tests alone: a test that lets it live is too weak.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlantedFault {
    /// Messages of an envelope are obeyed again when it comes again.
    NoReplayCursor,
    /// A participant that waits for longer than the prepare time-out gives up by itself.
    ParticipantDecidesAlone,
    /// A participant releases read locks as soon as it has voted.
    ReadLocksReleasedAtVote,
    /// A transaction that only reads looks at no lock.
    ReadIgnoresLocks,
    /// A vote counts whatever attempt it is about.
    OldVoteCounts,
    /// What is overdue is given up before the votes of the block are looked at.
    DeadlineBeforeVotes,
    /// An add takes no lock and reserves nothing.
    AddLockIsNone,
    /// A transaction that is pending is not seen: a copy of it executes.
    PendingIsUnseen,
    /// Whoever votes in another attempt than the current one is told to commit.
    CommitToStaleAttempt,
    /// A refused transaction claims nothing.
    NoClaims,
    /// An envelope is consumed although messages before it are missing.
    GapsAreConsumed,
    /// What the root group says of new parameters is consumed and not obeyed.
    ParametersUnheard,
}

/// The mistake planted, if any. Without the feature `planted-faults` there is no room for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Planted {
    #[cfg(any(test, feature = "planted-faults"))]
    fault: Option<PlantedFault>,
}

impl Planted {
    /// This one.
    #[cfg(any(test, feature = "planted-faults"))]
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
