//! What did a process use of the machine, and how busy was the machine?

use std::fs;
use std::time::Duration;

/// Clock ticks per second in what the kernel tells; Linux has told them in hundredths since its beginning.
const TICKS: f64 = 100.0;

/// Time that the machine has spent since it started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MachineTime {
    idle: f64,
    total: f64,
}

impl MachineTime {
    /// Until now.
    pub(crate) fn now() -> Self {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let ticks: Vec<f64> = line.split_whitespace().skip(1).take(8).filter_map(|word| word.parse().ok()).collect();
        // The fourth and fifth are idle and waiting for a disk.
        Self { idle: ticks.iter().skip(3).take(2).sum(), total: ticks.iter().sum() }
    }

    /// Which part of the time since then somebody computed, from 0 to 1.
    pub(crate) fn busy_since(self) -> f64 {
        let now = Self::now();
        1.0 - (now.idle - self.idle) / (now.total - self.total).max(1.0)
    }
}

/// The CPU time that this process has used.
pub(crate) fn cpu_time(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name of the program, in parentheses, may hold anything; user and system time are the 12th and 13th after it.
    let after = text.rsplit_once(')').map_or("", |(_, after)| after);
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
    Duration::from_secs_f64(ticks / TICKS)
}

/// The memory that this process holds now, and the most it ever held, in bytes.
pub(crate) fn memory(pid: u32) -> (f64, f64) {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kibibytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().find_map(|word| word.parse::<f64>().ok()).unwrap_or(f64::NAN)
    };
    (kibibytes("VmRSS:") * 1024.0, kibibytes("VmHWM:") * 1024.0)
}
