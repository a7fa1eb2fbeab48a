//! One look at the files in which Linux and the Raspberry Pi's firmware tell temperature and throttling.
//!
//! | file | tells | source |
//! |---|---|---|
//! | `class/thermal/thermal_zone*/temp` | millidegrees Celsius | kernel, `driver-api/thermal/sysfs-api` |
//! | `devices/system/cpu/cpufreq/policy*/*_freq` | kHz: now, allowed, possible | kernel, `admin-guide/pm/cpufreq` |
//! | `devices/system/cpu/cpu*/thermal_throttle/*_throttle_count` | events since boot, x86 | kernel, `ABI/testing/sysfs-devices-system-cpu` |
//! | `devices/platform/soc/soc:firmware/get_throttled` | bits, hexadecimal | Raspberry Pi documentation, `vcgencmd get_throttled` |
//!
//! A file that is missing or says something else tells nothing: other systems and virtual machines have
//! few of them.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the kernel shows its devices.
pub(super) const SYSFS: &str = "/sys";

/// Entries of a folder that are looked at: more cores than any machine of ours has.
const MAX_ENTRIES: usize = 1024;

/// What the files tell at one time. `None` where they tell nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostState {
    /// Of the hottest zone.
    pub millicelsius: Option<i32>,
    /// Of the slowest group of cores, in relation to what it can: (now, allowed, possible) in kHz.
    pub frequency_khz: Option<(u32, u32, u32)>,
    /// How often x86 cores have throttled since boot.
    pub throttle_events: Option<u64>,
    /// The Raspberry Pi's flags.
    pub firmware_flags: Option<u32>,
}

impl HostState {
    /// Reads the files below `sysfs`.
    pub(crate) fn read(sysfs: &Path) -> Self {
        let cpus = sysfs.join("devices/system/cpu");
        let firmware = sysfs.join("devices/platform/soc/soc:firmware/get_throttled");
        Self {
            millicelsius: hottest(&sysfs.join("class/thermal")),
            frequency_khz: slowest(&cpus.join("cpufreq")),
            throttle_events: events(&cpus),
            firmware_flags: text(&firmware).and_then(|text| parse_flags(&text)),
        }
    }
}

fn hottest(folder: &Path) -> Option<i32> {
    let zones = entries(folder, "thermal_zone");
    let readings = zones.filter_map(|zone| number::<i32>(&zone.join("temp")));
    // A zone without a sensor says 0, or far below.
    readings.filter(|&reading| reading > 0).max()
}

fn slowest(folder: &Path) -> Option<(u32, u32, u32)> {
    let groups = entries(folder, "policy").filter_map(|policy| {
        let allowed = number::<u32>(&policy.join("scaling_max_freq"))?;
        let possible = number::<u32>(&policy.join("cpuinfo_max_freq"))?;
        let now = number::<u32>(&policy.join("scaling_cur_freq")).unwrap_or(0);
        (possible > 0).then_some((now, allowed, possible))
    });
    groups
        .min_by_key(|&(_, allowed, possible)| u64::from(allowed) * 1_000_000 / u64::from(possible))
}

/// Of all cores. A package's events are counted at each of its cores: the largest stands for them.
fn events(cpus: &Path) -> Option<u64> {
    let counters = entries(cpus, "cpu").filter_map(|cpu| {
        let folder = cpu.join("thermal_throttle");
        let core = number::<u64>(&folder.join("core_throttle_count"));
        let package = number::<u64>(&folder.join("package_throttle_count"));
        (core.is_some() || package.is_some()).then(|| (core.unwrap_or(0), package.unwrap_or(0)))
    });
    let sums = counters.reduce(|a, b| (a.0.saturating_add(b.0), a.1.max(b.1)));
    sums.map(|(cores, package)| cores.saturating_add(package))
}

/// The driver writes the flags as hexadecimal digits, without `0x`; tools write it with.
fn parse_flags(text: &str) -> Option<u32> {
    let digits = text.trim().trim_start_matches("0x");
    u32::from_str_radix(digits, 16).ok()
}

fn entries(folder: &Path, prefix: &'static str) -> impl Iterator<Item = PathBuf> {
    let all = fs::read_dir(folder).into_iter().flatten().take(MAX_ENTRIES);
    let named = all.flatten().filter(move |entry| {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(prefix));
        rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    });
    named.map(|entry| entry.path())
}

