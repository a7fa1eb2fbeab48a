//! How many threads are of use on this machine.

use std::thread::available_parallelism;

/// Physical cores that this process may run on, within the processor quota of its control groups:
/// two threads of one core share the units that matmuls are bound by.
///
/// The standard library reads the quotas, of both versions of control groups and of all ancestors, and rounds
/// them down: a thread more than the quota pays for would be stopped in the middle of a step, and the others wait
/// for it. A group's set of processors shows in the affinity.
pub fn physical_cores() -> usize {
    let allowed = available_parallelism().map_or(1, |n| n.get());
    distinct_cores().map_or(allowed, |cores| cores.clamp(1, allowed))
}

/// Cores with at least one processor that this process may run on.
#[cfg(target_os = "linux")]
fn distinct_cores() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let mut cores = std::collections::HashSet::new();
    for processor in parse_list(list.trim())? {
        let path = format!("/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list");
        cores.insert(std::fs::read_to_string(path).ok()?);
    }
    Some(cores.len())
}

/// The kernel's lists of processors, such as `0-3,8`.
#[cfg(target_os = "linux")]
fn parse_list(list: &str) -> Option<Vec<usize>> {
    let mut processors = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        processors.extend(first.parse().ok()?..=last.parse::<usize>().ok()?);
    }
    Some(processors)
}

#[cfg(not(target_os = "linux"))]
fn distinct_cores() -> Option<usize> {
    // Apple's processors have one thread a core.
    None
}
