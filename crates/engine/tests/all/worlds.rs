//! The same model on one rank and on several, with any number of threads and sequences.

use std::time::Duration;

use crate::support::model::ModelFile;
use crate::support::{load_over, load_planned, results, row, tiny, worker};
use dllama_engine::program::{CacheType, WireType};
use dllama_engine::{AllReducePlan, Plan, Root, Row, RowClass, RowResult, Want, Worker};

/// Order of f32 sums alone: four layers' worth of sums of at most 48 terms near 1 stay far below.
const F32_BOUND: f32 = 1e-4;

fn prompt() -> Vec<Row> {
    let tokens = [1, 7, 39, 0, 7];
    let rows = (0..).zip(tokens);
    rows.map(|(position, token)| Row {
        want: Want::Full,
        temperature: 0.7,
        ..row(token, position)
    })
    .collect()
}

fn run(root: &Root, rows: &[Row]) -> Vec<RowResult> {
    results(root.forward(RowClass::Exact, rows.to_vec()))
}

fn logits(result: &RowResult) -> &[f32] {
    result.logits.as_deref().expect("a full row")
}

fn workers(n: usize) -> Vec<Worker> {
    std::iter::repeat_with(worker).take(n).collect()
}

#[test]
fn worlds_agree_and_their_ranks_hold_the_same_bits() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 3);
    let all = workers(3);
    for wire in [WireType::F32, WireType::Q80] {
        let alone = load_over(&file, &[], wire, CacheType::F32, 1).expect("one rank");
        let expected = run(&alone, &prompt());
        for n_workers in 1..=all.len() {
            let root = load_over(&file, &all[..n_workers], wire, CacheType::F32, 2);
            let root = root.expect("free workers");
            let results = run(&root, &prompt());
            let digests = root.digests().expect("a run before");
            assert_eq!(digests.len(), n_workers + 1);
            assert!(
                digests
                    .iter()
                    .all(|d| d.replicated == digests[0].replicated)
            );
            for (result, expected) in results.iter().zip(&expected) {
                let pairs = logits(result).iter().zip(logits(expected));
                let largest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                // Q80 on the wire is held to a derived bound where the real model is tested.
                let bound = if wire == WireType::F32 {
                    F32_BOUND
                } else {
                    1.0
                };
                assert!(largest <= bound, "{n_workers} workers: {largest}");
            }
        }
    }
}

fn scattered_from(n_bytes: Option<u32>) -> Plan {
    Plan {
        all_reduce: AllReducePlan {
            scattered_from_bytes: n_bytes,
        },
    }
}

#[test]
fn both_ways_to_a_sum_end_in_equal_bits_on_all_ranks() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 3);
    let all = workers(3);
    for wire in [WireType::F32, WireType::Q80] {
        let types = (wire, CacheType::F32);
        let mut results = vec![];
        for n_bytes in [None, Some(0)] {
            let plan = scattered_from(n_bytes);
            let root = load_planned(&file, &all, types, 2, Some(plan)).expect("free workers");
            assert_eq!((root.plan(), root.measurement()), (plan, None));
            results.push(run(&root, &prompt()));
            let digests = root.digests().expect("a run before");
            let replicated = digests.iter().map(|digest| digest.replicated);
            assert!(replicated.clone().all(|one| one == digests[0].replicated));
        }
        // Q80 sums are encoded once more when they are scattered; F32 ones lose nothing.
        assert_eq!(results[0] == results[1], wire == WireType::F32);
    }
}

/// The threshold lies between one row, 34 bytes of Q80, and two.
#[test]
fn an_exact_row_takes_the_same_way_whatever_its_neighbours() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 5);
    let all = workers(2);
    let types = (WireType::Q80, CacheType::F16);
    for n_bytes in [34, 35] {
        let plan = Some(scattered_from(Some(n_bytes)));
        let root = load_planned(&file, &all, types, 1, plan).expect("free workers");
        let together = run(&root, &prompt());
        for (row, expected) in prompt().iter().zip(&together) {
            assert_eq!(run(&root, &[*row])[0], *expected);
        }
    }
}

#[test]
fn ranks_without_a_plan_measure() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 5);
    let all = workers(3);
    for n_workers in [0, 1, 3] {
        let workers = &all[..n_workers];
        let root = load_over(&file, workers, WireType::Q80, CacheType::F16, 1);
        let root = root.expect("free workers");
        assert_eq!(root.measurement().is_some(), n_workers > 0);
        let scattered = root.plan().all_reduce.scattered_from_bytes;
        assert!(scattered.is_none() || n_workers > 1);
        run(&root, &prompt());
    }
}

#[test]
fn candidates_are_the_rows_best_tokens_whatever_the_split() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 4);
    let all = workers(3);
    for n_workers in 0..=3 {
        let root = load_over(&file, &all[..n_workers], WireType::F32, CacheType::F16, 2);
        for result in run(&root.expect("free workers"), &prompt()) {
            let logits = logits(&result);
            let mut order: Vec<u32> = (0..tiny::VOCAB).collect();
            order.sort_by(|&a, &b| {
                logits[b as usize]
                    .total_cmp(&logits[a as usize])
                    .then(a.cmp(&b))
            });
            let ids: Vec<u32> = result.candidates.iter().map(|c| c.index).collect();
            assert_eq!(ids, order[..8]);
            for candidate in &result.candidates {
                assert_eq!(candidate.logit, logits[candidate.index as usize]);
            }
            let sum: f64 = logits.iter().map(|&x| f64::from(x / 0.7).exp()).sum();
            // f32 rounds the result, and each exp by a few last places.
            assert!((f64::from(result.log_sum_exp) - sum.ln()).abs() < 1e-5);
        }
    }
}

