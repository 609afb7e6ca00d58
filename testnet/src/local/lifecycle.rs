//! Starting and stopping nodes, one or all.

use super::description::{self, Description, NodeEntry};
use super::error::LocalError;
use super::process::{self, Process};
use super::{Network, generate, ports};
use futures::future::join_all;
use nix::sys::signal::Signal;
use std::path::Path;

impl Network {
    /// Whether this node's process runs. A node that does not exist does not run.
    pub fn is_running(&self, name: &str) -> bool {
        self.node(name).ok().and_then(Process::recorded).is_some_and(Process::is_running)
    }

    /// The process id of this node, if it runs.
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.node(name)
            .ok()
            .and_then(Process::recorded)
            .filter(|process| process.is_running())
            .map(|process| process.pid)
    }

    /// Starts a node, from its keys and data as they are. One that runs is left alone. Returns at once; see
    /// [`Network::wait_answering`] and [`Network::wait_ready`].
    ///
    /// # Errors
    /// If there is no such node, one of its ports is taken, or its process can't be started.
    pub fn start(&mut self, name: &str) -> Result<(), LocalError> {
        let (binary, environment) = (self.binary.clone(), self.environment.clone());
        self.change(|_, description| {
            let node = find(description, name)?;
            if Process::recorded(node).is_some_and(Process::is_running) {
                return Ok(());
            }
            if let Some(port) = node.ports.into_iter().find(|port| !ports::is_free(*port)) {
                return Err(LocalError::PortTaken { node: node.name.clone(), port });
            }
            let process = process::spawn(&binary, &environment, node)?;
            record(node, Some(process));
            Ok(())
        })
    }

    /// Starts all nodes.
    ///
    /// # Errors
    /// As [`Network::start`]; the nodes before the one that fails are running then.
    pub fn start_all(&mut self) -> Result<(), LocalError> {
        self.node_names().iter().try_for_each(|name| self.start(name))
    }

    /// Stops a node: SIGTERM, and SIGKILL after 10 s. One that does not run is left alone.
    ///
    /// # Errors
    /// If there is no such node, or nothing ends it.
    pub async fn stop(&mut self, name: &str) -> Result<(), LocalError> {
        let process = Process::recorded(self.node(name)?);
        if let Some(process) = process
            && !process.stop().await
        {
            return Err(unstoppable(name, process));
        }
        self.forget(&[name.to_owned()])
    }

    /// Kills a node (SIGKILL), which has no chance to tidy up.
    ///
    /// # Errors
    /// If there is no such node, or it is still there.
    pub async fn kill(&mut self, name: &str) -> Result<(), LocalError> {
        let process = Process::recorded(self.node(name)?);
        if let Some(process) = process
            && !process.end().await
        {
            return Err(unstoppable(name, process));
        }
        self.forget(&[name.to_owned()])
    }

    /// Makes a node stand still (SIGSTOP) until it is resumed. One that does not run is left alone.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn pause(&self, name: &str) -> Result<(), LocalError> {
        self.signal(name, Signal::SIGSTOP)
    }

    /// Lets a node go on that stands still.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn resume(&self, name: &str) -> Result<(), LocalError> {
        self.signal(name, Signal::SIGCONT)
    }

    fn signal(&self, name: &str, signal: Signal) -> Result<(), LocalError> {
        if let Some(process) = Process::recorded(self.node(name)?) {
            process.signal(signal);
        }
        Ok(())
    }

    /// Kills all nodes at once, as a power cut would.
    ///
    /// # Errors
    /// If one is still there.
    pub async fn kill_all(&mut self) -> Result<(), LocalError> {
        for process in self.description.nodes.iter().filter_map(Process::recorded) {
            process.signal(Signal::SIGKILL);
        }
        for name in self.node_names() {
            self.kill(&name).await?;
        }
        Ok(())
    }

    /// Stops a node and starts it again.
    ///
    /// # Errors
    /// As [`Network::stop`] and [`Network::start`].
    pub async fn restart(&mut self, name: &str) -> Result<(), LocalError> {
        self.stop(name).await?;
        self.start(name)
    }

    /// Stops every node, all at the same time, and sees that none of their ports is held any more.
    ///
    /// # Errors
    /// If a process does not end, or a port of a stopped node is still in use.
    pub async fn down(&mut self) -> Result<(), LocalError> {
        self.refresh()?;
        for twin in self.description.twins.clone() {
            self.stop_twin(&twin.name).await?;
        }
        let running: Vec<(String, Process, [u16; 3])> = (self.description.nodes.iter())
            .filter_map(|node| Some((node.name.clone(), Process::recorded(node)?, node.ports)))
            .filter(|(_, process, _)| process.is_running())
            .collect();
        let ended = join_all(running.iter().map(|(_, process, _)| process.stop())).await;
        if let Some(((name, process, _), _)) = running.iter().zip(ended).find(|(_, ended)| !ended) {
            return Err(unstoppable(name, *process));
        }
        self.forget(&self.node_names())?;
        for (node, _, ports) in running {
            if let Some(port) = ports.into_iter().find(|port| !ports::is_free(*port)) {
                return Err(LocalError::PortTaken { node, port });
            }
        }
        Ok(())
    }

    /// Stops every node and removes the network's folder.
    ///
    /// # Errors
    /// As [`Network::down`], or if a file can't be removed.
    pub async fn remove(mut self) -> Result<(), LocalError> {
        self.down().await?;
        std::fs::remove_dir_all(&self.folder).map_err(LocalError::file("remove", &self.folder))
    }

    /// Removes the network of this name, running or not, so that it can be made anew. None is no error; a folder that
    /// holds no network is left alone.
    ///
    /// # Errors
    /// As [`Network::remove`].
    pub async fn reset(dir: &Path, name: &str) -> Result<(), LocalError> {
        match Network::open(dir, name) {
            Ok(network) => network.remove().await,
            Err(LocalError::Missing { .. }) => Ok(()),
            // Its processes can't be known any more: their ports will tell if they still run.
            Err(LocalError::Description { .. }) => {
                let folder = dir.join(name);
                std::fs::remove_dir_all(&folder).map_err(LocalError::file("remove", &folder))
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the home of one more node, without a validator key: it follows and has no vote. Returns its name; it is
    /// not started.
    ///
    /// # Errors
    /// If there are no free ports, or a file can't be written.
    pub fn add_follower(&mut self) -> Result<String, LocalError> {
        let mut name = String::new();
        self.change(|folder, description| {
            name = generate::add_follower(folder, description)?.name;
            Ok(())
        })?;
        Ok(name)
    }

    /// Stops the node that was added last, and removes its home. Its number is free again then.
    ///
    /// # Errors
    /// If there is no such node, it has a vote, another one was added after it, or a file can't be removed.
    pub async fn remove_follower(&mut self, name: &str) -> Result<(), LocalError> {
        let node = self.node(name)?.clone();
        if node.validator {
            let why = "has a vote, and the members of a group change with its epoch alone; `witan testnet stop` stops it";
            return Err(LocalError::Spec(format!("{name} {why}")));
        }
        if let Some(last) = self.description.nodes.last().filter(|last| last.name != name) {
            return Err(LocalError::Spec(format!(
                "{name} is not the node that was added last: remove {} first",
                last.name
            )));
        }
        self.stop(name).await?;
        self.change(|_, description| {
            description.nodes.retain(|other| other.name != name);
            Ok(())
        })?;
        std::fs::remove_dir_all(&node.home).map_err(LocalError::file("remove", &node.home))
    }

    /// Reads the description again: another command may have started or stopped nodes.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn refresh(&mut self) -> Result<(), LocalError> {
        self.description = Description::read(&self.folder)?;
        Ok(())
    }

    /// Notes that these nodes were stopped.
    fn forget(&mut self, names: &[String]) -> Result<(), LocalError> {
        self.change(|_, description| {
            for name in names {
                let node = find(description, name)?;
                // Another command may have started it again in the meantime.
                if !Process::recorded(node).is_some_and(Process::is_running) {
                    record(node, None);
                }
            }
            Ok(())
        })
    }

    /// Changes the description, one command at a time.
    pub(super) fn change(
        &mut self,
        change: impl FnOnce(&Path, &mut Description) -> Result<(), LocalError>,
    ) -> Result<(), LocalError> {
        let _lock = description::lock(&self.folder)?;
        let mut description = Description::read(&self.folder)?;
        let result = change(&self.folder, &mut description);
        if description != self.description {
            description.write(&self.folder)?;
            self.description = description;
        }
        result
    }
}

fn find<'a>(description: &'a mut Description, name: &str) -> Result<&'a mut NodeEntry, LocalError> {
    let known = description.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = description.nodes.iter_mut().find(|node| node.name == name);
    found.ok_or_else(|| LocalError::NoNode { name: name.to_owned(), known })
}

fn record(node: &mut NodeEntry, process: Option<Process>) {
    node.pid = process.map(|process| process.pid);
    node.start_time = process.map(|process| process.start_time);
}

pub(super) fn unstoppable(name: &str, process: Process) -> LocalError {
    LocalError::Process {
        node: name.to_owned(),
        why: format!("process {} does not end, even killed", process.pid),
    }
}
