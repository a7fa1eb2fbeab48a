//! A worker with a model file of its own: what agrees with the root's is not sent.

use std::fs;

use crate::support::cache_folder::{Folder, cached_in};
use crate::support::model::ModelFile;
use crate::support::shared_model::{
    CELL, LINE_BYTES, SHAPE, bytes_of, halves, load, logits, model, units_of, worker,
};
use dllama_engine::Storage;

#[test]
fn a_worker_with_the_same_file_gets_nothing_and_with_another_one_everything() {
    let (file, other, folder) = (model(14), model(15), Folder::new("local"));
    let share = bytes_of(&units_of(&halves(), 1));
    let plain = logits(&load(
        &file,
        &halves(),
        &[&worker(Storage::default()).0],
        None,
    ));
    let same = || Storage {
        model: Some(file.path().to_owned()),
        ..cached_in(&folder)
    };
    for _ in 0..2 {
        let (worker, _told) = worker(same());
        let loaded = load(&file, &halves(), &[&worker], None);
        assert_eq!(loaded.of(1).tally.local_bytes, share);
        assert_eq!(logits(&loaded), plain);
    }
    assert!(folder.units().is_empty(), "what it has is not copied");

    let (worker, _told) = worker(Storage {
        model: Some(other.path().to_owned()),
        ..Storage::default()
    });
    let loaded = load(&file, &halves(), &[&worker], None);
    assert_eq!(loaded.of(1).tally.sent_bytes, share);
    assert_eq!(logits(&loaded), plain);
}

#[test]
fn a_local_file_that_agrees_in_part_is_used_in_part() {
    let (file, folder) = (model(16), Folder::new("part"));
    let mut bytes = fs::read(file.path()).expect("a model");
    // One value in the upper half of `up`, which rank 1 has whole rows of, and thereby one unit.
    let up = (SHAPE.vocab * SHAPE.dim + SHAPE.dim) as usize * 4;
    bytes[up + (CELL as u64 * 5 * LINE_BYTES) as usize] ^= 1;
    let other = ModelFile::new(&bytes);
    // And a file that ends before `down`.
    let short = ModelFile::new(&bytes[..up + (1024 * LINE_BYTES) as usize]);
    let expected = {
        let (plain, _told) = worker(Storage::default());
        logits(&load(&file, &halves(), &[&plain], None))
    };
    let missing = u64::from(CELL) * LINE_BYTES;
    let behind = bytes_of(&[("down", 512, 1024), ("output", 320, 640)]);
    for (file_of_worker, sent_bytes) in [(&other, missing), (&short, missing + behind)] {
        let (worker, _told) = worker(Storage {
            model: Some(file_of_worker.path().to_owned()),
            ..Storage::default()
        });
        let loaded = load(&file, &halves(), &[&worker], Some(&folder));
        assert_eq!(loaded.of(1).tally.sent_bytes, sent_bytes);
        assert_eq!(logits(&loaded), expected);
    }
}
