//! More query heads that share a KV head than a thread takes at a time.

use crate::support::model::ModelFile;
use crate::support::{load, results, row, tiny};
use dllama_engine::program::{Buffer, Op, Product, Program, Step, Weight};
use dllama_engine::{Row, RowClass, Want};

/// Query heads over one KV head.
const GROUP: u32 = 70;
const WIDTH: u32 = GROUP * tiny::HEAD_DIM;
/// Order of f32 sums, as in `worlds.rs`.
const F32_BOUND: f32 = 1e-4;

/// Buffers and, in each layer, weights of the tiny Program.
const X: u32 = 0;
const PARTIAL: u32 = 2;
const Q: u32 = 3;
const ATTENDED: u32 = 4;
const LAYERS: [usize; 2] = [1, 10];

/// All heads in one group.
fn whole() -> Program {
    let mut program = tiny::alone();
    program.max_tokens = 40;
    program.seq_len = 700;
    for buffer in [Q, ATTENDED] {
        program.buffers[buffer as usize].width = WIDTH;
    }
    for buffer in &mut program.buffers[5..7] {
        buffer.width = tiny::HEAD_DIM;
    }
    for first in LAYERS {
        let [q, k, v, o] = [1, 2, 3, 4].map(|place| first + place);
        let weights = &mut program.weights;
        (
            weights[q].rows,
            weights[q].source.rows,
            weights[q].source.offset,
        ) = (WIDTH, WIDTH, 0);
        (
            weights[o].cols,
            weights[o].source.cols,
            weights[o].source.offset,
        ) = (WIDTH, WIDTH, 0);
        (weights[k].rows, weights[v].rows) = (tiny::HEAD_DIM, tiny::HEAD_DIM);
    }
    for cache in &mut program.kv_caches {
        cache.n_kv_heads = 1;
    }
    for step in &mut program.steps {
        if let Op::Attention { group_size, .. } = &mut step.op {
            *group_size = GROUP;
        }
    }
    program
}

/// The same heads in two groups of half the size, one after the other over the same cache.
fn halved() -> Program {
    let mut program = whole();
    let half = WIDTH / 2;
    let first_buffer = program.buffers.len() as u32;
    program
        .buffers
        .extend(["q2", "attended2"].map(|name| Buffer {
            name: name.to_owned(),
            width: half,
            ..program.buffers[Q as usize].clone()
        }));
    let (q2, attended2) = (first_buffer, first_buffer + 1);
    for buffer in [Q, ATTENDED] {
        program.buffers[buffer as usize].width = half;
    }
    let mut second = Vec::new();
    for first in LAYERS {
        let (q, o) = (first + 1, first + 4);
        program.weights[q].rows = half;
        program.weights[o].cols = half;
        second.push(program.weights.len() as u32);
        let mut rest: [Weight; 2] = [q, o].map(|index| program.weights[index].clone());
        rest[0].source.first_row = half;
        rest[1].source.first_col = half;
        program.weights.extend(rest);
    }
    let steps = std::mem::take(&mut program.steps);
    for mut step in steps {
        let layer = step.layer;
        let at = |op| Step { layer, op };
        let weight = layer.map_or(0, |layer| second[layer as usize]);
        match &mut step.op {
            Op::MatMul { products, .. } if products[0].out == Q => {
                let (out, weight) = (q2, weight);
                products.push(Product { weight, out });
            }
            Op::Rope { buffers, .. } => buffers.push(q2),
            Op::Attention { group_size, .. } => *group_size = GROUP / 2,
            _ => {}
        }
        let mut rest = vec![];
        if let Op::Attention { .. } = &step.op {
            let mut other = step.op.clone();
            if let Op::Attention { q, out, .. } = &mut other {
                (*q, *out) = (q2, attended2);
            }
            rest.push(at(other));
        }
        let is_sum = matches!(program.steps.last(), Some(Step { op: Op::MatMul { input, .. }, .. }) if *input == ATTENDED);
        program.steps.push(step);
        if is_sum {
            let (out, into) = (PARTIAL, X);
            let products = vec![Product {
                weight: weight + 1,
                out,
            }];
            let input = attended2;
            rest.extend([
                at(Op::MatMul { input, products }),
                at(Op::AllReduce {
                    input: PARTIAL,
                    into,
                }),
            ]);
        }
        program.steps.extend(rest);
    }
    program
}

/// Logits of the last row of a long sequence, whose rows are computed as `class` has it.
fn logits(program: &Program, class: RowClass) -> Vec<f32> {
    let file = ModelFile::of_floats(tiny::N_FLOATS, 21);
    let root = load(&file, &tiny::json(program), 2).expect("a valid program");
    let rows: Vec<Row> = (0..600)
        .map(|position| Row {
            want: if position == 599 {
                Want::Full
            } else {
                Want::None
            },
            ..row(position * 7 % tiny::VOCAB, position)
        })
        .collect();
    let mut last = None;
    for rows in rows.chunks(40) {
        last = results(root.forward(class, rows.to_vec())).pop();
    }
    last.and_then(|result| result.logits).expect("a full row")
}

#[test]
fn a_group_gives_what_its_halves_give() {
    for class in [RowClass::Fast, RowClass::Exact] {
        let whole = logits(&whole(), class);
        let halved = logits(&halved(), class);
        assert!(whole.iter().any(|logit| logit.abs() > 0.1), "{whole:?}");
        for (a, b) in whole.iter().zip(halved) {
            assert!((a - b).abs() <= F32_BOUND, "{class:?}: {a} and {b}");
        }
    }
}
