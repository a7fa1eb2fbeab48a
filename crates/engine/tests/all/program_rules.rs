//! One lie a rule: what a Program must not say, and the words in which it is refused.

use crate::support::tiny;
use dllama_engine::FloatType;
use dllama_engine::program::{Buffer, BufferRows, CacheType, Op, Program, ValidProgram, WireType};

type Lie = (&'static str, fn(&mut Program), &'static str);

/// The op of step `step`, taken apart.
macro_rules! change {
    ($program:expr, $step:expr, $pattern:pat => $change:expr) => {
        match &mut $program.steps[$step].op {
            $pattern => $change,
            other => panic!("step {} is {}", $step, other.name()),
        }
    };
}

/// Steps of the tiny Program's first layer and of its end.
const NORM: usize = 1;
const QKV: usize = 2;
const ROPE: usize = 3;
const ATTENTION: usize = 4;
const REDUCE: usize = 6;
const SWIGLU: usize = 9;
const SELECT: usize = 23;
const CANDIDATES: usize = 26;

const LIES: &[Lie] = &[
    (
        "version",
        |p| p.version = 2,
        "version 2, this engine runs version 1",
    ),
    (
        "world size 0",
        |p| p.world_size = 0,
        "world size: expected 1 to 64, got 0",
    ),
    (
        "huge world",
        |p| p.world_size = 65,
        "world size: expected 1 to 64, got 65",
    ),
    ("rank", |p| p.rank = 1, "rank: expected 0 to 0, got 1"),
    (
        "no vocabulary",
        |p| p.vocab_size = 0,
        "vocabulary size: expected 1 to",
    ),
    (
        "no positions",
        |p| p.seq_len = 0,
        "sequence length: expected 1 to",
    ),
    (
        "huge positions",
        |p| p.seq_len = u32::MAX,
        "sequence length: expected 1 to",
    ),
    (
        "no sequences",
        |p| p.n_sequences = 0,
        "sequences: expected 1 to",
    ),
    (
        "no tokens",
        |p| p.max_tokens = 0,
        "tokens of a forward: expected 1 to",
    ),
    (
        "huge width",
        |p| p.buffers[0].width = u32::MAX,
        "buffer 0: expected 0 to",
    ),
    (
        "long name",
        |p| p.buffers[0].name = "x".repeat(300),
        "buffer 0: expected 0 to 256, got 300",
    ),
    (
        "no frequencies",
        |p| p.ropes[0].frequencies.clear(),
        "rope 0: expected 1 to",
    ),
    (
        "NaN frequency",
        |p| p.ropes[0].frequencies[0] = f64::NAN,
        "rope 0: expected finite",
    ),
    (
        "huge heads",
        |p| p.kv_caches[0].n_kv_heads = 1 << 25,
        "KV cache 0: expected 0 to",
    ),
    (
        "wide cache",
        |p| p.kv_caches[0].n_kv_heads = 1 << 23,
        "KV cache 0: expected 0 to",
    ),
    (
        "half a block in a Q80 cache",
        |p| {
            p.kv_cache_type = CacheType::Q80;
            p.kv_caches[0].head_dim = 48;
        },
        "KV cache 0: expected heads of whole blocks of 32 for a Q80 cache, got 48",
    ),
    (
        "no head",
        |p| p.kv_caches[0].head_dim = 0,
        "KV cache 0: expected 1 to",
    ),
    (
        "slice too long",
        |p| p.weights[0].rows = 41,
        "expected a slice within 40 x 32, got 41 x 32",
    ),
    (
        "slice too far",
        |p| p.weights[0].source.first_col = 1,
        "expected a slice within 40 x 32",
    ),
    (
        "slice that wraps",
        |p| p.weights[0].source.first_row = u32::MAX,
        "expected a slice within",
    ),
    (
        "no block border",
        |p| (p.weights[1].float_type, p.weights[1].cols) = (FloatType::Q40, 16),
        "expected columns on borders of blocks of 32, got 16 of 32",
    ),
    (
        "no steps",
        |p| p.steps.clear(),
        "steps: expected at least candidates, got none",
    ),
    (
        "no candidates",
        |p| drop(p.steps.pop()),
        "expected candidates as the last step",
    ),
    (
        "two candidates",
        |p| p.steps.swap(0, CANDIDATES),
        "expected candidates as the last step",
    ),
    (
        "buffer that is not there",
        |p| change!(p, NORM, Op::RmsNorm { out, .. } => *out = 99),
        "step 1 (rmsNorm), out: expected an index below 13, got 99",
    ),
    (
        "weight that is not there",
        |p| change!(p, NORM, Op::RmsNorm { weight, .. } => *weight = 99),
        "step 1 (rmsNorm), weight: expected an index below 21, got 99",
    ),
    (
        "in place",
        |p| change!(p, NORM, Op::RmsNorm { input, out, .. } => *out = *input),
        "out: expected a buffer that the step does not use otherwise, got 0",
    ),
    (
        "other shape",
        |p| change!(p, NORM, Op::RmsNorm { out, .. } => *out = 5),
        "out: expected all x 32, got all x 16",
    ),
    (
        "norm as f16",
        |p| p.weights[1].float_type = FloatType::F16,
        "weight type: expected F32",
    ),
    (
        "negative eps",
        |p| change!(p, NORM, Op::RmsNorm { eps, .. } => *eps = -1.0),
        "eps: expected 0 or more, got -1",
    ),
    (
        "table of another size",
        |p| p.vocab_size = 41,
        "step 0 (embedding), weight rows: expected 41, got 40",
    ),
    (
        "rows of no values",
        |p| p.buffers[0].width = 0,
        "step 0 (embedding), out width: expected 1 or more, got 0",
    ),
    (
        "root without a table",
        |p| change!(p, 0, Op::Embedding { weight, .. } => *weight = None),
        "step 0 (embedding), weight: expected the embedding table's index, got none",
    ),
    (
        "wire that rounds",
        |p| change!(p, 0, Op::Embedding { wire, .. } => *wire = FloatType::Q40),
        "wire: expected the table's type, or q80 for f16 and f32, got Q40",
    ),
    (
        "no products",
        |p| change!(p, QKV, Op::MatMul { products, .. } => products.clear()),
        "step 2 (matMul), products: expected 1 to 64, got 0",
    ),
    (
        "two products in one place",
        |p| change!(p, QKV, Op::MatMul { products, .. } => products[2].out = products[1].out),
        "out: expected a buffer that the step does not use otherwise",
    ),
    (
        "input of another width",
        |p| change!(p, QKV, Op::MatMul { input, .. } => *input = 5),
        "weight cols: expected 16, got 32",
    ),
    (
        "output of another width",
        |p| change!(p, QKV, Op::MatMul { products, .. } => products[0].weight = products[1].weight),
        "out width: expected 16, got 32",
    ),
    (
        "input beyond all models",
        |p| {
            let width = (1 << 17) + 1;
            p.buffers.push(Buffer {
                width,
                ..p.buffers[1].clone()
            });
            let last = p.buffers.len() as u32 - 1;
            change!(p, QKV, Op::MatMul { input, .. } => *input = last);
        },
        "step 2 (matMul), input width: expected at most 131072, got 131073",
    ),
    (
        "rope that is not there",
        |p| change!(p, ROPE, Op::Rope { rope, .. } => *rope = 1),
        "step 3 (rope), rope: expected an index below 1, got 1",
    ),
    (
        "one buffer turned twice",
        |p| change!(p, ROPE, Op::Rope { buffers, .. } => buffers[1] = buffers[0]),
        "buffer: expected a buffer that the step does not use otherwise",
    ),
    (
        "heads that do not divide",
        |p| p.ropes[0].frequencies = vec![1.0; 5],
        "buffer width: expected a multiple of 10, got 32",
    ),
    (
        "cache that is not there",
        |p| change!(p, ATTENTION, Op::Attention { cache, .. } => *cache = 2),
        "step 4 (attention), cache: expected an index below 2, got 2",
    ),
    (
        "too few KV heads",
        |p| change!(p, ATTENTION, Op::Attention { group_size, .. } => *group_size = 1),
        "KV heads: expected 4 for 4 query heads in groups of 1 from place 0, got 2",
    ),
    (
        "a KV head that no query head uses",
        |p| change!(p, ATTENTION, Op::Attention { group_size, .. } => *group_size = 70),
        "KV heads: expected 1 for 4 query heads in groups of 70 from place 0, got 2",
    ),
    (
        "KV heads without query heads",
        |p| (p.buffers[3].width, p.buffers[4].width, p.weights[2].rows) = (0, 0, 0),
        "KV heads: expected 0 for 0 query heads",
    ),
    (
        "groups beyond all models",
        |p| change!(p, ATTENTION, Op::Attention { group_size, .. } => *group_size = u32::MAX),
        "group size: expected 1 to 16777216, got 4294967295",
    ),
    (
        "place outside of the group",
        |p| change!(p, ATTENTION, Op::Attention { first_in_group, .. } => *first_in_group = 2),
        "first in group: expected a place within the group, got 2 of 2",
    ),
    (
        "group that begins late",
        |p| change!(p, ATTENTION, Op::Attention { first_in_group, .. } => *first_in_group = 1),
        "KV heads: expected 3 for 4 query heads in groups of 2 from place 1, got 2",
    ),
    (
        "infinite scale",
        |p| change!(p, ATTENTION, Op::Attention { scale, .. } => *scale = f32::INFINITY),
        "scale: expected a finite number, got inf",
    ),
    (
        "keys of another width",
        |p| change!(p, ATTENTION, Op::Attention { k, q, .. } => *k = *q),
        "k width: expected 16, got 32",
    ),
    (
        "gate of another width",
        |p| change!(p, SWIGLU, Op::SwiGlu { gate, .. } => *gate = 0),
        "step 9 (swiGlu), up: expected all x 32, got all x 48",
    ),
    (
        "sum into itself",
        |p| change!(p, REDUCE, Op::AllReduce { input, into } => *input = *into),
        "into: expected a buffer that the step does not use otherwise",
    ),
    (
        "selection without a selection",
        |p| p.buffers[10].rows = BufferRows::All,
        "step 23 (selectRows), out rows: expected selected, got all",
    ),
    (
        "selection of a selection",
        |p| change!(p, SELECT, Op::SelectRows { input, .. } => *input = 11),
        "input: expected rows: all, got rows: selected",
    ),
    (
        "split of another world",
        |p| change!(p, CANDIDATES, Op::Candidates { vocab_split, .. } => vocab_split.push(0)),
        "ranks of the split: expected 1, got 2",
    ),
    (
        "split of another sum",
        |p| change!(p, CANDIDATES, Op::Candidates { vocab_split, .. } => vocab_split[0] = 39),
        "sum of the split: expected 40, got 39",
    ),
    (
        "no candidates a row",
        |p| change!(p, CANDIDATES, Op::Candidates { k, .. } => *k = 0),
        "k: expected 1 to 4096, got 0",
    ),
];

