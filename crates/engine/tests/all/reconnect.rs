//! A root that connects anew after a loss: the same plan, its own weights kept, and after a replay the same bits.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::model::ModelFile;
use crate::support::{load_over, row, tiny, trust, worker};
use dllama_engine::program::{CacheType, WireType};
use dllama_engine::{Digest, Error, Root, RowClass, Worker, WorkerOptions};

const PATIENCE: Duration = Duration::from_secs(5);

/// A worker at the address of one that has ended. The last connections of that one may take a moment.
fn worker_again(address: SocketAddr) -> Worker {
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        match Worker::start(WorkerOptions::new(address.to_string(), 1, trust()), |_| {}) {
            Ok(worker) => return worker,
            Err(error) => assert!(Instant::now() < give_up, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A chunk of a prompt.
fn prompt(root: &Root) -> Result<(), Error> {
    root.forward(RowClass::Fast, (0..3).map(|at| row(at + 1, at)).collect())
        .map(drop)
}

/// Some generated tokens, `at_a_time` in a forward.
fn tokens(root: &Root, at_a_time: usize) -> Result<(), Error> {
    let rows: Vec<_> = (3..7).map(|at| row(at, at)).collect();
    rows.chunks(at_a_time)
        .try_for_each(|rows| root.forward(RowClass::Exact, rows.to_vec()).map(drop))
}

fn kv_caches(root: &Root) -> Vec<u64> {
    let digests = root.digests().expect("all ranks");
    digests
        .iter()
        .map(|Digest { kv_cache, .. }| *kv_cache)
        .collect()
}

#[test]
fn a_restarted_worker_gets_its_slices_again_and_a_replay_gives_the_same_bits() {
    for (wire, cache) in [
        (WireType::F32, CacheType::F32),
        (WireType::Q80, CacheType::F16),
    ] {
        let file = ModelFile::of_floats(tiny::N_FLOATS, 21);
        let mut workers = vec![worker(), worker()];
        let root = load_over(&file, &workers, wire, cache, 2).expect("free workers");
        prompt(&root).expect("all ranks");
        tokens(&root, 1).expect("all ranks");
        let before = kv_caches(&root);
        let plan = root.plan();

        let ended = workers.pop().expect("two");
        let address = ended.address();
        drop(ended);
        let loss = tokens(&root, 1).expect_err("rank 2 is gone");
        assert!(matches!(&loss, Error::Net(net) if net.may_pass()), "{loss}");
        assert!(matches!(tokens(&root, 1), Err(Error::OutOfStep { .. })));

        let nobody = root
            .reconnect(PATIENCE, &|_| {})
            .expect_err("not there yet");
        assert!(
            matches!(&nobody, Error::Net(net) if net.may_pass()),
            "{nobody}"
        );
        workers.push(worker_again(address));
        // The other worker may not have noticed yet that its session is over.
        let give_up = Instant::now() + Duration::from_secs(20);
        while let Err(error) = root.reconnect(PATIENCE, &|_| {}) {
            assert!(Instant::now() < give_up, "{error}");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(root.plan(), plan);
        prompt(&root).expect("all ranks");
        tokens(&root, 3).expect("all ranks");
        assert_eq!(kv_caches(&root), before, "{wire:?} {cache:?}");
    }
}

#[test]
fn a_reconnected_root_has_empty_caches_and_reports_all_bytes() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 22);
    let workers = [worker()];
    let root = load_over(&file, &workers, WireType::F32, CacheType::F32, 1).expect("a worker");
    prompt(&root).expect("all ranks");
    let last = std::sync::Mutex::new(None);
    // Nothing is lost: the session ends, and the worker serves the next.
    root.reconnect(PATIENCE, &|progress| {
        *last.lock().expect("no panic") = Some(progress)
    })
    .or_else(|_| {
        std::thread::sleep(Duration::from_secs(1));
        root.reconnect(PATIENCE, &|progress| {
            *last.lock().expect("no panic") = Some(progress)
        })
    })
    .expect("the worker is there");
    let last = last.into_inner().expect("no panic").expect("progress");
    assert_eq!(last.done_bytes, last.total_bytes);
    let ahead = root.forward(RowClass::Exact, vec![row(1, 1)]);
    assert!(
        matches!(ahead, Err(Error::Row { .. })),
        "the cache is empty"
    );
    prompt(&root).expect("all ranks");
}
