//! One node's process: start it, know it again, end it.

use super::description::NodeEntry;
use super::error::LocalError;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a node may take to stop before it is killed.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a stopping process is looked at.
const STOP_POLL: Duration = Duration::from_millis(20);
/// How long a killed process may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// A process, for sure: an id alone could be somebody else's by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) start_time: u64,
}

impl Process {
    /// The process that the description says runs this node.
    pub(super) fn recorded(node: &NodeEntry) -> Option<Process> {
        Some(Process { pid: node.pid?, start_time: node.start_time? })
    }

    /// Whether it still runs.
    pub(super) fn is_running(self) -> bool {
        start_time(self.pid) == Some(self.start_time)
    }

    /// Sends a signal, if it still runs.
    pub(super) fn signal(self, signal: Signal) {
        // Between the look and the signal an id can't be given away: ids are handed out in a circle.
        if self.is_running()
            && let Ok(pid) = i32::try_from(self.pid)
        {
            kill(Pid::from_raw(pid), signal).ok();
        }
    }

    /// Waits until it is gone; false if it still runs after `timeout`.
    pub(super) async fn ended_within(self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while self.is_running() {
            if Instant::now() >= deadline {
                return false;
            }
            tokio::time::sleep(STOP_POLL).await;
        }
        true
    }

    /// Asks it to stop; kills it if it has not within [`STOP_TIMEOUT`]. False if nothing ends it.
    pub(super) async fn stop(self) -> bool {
        self.signal(Signal::SIGTERM);
        // One that was made to stand still hears of it only when it goes on.
        self.signal(Signal::SIGCONT);
        self.ended_within(STOP_TIMEOUT).await || self.end().await
    }

    /// Kills it. False if it is still there.
    pub(super) async fn end(self) -> bool {
        self.signal(Signal::SIGKILL);
        self.ended_within(KILL_TIMEOUT).await
    }
}

/// When the process started, in ticks since boot; none if there is none, or only the remains of one (a zombie).
fn start_time(pid: u32) -> Option<u64> {
    parse_start_time(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_start_time(stat: &str) -> Option<u64> {
    // The second field is the program's name in parentheses, which may hold anything, parentheses included.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    // Fields count from 1 (proc(5)): the state is field 3, the number of threads field 20, the start time field 22.
    let (state, threads) = (fields.next()?, fields.nth(16)?);
    // A first thread that has ended while others have not still holds the process's files and ports.
    if matches!(state, "Z" | "X" | "x") && matches!(threads, "0" | "1") {
        return None;
    }
    fields.nth(1)?.parse().ok()
}

/// Starts a node in a process group of its own, so that neither Ctrl-C nor the end of this command reaches it.
pub(super) fn spawn(
    binary: &Path,
    environment: &[(String, String)],
    node: &NodeEntry,
) -> Result<Process, LocalError> {
    let log_path = node.home.join("node.log");
    let log = File::options().create(true).append(true).mode(0o600).open(&log_path);
    let log = log.map_err(LocalError::file("open", &log_path))?;
    let second = log.try_clone().map_err(LocalError::file("open", &log_path))?;
    let refuse = |why: String| LocalError::Process { node: node.name.clone(), why };
    let mut child = Command::new(binary)
        .args(["start", "--home"])
        .arg(&node.home)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(second)
        .process_group(0)
        .spawn()
        .map_err(|error| refuse(format!("can't start {}: {error}", binary.display())))?;
    let pid = child.id();
    let start_time = start_time(pid);
    // Somebody has to take note of its end, or its remains stay until this command ends.
    std::thread::spawn(move || child.wait());
    start_time
        .map(|start_time| Process { pid, start_time })
        .ok_or_else(|| refuse(format!("its process ended at once: see {}", log_path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_ended_only_when_its_last_thread_has() {
        let stat = |state: &str, threads: u32| {
            format!("42 (a) b (c) {state} 1 42 42 0 -1 4194304 500 0 0 0 130 25 0 0 20 0 {threads} 0 777 1 1")
        };
        assert_eq!(parse_start_time(&stat("S", 9)), Some(777));
        assert_eq!(parse_start_time(&stat("Z", 4)), Some(777), "other threads still hold its ports");
        assert_eq!(parse_start_time(&stat("Z", 1)), None);
        assert_eq!(parse_start_time(&stat("X", 0)), None);
        assert_eq!(parse_start_time("42 (witan"), None);
    }

    #[test]
    fn this_process_runs() {
        let pid = std::process::id();
        assert!(start_time(pid).is_some_and(|start_time| Process { pid, start_time }.is_running()));
    }
}
