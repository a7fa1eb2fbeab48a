//! Where the kernel shows the control groups of this process: the group itself and all above it, for each limit
//! of a parent binds its children.
//!
//! `/proc/self/cgroup` names the group in each hierarchy, `/proc/self/mountinfo` says where a hierarchy is mounted
//! (`man 7 cgroups`, `man 5 proc_pid_mountinfo`). A container may see only a part of a hierarchy: the mount's root
//! is then a group, and what lies above it cannot be read.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The two interfaces, which name their files differently. A machine may have both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// Folders of this process's groups in the hierarchies that may limit `controller`, from the group upwards.
///
/// `root` is `/`, except in tests.
pub(super) fn folders(root: &Path, controller: &str) -> Vec<(Version, PathBuf)> {
    let read = |file: &str| fs::read_to_string(root.join("proc/self").join(file));
    let (Ok(groups), Ok(mounts)) = (read("cgroup"), read("mountinfo")) else {
        return Vec::new();
    };
    let mut folders = Vec::new();
    for mount in mounts
        .lines()
        .filter_map(|line| Mount::parse(line, controller))
    {
        let Some(group) = groups
            .lines()
            .find_map(|line| group(line, mount.version, controller))
        else {
            continue;
        };
        let top = root.join(mount.point.trim_start_matches('/'));
        let below = below(Path::new(group), Path::new(mount.root));
        folders.extend(
            below
                .ancestors()
                .map(|path| (mount.version, top.join(path))),
        );
    }
    folders
}

/// A mounted hierarchy.
struct Mount<'a> {
    version: Version,
    /// The group that is mounted.
    root: &'a str,
    /// Where it is mounted.
    point: &'a str,
}

impl<'a> Mount<'a> {
    /// Of a line of `mountinfo`, if it is a hierarchy that may have the controller.
    fn parse(line: &'a str, controller: &str) -> Option<Self> {
        let (place, kind) = line.split_once(" - ")?;
        let mut place = place.split(' ').skip(3);
        let (root, point) = (place.next()?, place.next()?);
        let mut kind = kind.split(' ');
        let version = match kind.next()? {
            "cgroup2" => Version::V2,
            "cgroup" if has(kind.nth(1)?, controller) => Version::V1,
            _ => return None,
        };
        Some(Self {
            version,
            root,
            point,
        })
    }
}

/// The group that a line of `cgroup` (`ID:CONTROLLERS:GROUP`) names, if it is of the hierarchy that is looked for.
fn group<'a>(line: &'a str, version: Version, controller: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(':')?;
    let (controllers, group) = rest.split_once(':')?;
    let is_it = match version {
        Version::V1 => has(controllers, controller),
        Version::V2 => controllers.is_empty(),
    };
    is_it.then_some(group)
}

fn has(list: &str, controller: &str) -> bool {
    list.split(',').any(|part| part == controller)
}

/// The group's path below the mount. A group that is not below it (a process that was moved out of its container's
/// namespace shows as `/../other`) counts as the mount itself.
fn below<'a>(group: &'a Path, mount_root: &Path) -> &'a Path {
    let path = group.strip_prefix(mount_root).unwrap_or(Path::new(""));
    let is_plain = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if is_plain { path } else { Path::new("") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_outside_its_mount_counts_as_the_mount() {
        let cases = [
            ("/", "/", ""),
            ("/a/b", "/", "a/b"),
            ("/docker/1/a", "/docker/1", "a"),
            ("/docker/1", "/docker/1", ""),
            ("/docker/2", "/docker/1", ""),
            ("/../other", "/", ""),
        ];
        for (group, root, expected) in cases {
            assert_eq!(
                below(Path::new(group), Path::new(root)),
                Path::new(expected),
                "{group}"
            );
        }
    }

    #[test]
    fn lines_that_are_something_else_are_passed_over() {
        let v1 = "30 25 0:26 / /sys/fs/cgroup/memory rw,nosuid shared:9 - cgroup cgroup rw,memory";
        let mount = Mount::parse(v1, "memory").expect("a hierarchy of the memory controller");
        assert_eq!((mount.version, mount.root), (Version::V1, "/"));
        for line in [
            "",
            " - ",
            "1 2 3 / /x rw - ext4 /dev/sda rw",
            "1 2 3 / /x rw - cgroup cgroup rw,cpu",
        ] {
            assert!(Mount::parse(line, "memory").is_none(), "{line}");
        }
        assert_eq!(group("4:memory:/a:b", Version::V1, "memory"), Some("/a:b"));
        assert_eq!(group("4:memory:/a", Version::V2, "memory"), None);
        assert_eq!(group("nonsense", Version::V2, "memory"), None);
    }
}