fn number<T: std::str::FromStr>(path: &Path) -> Option<T> {
    text(path)?.trim().parse().ok()
}

fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of files, removed when it is dropped.
    struct Files(PathBuf);

    impl Files {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let folder = std::env::temp_dir();
            let folder = folder.join(format!("dllama-host-{}-{name}", std::process::id()));
            for (path, text) in files {
                let path = folder.join(path);
                fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
                fs::write(path, text).expect("a file");
            }
            Self(folder)
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_raspberry_pi_tells_temperature_cap_and_flags() {
        let files = Files::new(
            "pi",
            &[
                ("class/thermal/thermal_zone0/temp", "82345\n"),
                ("class/thermal/cooling_device0/temp", "99999\n"),
                (
                    "devices/system/cpu/cpufreq/policy0/scaling_cur_freq",
                    "1000000\n",
                ),
                (
                    "devices/system/cpu/cpufreq/policy0/scaling_max_freq",
                    "1500000\n",
                ),
                (
                    "devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq",
                    "1800000\n",
                ),
                ("devices/platform/soc/soc:firmware/get_throttled", "50005\n"),
            ],
        );
        let expected = HostState {
            millicelsius: Some(82_345),
            frequency_khz: Some((1_000_000, 1_500_000, 1_800_000)),
            throttle_events: None,
            firmware_flags: Some(0x50005),
        };
        assert_eq!(HostState::read(&files.0), expected);
    }

    #[test]
    fn the_hottest_zone_the_slowest_cores_and_all_events_count() {
        let cpu = "devices/system/cpu";
        let path = |rest: &str| format!("{cpu}/{rest}");
        let named: Vec<(String, &str)> = vec![
            ("class/thermal/thermal_zone0/temp".into(), "-274000"),
            ("class/thermal/thermal_zone1/temp".into(), "61000"),
            ("class/thermal/thermal_zone12/temp".into(), "47000"),
            (path("cpufreq/policy0/scaling_max_freq"), "2000000"),
            (path("cpufreq/policy0/cpuinfo_max_freq"), "2000000"),
            (path("cpufreq/policy4/scaling_max_freq"), "1200000"),
            (path("cpufreq/policy4/cpuinfo_max_freq"), "2400000"),
            (path("cpu0/thermal_throttle/core_throttle_count"), "3"),
            (path("cpu0/thermal_throttle/package_throttle_count"), "10"),
            (path("cpu1/thermal_throttle/core_throttle_count"), "4"),
            (path("cpu1/thermal_throttle/package_throttle_count"), "10"),
            (path("cpuidle/thermal_throttle/core_throttle_count"), "1000"),
        ];
        let files: Vec<_> = named
            .iter()
            .map(|(path, text)| (&path[..], *text))
            .collect();
        let files = Files::new("x86", &files);
        let state = HostState::read(&files.0);
        assert_eq!(state.millicelsius, Some(61_000));
        assert_eq!(state.frequency_khz, Some((0, 1_200_000, 2_400_000)));
        assert_eq!(state.throttle_events, Some(17));
        assert_eq!(state.firmware_flags, None);
    }

    #[test]
    fn what_is_missing_or_garbled_tells_nothing() {
        let files = Files::new(
            "garbled",
            &[
                ("class/thermal/thermal_zone0/temp", "warm"),
                ("devices/system/cpu/cpufreq/policy0/scaling_max_freq", "1"),
                ("devices/system/cpu/cpufreq/policy0/cpuinfo_max_freq", "0"),
                (
                    "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
                    "-1",
                ),
                (
                    "devices/platform/soc/soc:firmware/get_throttled",
                    "no flags",
                ),
            ],
        );
        assert_eq!(HostState::read(&files.0), HostState::default());
        assert_eq!(
            HostState::read(Path::new("/nowhere/at/all")),
            HostState::default()
        );
    }

    #[test]
    fn flags_may_have_a_prefix() {
        assert_eq!(parse_flags("0x50005\n"), Some(0x50005));
        assert_eq!(parse_flags("0"), Some(0));
        assert_eq!(parse_flags(""), None);
        assert_eq!(parse_flags("100000000"), None);
    }
}
