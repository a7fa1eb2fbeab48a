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

/// The Program of one rank.
pub fn program(rank: u32, world_size: u32, wire: WireType) -> Program {
    let part = |n: u32| (rank * n / world_size, (rank + 1) * n / world_size);
    let (hidden, vocab) = (part(HIDDEN), part(VOCAB));
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
            vocab_split: (0..world_size)
                .map(|rank| (rank + 1) * VOCAB / world_size - rank * VOCAB / world_size)
                .collect(),
            k: 8,
        },
    ];
    Program {
        version: Program::VERSION,
        world_size,
        rank,
        vocab_size: VOCAB,
        seq_len: MAX_TOKENS,
        n_sequences: 1,
        max_tokens: MAX_TOKENS,
        buffer_float_type: wire,
        kv_cache_type: CacheType::F32,
        weights: weights(hidden, vocab),
        buffers: vec![
            buffer("x", DIM, all),
            buffer("h", DIM, all),
            buffer("u", hidden.1 - hidden.0, all),
            buffer("partial", DIM, all),
            buffer("last", DIM, selected),
            buffer("logits", vocab.1 - vocab.0, selected),
        ],
        ropes: vec![],
        kv_caches: vec![],
        steps: ops.into_iter().map(|op| Step { layer: None, op }).collect(),
    }
}

/// Rows and columns of a matrix, or the first of something and its end.
type Pair = (u32, u32);

fn weights(hidden: Pair, vocab: Pair) -> Vec<Weight> {
    let mut offset = 0;
    let shapes = [
        ("embedding", (VOCAB, DIM), (0, VOCAB), (0, DIM)),
        ("norm", (1, DIM), (0, 1), (0, DIM)),
        ("up", (HIDDEN, DIM), hidden, (0, DIM)),
        ("down", (DIM, HIDDEN), (0, DIM), hidden),
        ("output", (VOCAB, DIM), vocab, (0, DIM)),
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
