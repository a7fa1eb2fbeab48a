//! What the pool itself costs: a barrier, a run, and a step whose work is handed out.
//!
//! `cargo bench -p dllama-kernels --bench pool`

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use dllama_kernels::{Flow, Pool};

fn main() {
    divan::main();
}

/// Up to all cores, and one thread more than there are.
fn thread_counts() -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let mut counts = vec![1, 2, cores, cores + 1];
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// The barriers of about one decoded token, in one run.
const BARRIERS: usize = 300;

#[divan::bench(args = thread_counts(), max_time = 1)]
fn barriers(bencher: Bencher, n_threads: usize) {
    let pool = Pool::new(n_threads).unwrap();
    bencher.counter(ItemsCount::new(BARRIERS)).bench_local(|| {
        pool.run(|team| {
            for _ in 0..BARRIERS {
                if team.barrier() == Flow::Stop {
                    return;
                }
            }
        });
    });
}

#[divan::bench(args = thread_counts(), max_time = 1)]
fn empty_run(bencher: Bencher, n_threads: usize) {
    let pool = Pool::new(n_threads).unwrap();
    bencher.bench_local(|| pool.run(|_| {}));
}

/// Steps of 64 chunks, each of a few microseconds.
#[divan::bench(args = thread_counts(), max_time = 1)]
fn steps_of_chunks(bencher: Bencher, n_threads: usize) {
    let pool = Pool::new(n_threads).unwrap();
    bencher.counter(ItemsCount::new(BARRIERS)).bench_local(|| {
        pool.run(|team| {
            for _ in 0..BARRIERS {
                for chunk in team.chunks(64, 1) {
                    let sum = (0..1000).fold(chunk.start, |sum, i| black_box(sum + i));
                    black_box(sum);
                }
                if team.barrier() == Flow::Stop {
                    return;
                }
            }
        });
    });
}