#[test]
fn each_lie_is_refused_in_its_own_words() {
    for (what, lie, words) in LIES {
        let mut program = tiny::alone();
        lie(&mut program);
        let Err(error) = ValidProgram::new(program) else {
            panic!("{what} was accepted");
        };
        assert!(error.to_string().contains(words), "{what}: {error}");
    }
}

#[test]
fn programs_of_all_ranks_are_accepted() {
    for world_size in 1..=4 {
        for rank in 0..world_size {
            for (wire, cache) in [
                (WireType::F32, CacheType::F16),
                (WireType::Q80, CacheType::F32),
            ] {
                let program = tiny::program(rank, world_size, wire, cache);
                let text = tiny::json(&program);
                let parsed = ValidProgram::parse(text.as_bytes());
                assert_eq!(*parsed.expect("it is valid"), program);
            }
        }
    }
}

#[test]
fn unknown_fields_are_refused() {
    let text = tiny::json(&tiny::alone()).replacen('{', "{\"surprise\":1,", 1);
    let error = ValidProgram::parse(text.as_bytes()).expect_err("a newer schema");
    assert!(error.to_string().contains("surprise"), "{error}");
}

#[test]
fn a_long_program_is_refused_unread() {
    let error = ValidProgram::parse(&vec![b' '; (4 << 20) + 1]).expect_err("too long");
    assert!(error.to_string().contains("4194305"), "{error}");
}
