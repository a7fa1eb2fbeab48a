//! How much memory the control groups leave.

use std::fs;
use std::path::Path;

use super::folders::{Version, folders};

/// Files of a group (kernel: `admin-guide/cgroup-v2`, `admin-guide/cgroup-v1/memory`).
struct Files {
    /// Bytes that the group may use. Beyond `memory.high` it is not ended but slowed down, to no use for us.
    limits: &'static [&'static str],
    /// Bytes that the group uses, page cache included.
    usage: &'static str,
    /// Lines of `memory.stat`: page cache that the kernel can take back, as `MemAvailable` counts it.
    page_cache: [&'static str; 2],
}

const V1: Files = Files {
    limits: &["memory.limit_in_bytes"],
    usage: "memory.usage_in_bytes",
    page_cache: ["total_active_file", "total_inactive_file"],
};

const V2: Files = Files {
    limits: &["memory.max", "memory.high"],
    usage: "memory.current",
    page_cache: ["active_file", "inactive_file"],
};

/// The smallest room of this process's groups; `None` if no limit is to be found.
pub(super) fn room(root: &Path) -> Option<u64> {
    let folders = folders(root, "memory");
    folders
        .iter()
        .filter_map(|(version, folder)| room_of(*version, folder))
        .min()
}

fn room_of(version: Version, folder: &Path) -> Option<u64> {
    let files = match version {
        Version::V1 => V1,
        Version::V2 => V2,
    };
    // Without a limit version 2 says "max", version 1 the largest multiple of a page.
    let limits = files
        .limits
        .iter()
        .filter_map(|file| number(&folder.join(file)));
    let limit = limits.min()?;
    let used = number(&folder.join(files.usage))?;
    let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let cached = page_cache(&stat, files.page_cache);
    Some(limit.saturating_sub(used.saturating_sub(cached)))
}

fn page_cache(stat: &str, names: [&str; 2]) -> u64 {
    let value = |line: &str| -> Option<u64> {
        let (name, value) = line.split_once(' ')?;
        names.contains(&name).then(|| value.parse().ok())?
    };
    stat.lines().filter_map(value).fold(0, u64::saturating_add)
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    const MIB: u64 = 1 << 20;

    /// A folder that stands for `/`, with what the kernel would show of control groups.
    struct FakeRoot(PathBuf);

    impl FakeRoot {
        fn new(name: &str, groups: &str, mounts: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("dllama-cgroup-{name}-{}", std::process::id()));
            let root = Self(path);
            root.write("proc/self/cgroup", groups);
            root.write("proc/self/mountinfo", mounts);
            root
        }

        fn write(&self, file: &str, text: &str) {
            let path = self.0.join(file);
            fs::create_dir_all(path.parent().expect("a folder"))
                .expect("a folder in the temporary one");
            fs::write(path, text).expect("a file in the temporary folder");
        }

        /// Version 2's files of a group.
        fn group_v2(&self, folder: &str, max: &str, current: u64, stat: &str) {
            self.write(&format!("sys/fs/cgroup/{folder}/memory.max"), max);
            self.write(
                &format!("sys/fs/cgroup/{folder}/memory.current"),
                &format!("{current}\n"),
            );
            self.write(&format!("sys/fs/cgroup/{folder}/memory.stat"), stat);
        }
    }

    impl Drop for FakeRoot {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    const MOUNT_V2: &str = "24 1 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

    #[test]
    fn without_control_groups_there_is_no_limit() {
        let root = FakeRoot::new("none", "", "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
        assert_eq!(room(&root.0), None);
        assert_eq!(room(Path::new("/nonexistent")), None);
    }

    #[test]
    fn the_smallest_room_of_all_ancestors_counts() {
        let root = FakeRoot::new("ancestors", "0::/a/b/c\n", MOUNT_V2);
        root.group_v2("a/b/c", "max\n", 10 * MIB, "");
        assert_eq!(room(&root.0), None);
        root.group_v2("a/b", &format!("{}\n", 100 * MIB), 30 * MIB, "");
        assert_eq!(room(&root.0), Some(70 * MIB));
        // The outer limit is the larger one, and a neighbour has taken most of it.
        root.group_v2("a", &format!("{}\n", 200 * MIB), 190 * MIB, "");
        assert_eq!(room(&root.0), Some(10 * MIB));
        root.write("sys/fs/cgroup/a/b/memory.high", &format!("{}\n", 32 * MIB));
        assert_eq!(room(&root.0), Some(2 * MIB));
    }

    #[test]
    fn page_cache_is_room() {
        let root = FakeRoot::new("cache", "0::/\n", MOUNT_V2);
        let stat = format!(
            "anon {}\ninactive_file {}\nactive_file {}\n",
            60 * MIB,
            30 * MIB,
            9 * MIB
        );
        root.group_v2("", &format!("{}\n", 100 * MIB), 100 * MIB, &stat);
        assert_eq!(room(&root.0), Some(39 * MIB));
        // More of it than is used: the two files are not read at the same moment.
        root.group_v2("", &format!("{}\n", 100 * MIB), MIB, &stat);
        assert_eq!(room(&root.0), Some(100 * MIB));
        // A limit that was set below what is used already.
        root.group_v2("", &format!("{}\n", MIB), 2 * MIB, "");
        assert_eq!(room(&root.0), Some(0));
    }

    #[test]
    fn version_1_is_found_beside_an_empty_version_2() {
        let mounts = "30 25 0:26 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      31 25 0:27 /docker/1 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      32 25 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let groups = "4:memory:/docker/1/inner\n1:cpu:/docker/1\n0::/\n";
        let root = FakeRoot::new("v1", groups, mounts);
        let group = |folder: &str, limit: u64, used: u64| {
            let file = |name: &str| format!("sys/fs/cgroup/memory/{folder}{name}");
            root.write(&file("memory.limit_in_bytes"), &format!("{limit}\n"));
            root.write(&file("memory.usage_in_bytes"), &format!("{used}\n"));
            root.write(
                &file("memory.stat"),
                &format!("active_file 1\ntotal_active_file {MIB}\n"),
            );
        };
        group("inner/", 9_223_372_036_854_771_712, 5 * MIB);
        group("", 64 * MIB, 40 * MIB);
        assert_eq!(room(&root.0), Some(25 * MIB));
    }
}
