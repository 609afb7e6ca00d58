//! The second process of a validator that runs twice: the same keys and name, a home and ports of its own.

use super::description::NodeEntry;
use super::error::LocalError;
use super::lifecycle::unstoppable;
use super::process::{self, Process};
use super::{Network, generate, ports};
use std::path::Path;

impl Network {
    /// Starts a validator a second time, from its keys and nothing else; it dials the audience alone. Returns the second
    /// process, which the description lists from now on.
    ///
    /// # Errors
    /// If there is no such node, it has a twin already, there are no free ports, or a file can't be written.
    pub fn start_twin(&mut self, name: &str, audience: &[String]) -> Result<NodeEntry, LocalError> {
        let first = self.node(name)?.clone();
        let twin_name = format!("{name}-twin");
        if self.description.twins.iter().any(|twin| twin.name == twin_name) {
            return Err(LocalError::Spec(format!("{name} runs twice already: heal that first")));
        }
        let ports = ports::assign(0, 1)?.into_iter().next().ok_or(LocalError::NoPorts { wanted: 3 })?;
        let home = self.folder.join(&twin_name);
        remove_home(&home)?;
        let mut twin = generate::entry_at(home, twin_name, first.node_id.clone(), ports);
        twin.validator = first.validator;
        let heard: Vec<NodeEntry> =
            self.description.nodes.iter().filter(|node| audience.contains(&node.name)).cloned().collect();
        generate::write_twin(&twin, &first, &heard)?;
        let process = process::spawn(&self.binary, &self.environment, &twin)?;
        (twin.pid, twin.start_time) = (Some(process.pid), Some(process.start_time));
        self.change(|_, description| {
            description.twins.push(twin.clone());
            Ok(())
        })?;
        Ok(twin)
    }

    /// Ends a second process, and removes what it left. One that is not listed is gone.
    ///
    /// # Errors
    /// If nothing ends it, or its home can't be removed.
    pub async fn stop_twin(&mut self, twin_name: &str) -> Result<(), LocalError> {
        let Some(twin) = self.description.twins.iter().find(|twin| twin.name == twin_name).cloned() else {
            return Ok(());
        };
        if let Some(process) = Process::recorded(&twin)
            && !process.end().await
        {
            return Err(unstoppable(twin_name, process));
        }
        remove_home(&twin.home)?;
        self.change(|_, description| {
            description.twins.retain(|other| other.name != twin_name);
            Ok(())
        })
    }
}

fn remove_home(home: &Path) -> Result<(), LocalError> {
    if home.exists() {
        std::fs::remove_dir_all(home).map_err(LocalError::file("remove", home))
    } else {
        Ok(())
    }
}
