//! A worker that sends whatever it likes in the place of candidates: the row fails or the session ends, with a
//! typed error, and nothing panics.

use std::thread::{self, JoinHandle};

use crate::support::model::ModelFile;
use crate::support::{row, tiny, trust};
use dllama_engine::program::{CacheType, WireType};
use dllama_engine::{Error, Plan, Root, RootOptions, Row, RowClass, Want};
use dllama_net::{AllReduce, F32Codec, Listener, Mesh};

/// Tags of the messages between root and worker.
const PROGRAM: u8 = 1;
const ACCEPTED: u8 = 2;
const LOADED: u8 = 3;
const FORWARD: u8 = 4;
const FULL_ROW: u8 = 5;
const DIGEST: u8 = 6;
const PLAN: u8 = 9;
const HASHES: u8 = 10;
const SOURCES: u8 = 11;
const TRUNCATE: u8 = 26;

/// The rank's part of the vocabulary begins here.
const FIRST_TOKEN: u32 = tiny::VOCAB / 2;
const K: usize = 8;

/// A record as the format has it: how many, log-sum-exp, then (id, logit).
fn record(count: u32, log_sum_exp: f32, candidates: &[(u32, f32)]) -> Vec<u8> {
    let mut bytes = [count.to_le_bytes(), log_sum_exp.to_le_bytes()].concat();
    for (id, logit) in candidates {
        bytes.extend(id.to_le_bytes());
        bytes.extend(logit.to_le_bytes());
    }
    bytes.resize(8 + 8 * K, 0);
    bytes
}

/// What the worker says of each row, and what its logits are.
#[derive(Clone)]
struct Lie {
    record: Vec<u8>,
    logit: f32,
}

/// Serves one session as rank 1, has all weights and computes nothing. Returns the truncations it has been told.
fn lying_worker(lie: Lie) -> (String, JoinHandle<Vec<Vec<u8>>>) {
    let listener = Listener::bind("127.0.0.1:0", trust(), Box::new(|_| ())).expect("a free port");
    let address = listener.local_addr().to_string();
    let serve = move || {
        let mesh = listener.accept().expect("a root");
        let mut truncations = vec![];
        // Its end is an error, however it comes.
        let _ = answer(&mesh, &lie, &mut truncations);
        truncations
    };
    (address, thread::spawn(serve))
}

fn answer(mesh: &Mesh, lie: &Lie, truncations: &mut Vec<Vec<u8>>) -> Result<(), dllama_net::Error> {
    loop {
        let (tag, payload) = mesh.receive_control(0, 1 << 20)?;
        mesh.begin_run();
        match tag {
            PLAN => {}
            PROGRAM => mesh.send_control(0, ACCEPTED, &[])?,
            HASHES => {
                let n_units = payload.len() / 32;
                let held = [vec![0; 8], vec![2; n_units]].concat();
                mesh.send_control(0, SOURCES, &held)?;
                mesh.send_control(0, LOADED, &[])?;
            }
            FORWARD => {
                let n_rows = payload.len() / 17;
                let n_values = n_rows * tiny::DIM as usize;
                mesh.broadcast(0, &mut vec![0; n_values * size_of::<f32>()])?;
                for _ in 0..2 * tiny::N_LAYERS {
                    let (partial, mut sum) = (vec![0.0; n_values], vec![0.0; n_values]);
                    mesh.all_reduce(AllReduce::Direct, &F32Codec, &partial, &mut sum)?;
                }
                mesh.gather(0, &lie.record.repeat(n_rows), &mut [])?;
                let rows = payload[1..].as_chunks::<17>().0;
                let mut full = rows.iter().filter(|row| row[12] == 2);
                full.try_for_each(|_| send_logits(mesh, lie))?;
            }
            FULL_ROW => send_logits(mesh, lie)?,
            DIGEST => mesh.send_control(0, DIGEST, &[0; 16])?,
            TRUNCATE => truncations.push(payload),
            _ => return Ok(()),
        }
        if tag != PLAN {
            mesh.end_run();
        }
    }
}

fn send_logits(mesh: &Mesh, lie: &Lie) -> Result<(), dllama_net::Error> {
    let logits = vec![lie.logit; FIRST_TOKEN as usize];
    mesh.gather(0, bytemuck::cast_slice(&logits), &mut [])
}

fn root(file: &ModelFile, address: String) -> Root {
    let programs = [0, 1].map(|rank| tiny::program(rank, 2, WireType::F32, CacheType::F32));
    let options = RootOptions {
        model: file.path().to_owned(),
        programs: programs.iter().map(tiny::json).collect(),
        workers: vec![address],
        trust: trust(),
        n_threads: 1,
        plan: Some(Plan::always(AllReduce::Direct)),
        cache_folder: None,
    };
    Root::load(options, &|_| {}).expect("a worker that seems to work")
}

fn honest() -> Vec<u8> {
    record(1, 0.5, &[(FIRST_TOKEN, 0.25)])
}

#[test]
fn numbers_that_are_none_fail_the_row_and_everything_else_the_session() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 31);
    let wanted = || Row {
        want: Want::Candidates,
        ..row(1, 0)
    };
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for candidates in [&[][..], &[(FIRST_TOKEN, 1.0)]] {
            let record = record(candidates.len() as u32, value, candidates);
            let (address, thread) = lying_worker(Lie { record, logit: 0.0 });
            let root = root(&file, address);
            for _ in 0..2 {
                let report = root.forward(RowClass::Exact, vec![wanted()]);
                let report = report.expect("the engine goes on");
                assert_eq!(report.rows, [None]);
                let [failure] = report.failures[..] else {
                    panic!("{:?}", report.failures);
                };
                assert_eq!((failure.op, failure.layer), ("matMul", None));
                root.digests().expect("the session goes on");
            }
            drop(root);
            let truncations = thread.join().expect("no panic");
            // Sequence 0 to 0 positions, each time.
            assert_eq!(truncations, [[0; 8]; 2]);
        }
    }
    for record in [
        record(2, 0.5, &[(FIRST_TOKEN, f32::NAN)]),
        record(1, 0.5, &[(FIRST_TOKEN, f32::INFINITY)]),
        record(1, 0.5, &[(FIRST_TOKEN - 1, 1.0)]),
        record(1, 0.5, &[(tiny::VOCAB, 1.0)]),
        record(1, f32::NAN, &[(u32::MAX, 1.0)]),
        record(9, 0.5, &[]),
        vec![0xff; 8 + 8 * K],
    ] {
        let (address, thread) = lying_worker(Lie { record, logit: 0.0 });
        let root = root(&file, address);
        let error = root.forward(RowClass::Exact, vec![wanted()]);
        let error = error.expect_err("a lie");
        assert!(matches!(error, Error::Message { rank: 1, .. }), "{error}");
        drop(root);
        thread.join().expect("no panic");
    }
}

#[test]
fn a_full_row_is_finite_where_its_candidates_are() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 31);
    for logit in [f32::NAN, f32::INFINITY] {
        for want in [Want::Full, Want::Candidates] {
            let record = honest();
            let (address, thread) = lying_worker(Lie { record, logit });
            let root = root(&file, address);
            let report = root.forward(RowClass::Exact, vec![Row { want, ..row(1, 0) }]);
            let error = match want {
                Want::Full => report.map(drop).expect_err("a lie"),
                _ => root.full_row(0).map(drop).expect_err("a lie"),
            };
            assert!(matches!(error, Error::Message { rank: 1, .. }), "{error}");
            assert!(error.to_string().contains("finite logits"), "{error}");
            drop(root);
            thread.join().expect("no panic");
        }
    }
}
