//! How long an all-reduce takes between processes, by size and way: for comparing with other libraries
//! (`scripts/bench-collectives.mjs`, decision 0025).
//!
//! `all_reduce_latency serve ADDRESS` is a rank that takes part once; `all_reduce_latency run BATCHES
//! SIZES WORKER ...` is the root, and prints a line of `way bytes median_us minimum_us` for each. Sizes are
//! bytes of f32 values.

use std::time::{Duration, Instant};

use dllama_net::{AllReduce, ConnectOptions, F32Codec, Listener, Mesh, Trust, connect};

const WAYS: [(AllReduce, &str); 2] = [
    (AllReduce::Direct, "direct"),
    (AllReduce::Scattered, "scattered"),
];
const RUN: u8 = 1;
const BATCH: u32 = 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<_> = args.iter().map(String::as_str).collect();
    match &words[..] {
        ["serve", address] => serve(address),
        ["run", batches, sizes, workers @ ..] => run(batches.parse()?, sizes, workers),
        _ => Err("expected `serve ADDRESS` or `run BATCHES SIZES WORKER ...`".into()),
    }
}

fn serve(address: &str) -> Result<(), Box<dyn std::error::Error>> {
    let listener = Listener::bind(address, Trust::Insecure, Box::new(|_| ()))?;
    println!("{}", listener.local_addr());
    let mesh = listener.accept()?;
    loop {
        let (tag, message) = mesh.receive_control(0, 9)?;
        let (RUN, Ok::<[u8; 9], _>([way, words @ ..])) = (tag, message.try_into()) else {
            return Ok(());
        };
        let [n_batches, n_values] = [0, 4].map(|at| {
            let bytes = [words[at], words[at + 1], words[at + 2], words[at + 3]];
            u32::from_le_bytes(bytes) as usize
        });
        time(&mesh, WAYS[way as usize].0, n_batches, n_values)?;
    }
}

fn run(n_batches: u32, sizes: &str, workers: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
    let workers: Vec<_> = workers.iter().map(ToString::to_string).collect();
    let n_workers = workers.len();
    let mesh = connect(ConnectOptions::new(workers, Trust::Insecure))?;
    for size in sizes.split(',') {
        let n_bytes: u32 = size.parse()?;
        for (index, (way, name)) in (0..).zip(WAYS) {
            let words = [n_batches, n_bytes / 4].map(u32::to_le_bytes).concat();
            let message = [&[index][..], &words].concat();
            for worker in 1..=n_workers {
                mesh.send_control(worker, RUN, &message)?;
            }
            let mut times = time(&mesh, way, n_batches as usize, n_bytes as usize / 4)?;
            times.sort_unstable();
            let micros = |time: Duration| time.as_secs_f64() * 1e6;
            let (median, minimum) = (micros(times[times.len() / 2]), micros(times[0]));
            println!("{name} {n_bytes} {median:.1} {minimum:.1}");
        }
    }
    for worker in 1..=n_workers {
        mesh.send_control(worker, 0, &[])?;
    }
    mesh.wait_for_end(Duration::from_secs(1));
    Ok(())
}

/// The time of a round in each batch of rounds that follow each other, as a token's do: a round alone would
/// seem to take less than the network does on ranks that begin it late.
fn time(
    mesh: &Mesh,
    how: AllReduce,
    n_batches: usize,
    n_values: usize,
) -> Result<Vec<Duration>, dllama_net::Error> {
    let partial = vec![1.0; n_values];
    let mut sum = vec![0.0; n_values];
    let sizes = vec![1; mesh.world_size()];
    let mut all = vec![0; mesh.world_size()];
    mesh.begin_run();
    let mut times = Vec::with_capacity(n_batches);
    for _ in 0..n_batches {
        mesh.all_gather(&[0], &mut all, &sizes)?;
        let start = Instant::now();
        for _ in 0..BATCH {
            mesh.all_reduce(how, &F32Codec, &partial, &mut sum)?;
        }
        times.push(start.elapsed() / BATCH);
    }
    mesh.end_run();
    Ok(times)
}
