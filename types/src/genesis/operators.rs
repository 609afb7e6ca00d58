//! Who may change a network's configuration.

use super::json::text_list;
use crate::account::Account;
use crate::codec::bounded;
use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most operators of a network.
pub const MAX_OPERATORS: usize = 64;

/// The accounts that may change the configuration together.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operators {
    /// Who they are.
    #[serde(with = "text_list")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<Account>"))]
    #[borsh(deserialize_with = "bounded::<MAX_OPERATORS, _, _>")]
    pub accounts: Vec<Account>,
    /// How many of them have to approve the same change before it happens.
    pub threshold: u16,
}

impl Operators {
    /// Whether there are none, so that nothing can be changed.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Whether an account is one of them.
    pub fn contains(&self, account: &Account) -> bool {
        self.accounts.contains(account)
    }

    /// Judges them.
    ///
    /// # Errors
    /// The rule they break, for people.
    pub fn check(&self) -> Result<(), String> {
        let count = self.accounts.len();
        if count > MAX_OPERATORS {
            return Err(format!("{count} are listed, at most {MAX_OPERATORS} are possible"));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.accounts.iter().find(|account| !seen.insert(**account)) {
            return Err(format!("{twice} is listed twice"));
        }
        let least = usize::from(count > 0);
        if !(least..=count).contains(&usize::from(self.threshold)) {
            return Err(format!(
                "the threshold of {count} must be {least} to {count}, not {}",
                self.threshold
            ));
        }
        Ok(())
    }
}
