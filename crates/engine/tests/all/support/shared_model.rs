//! A model that is split over a root and workers: each matrix has several units, so that a test can tell which
//! of them a start has sent.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, mpsc};

use dllama_engine::program::WireType;
use dllama_engine::{
    Plan, Progress, Root, RootOptions, Row, RowClass, RowResult, Storage, Want, Worker,
    WorkerEvent, WorkerOptions,
};
use dllama_net::AllReduce;

use super::cache_folder::Folder;
use super::model::ModelFile;
use super::tiny::json;
use super::wide::{Shape, program_of};
use super::{results, trust};

/// Each matrix has several units, of 128 lines and 64 KiB.
pub const SHAPE: Shape = Shape {
    dim: 128,
    hidden: 1024,
    vocab: 640,
};
pub const CELL: u32 = 128;
/// A worker ends its session when the root, which has more, goes on beyond it.
pub const WORKERS_SEQ_LEN: u32 = 64;
/// Bytes of a row or a column of each matrix: all have `dim` values in F32.
pub const LINE_BYTES: u64 = 4 * 128;

pub fn worker(storage: Storage) -> (Worker, mpsc::Receiver<WorkerEvent>) {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let options = WorkerOptions {
        storage,
        ..WorkerOptions::new("127.0.0.1:0", 2, trust())
    };
    let worker = Worker::start(options, move |event| {
        let _ = tell.lock().map(|tell| tell.send(event));
    });
    (worker.expect("a free port"), told)
}

/// Where a model is split: hidden dimension and vocabulary.
#[derive(Clone)]
pub struct Split(pub Vec<u32>, pub Vec<u32>);

pub fn halves() -> Split {
    Split(vec![0, 512, 1024], vec![0, 320, 640])
}

/// A loaded model, with the last progress of each rank.
pub struct Loaded {
    pub root: Root,
    pub ranks: BTreeMap<usize, Progress>,
}

impl Loaded {
    pub fn of(&self, rank: usize) -> &Progress {
        &self.ranks[&rank]
    }
}

pub fn load(
    file: &ModelFile,
    split: &Split,
    workers: &[&Worker],
    hashes: Option<&Folder>,
) -> Loaded {
    let world_size = split.0.len() as u32 - 1;
    let programs = (0..world_size).map(|rank| {
        let mut program = program_of(SHAPE, rank, (&split.0, &split.1), WireType::F32);
        if rank > 0 {
            program.seq_len = WORKERS_SEQ_LEN;
        }
        json(&program)
    });
    let options = RootOptions {
        model: file.path().to_owned(),
        programs: programs.collect(),
        workers: workers
            .iter()
            .map(|worker| worker.address().to_string())
            .collect(),
        n_threads: 1,
        plan: Some(Plan::always(AllReduce::Direct)),
        cache_folder: hashes.map(|folder| folder.0.clone()),
        trust: trust(),
    };
    let ranks = Mutex::new(BTreeMap::new());
    let progress = |progress: Progress| {
        let mut ranks = ranks.lock().expect("no panic");
        ranks.insert(progress.rank, progress);
    };
    let root = Root::load(options, &progress).expect("free workers");
    let ranks = ranks.into_inner().expect("no panic");
    for progress in ranks.values() {
        let tally = progress.tally;
        let parts = [
            tally.sent_bytes,
            tally.cached_bytes,
            tally.held_bytes,
            tally.local_bytes,
        ];
        assert_eq!(progress.done_bytes, progress.total_bytes, "{progress:?}");
        assert_eq!(
            parts.iter().sum::<u64>(),
            progress.total_bytes,
            "{progress:?}"
        );
    }
    Loaded { root, ranks }
}

pub fn model(seed: u64) -> ModelFile {
    // Of a pair of seeds both give the same.
    ModelFile::of_floats(SHAPE.n_floats(), 2 * seed)
}

pub fn logits(loaded: &Loaded) -> Vec<RowResult> {
    let rows = [3, 77, 500]
        .into_iter()
        .zip(0..)
        .map(|(token, position)| Row {
            token,
            position,
            sequence: 0,
            want: Want::Full,
            temperature: 1.0,
        });
    results(loaded.root.forward(RowClass::Exact, rows.collect()))
}

/// The units of one rank: tensor, first line, end. Written anew from decision 0021.
pub fn units_of(split: &Split, rank: usize) -> HashSet<(&'static str, u32, u32)> {
    let cut = |name, first: u32, end: u32| {
        let mut borders: Vec<u32> = (first..end).filter(|line| line % CELL == 0).collect();
        borders.insert(0, first);
        borders.push(end);
        borders.dedup();
        let pieces = borders.windows(2).map(|pair| (pair[0], pair[1]));
        let pieces: Vec<_> = pieces
            .filter(|(a, b)| a < b)
            .map(|(a, b)| (name, a, b))
            .collect();
        pieces
    };
    let (hidden, vocab) = (&split.0[rank..], &split.1[rank..]);
    // The norm is smaller than a line of the others, and the embedding whole on every rank.
    [
        cut("up", hidden[0], hidden[1]),
        cut("down", hidden[0], hidden[1]),
        cut("output", vocab[0], vocab[1]),
        cut("embedding", 0, SHAPE.vocab),
        vec![("norm", 0, 1)],
    ]
    .concat()
    .into_iter()
    .collect()
}

pub fn bytes_of<'a>(units: impl IntoIterator<Item = &'a (&'static str, u32, u32)>) -> u64 {
    let lines = units
        .into_iter()
        .map(|(_, first, end)| u64::from(end - first));
    lines.sum::<u64>() * LINE_BYTES
}
