//! What is kept and no longer right: a model that has changed, entries and hashes that something has damaged.
//! None is believed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::support::cache_folder::{Folder, cached_in};
use crate::support::shared_model::{bytes_of, halves, load, logits, model, units_of, worker};

#[test]
fn hashes_of_a_file_that_has_changed_are_not_believed() {
    let (folder, hashes) = (Folder::new("changed"), Folder::new("changed-hashes"));
    let (worker, _told) = worker(cached_in(&folder));
    let file = model(2);
    let share = bytes_of(&units_of(&halves(), 1));
    let first = logits(&load(&file, &halves(), &[&worker], Some(&hashes)));
    folder.wait_for(share);
    // In place and of the same size, as a second conversion would leave it.
    let other = fs::read(model(3).path()).expect("a model");
    fs::write(file.path(), other).expect("a file");
    let changed = load(&file, &halves(), &[&worker], Some(&hashes));
    assert_eq!(changed.of(1).tally.sent_bytes, share);
    assert_eq!(changed.of(1).hashed_bytes, share);
    assert!(logits(&changed) != first);
    drop(changed);

    // Damaged hashes count as none.
    let kept = fs::read_dir(hashes.0.join("hashes")).expect("hashes");
    for kept in kept.flatten() {
        let mut bytes = fs::read(kept.path()).expect("hashes");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(kept.path(), bytes).expect("hashes");
    }
    let again = load(&file, &halves(), &[&worker], Some(&hashes));
    assert_eq!(again.of(1).hashed_bytes, share);
}

#[test]
fn whatever_damages_an_entry_it_is_fetched_again() {
    let (file, folder) = (model(6), Folder::new("damaged"));
    let share = bytes_of(&units_of(&halves(), 1));
    let expected = {
        let (worker, _told) = worker(cached_in(&folder));
        let loaded = load(&file, &halves(), &[&worker], None);
        folder.wait_for(share);
        logits(&loaded)
    };
    let entries: Vec<PathBuf> = folder.units().into_values().collect();
    let contents = |path: &PathBuf| fs::read(path).expect("an entry");
    let mut lost = 0;
    for (path, damage) in entries.iter().zip(0..7) {
        let mut bytes = contents(path);
        lost += bytes.len() as u64;
        fs::remove_file(path).expect("an entry");
        match damage {
            // A bit in the last byte, another entry's content, too short, too long.
            0 => {
                *bytes.last_mut().expect("not empty") ^= 1;
                fs::write(path, bytes).expect("an entry");
            }
            1 => fs::write(path, contents(&entries[10])).expect("an entry"),
            2 => fs::write(path, &bytes[..bytes.len() / 2]).expect("an entry"),
            3 => fs::write(path, [bytes, vec![0]].concat()).expect("an entry"),
            // A link to the right content, a folder, a pipe that nobody writes to.
            4 => symlink(&entries[11], path).expect("a link"),
            5 => fs::create_dir(path).expect("a folder"),
            _ => {
                let made = std::process::Command::new("mkfifo").arg(path).status();
                assert!(made.is_ok_and(|status| status.success()), "mkfifo");
            }
        }
    }
    let (worker, _told) = worker(cached_in(&folder));
    let loaded = load(&file, &halves(), &[&worker], None);
    assert_eq!(loaded.of(1).tally.sent_bytes, lost);
    assert_eq!(loaded.of(1).tally.cached_bytes, share - lost);
    assert_eq!(logits(&loaded), expected);
}
