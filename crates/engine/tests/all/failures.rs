//! What goes wrong on one rank is told on all, by code and in words, and workers outlive it.

use std::sync::mpsc;
use std::time::Duration;

use crate::support::model::ModelFile;
use crate::support::{load_over, row, tiny, trust, worker};
use dllama_engine::program::{CacheType, Op, Program, WireType};
use dllama_engine::{Root, RootOptions, RowClass, Worker, WorkerEvent, WorkerOptions};
use dllama_net::{AllReduce, ConnectOptions, F32Codec, Mesh, connect};

/// Tags of the messages between root and worker.
const PROGRAM: u8 = 1;
const ACCEPTED: u8 = 2;
const LOADED: u8 = 3;
const FORWARD: u8 = 4;
const FULL_ROW: u8 = 5;
const MEASURE: u8 = 8;
const PLAN: u8 = 9;
const HASHES: u8 = 10;
const SOURCES: u8 = 11;
const READY: u8 = 12;
const REPAIR: u8 = 13;
const TRUNCATE: u8 = 26;

/// All partials direct, as the root sends it.
const DIRECT: &[u8] = br#"{"allReduce":{"scatteredFromBytes":null}}"#;

/// A worker with what it tells.
fn watched_worker() -> (Worker, mpsc::Receiver<WorkerEvent>) {
    let (tell, told) = mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let options = WorkerOptions::new("127.0.0.1:0", 1, trust());
    let worker = Worker::start(options, move |event| {
        // Nobody listens any more when a test has ended.
        let _ = tell.lock().map(|tell| tell.send(event));
    });
    (worker.expect("a free port"), told)
}

/// The code with which the worker's next session fails.
fn failure(told: &mpsc::Receiver<WorkerEvent>) -> (&'static str, String) {
    loop {
        let event = told
            .recv_timeout(Duration::from_secs(20))
            .expect("an event");
        if let WorkerEvent::SessionFailed { code, message } = event {
            return (code, message);
        }
    }
}

fn serves(worker: &Worker) {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 9);
    let worker = std::slice::from_ref(worker);
    let root = load_over(&file, worker, WireType::F32, CacheType::F32, 1).expect("a free worker");
    let report = root
        .forward(RowClass::Exact, vec![row(1, 0)])
        .expect("a token");
    assert!(report.sent_bytes > 0 && report.received_bytes > 0);
}

fn hostile_root(worker: &Worker) -> Mesh {
    let options = ConnectOptions::new(vec![worker.address().to_string()], trust());
    connect(options).expect("a free worker")
}

/// A root that gets as far as its plan.
fn planned_root(worker: &Worker) -> Mesh {
    let mesh = hostile_root(worker);
    mesh.send_control(1, PLAN, DIRECT).expect("a worker");
    mesh
}

/// A root that gets as far as its Program.
fn accepted_root(worker: &Worker) -> (Mesh, Program) {
    let mesh = planned_root(worker);
    let program = tiny::program(1, 2, WireType::F32, CacheType::F32);
    mesh.begin_run();
    mesh.send_control(1, PROGRAM, tiny::json(&program).as_bytes())
        .expect("a worker");
    assert_eq!(mesh.receive_control(1, 8).expect("an answer").0, ACCEPTED);
    (mesh, program)
}

