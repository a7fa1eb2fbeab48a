//! A sum that travels while it is computed has the bits of one that does not.

use crate::support::model::ModelFile;
use crate::support::{load_wide, results, row, wide, worker};
use dllama_engine::program::WireType;
use dllama_engine::{AllReducePlan, Plan, Root, Row, RowClass, RowResult};

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
    let results = results(root.forward(RowClass::Exact, rows.to_vec()));
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
                    load_wide(&file, workers, wire, n_threads, plan(scattered_from_bytes))
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
