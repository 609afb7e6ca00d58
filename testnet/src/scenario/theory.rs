//! What theory expects of a scenario, fault by fault: told before it runs, so that what happens can prove it wrong.

use super::file::{Network, Scenario, Timed};
use super::verdict::Staged;
use crate::faults::theory::{Members, Setting};
use crate::faults::{Fault, Span, Theory, Who};
use std::time::Duration;
use witan_types::GroupId;

impl Network {
    /// The network as theory sees it; of the root group only if `root` says so.
    pub(super) fn setting(&self, root: bool) -> Setting {
        let parameters = self.parameters();
        let members =
            |group| Members { group, engine: self.engine_of(group), places: self.members_of(group) };
        let root = root.then_some(GroupId::ROOT);
        Setting {
            groups: root.into_iter().chain(self.groups()).map(members).collect(),
            nodes: self.nodes,
            max_timeout: Duration::from_millis(parameters.max_timeout_ms),
            max_drift: Duration::from_millis(parameters.max_drift_ms),
            prepare_timeout: Duration::from_millis(parameters.prepare_timeout_ms),
        }
    }
}

impl Scenario {
    /// The faults as they are meant, and what theory expects from the moment at which each begins, under all that last
    /// then.
    pub fn staged(&self) -> Vec<Staged> {
        let setting = self.network.setting(self.speaks_of_root());
        let staged = |timed: &Timed| Staged {
            fault: timed.fault.to_string(),
            at: Span(timed.at),
            until: Span(timed.until),
            theory: self.theory(&setting, timed),
        };
        self.faults.iter().map(staged).collect()
    }

    fn theory(&self, setting: &Setting, begins: &Timed) -> Vec<String> {
        let lasts = |timed: &&Timed| timed.at <= begins.at && begins.at < timed.until;
        let active: Vec<Fault> = self.faults.iter().filter(lasts).map(|timed| timed.fault.clone()).collect();
        // Whoever leads by then is one of the members, and which one is no matter.
        let somebody = |group: GroupId| self.network.members_of(group).first().copied();
        let resolve =
            |fault: Fault| if fault.follows_leaders() { Ok(fault) } else { fault.resolve(&somebody) };
        let resolved = active.into_iter().map(resolve).collect::<Result<Vec<Fault>, GroupId>>();
        let Ok(resolved) = resolved else { return Vec::new() };
        let Theory { groups, .. } = Theory::of(setting, &resolved);
        groups.iter().map(ToString::to_string).collect()
    }

    /// Whether it has something to say of the root group. In the simulator that group and its operators run only then.
    pub(super) fn speaks_of_root(&self) -> bool {
        let leader = Who::Leader(GroupId::ROOT);
        self.network.engines.contains_key(&GroupId::ROOT)
            || self.expectations.iter().any(|expected| expected.group == GroupId::ROOT)
            || self.faults.iter().any(|timed| timed.fault.named().contains(&leader))
    }
}
