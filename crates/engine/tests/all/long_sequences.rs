//! Sequences of more positions than attention takes in one span.

use crate::support::model::ModelFile;
use crate::support::{load, results, row, tiny};
use dllama_engine::program::{CacheType, WireType};
use dllama_engine::{Root, Row, RowClass, RowResult, Want};

/// Two spans of 512 and some of a third.
const LONG: u32 = 1100;
const SHORT: u32 = 300;

/// Order of f32 sums, as in `worlds.rs`.
const F32_BOUND: f32 = 1e-4;

/// The model with both sequences filled, the first to `LONG` positions and the second to `SHORT`.
fn filled(file: &ModelFile, n_threads: usize) -> Root {
    let mut program = tiny::program(0, 1, WireType::F32, CacheType::F16);
    program.seq_len = LONG + 10;
    let root = load(file, &tiny::json(&program), n_threads).expect("a valid program");
    for (sequence, length) in [(0, LONG), (1, SHORT)] {
        let rows: Vec<Row> = (0..length)
            .map(|position| Row {
                want: Want::None,
                ..wanted(sequence, position)
            })
            .collect();
        for rows in rows.chunks(tiny::MAX_TOKENS as usize) {
            root.forward(RowClass::Fast, rows.to_vec())
                .expect("valid rows");
        }
    }
    root
}

fn wanted(sequence: u32, position: u32) -> Row {
    Row {
        sequence,
        want: Want::Full,
        ..row(position * 7 % tiny::VOCAB, position)
    }
}

fn run(root: &Root, class: RowClass, rows: &[Row]) -> Vec<RowResult> {
    results(root.forward(class, rows.to_vec()))
}

#[test]
fn threads_and_neighbours_change_no_bit() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 15);
    let rows = [wanted(0, LONG), wanted(0, LONG + 1), wanted(1, SHORT)];
    let expected = run(&filled(&file, 1), RowClass::Exact, &rows);
    for n_threads in 2..=4 {
        let root = filled(&file, n_threads);
        assert_eq!(run(&root, RowClass::Exact, &rows), expected);
        for (row, expected) in rows.iter().zip(&expected) {
            assert_eq!(run(&root, RowClass::Exact, &[*row])[0], *expected);
        }
    }
}

#[test]
fn spans_give_what_one_pass_gives() {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 16);
    let root = filled(&file, 2);
    let rows = [wanted(0, LONG)];
    let spans = run(&root, RowClass::Exact, &rows);
    let one_pass = run(&root, RowClass::Fast, &rows);
    let logits = |results: &[RowResult]| results[0].logits.clone().expect("a full row");
    for (a, b) in logits(&spans).iter().zip(logits(&one_pass)) {
        assert!((a - b).abs() <= F32_BOUND, "{a} and {b}");
    }
}