/// A root that gets as far as having its model loaded.
fn loaded_root(worker: &Worker, file: &ModelFile) -> Mesh {
    let (mesh, program) = accepted_root(worker);
    let model = std::fs::read(file.path()).expect("the model");
    let open = std::fs::File::open(file.path()).expect("the model");
    let slices: Vec<_> = program
        .weights
        .iter()
        .map(|weight| {
            let (source, size) = (&weight.source, 4);
            let stride = u64::from(source.cols) * size;
            let first = u64::from(source.first_row) * stride + u64::from(source.first_col) * size;
            let row_bytes = weight.cols as usize * size as usize;
            let offset = source.offset + first;
            let rows = weight.rows as usize;
            let slice = dllama_net::Slice::new(&open, &model, offset, rows, stride, row_bytes);
            let start = |row: usize| offset as usize + row * stride as usize;
            let bytes = (0..rows).flat_map(|row| &model[start(row)..start(row) + row_bytes]);
            let hash = blake3::hash(&bytes.copied().collect::<Vec<u8>>());
            (slice, hash)
        })
        .collect();
    // These weights are a unit each.
    let hashes = slices.iter().flat_map(|(_, hash)| *hash.as_bytes());
    mesh.send_control(1, HASHES, &hashes.collect::<Vec<u8>>())
        .expect("a worker");
    let (tag, sources) = mesh.receive_control(1, 1000).expect("an answer");
    assert_eq!(tag, SOURCES);
    let (_, sources) = sources.split_at(8);
    assert_eq!(sources.len(), slices.len());
    for ((slice, _), source) in slices.iter().zip(sources) {
        if *source == 0 {
            mesh.send_slice(1, slice).expect("a worker");
        }
    }
    while match mesh.receive_control(1, 8).expect("an answer").0 {
        LOADED => false,
        tag => {
            assert_eq!(tag, READY);
            true
        }
    } {}
    mesh.end_run();
    mesh
}

#[test]
fn a_worker_outlives_roots_that_lie_about_weights() {
    let (worker, told) = watched_worker();
    let n_units = tiny::program(1, 2, WireType::F32, CacheType::F32)
        .weights
        .len();
    let fails = |tag: u8, message: &[u8]| {
        let (mesh, _) = accepted_root(&worker);
        mesh.send_control(1, tag, message).expect("a worker");
        failure(&told).0
    };
    for n_bytes in [0, 31, 33, 32 * (n_units + 1), 32 * 1024 + 32] {
        let code = fails(HASHES, &vec![0; n_bytes]);
        assert_eq!(code, "PROTOCOL_MISMATCH", "{n_bytes} bytes");
    }
    for tag in [PROGRAM, SOURCES, LOADED, REPAIR, 200] {
        assert_eq!(fails(tag, &[0; 32]), "PROTOCOL_MISMATCH", "tag {tag}");
    }

    // Bytes that are not what their hash says, in the first weight and in all others.
    let (mesh, program) = accepted_root(&worker);
    mesh.send_control(1, HASHES, &vec![7; 32 * n_units])
        .expect("a worker");
    mesh.receive_control(1, 1000).expect("an answer");
    let zeros = ModelFile::new(&[0; 1 << 16]);
    let open = std::fs::File::open(zeros.path()).expect("the file");
    for weight in &program.weights {
        let n_bytes = (weight.rows * weight.cols * 4) as usize;
        let slice = dllama_net::Slice::new(&open, &[0; 1 << 16], 0, 1, 0, n_bytes);
        if mesh.send_slice(1, &slice).is_err() {
            break;
        }
    }
    let (code, message) = failure(&told);
    assert_eq!(code, "WEIGHTS_DAMAGED");
    assert!(
        message.contains(", unit ") && message.starts_with("weight "),
        "{message}"
    );
    serves(&worker);
}

