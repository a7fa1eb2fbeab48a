//! A cache that may take only so many bytes: what goes, and what stays.

use std::fs;
use std::time::{Duration, Instant};

use crate::support::cache_folder::{Folder, PATIENCE, cached_in};
use crate::support::model::ModelFile;
use crate::support::shared_model::{
    CELL, LINE_BYTES, SHAPE, bytes_of, halves, load, model, units_of, worker,
};
use dllama_engine::{Storage, WorkerEvent};

#[test]
fn what_was_used_last_longest_ago_goes_first() {
    let folder = Folder::new("eviction");
    let share = bytes_of(&units_of(&halves(), 1));
    let storage = Storage {
        // Two models and a half.
        max_cache_bytes: Some(share * 5 / 2),
        ..cached_in(&folder)
    };
    let models = [model(7), model(8), model(9)];
    let (worker, _told) = worker(storage);
    let start = |index: usize| {
        load(&models[index], &halves(), &[&worker], None)
            .of(1)
            .tally
    };
    assert_eq!(start(0).sent_bytes, share);
    folder.wait_for(share);
    assert_eq!(start(1).sent_bytes, share);
    folder.wait_for(2 * share);
    // The first is used once more, so that the second goes when the third comes.
    assert_eq!(start(0).cached_bytes, share);
    assert_eq!(start(2).sent_bytes, share);
    let start_of_wait = Instant::now();
    let third = units_hashed(&models[2]);
    while !third.iter().all(|name| folder.units().contains_key(name)) {
        assert!(start_of_wait.elapsed() < PATIENCE, "the third is not kept");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(folder.n_bytes() <= share * 5 / 2, "{}", folder.n_bytes());
    assert_eq!(start(0).cached_bytes, share);
    assert_eq!(start(2).cached_bytes, share);
    let second = start(1);
    assert!(second.sent_bytes >= share / 4, "{second:?}");
}

/// The names that rank 1's entries of a model have, of whole rows: up and output are enough.
fn units_hashed(file: &ModelFile) -> Vec<String> {
    let bytes = fs::read(file.path()).expect("a model");
    let up = (SHAPE.vocab * SHAPE.dim + SHAPE.dim) as usize * 4;
    let cell = (CELL as u64 * LINE_BYTES) as usize;
    let cells = (4..8).map(|index| &bytes[up + index * cell..up + (index + 1) * cell]);
    cells
        .map(|cell| blake3::hash(cell).to_hex().to_string())
        .collect()
}

#[test]
fn a_cache_that_is_too_small_keeps_what_fits() {
    let (file, folder) = (model(10), Folder::new("small"));
    let share = bytes_of(&units_of(&halves(), 1));
    let storage = || Storage {
        max_cache_bytes: Some(share / 2),
        ..cached_in(&folder)
    };
    let mut cached = vec![];
    for _ in 0..3 {
        let (worker, told) = worker(storage());
        let loaded = load(&file, &halves(), &[&worker], None);
        cached.push(loaded.of(1).tally.cached_bytes);
        drop(loaded);
        // The session's end; the writer ends with the worker.
        told.iter()
            .find(|event| matches!(event, WorkerEvent::SessionEnded));
        let start = Instant::now();
        while folder.n_bytes() + 2 * u64::from(CELL) * LINE_BYTES < share / 2 {
            assert!(start.elapsed() < PATIENCE, "{}", folder.n_bytes());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(folder.n_bytes() <= share / 2);
    }
    // It does not delete with each start what the next would need.
    assert_eq!(cached[0], 0);
    assert!(
        cached[1] > share / 4 && cached[2] >= cached[1],
        "{cached:?}"
    );
}
