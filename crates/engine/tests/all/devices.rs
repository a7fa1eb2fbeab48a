//! Devices that join: what they tell, what they measure, and the memory that they do not lend.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::model::ModelFile;
use crate::support::{row, tiny, trust, worker};
use dllama_engine::program::{CacheType, WireType};
use dllama_engine::{
    Connected, Root, RootOptions, RowClass, Worker, WorkerEvent, WorkerOptions, rank_memory,
};

fn options(file: &ModelFile, workers: &[String]) -> RootOptions {
    let world_size = workers.len() as u32 + 1;
    let programs =
        (0..world_size).map(|rank| tiny::program(rank, world_size, WireType::F32, CacheType::F32));
    RootOptions {
        model: file.path().to_owned(),
        programs: programs.map(|program| tiny::json(&program)).collect(),
        workers: workers.to_vec(),
        n_threads: 1,
        plan: None,
        cache_folder: None,
        trust: trust(),
    }
}

#[test]
fn ranks_meet_tell_measure_and_load_in_one_session() {
    let all = [worker(), worker()];
    let workers: Vec<_> = all.iter().map(|w| w.address().to_string()).collect();
    let connected = Connected::connect(workers.clone(), trust(), 1).expect("free workers");
    let devices = connected.devices().expect("facts");
    let threads: Vec<_> = devices.iter().map(|facts| facts.n_threads).collect();
    assert_eq!(threads, [1, 2, 2]);
    for facts in devices {
        assert!(facts.n_cores >= 1 && facts.free_bytes != Some(0));
    }
    let start = Instant::now();
    let rates = connected.measure_rates().expect("rates");
    assert_eq!(rates.len(), 3);
    // Far above what it takes: a debug build on a busy machine is slow.
    assert!(start.elapsed() < Duration::from_secs(60));
    assert!(
        rates
            .iter()
            .all(|r| r.bytes_per_second > 0.0 && r.ops_per_second > 0.0)
    );
    let file = ModelFile::of_floats(tiny::N_FLOATS, 9);
    let root = Root::load_over(Some(connected), options(&file, &workers), &|_| {});
    let report = root
        .expect("a model")
        .forward(RowClass::Exact, vec![row(1, 0)]);
    assert_eq!(report.expect("a token").rows.len(), 1);
}

#[test]
fn ranks_that_load_nothing_are_free_for_the_next_root() {
    let worker = worker();
    let workers = vec![worker.address().to_string()];
    for _ in 0..3 {
        drop(Connected::connect(workers.clone(), trust(), 1).expect("a free worker"));
    }
    // Nor are they kept by a root that has met them and then finds its own part wrong.
    let connected = Connected::connect(workers.clone(), trust(), 1).expect("a free worker");
    let file = ModelFile::of_floats(tiny::N_FLOATS, 9);
    let mut wrong = options(&file, &workers);
    wrong.programs.truncate(1);
    let error = Root::load_over(Some(connected), wrong, &|_| {}).map(drop);
    assert_eq!(
        error.expect_err("a Program is missing").code(),
        "PROGRAM_INVALID"
    );
    Root::load(options(&file, &workers), &|_| {}).expect("a free worker");
}

#[test]
fn memory_that_a_worker_does_not_lend_is_refused_on_both_sides_before_it_is_taken() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 9);
    let program = tiny::json(&tiny::program(1, 2, WireType::F32, CacheType::F32));
    let needed = rank_memory(&program)
        .expect("a valid Program")
        .total_bytes();
    for (lent, fits) in [(needed, true), (needed - 1, false)] {
        let (tell, told) = mpsc::channel();
        let tell = std::sync::Mutex::new(tell);
        let lending = WorkerOptions {
            max_memory: Some(lent),
            ..WorkerOptions::new("127.0.0.1:0", 1, trust())
        };
        let worker = Worker::start(lending, move |event| {
            let _ = tell.lock().map(|tell| tell.send(event));
        });
        let worker = worker.expect("a free port");
        let workers = vec![worker.address().to_string()];
        let connected = Connected::connect(workers.clone(), trust(), 1).expect("a free worker");
        let devices = connected.devices().expect("facts");
        assert_eq!(devices[1].free_bytes, Some(lent));
        let root = Root::load_over(Some(connected), options(&file, &workers), &|_| {});
        let next = || {
            told.recv_timeout(Duration::from_secs(20))
                .expect("an event")
        };
        assert!(matches!(next(), WorkerEvent::SessionBegan { .. }));
        let WorkerEvent::Loading { memory, free_bytes } = next() else {
            panic!("memory is told before anything else");
        };
        assert_eq!((memory.total_bytes(), free_bytes), (needed, Some(lent)));
        if fits {
            root.expect("it fits");
            continue;
        }
        let error = root.map(drop).expect_err("a byte too much").to_string();
        assert!(
            error.contains("--max-memory") && error.contains("rank 1"),
            "{error}"
        );
        let WorkerEvent::SessionFailed { code, message } = next() else {
            panic!("refused");
        };
        assert_eq!(code, "OUT_OF_MEMORY");
        assert!(
            message.contains("KV cache") && message.contains("lends"),
            "{message}"
        );
    }
}
