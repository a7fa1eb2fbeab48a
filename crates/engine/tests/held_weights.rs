//! Weights that a worker holds in memory over a lost session, whole or in part, and not over a goodbye.

mod support;

use std::fs;
use std::sync::mpsc;

use dllama_engine::program::WireType;
use dllama_engine::{Row, RowClass, Storage, Want, WorkerEvent};
use dllama_net::{ConnectOptions, connect};
use support::shared_model::{
    CELL, LINE_BYTES, Loaded, POISONED, SHAPE, Split, bytes_of, halves, load, logits, model,
    units_of, worker,
};
use support::tiny::json;
use support::trust;
use support::wide::program_of;

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

/// Ends a session without a goodbye: the root meets an error, and its links close.
fn lose(loaded: Loaded, told: &mpsc::Receiver<WorkerEvent>) {
    let row = Row {
        token: POISONED,
        position: 0,
        sequence: 0,
        want: Want::Candidates,
        temperature: 1.0,
    };
    let error = loaded.root.forward(RowClass::Exact, vec![row]);
    assert_eq!(error.expect_err("a NaN").code(), "NUMBER_NOT_FINITE");
    told.iter()
        .find(|event| matches!(event, WorkerEvent::SessionFailed { .. }));
}

/// Tags of the messages between root and worker.
const PROGRAM: u8 = 1;
const PLAN: u8 = 9;
const HASHES: u8 = 10;

#[test]
fn what_came_before_a_transfer_was_lost_is_not_sent_again() {
    let file = model(18);
    let bytes = fs::read(file.path()).expect("a model");
    let (worker, told) = worker(Storage::default());
    let Split(hidden, vocab) = halves();
    let program = program_of(SHAPE, 1, (&hidden, &vocab), WireType::F32);

    // A root that is gone after the first two weights: the embedding, of five cells, and the norm.
    let options = ConnectOptions::new(vec![worker.address().to_string()], trust());
    let root = connect(options).expect("a free worker");
    let plan = br#"{"allReduce":{"scatteredFromBytes":null}}"#;
    root.begin_run();
    root.send_control(1, PLAN, plan).expect("a worker");
    root.send_control(1, PROGRAM, json(&program).as_bytes())
        .expect("a worker");
    root.receive_control(1, 0).expect("that it is accepted");
    let cell = (u64::from(CELL) * LINE_BYTES) as usize;
    let norm = 5 * cell..5 * cell + LINE_BYTES as usize;
    let cells = (0..5).map(|index| &bytes[index * cell..(index + 1) * cell]);
    let hashes = cells.chain([&bytes[norm.clone()]]);
    let hashes = hashes.flat_map(|bytes| *blake3::hash(bytes).as_bytes());
    let others = vec![7; 32 * (units_of(&halves(), 1).len() - 6)];
    let hashes: Vec<u8> = hashes.chain(others).collect();
    root.send_control(1, HASHES, &hashes).expect("a worker");
    root.receive_control(1, 1024).expect("its word");
    let open = fs::File::open(file.path()).expect("a model");
    for weight in [0..5 * cell, norm.clone()] {
        let (start, n_bytes) = (weight.start as u64, weight.len());
        let slice = dllama_net::Slice::new(&open, &bytes, start, 1, 0, n_bytes);
        root.send_slice(1, &slice).expect("a worker");
    }
    drop(root);
    told.iter()
        .find(|event| matches!(event, WorkerEvent::SessionFailed { .. }));

    let loaded = load(&file, &halves(), &[&worker], None);
    assert_eq!(loaded.of(1).tally.held_bytes, norm.end as u64);
    logits(&loaded);
}
