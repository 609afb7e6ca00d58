//! What members say of transactions that are handed to them, and what comes of it: fewer than enough of them may lie.

use witan_replica::Admission;

/// What members said of one transaction that was handed to them.
#[derive(Debug, Default)]
pub(super) struct Heard(Vec<Admission>);

impl Heard {
    /// A member said this.
    pub(super) fn add(&mut self, said: Option<Admission>) {
        self.0.extend(said);
    }

    /// What comes of that: somebody took it in, or more than may lie say that nobody will, or that there is no room.
    pub(super) fn settled(&self, enough: usize) -> Option<Admission> {
        let taken = self.0.iter().find(|said| !is_refusal(said));
        let void = self.0.iter().filter(|said| is_void(said));
        let last_void = || void.clone().next_back().filter(|_| void.clone().count() >= enough);
        let full = || (self.0.len() >= enough).then_some(&Admission::MempoolFull);
        taken.or_else(last_void).or_else(full).cloned()
    }
}

/// Whether a member did not take a transaction in.
pub(super) fn is_refusal(admission: &Admission) -> bool {
    match admission {
        Admission::Pending | Admission::Started | Admission::Final(_) => false,
        Admission::Expired
        | Admission::ExpiryTooFar(_)
        | Admission::Elsewhere
        | Admission::MempoolFull
        | Admission::SignerFull => true,
    }
}

/// Whether a member says that it will never take a transaction in.
fn is_void(admission: &Admission) -> bool {
    matches!(admission, Admission::Expired | Admission::ExpiryTooFar(_) | Admission::Elsewhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled<const COUNT: usize>(said: [&Admission; COUNT]) -> Option<Admission> {
        Heard(said.map(Clone::clone).to_vec()).settled(2)
    }

    #[test]
    fn one_member_that_takes_it_in_is_enough_and_one_that_refuses_it_is_not() {
        let (taken, full, void) = (Admission::Pending, Admission::MempoolFull, Admission::Expired);
        assert_eq!(settled([]), None);
        assert_eq!(settled([&void]), None);
        assert_eq!(settled([&void, &taken]), Some(taken));
        assert_eq!(settled([&void, &void]), Some(void.clone()));
        assert_eq!(settled([&full, &void]), Some(full), "one of them may lie, so it may come later");
    }
}
