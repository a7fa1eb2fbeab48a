//! Weights that a worker holds in memory over a lost session, and not over a goodbye.

use std::sync::mpsc;

use crate::support::row;
use crate::support::shared_model::{
    Loaded, Split, WORKERS_SEQ_LEN, bytes_of, halves, load, logits, model, units_of, worker,
};
use dllama_engine::{Error, Row, RowClass, Storage, Want, WorkerEvent};

#[test]
fn a_lost_root_leaves_the_weights_in_memory_and_a_goodbye_does_not() {
    let (file, other) = (model(12), model(13));
    let share = bytes_of(&units_of(&halves(), 1));
    let (worker, told) = worker(Storage::default());
    let start = |file| load(file, &halves(), &[&worker], None);
    let first = start(&file);
    let expected = logits(&first);
    // A goodbye.
    drop(first);
    let second = start(&file);
    assert_eq!(second.of(1).tally.sent_bytes, share);
    lose(second, &told);
    let third = start(&file);
    assert_eq!(third.of(1).tally.held_bytes, share);
    assert_eq!(logits(&third), expected);
    lose(third, &told);

    // Another model at the same places of its file: only what is equal stays, and here nothing is.
    let fourth = start(&other);
    assert_eq!(fourth.of(1).tally.sent_bytes, share);
    assert!(logits(&fourth) != expected);
    lose(fourth, &told);

    // Another split takes other memory.
    let split = Split(vec![0, 640, 1024], vec![0, 320, 640]);
    let fifth = load(&other, &split, &[&worker], None);
    assert_eq!(fifth.of(1).tally.held_bytes, 0);
    logits(&fifth);
}

/// Ends a session without a goodbye: the worker meets an error, and the links close.
fn lose(loaded: Loaded, told: &mpsc::Receiver<WorkerEvent>) {
    let rows = (0..=WORKERS_SEQ_LEN).map(|position| Row {
        want: Want::None,
        ..row(1, position)
    });
    let error = loaded.root.forward(RowClass::Exact, rows.collect());
    let error = error.expect_err("the worker refuses");
    assert!(
        matches!(
            &error,
            Error::Net(dllama_net::Error::PeerFailed { rank: 1, code, .. }) if code == "INVALID_ARGUMENT"
        ),
        "{error}"
    );
    told.iter()
        .find(|event| matches!(event, WorkerEvent::SessionFailed { .. }));
}
