//! A root that is lost in the middle of a transfer: what had come is not sent again, and what had not is not taken
//! for weights.

use std::fs;
use std::sync::mpsc;
use std::time::Duration;

use crate::support::cache_folder::{Folder, cached_in};
use crate::support::model::ModelFile;
use crate::support::shared_model::{
    CELL, LINE_BYTES, SHAPE, Split, halves, load, logits, model, units_of, worker,
};
use crate::support::tiny::json;
use crate::support::trust;
use crate::support::wide::program_of;
use dllama_engine::program::WireType;
use dllama_engine::{Storage, Worker, WorkerEvent};
use dllama_net::{ConnectOptions, Mesh, connect};

/// Tags of the messages between root and worker.
const PROGRAM: u8 = 1;
const PLAN: u8 = 9;
const HASHES: u8 = 10;
const REPAIR: u8 = 13;

/// A root whose Program the worker has accepted, with nothing said about weights yet.
fn root_that_is_accepted(worker: &Worker) -> Mesh {
    let Split(hidden, vocab) = halves();
    let program = program_of(SHAPE, 1, (&hidden, &vocab), WireType::F32);
    let options = ConnectOptions::new(vec![worker.address().to_string()], trust());
    let root = connect(options).expect("a free worker");
    let plan = br#"{"allReduce":{"scatteredFromBytes":null}}"#;
    root.begin_run();
    root.send_control(1, PLAN, plan).expect("a worker");
    root.send_control(1, PROGRAM, json(&program).as_bytes())
        .expect("a worker");
    root.receive_control(1, 0).expect("that it is accepted");
    root
}

/// The root is gone without a goodbye, when the worker has what was sent. It reads heartbeats until then: a
/// connection that is closed over unread ones is reset, and what is under way is lost.
fn lose(root: Mesh, told: &mpsc::Receiver<WorkerEvent>) {
    root.wait_for_end(Duration::from_millis(50));
    drop(root);
    told.iter()
        .find(|event| matches!(event, WorkerEvent::SessionFailed { .. }));
}

#[test]
fn what_came_before_a_transfer_was_lost_is_not_sent_again() {
    let file = model(18);
    let bytes = fs::read(file.path()).expect("a model");
    let (worker, told) = worker(Storage::default());
    // A root that is gone after the first two weights: the embedding, of five cells, and the norm.
    let root = root_that_is_accepted(&worker);
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
    lose(root, &told);

    // And one that is gone before it has said a hash: all stays as it was.
    let root = root_that_is_accepted(&worker);
    lose(root, &told);

    let loaded = load(&file, &halves(), &[&worker], None);
    assert_eq!(loaded.of(1).tally.held_bytes, norm.end as u64);
    logits(&loaded);
}

/// What a session leaves behind that was lost after it had found its weights in the local file: they stay there,
/// for the memory of their own was never filled.
#[test]
fn a_local_file_is_used_on_after_a_transfer_was_lost_at_its_end() {
    let (file, folder) = (model(20), Folder::new("lost"));
    let bytes = fs::read(file.path()).expect("a model");
    let expected = {
        let (plain, _told) = worker(Storage::default());
        logits(&load(&file, &halves(), &[&plain], None))
    };
    // Of the local file one cell of `output` differs, and the cache has it damaged.
    let line = LINE_BYTES as usize;
    let up = (SHAPE.vocab as usize + 1) * line;
    let down = up + SHAPE.hidden as usize * line;
    let output = down + SHAPE.hidden as usize * line;
    let rows = |start: usize, first: usize, end: usize| {
        bytes[start + first * line..start + end * line].to_vec()
    };
    let columns = |first: usize, end: usize| {
        let rows = bytes[down..output].chunks(4 * SHAPE.hidden as usize);
        let pieces = rows.map(|row| row[4 * first..4 * end].to_vec());
        pieces.collect::<Vec<_>>().concat()
    };
    let cell = CELL as usize;
    let units: Vec<Vec<u8>> = (0..5)
        .map(|n| rows(0, n * cell, (n + 1) * cell))
        .chain([rows(up - line, 0, 1)])
        .chain((4..8).map(|n| rows(up, n * cell, (n + 1) * cell)))
        .chain((4..8).map(|n| columns(n * cell, (n + 1) * cell)))
        .chain([(320, 384), (384, 512), (512, 640)].map(|(a, b)| rows(output, a, b)))
        .collect();
    let hashes: Vec<_> = units.iter().map(|unit| blake3::hash(unit)).collect();
    let (damaged, hash) = (units.len() - 1, hashes[units.len() - 1]);
    let name = hash.to_hex();
    let place = folder.0.join("weights").join(&name[..2]);
    fs::create_dir_all(&place).expect("a folder");
    fs::write(place.join(name.as_str()), vec![7; units[damaged].len()]).expect("an entry");
    let mut other = bytes.clone();
    other[output + 639 * line] ^= 1;
    let other = ModelFile::new(&other);
    let (worker, told) = worker(Storage {
        model: Some(other.path().to_owned()),
        ..cached_in(&folder)
    });

    let root = root_that_is_accepted(&worker);
    let hashes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    root.send_control(1, HASHES, &hashes).expect("a worker");
    let asks = |tag| tag == REPAIR;
    while !asks(root.receive_control(1, 1024).expect("its word").0) {}
    lose(root, &told);

    let loaded = load(&file, &halves(), &[&worker], None);
    let tally = loaded.of(1).tally;
    assert_eq!(tally.sent_bytes, units[damaged].len() as u64);
    assert_eq!(logits(&loaded), expected);
}
