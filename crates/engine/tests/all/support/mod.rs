//! A Llama small enough for every test: a model file of seeded numbers and its Programs.

pub mod cache_folder;
pub mod model;
pub mod shared_model;
pub mod tiny;
pub mod wide;

use dllama_engine::program::{CacheType, Program, WireType};
use dllama_engine::{
    Error, ForwardReport, Plan, Root, RootOptions, Row, RowResult, Want, Worker, WorkerOptions,
};

use dllama_net::{Key, Trust};
use model::ModelFile;

/// A row of sequence 0 that wants candidates.
pub fn row(token: u32, position: u32) -> Row {
    Row {
        token,
        position,
        sequence: 0,
        want: Want::Candidates,
        temperature: 1.0,
    }
}

/// Results of a forward in which every wanted row has one.
pub fn results(report: Result<ForwardReport, Error>) -> Vec<RowResult> {
    let report = report.expect("valid rows");
    assert_eq!(report.failures, []);
    let results = report.rows.into_iter();
    results.map(|result| result.expect("finite")).collect()
}

/// Loads a model for one rank.
pub fn load(file: &ModelFile, program: &str, n_threads: usize) -> Result<Root, Error> {
    let options = RootOptions {
        model: file.path().to_owned(),
        programs: vec![program.to_owned()],
        workers: vec![],
        trust: trust(),
        n_threads,
        plan: None,
        cache_folder: None,
    };
    Root::load(options, &|_| {})
}

/// Loads the tiny model over this process and workers of it.
pub fn load_over(
    file: &ModelFile,
    workers: &[Worker],
    wire: WireType,
    cache: CacheType,
    n_threads: usize,
) -> Result<Root, Error> {
    load_planned(file, workers, (wire, cache), n_threads, None)
}

/// The same with a plan; without one the ranks measure.
pub fn load_planned(
    file: &ModelFile,
    workers: &[Worker],
    (wire, cache): (WireType, CacheType),
    n_threads: usize,
    plan: Option<Plan>,
) -> Result<Root, Error> {
    let plan_free = root_options(file, workers, wire, cache, n_threads);
    Root::load(RootOptions { plan, ..plan_free }, &|_| {})
}

/// What a root of the tiny model is made from.
pub fn root_options(
    file: &ModelFile,
    workers: &[Worker],
    wire: WireType,
    cache: CacheType,
    n_threads: usize,
) -> RootOptions {
    let world_size = workers.len() as u32 + 1;
    let programs = (0..world_size).map(|rank| tiny::program(rank, world_size, wire, cache));
    options_of(file, programs, workers, n_threads)
}

fn options_of(
    file: &ModelFile,
    programs: impl Iterator<Item = Program>,
    workers: &[Worker],
    n_threads: usize,
) -> RootOptions {
    let addresses = workers.iter().map(|worker| worker.address().to_string());
    RootOptions {
        model: file.path().to_owned(),
        programs: programs.map(|program| tiny::json(&program)).collect(),
        workers: addresses.collect(),
        trust: trust(),
        n_threads,
        plan: None,
        cache_folder: None,
    }
}

/// Loads the wide model over this process and workers of it.
pub fn load_wide(
    file: &ModelFile,
    workers: &[Worker],
    wire: WireType,
    n_threads: usize,
    plan: Plan,
) -> Root {
    let world_size = workers.len() as u32 + 1;
    let programs = (0..world_size).map(|rank| wide::program(rank, world_size, wire));
    let options = RootOptions {
        plan: Some(plan),
        ..options_of(file, programs, workers, n_threads)
    };
    Root::load(options, &|_| {}).expect("free workers")
}

/// The token that all ranks of the tests have.
pub fn trust() -> Trust {
    Trust::Token(Key::of_token("of the engine's tests").expect("long enough"))
}

/// A worker that counts on nobody to listen to it.
pub fn worker() -> Worker {
    let options = WorkerOptions::new("127.0.0.1:0", 2, trust());
    Worker::start(options, |_| {}).expect("a free port")
}
