//! The Program of a feed-forward layer that is wide enough for its all-reduce to go in ranges: dim 256,
//! hidden 48, vocabulary 40, all F32, up to 256 rows.

use dllama_engine::FloatType;
use dllama_engine::program::{
    Buffer, BufferRows, CacheType, Op, Product, Program, Source, Step, Weight, WireType,
};

pub const DIM: u32 = 256;
pub const HIDDEN: u32 = 48;
pub const VOCAB: u32 = 40;
pub const MAX_TOKENS: u32 = 256;
/// Floats of the whole model.
pub const N_FLOATS: usize = (2 * VOCAB * DIM + DIM + 2 * HIDDEN * DIM) as usize;

/// Sizes of such a model.
#[derive(Clone, Copy)]
pub struct Shape {
    pub dim: u32,
    pub hidden: u32,
    pub vocab: u32,
}

impl Shape {
    /// Floats of the whole model.
    pub fn n_floats(&self) -> usize {
        (2 * self.vocab * self.dim + self.dim + 2 * self.hidden * self.dim) as usize
    }
}

/// The Program of one rank.
pub fn program(rank: u32, world_size: u32, wire: WireType) -> Program {
    let borders = |n: u32| (0..=world_size).map(|rank| rank * n / world_size).collect();
    let shape = Shape {
        dim: DIM,
        hidden: HIDDEN,
        vocab: VOCAB,
    };
    let split: (Vec<u32>, Vec<u32>) = (borders(HIDDEN), borders(VOCAB));
    program_of(shape, rank, (&split.0, &split.1), wire)
}

/// The Program of one rank of a model whose hidden dimension and vocabulary are split at these borders, 0 and
/// the end among them.
pub fn program_of(
    shape: Shape,
    rank: u32,
    (hidden, vocab): (&[u32], &[u32]),
    wire: WireType,
) -> Program {
    let Shape { dim, .. } = shape;
    let world_size = hidden.len() as u32 - 1;
    let vocab_split = vocab.windows(2).map(|part| part[1] - part[0]).collect();
    let part = |borders: &[u32]| (borders[rank as usize], borders[rank as usize + 1]);
    let (hidden, vocab) = (part(hidden), part(vocab));
    let buffer = |name: &str, width, rows| Buffer {
        name: name.to_owned(),
        width,
        rows,
    };
    let (all, selected) = (BufferRows::All, BufferRows::Selected);
    let [x, h, u, partial, last, logits] = [0, 1, 2, 3, 4, 5];
    let product = |weight, out| vec![Product { weight, out }];
    let ops = vec![
        Op::Embedding {
            weight: (rank == 0).then_some(0),
            wire: FloatType::F32,
            out: x,
        },
        Op::RmsNorm {
            input: x,
            weight: 1,
            out: h,
            eps: 1e-5,
        },
        Op::MatMul {
            input: h,
            products: product(2, u),
        },
        Op::MatMul {
            input: u,
            products: product(3, partial),
        },
        Op::AllReduce {
            input: partial,
            into: x,
        },
        Op::SelectRows {
            input: x,
            out: last,
        },
        Op::MatMul {
            input: last,
            products: product(4, logits),
        },
        Op::Candidates {
            logits,
            vocab_split,
            k: 8,
        },
    ];
    Program {
        version: Program::VERSION,
        world_size,
        rank,
        vocab_size: shape.vocab,
        seq_len: MAX_TOKENS,
        n_sequences: 1,
        max_tokens: MAX_TOKENS,
        buffer_float_type: wire,
        kv_cache_type: CacheType::F32,
        weights: weights(shape, hidden, vocab),
        buffers: vec![
            buffer("x", dim, all),
            buffer("h", dim, all),
            buffer("u", hidden.1 - hidden.0, all),
            buffer("partial", dim, all),
            buffer("last", dim, selected),
            buffer("logits", vocab.1 - vocab.0, selected),
        ],
        ropes: vec![],
        kv_caches: vec![],
        steps: ops.into_iter().map(|op| Step { layer: None, op }).collect(),
    }
}

/// Rows and columns of a matrix, or the first of something and its end.
type Pair = (u32, u32);

fn weights(shape: Shape, hidden: Pair, vocab: Pair) -> Vec<Weight> {
    let Shape { dim, .. } = shape;
    let mut offset = 0;
    let shapes = [
        ("embedding", (shape.vocab, dim), (0, shape.vocab), (0, dim)),
        ("norm", (1, dim), (0, 1), (0, dim)),
        ("up", (shape.hidden, dim), hidden, (0, dim)),
        ("down", (dim, shape.hidden), (0, dim), hidden),
        ("output", (shape.vocab, dim), vocab, (0, dim)),
    ];
    let weight = |(name, size, rows, cols): (&str, Pair, Pair, Pair)| {
        let source = Source {
            offset,
            rows: size.0,
            cols: size.1,
            first_row: rows.0,
            first_col: cols.0,
        };
        offset += u64::from(size.0) * u64::from(size.1) * 4;
        Weight {
            name: name.to_owned(),
            float_type: FloatType::F32,
            rows: rows.1 - rows.0,
            cols: cols.1 - cols.0,
            source,
        }
    };
    shapes.map(weight).into()
}
