//! A root whose disk stalls before it loads: its workers have all the time in the world.

use std::fs::{self, OpenOptions};
use std::process::Command;
use std::time::Duration;

use crate::support::cache_folder::Folder;
use crate::support::shared_model::{halves, load, logits, model, worker};

/// Longer than the silence of 2 s after which a rank in a run is lost.
const STALL: Duration = Duration::from_secs(3);

/// Opening a FIFO that nobody writes to takes as long as the disk that the kept hashes lie on.
#[test]
fn a_worker_does_not_lose_a_root_that_waits_for_its_kept_hashes() {
    let (file, hashes) = (model(31), Folder::new("stalled"));
    let (worker, _told) = worker(Default::default());
    let expected = logits(&load(&file, &halves(), &[&worker], Some(&hashes)));

    let mut kept = fs::read_dir(hashes.0.join("hashes")).expect("kept hashes");
    let kept = kept.next().expect("of one file").expect("its name").path();
    fs::remove_file(&kept).expect("a file");
    let made = Command::new("mkfifo").arg(&kept).status();
    assert!(made.expect("mkfifo").success());
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| logits(&load(&file, &halves(), &[&worker], Some(&hashes))));
        std::thread::sleep(STALL);
        // Waits until the root reads.
        drop(OpenOptions::new().write(true).open(&kept).expect("a FIFO"));
        assert_eq!(loading.join().expect("loaded"), expected);
    });
}
