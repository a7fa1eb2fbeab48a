//! Weights are sent once: what workers keep on disk, in memory and in a file of their own, and what is
//! sent when some of it is missing, damaged or split otherwise.

mod support;

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use dllama_engine::program::WireType;
use dllama_engine::{
    Plan, Progress, Root, RootOptions, Row, RowClass, RowResult, Storage, Want, Worker,
    WorkerEvent, WorkerOptions,
};
use dllama_net::{AllReduce, ConnectOptions, connect};
use support::model::{ModelFile, floats};
use support::tiny::json;
use support::trust;
use support::wide::{Shape, program_of};

/// Each matrix has several units, of 128 lines and 64 KiB.
const SHAPE: Shape = Shape {
    dim: 128,
    hidden: 1024,
    vocab: 640,
};
const CELL: u32 = 128;
/// Bytes of a row or a column of each matrix: all have `dim` values in F32.
const LINE_BYTES: u64 = 4 * 128;
/// Far above what writing a few MiB takes, for a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder, removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("dllama-weights-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    /// The entries of the cache, by name.
    fn units(&self) -> BTreeMap<String, PathBuf> {
        let folders = fs::read_dir(self.0.join("weights")).into_iter().flatten();
        let folders = folders.flatten().map(|folder| folder.path());
        let files = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
        let files = files.flatten().map(|file| file.path());
        files
            .filter(|path| name_of(path).len() == 64)
            .map(|path| (name_of(&path), path))
            .collect()
    }

    fn n_bytes(&self) -> u64 {
        let units = self.units();
        let sizes = units.values().map(fs::symlink_metadata);
        sizes.flatten().map(|found| found.len()).sum()
    }

    /// Waits until the cache has so many bytes: it is written beside the session.
    fn wait_for(&self, n_bytes: u64) {
        let start = Instant::now();
        while self.n_bytes() != n_bytes {
            let now = self.n_bytes();
            assert!(start.elapsed() < PATIENCE, "{now} of {n_bytes} bytes");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.unwrap_or_default().into_owned()
}

fn cached_in(folder: &Folder) -> Storage {
    Storage {
        cache_folder: Some(folder.0.clone()),
        ..Storage::default()
    }
}

fn worker(storage: Storage) -> (Worker, mpsc::Receiver<WorkerEvent>) {
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
struct Split(Vec<u32>, Vec<u32>);

fn halves() -> Split {
    Split(vec![0, 512, 1024], vec![0, 320, 640])
}

/// A loaded model, with the last progress of each rank.
struct Loaded {
    root: Root,
    ranks: BTreeMap<usize, Progress>,
}

impl Loaded {
    fn of(&self, rank: usize) -> &Progress {
        &self.ranks[&rank]
    }
}

fn load(file: &ModelFile, split: &Split, workers: &[&Worker], hashes: Option<&Folder>) -> Loaded {
    let world_size = split.0.len() as u32 - 1;
    let programs = (0..world_size).map(|rank| {
        json(&program_of(
            SHAPE,
            rank,
            (&split.0, &split.1),
            WireType::F32,
        ))
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

/// A token that no forward gets past.
const POISONED: u32 = 9;

fn model(seed: u64) -> ModelFile {
    // Of a pair of seeds both give the same.
    let mut floats = floats(SHAPE.n_floats(), 2 * seed);
    // The embedding is the first tensor.
    floats[(POISONED * SHAPE.dim) as usize] = f32::NAN;
    let bytes = floats.iter().flat_map(|x| x.to_le_bytes());
    ModelFile::new(&bytes.collect::<Vec<u8>>())
}

fn logits(loaded: &Loaded) -> Vec<RowResult> {
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
    let report = loaded.root.forward(RowClass::Exact, rows.collect());
    report.expect("valid rows").rows
}

/// The units of one rank: tensor, first line, end. Written anew from decision 0021.
fn units_of(split: &Split, rank: usize) -> HashSet<(&'static str, u32, u32)> {
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

fn bytes_of<'a>(units: impl IntoIterator<Item = &'a (&'static str, u32, u32)>) -> u64 {
    let lines = units
        .into_iter()
        .map(|(_, first, end)| u64::from(end - first));
    lines.sum::<u64>() * LINE_BYTES
}

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
const REPAIR: u8 = 13;

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

    // And one that is gone before it has said a hash: all stays as it was.
    let options = ConnectOptions::new(vec![worker.address().to_string()], trust());
    let root = connect(options).expect("a free worker");
    root.begin_run();
    root.send_control(1, PLAN, plan).expect("a worker");
    root.send_control(1, PROGRAM, json(&program).as_bytes())
        .expect("a worker");
    root.receive_control(1, 0).expect("that it is accepted");
    drop(root);
    told.iter()
        .find(|event| matches!(event, WorkerEvent::SessionFailed { .. }));

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
    let hashes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    root.send_control(1, HASHES, &hashes).expect("a worker");
    let asks = |tag| tag == REPAIR;
    while !asks(root.receive_control(1, 1024).expect("its word").0) {}
    drop(root);
    told.iter()
        .find(|event| matches!(event, WorkerEvent::SessionFailed { .. }));

    let loaded = load(&file, &halves(), &[&worker], None);
    let tally = loaded.of(1).tally;
    assert_eq!(tally.sent_bytes, units[damaged].len() as u64);
    assert_eq!(logits(&loaded), expected);
}

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
