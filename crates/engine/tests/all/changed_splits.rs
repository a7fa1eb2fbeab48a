//! A model that is split otherwise than before: exactly the units that a rank has never had are sent.

use std::collections::HashSet;

use crate::support::cache_folder::{Folder, cached_in};
use crate::support::shared_model::{Split, bytes_of, load, logits, model, units_of, worker};
use dllama_engine::Worker;

#[test]
fn a_changed_split_sends_exactly_the_missing_units() {
    let file = model(4);
    let splits = [
        // 2,1,1 and 1,1,1, to the line.
        Split(vec![0, 512, 768, 1024], vec![0, 320, 480, 640]),
        Split(vec![0, 341, 682, 1024], vec![0, 213, 426, 640]),
        // A rank without anything, and another with nearly all.
        Split(vec![0, 10, 1024, 1024], vec![0, 1, 640, 640]),
    ];
    let folders = [Folder::new("split-1"), Folder::new("split-2")];
    let workers = folders.iter().map(|folder| worker(cached_in(folder)).0);
    let workers: Vec<Worker> = workers.collect();
    let workers: Vec<&Worker> = workers.iter().collect();
    let mut known = [HashSet::new(), HashSet::new()];
    let mut results = vec![];
    for split in splits.iter().chain(&splits) {
        let loaded = load(&file, split, &workers, None);
        for (index, known) in known.iter_mut().enumerate() {
            let units = units_of(split, index + 1);
            let missing = bytes_of(units.difference(known));
            let tally = loaded.of(index + 1).tally;
            assert_eq!(tally.sent_bytes, missing, "rank {}: {tally:?}", index + 1);
            known.extend(units);
            // All that this worker has ever had.
            folders[index].wait_for(bytes_of(&*known));
        }
        results.push(logits(&loaded));
    }
    // The second round had everything from the caches.
    assert!(results[..3] == results[3..]);
}

#[test]
fn ranks_with_a_line_each_are_served_like_others() {
    let (file, folder) = (model(17), Folder::new("lines"));
    let workers: Vec<_> = (0..3).map(|_| worker(cached_in(&folder)).0).collect();
    let workers: Vec<&Worker> = workers.iter().collect();
    let split = Split(vec![0, 1, 2, 3, 1024], vec![0, 1, 2, 3, 640]);
    let loaded = load(&file, &split, &workers, None);
    for rank in 1..4 {
        let expected = bytes_of(&units_of(&split, rank));
        assert_eq!(loaded.of(rank).total_bytes, expected);
    }
    logits(&loaded);
}
