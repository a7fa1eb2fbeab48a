//! A panic anywhere in a session ends it on every rank, with a reason, and nothing else.
//!
//! Points are armed for the whole process: the tests of this file take turns, and no other test shares their process.

#[path = "all/support/mod.rs"]
#[allow(dead_code, reason = "the other tests use the rest of it")]
mod support;

use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dllama_engine::panic_points::arm;
use dllama_engine::program::{CacheType, WireType};
use dllama_engine::{Error, Root, RowClass, Worker, WorkerEvent, WorkerOptions};
use support::model::ModelFile;
use support::{load_over, row, tiny, trust};

/// Longer than any session of the tiny model takes to end, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Workers, each with the ends of its sessions: a code for one that failed.
fn workers(n: usize) -> (Vec<Worker>, Vec<Receiver<Option<&'static str>>>) {
    let start = |_| {
        let (tell, told) = mpsc::channel();
        let tell = Mutex::new(tell);
        let options = WorkerOptions::new("127.0.0.1:0", 2, trust());
        let worker = Worker::start(options, move |event| {
            let end = match event {
                WorkerEvent::SessionEnded => None,
                WorkerEvent::SessionFailed { code, .. } => Some(code),
                _ => return,
            };
            // Nobody listens any more when a test has ended.
            let _ = tell.lock().map(|tell| tell.send(end));
        });
        (worker.expect("a free port"), told)
    };
    (0..n).map(start).unzip()
}

fn loaded(file: &ModelFile, workers: &[Worker]) -> Result<Root, Error> {
    load_over(file, workers, WireType::F32, CacheType::F32, 2)
}

fn token(root: &Root) -> Result<(), Error> {
    root.forward(RowClass::Exact, vec![row(1, 0)]).map(drop)
}

/// Everything that a root can be asked for.
type Call = fn(&Root) -> Result<(), Error>;
const CALLS: [(&str, Call); 4] = [
    ("check", token),
    ("forward", token),
    ("full row", |root| root.full_row(0).map(drop)),
    ("digest", |root| root.digests().map(drop)),
];

#[test]
fn a_panic_in_a_call_ends_the_session_of_all_ranks_and_the_next_call_says_so() {
    let _turn = turn();
    let file = ModelFile::of_floats(tiny::N_FLOATS, 9);
    for n_workers in [0, 2] {
        let (workers, ends) = workers(n_workers);
        for (point, call) in CALLS {
            for rank in 0..=n_workers {
                let at = format!("{point}, rank {rank} of {}", n_workers + 1);
                let root = loaded(&file, &workers).expect("free workers");
                token(&root).expect("a row that may be asked for in full");
                arm(point, rank);
                let error = call(&root).expect_err(&at);
                let what = format!("the test's panic at {point}");
                let expected = if rank == 0 { "INTERNAL" } else { "PEER_FAILED" };
                assert_eq!(error.code(), expected, "{at}: {error}");
                assert!(error.to_string().contains(&what), "{at}: {error}");
                for end in &ends {
                    let code = end.recv_timeout(PATIENCE).expect(&at);
                    assert!(
                        matches!(code, Some("INTERNAL" | "PEER_FAILED")),
                        "{at}: {code:?}"
                    );
                }
                let next = token(&root).expect_err(&at);
                assert!(matches!(next, Error::OutOfStep { .. }), "{at}: {next}");
                assert!(next.to_string().contains(&what), "{at}: {next}");

                root.reconnect(PATIENCE, &|_| {}).expect(&at);
                token(&root).expect(&at);
                drop(root);
                for end in &ends {
                    assert_eq!(end.recv_timeout(PATIENCE).expect(&at), None, "{at}");
                }
            }
        }
    }
}

#[test]
fn a_panic_while_loading_frees_all_ranks() {
    let _turn = turn();
    let file = ModelFile::of_floats(tiny::N_FLOATS, 9);
    let (workers, ends) = workers(2);
    for rank in 0..3 {
        arm("load", rank);
        let error = loaded(&file, &workers).err().expect("no root");
        let expected = if rank == 0 { "INTERNAL" } else { "PEER_FAILED" };
        assert_eq!(error.code(), expected, "rank {rank}: {error}");
        for end in &ends {
            let code = end.recv_timeout(PATIENCE).expect("an end");
            assert!(code.is_some(), "rank {rank}: {code:?}");
        }
        let root = loaded(&file, &workers).expect("free workers");
        token(&root).expect("a token");
        drop(root);
        for end in &ends {
            assert_eq!(end.recv_timeout(PATIENCE).expect("an end"), None);
        }
    }
}

#[test]
fn a_panic_while_reconnecting_frees_all_ranks_and_the_root_may_try_again() {
    let _turn = turn();
    let file = ModelFile::of_floats(tiny::N_FLOATS, 9);
    let (workers, ends) = workers(2);
    let root = loaded(&file, &workers).expect("free workers");
    let tries = [("a listener's", 0), ("clear", 0), ("load", 1), ("load", 2)];
    for (point, rank) in tries {
        let at = format!("{point}, rank {rank}");
        let all_end = || {
            for end in &ends {
                let code = end.recv_timeout(PATIENCE).expect(&at);
                assert!(code.is_some(), "{at}: {code:?}");
            }
        };
        arm("check", 0);
        token(&root).expect_err(&at);
        all_end();
        let error = if point == "a listener's" {
            root.reconnect(PATIENCE, &|_| panic!("a listener's"))
        } else {
            arm(point, rank);
            root.reconnect(PATIENCE, &|_| {})
        };
        let error = error.expect_err(&at);
        let expected = if rank == 0 { "INTERNAL" } else { "PEER_FAILED" };
        assert_eq!(error.code(), expected, "{at}: {error}");
        all_end();
        let next = token(&root).expect_err(&at);
        assert!(matches!(next, Error::OutOfStep { .. }), "{at}: {next}");
        root.reconnect(PATIENCE, &|_| {}).expect(&at);
        token(&root).expect(&at);
    }
}

#[test]
fn listeners_that_panic_end_a_load_or_miss_an_event() {
    let _turn = turn();
    let options = WorkerOptions::new("127.0.0.1:0", 1, trust());
    let worker = Worker::start(options, |_| panic!("a listener's")).expect("a free port");
    let workers = std::slice::from_ref(&worker);
    let file = ModelFile::of_floats(tiny::N_FLOATS, 9);
    let options = support::root_options(&file, workers, WireType::F32, CacheType::F32, 1);
    let error = Root::load(options.clone(), &|_| panic!("a listener's"));
    let error = error.err().expect("no root");
    assert_eq!(error.code(), "INTERNAL", "{error}");
    let root = Root::load(options, &|_| {}).expect("a free worker");
    token(&root).expect("a token");
}