#[test]
fn a_worker_outlives_roots_that_say_what_they_must_not() {
    let (worker, told) = watched_worker();
    let file = ModelFile::of_floats(tiny::N_FLOATS, 10);

    // A plan comes before the Program, and is one; nobody measures for longer than this version's roots.
    for (tag, message) in [
        (200, &b"?"[..]),
        (PROGRAM, b"{}"),
        (PLAN, b"{}"),
        (PLAN, &[b' '; 2000]),
        (MEASURE, &[255; 8]),
        (MEASURE, b"?"),
    ] {
        let mesh = hostile_root(&worker);
        mesh.send_control(1, tag, message).expect("a worker");
        assert_eq!(failure(&told).0, "PROTOCOL_MISMATCH", "tag {tag}");
    }

    planned_root(&worker)
        .send_control(1, 200, b"?")
        .expect("a worker");
    assert_eq!(failure(&told).0, "PROTOCOL_MISMATCH");

    planned_root(&worker)
        .send_control(1, PROGRAM, b"{}")
        .expect("a worker");
    assert_eq!(failure(&told).0, "PROGRAM_INVALID");

    let other_place = tiny::json(&tiny::program(2, 3, WireType::F32, CacheType::F32));
    let mesh = planned_root(&worker);
    mesh.send_control(1, PROGRAM, other_place.as_bytes())
        .expect("a worker");
    let (code, message) = failure(&told);
    assert_eq!(code, "PROGRAM_INVALID");
    assert!(
        message.contains("expected rank 1 of 2, got rank 2 of 3"),
        "{message}"
    );

    let mut huge = tiny::program(1, 2, WireType::F32, CacheType::F32);
    (huge.seq_len, huge.n_sequences) = (1 << 24, 1 << 10);
    let mesh = planned_root(&worker);
    mesh.send_control(1, PROGRAM, tiny::json(&huge).as_bytes())
        .expect("a worker");
    assert_eq!(failure(&told).0, "OUT_OF_MEMORY");

    let short_forward = [1, 2, 3];
    let token_out_of_range = [vec![1], vec![255; 4], vec![0; 13]].concat();
    for (tag, message, code) in [
        (FORWARD, &short_forward[..], "INVALID_ARGUMENT"),
        (FORWARD, &token_out_of_range, "INVALID_ARGUMENT"),
        (FULL_ROW, &[0, 0, 0, 0], "INVALID_ARGUMENT"),
        (FULL_ROW, &[0], "PROTOCOL_MISMATCH"),
        (PROGRAM, &[], "PROTOCOL_MISMATCH"),
    ] {
        let mesh = loaded_root(&worker, &file);
        mesh.send_control(1, tag, message).expect("a worker");
        assert_eq!(failure(&told).0, code, "tag {tag}, {message:?}");
    }
    serves(&worker);
}

/// A root that computes a row with the worker, then shortens the sequence: the worker, too, has forgotten the row.
#[test]
fn a_worker_truncates_what_it_is_told_and_refuses_what_there_is_not() {
    let (worker, told) = watched_worker();
    let file = ModelFile::of_floats(tiny::N_FLOATS, 10);
    let pair = |sequence: u32, length: u32| [sequence.to_le_bytes(), length.to_le_bytes()].concat();
    for (message, code) in [
        (vec![0; 7], "PROTOCOL_MISMATCH"),
        (pair(2, 0), "INVALID_ARGUMENT"),
        (pair(u32::MAX, 0), "INVALID_ARGUMENT"),
    ] {
        let mesh = loaded_root(&worker, &file);
        mesh.send_control(1, TRUNCATE, &message).expect("a worker");
        assert_eq!(failure(&told).0, code, "{message:?}");
    }
    let forward = |mesh: &Mesh, position: u32| {
        let row = [1, position, 0].map(u32::to_le_bytes).concat();
        let class = vec![1];
        let message = [class, row, vec![1], 1f32.to_le_bytes().to_vec()].concat();
        mesh.begin_run();
        mesh.send_control(1, FORWARD, &message).expect("a worker");
        const DIM: usize = tiny::DIM as usize;
        mesh.broadcast(0, &mut [0; 4 * DIM])?;
        for _ in 0..2 * tiny::N_LAYERS {
            mesh.all_reduce(AllReduce::Direct, &F32Codec, &[0.0; DIM], &mut [0.0; DIM])?;
        }
        // Of 8 candidates.
        let gathered = mesh.gather(0, &[0; 72], &mut [0; 2 * 72]);
        mesh.end_run();
        gathered
    };
    let mesh = loaded_root(&worker, &file);
    for position in 0..3 {
        forward(&mesh, position).expect("a worker");
    }
    // Longer than it is, which changes nothing, and then shorter.
    for length in [9, 1] {
        mesh.send_control(1, TRUNCATE, &pair(0, length))
            .expect("a worker");
    }
    forward(&mesh, 1).expect("where it ends");
    mesh.send_control(1, TRUNCATE, &pair(0, 1))
        .expect("a worker");
    forward(&mesh, 2).expect_err("it ends at 1");
    let (code, message) = failure(&told);
    assert_eq!(code, "INVALID_ARGUMENT");
    assert!(
        message.contains("at most 1, where the sequence ends"),
        "{message}"
    );
    serves(&worker);
}