#[test]
fn threads_and_neighbours_change_no_bit() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 5);
    let load = |n_threads| {
        load_over(&file, &[], WireType::F32, CacheType::F16, n_threads).expect("one rank")
    };
    let expected = run(&load(1), &prompt());
    for n_threads in 2..=4 {
        assert_eq!(run(&load(n_threads), &prompt()), expected);
    }
    let one_by_one = load(2);
    for (row, expected) in prompt().iter().zip(&expected) {
        assert_eq!(run(&one_by_one, &[*row])[0], *expected);
    }
}

#[test]
fn sequences_do_not_see_each_other() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 6);
    let root = load_over(&file, &[], WireType::F32, CacheType::F32, 2).expect("one rank");
    let expected = run(&root, &prompt());
    // Both sequences in each forward, the second one behind by a token and with other tokens before.
    let second = |row: &Row| Row {
        sequence: 1,
        ..*row
    };
    run(
        &root,
        &[Row {
            token: 30,
            ..second(&prompt()[0])
        }],
    );
    for (at, row) in prompt().iter().enumerate() {
        let results = run(&root, &[*row, second(row)]);
        assert_eq!(results[0], expected[at]);
        assert_eq!(
            results[1], expected[at],
            "the second sequence was begun anew"
        );
    }
}

#[test]
fn a_full_row_can_be_fetched_after_the_forward() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 7);
    let all = workers(2);
    let root = load_over(&file, &all, WireType::Q80, CacheType::F16, 1).expect("free workers");
    let full = run(&root, &prompt());
    let rows: Vec<Row> = prompt()
        .iter()
        .map(|row| Row {
            want: Want::Candidates,
            ..*row
        })
        .collect();
    let results = run(&root, &rows);
    for (index, expected) in full.iter().enumerate() {
        assert_eq!(results[index].logits, None);
        let row = root.full_row(index as u32).expect("a wanted row");
        assert_eq!(row, logits(expected));
    }
    assert!(root.full_row(full.len() as u32).is_err());
    assert_eq!(
        run(&root, &rows).len(),
        rows.len(),
        "a refused index ends nothing"
    );
}

#[test]
fn rows_that_cannot_be_are_refused_and_change_nothing() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 8);
    let all = workers(1);
    let root = load_over(&file, &all, WireType::F32, CacheType::F32, 1).expect("a free worker");
    let expected = run(&root, &prompt());
    let at = |position| row(1, position);
    let refused: Vec<(Vec<Row>, &str)> = vec![
        (vec![], "a forward: expected 1 to 6 rows, got 0"),
        (
            (0..7).map(at).collect(),
            "a forward: expected 1 to 6 rows, got 7",
        ),
        (
            vec![row(tiny::VOCAB, 0)],
            "row 0, token: expected below 40, got 40",
        ),
        (
            vec![at(5), row(1, tiny::SEQ_LEN)],
            "row 1, position: expected below 24, got 24",
        ),
        (
            vec![at(7)],
            "row 0, position: expected at most 5, where the sequence ends, got 7",
        ),
        (vec![at(5), at(7)], "row 1, position: expected at most 6"),
        (
            vec![at(5), at(5)],
            "row 1, position: expected one that no other row",
        ),
        (
            vec![Row {
                sequence: 2,
                ..at(0)
            }],
            "row 0, sequence: expected below 2, got 2",
        ),
        (
            vec![Row {
                temperature: f32::NAN,
                ..at(5)
            }],
            "temperature: expected 0 or more, got NaN",
        ),
        (
            vec![Row {
                temperature: -0.5,
                ..at(5)
            }],
            "temperature: expected 0 or more, got -0.5",
        ),
    ];
    for (rows, words) in refused {
        let error = root
            .forward(RowClass::Fast, rows)
            .expect_err(words)
            .to_string();
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(run(&root, &prompt()), expected);
}

#[test]
fn the_times_of_ops_are_parts_of_the_forward() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 9);
    let all = workers(1);
    for n_workers in 0..=1 {
        let root = load_over(&file, &all[..n_workers], WireType::F32, CacheType::F32, 2);
        let root = root.expect("free workers");
        let report = root.forward(RowClass::Exact, prompt()).expect("valid rows");
        let times = report.op_times;
        let ops = times.mat_mul + times.attention + times.norm + times.sampling + times.other;
        assert!(times.mat_mul > Duration::ZERO && times.norm > Duration::ZERO);
        assert!(ops + times.wait + times.network <= report.inference + report.transfer);
        // The rest of the transfer is the message that begins the forward.
        assert!(times.network <= report.transfer);
        assert_eq!(times.network > Duration::ZERO, n_workers > 0);
    }
}
