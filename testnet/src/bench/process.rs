//! What the kernel knows of a process: processor time and memory.

use std::fs;
use std::io;
use std::time::Duration;

/// Clock ticks in a second in `/proc`: the `USER_HZ` of the Linux interface, 100 on every architecture Witan runs on.
const TICKS_PER_SECOND: u64 = 100;

/// Processor time that a process has used so far, in user and kernel mode, all threads. Steps of 10 ms.
///
/// # Errors
/// If there is no such process.
pub fn cpu_time(pid: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let ticks =
        parse_stat(&stat).ok_or_else(|| io::Error::other(format!("/proc/{pid}/stat is unreadable")))?;
    Ok(Duration::from_millis(ticks * (1000 / TICKS_PER_SECOND)))
}

/// The most memory that a process has had resident, in bytes.
///
/// # Errors
/// If there is no such process.
pub fn peak_resident_bytes(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    parse_status(&status).ok_or_else(|| io::Error::other(format!("/proc/{pid}/status has no VmHWM")))
}

/// Fields 14 and 15 of `proc_pid_stat(5)`. The second field is a name in brackets that may hold anything, so counting
/// starts after its last bracket.
fn parse_stat(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    user.checked_add(kernel)
}

fn parse_status(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_a_name_with_brackets_and_spaces() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194304 500 0 0 0 130 25 0 0 20 0 9 0 100 1 1";
        assert_eq!(parse_stat(stat), Some(155));
        assert_eq!(parse_stat("42 (witan"), None);
    }

    #[test]
    fn peak_memory_is_read_in_bytes() {
        assert_eq!(parse_status("VmPeak:\t9 kB\nVmHWM:\t  2048 kB\nVmRSS:\t1 kB\n"), Some(2 * 1024 * 1024));
        assert_eq!(parse_status("VmRSS:\t1 kB\n"), None);
    }

    #[test]
    fn this_process_has_used_memory() {
        let own = std::process::id();
        assert!(peak_resident_bytes(own).unwrap() > 100_000);
        assert!(cpu_time(own).is_ok());
    }
}