#[test]
fn a_worker_that_closes_ends_the_root_with_its_rank_and_reason() {
    let mut worker = worker();
    let file = ModelFile::of_floats(tiny::N_FLOATS, 12);
    let workers = std::slice::from_ref(&worker);
    let root = load_over(&file, workers, WireType::F32, CacheType::F32, 1).expect("a worker");
    root.forward(RowClass::Exact, vec![row(1, 0)])
        .expect("a token");
    worker.close();
    let error = root
        .forward(RowClass::Exact, vec![row(1, 1)])
        .expect_err("nobody is there");
    assert!(
        ["PEER_FAILED", "PEER_LOST"].contains(&error.code()),
        "{error}"
    );
    assert!(error.to_string().contains("rank 1"), "{error}");
}

#[test]
fn a_model_file_that_is_not_as_the_program_says_is_named() {
    let text = tiny::json(&tiny::alone());
    let refused = |path: &std::path::Path, text: &str| {
        let options = RootOptions {
            model: path.to_owned(),
            programs: vec![text.to_owned()],
            workers: vec![],
            trust: trust(),
            n_threads: 1,
            plan: None,
            cache_folder: None,
        };
        let error = Root::load(options, &|_| {})
            .map(drop)
            .expect_err("no such model");
        (error.code(), error.to_string())
    };
    let (code, message) = refused("/no/such/model".as_ref(), &text);
    assert!(
        code == "FILE_UNREADABLE" && message.contains("/no/such/model"),
        "{message}"
    );
    assert_eq!(refused(&std::env::temp_dir(), &text).0, "FILE_UNREADABLE");
    // An empty mapping is empty, and everything lies past its end.
    let empty = ModelFile::new(&[]);
    assert!(["FILE_UNREADABLE", "MODEL_MALFORMED"].contains(&refused(empty.path(), &text).0));

    let short = ModelFile::of_floats(100, 1);
    let (code, message) = refused(short.path(), &text);
    assert_eq!(code, "MODEL_MALFORMED");
    assert!(
        message.contains("weight embedding: expected to end within the file's 400 bytes"),
        "{message}"
    );

    let whole = ModelFile::of_floats(tiny::N_FLOATS, 1);
    let mut odd = tiny::alone();
    odd.weights[2].source.offset += 2;
    let (code, message) = refused(whole.path(), &tiny::json(&odd));
    assert_eq!(code, "MODEL_MALFORMED");
    assert!(
        message.contains("weight q: expected an offset that is a multiple of 4"),
        "{message}"
    );

    let mut far = tiny::alone();
    far.weights[2].source.offset = u64::MAX - 8;
    assert_eq!(
        refused(whole.path(), &tiny::json(&far)).0,
        "MODEL_MALFORMED"
    );
}

#[test]
fn programs_that_do_not_belong_together_are_refused() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 1);
    let refused = |programs: Vec<String>| {
        let options = RootOptions {
            model: file.path().to_owned(),
            programs,
            workers: vec![],
            trust: trust(),
            n_threads: 1,
            plan: None,
            cache_folder: None,
        };
        Root::load(options, &|_| {})
            .map(drop)
            .expect_err("they do not")
            .to_string()
    };
    let of = |rank, world_size| {
        tiny::json(&tiny::program(
            rank,
            world_size,
            WireType::F32,
            CacheType::F32,
        ))
    };
    assert!(refused(vec![]).contains("programs: expected one for each of 1 ranks, got 0"));
    assert!(refused(vec![of(0, 2)]).contains("expected rank 0 of 1, got rank 0 of 2"));
    let mut wrong = tiny::alone();
    if let Op::RmsNorm { out, .. } = &mut wrong.steps[1].op {
        *out = 77;
    }
    assert!(refused(vec![tiny::json(&wrong)]).contains("rank 0: step 1 (rmsNorm), out"));
}
