//! A sum that travels while it is computed has the bits of one that does not.

use crate::support::model::{ModelFile, floats};
use crate::support::{row, tiny, trust, wide, worker};
use dllama_engine::program::WireType;
use dllama_engine::{AllReducePlan, Plan, Root, RootOptions, Row, RowClass, RowResult, Worker};

fn load(
    file: &ModelFile,
    workers: &[Worker],
    wire: WireType,
    n_threads: usize,
    plan: Plan,
) -> Root {
    let world_size = workers.len() as u32 + 1;
    let programs = (0..world_size).map(|rank| wide::program(rank, world_size, wire));
    let options = RootOptions {
        model: file.path().to_owned(),
        programs: programs.map(|program| tiny::json(&program)).collect(),
        workers: workers
            .iter()
            .map(|worker| worker.address().to_string())
            .collect(),
        trust: trust(),
        n_threads,
        plan: Some(plan),
        cache_folder: None,
    };
    Root::load(options, &|_| {}).expect("free workers")
}

fn plan(scattered_from_bytes: Option<u32>) -> Plan {
    let all_reduce = AllReducePlan {
        scattered_from_bytes,
    };
    Plan { all_reduce }
}

fn rows() -> Vec<Row> {
    let rows = 0..wide::MAX_TOKENS;
    rows.map(|position| row(position * 7 % wide::VOCAB, position))
        .collect()
}

fn run(root: &Root, rows: &[Row]) -> Vec<RowResult> {
    let report = root.forward(RowClass::Exact, rows.to_vec());
    let results = report.expect("valid rows").rows;
    let digests = root.digests().expect("a run before");
    let all_agree = digests
        .windows(2)
        .all(|d| d[0].replicated == d[1].replicated);
    assert!(all_agree, "ranks differ");
    results
}

/// 256 rows of 256 values are 278,528 bytes in Q80 and four times as many in F32: four ranges. 16 rows
/// are one message.
#[test]
fn ranges_change_no_bit() {
    let file = ModelFile::of_floats(wide::N_FLOATS, 3);
    let all: Vec<_> = std::iter::repeat_with(worker).take(3).collect();
    for wire in [WireType::Q80, WireType::F32] {
        for scattered_from_bytes in [None, Some(0)] {
            for n_workers in 1..=all.len() {
                let load = |n_threads| {
                    let workers = &all[..n_workers];
                    load(&file, workers, wire, n_threads, plan(scattered_from_bytes))
                };
                let one = load(1);
                let parts = rows();
                let parts = parts.chunks(16).flat_map(|rows| run(&one, rows));
                let expected: Vec<_> = parts.collect();
                assert_eq!(run(&one, &rows()), expected);
                drop(one);
                assert_eq!(run(&load(3), &rows()), expected);
            }
        }
    }
}

/// The value is in the last range, and on rank 1 alone.
#[test]
fn a_value_that_is_not_finite_is_named_by_its_place_in_the_buffer() {
    let program = wide::program(1, 2, WireType::Q80);
    let mut values = floats(wide::N_FLOATS, 3);
    let down = &program.weights[3];
    let at = |row: u32| (down.source.offset / 4) as usize + (row * wide::HIDDEN) as usize;
    values[at(wide::DIM - 2) + down.source.first_col as usize] = f32::NAN;
    let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let file = ModelFile::new(&bytes);
    let workers = [worker()];
    let root = load(&file, &workers, WireType::Q80, 2, plan(None));
    let error = root
        .forward(RowClass::Exact, rows())
        .expect_err("not a number");
    assert_eq!(error.code(), "PEER_FAILED", "{error}");
    let index = wide::DIM - 2;
    assert!(
        error
            .to_string()
            .contains(&format!("value {index} of allReduce is not finite")),
        "{error}"
    );
}
