//! Units of weights that workers keep on disk: a second start sends none of them, and hashes nothing.

use std::collections::HashSet;
use std::fs;

use crate::support::cache_folder::{Folder, PATIENCE, cached_in};
use crate::support::shared_model::{
    Split, bytes_of, halves, load, logits, model, units_of, worker,
};
use dllama_engine::{Storage, WorkerEvent};

#[test]
fn a_second_start_sends_nothing_and_reads_nothing_to_hash() {
    let (file, folder, hashes) = (model(1), Folder::new("second"), Folder::new("hashes"));
    let share = bytes_of(&units_of(&halves(), 1));
    let expected = {
        let (worker, _told) = worker(cached_in(&folder));
        let first = load(&file, &halves(), &[&worker], Some(&hashes));
        assert_eq!(first.of(1).tally.sent_bytes, share);
        assert_eq!(first.of(1).hashed_bytes, share);
        let expected = logits(&first);
        folder.wait_for(share);
        expected
    };
    // Another process would find no more than this one, whose memory is gone.
    let (worker, told) = worker(cached_in(&folder));
    let second = load(&file, &halves(), &[&worker], Some(&hashes));
    assert_eq!(second.of(1).tally.cached_bytes, share);
    assert_eq!(second.of(1).hashed_bytes, 0);
    assert_eq!(logits(&second), expected);
    let tally = told.iter().find_map(|event| match event {
        WorkerEvent::Loaded { tally } => Some(tally),
        _ => None,
    });
    assert_eq!(tally, Some(second.of(1).tally), "the worker tells the same");
}

#[test]
fn workers_share_a_folder() {
    let (file, folder) = (model(5), Folder::new("shared"));
    let split = Split(vec![0, 256, 512, 1024], vec![0, 128, 256, 640]);
    let swapped = Split(vec![0, 512, 768, 1024], vec![0, 256, 384, 640]);
    let all: HashSet<_> = (1..3).flat_map(|rank| units_of(&split, rank)).collect();
    let (first, second) = (worker(cached_in(&folder)).0, worker(cached_in(&folder)).0);
    load(&file, &split, &[&first, &second], None);
    folder.wait_for(bytes_of(&all));
    let loaded = load(&file, &swapped, &[&first, &second], None);
    for rank in 1..3 {
        assert_eq!(loaded.of(rank).tally.sent_bytes, 0, "rank {rank}");
    }
}

#[test]
fn without_a_folder_nothing_is_written_and_an_unusable_one_is_told_once() {
    let (file, folder) = (model(11), Folder::new("none"));
    let share = bytes_of(&units_of(&halves(), 1));
    let (without, _told) = worker(Storage::default());
    for _ in 0..2 {
        let loaded = load(&file, &halves(), &[&without], None);
        assert_eq!(loaded.of(1).tally.sent_bytes, share);
    }
    assert_eq!(fs::read_dir(&folder.0).expect("a folder").count(), 0);

    let no_folder = folder.0.join("a file");
    fs::write(&no_folder, b"").expect("a file");
    let (unusable, told) = worker(Storage {
        cache_folder: Some(no_folder),
        ..Storage::default()
    });
    let loaded = load(&file, &halves(), &[&unusable], None);
    assert_eq!(loaded.of(1).tally.sent_bytes, share);
    logits(&loaded);
    let told_of = |event| match event {
        WorkerEvent::CacheFailed { message } => Some(message),
        _ => None,
    };
    let message = std::iter::from_fn(|| told.recv_timeout(PATIENCE).ok()).find_map(told_of);
    let message = message.expect("a word about the cache");
    assert!(message.contains("cannot be written"), "{message}");
    drop(loaded);
    drop(unusable);
    assert_eq!(told.iter().filter_map(told_of).count(), 0, "once a session");
}
