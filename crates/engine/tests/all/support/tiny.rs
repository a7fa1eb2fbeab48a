//! The Program of a Llama of two layers: dim 32, four heads of 8, two KV heads, hidden 48,
//! vocabulary 40, all F32. Any number of ranks up to four shares it.

use dllama_engine::FloatType;
use dllama_engine::program::{
    Buffer, BufferRows, CacheType, KvCache, Op, Product, Program, Rope, RopeStyle, Source, Step,
    Weight, WireType,
};

pub const DIM: u32 = 32;
pub const N_LAYERS: u32 = 2;
pub const N_HEADS: u32 = 4;
pub const N_KV_HEADS: u32 = 2;
pub const HEAD_DIM: u32 = 8;
pub const HIDDEN: u32 = 48;
pub const VOCAB: u32 = 40;
pub const SEQ_LEN: u32 = 24;
pub const MAX_TOKENS: u32 = 6;
/// Floats of the whole model.
pub const N_FLOATS: usize = 20_000;

/// `first` to `end` of something that is split.
type Part = (u32, u32);

/// Rank `rank`'s part of `n` units.
fn part(n: u32, rank: u32, world_size: u32) -> Part {
    (rank * n / world_size, (rank + 1) * n / world_size)
}

/// Lays tensors out one after another, the same for all ranks.
struct Writer {
    program: Program,
    offset: u64,
}

impl Writer {
    /// Rows `rows` and columns `cols` of the next tensor of the file.
    fn weight(&mut self, name: &str, size: (u32, u32), rows: Part, cols: Part) -> u32 {
        let (all_rows, all_cols) = size;
        self.program.weights.push(Weight {
            name: name.to_owned(),
            float_type: FloatType::F32,
            rows: rows.1 - rows.0,
            cols: cols.1 - cols.0,
            source: Source {
                offset: self.offset,
                rows: all_rows,
                cols: all_cols,
                first_row: rows.0,
                first_col: cols.0,
            },
        });
        self.offset += u64::from(all_rows) * u64::from(all_cols) * 4;
        self.program.weights.len() as u32 - 1
    }

    fn rows(&mut self, name: &str, size: (u32, u32), rows: Part) -> u32 {
        self.weight(name, size, rows, (0, size.1))
    }

    fn cols(&mut self, name: &str, size: (u32, u32), cols: Part) -> u32 {
        self.weight(name, size, (0, size.0), cols)
    }

    fn norm(&mut self, name: &str) -> u32 {
        self.rows(name, (1, DIM), (0, 1))
    }

    fn buffer(&mut self, name: &str, width: u32, rows: BufferRows) -> u32 {
        let name = name.to_owned();
        self.program.buffers.push(Buffer { name, width, rows });
        self.program.buffers.len() as u32 - 1
    }

    fn step(&mut self, layer: Option<u32>, op: Op) {
        self.program.steps.push(Step { layer, op });
    }

    fn mat_mul(&mut self, layer: Option<u32>, input: u32, products: &[(u32, u32)]) {
        let products = products.iter();
        let products = products
            .map(|&(weight, out)| Product { weight, out })
            .collect();
        self.step(layer, Op::MatMul { input, products });
    }

    fn rms_norm(&mut self, layer: Option<u32>, input: u32, weight: u32, out: u32) {
        let eps = 1e-5;
        self.step(
            layer,
            Op::RmsNorm {
                input,
                weight,
                out,
                eps,
            },
        );
    }
}

/// The Program of one rank.
pub fn program(rank: u32, world_size: u32, wire: WireType, cache: CacheType) -> Program {
    let heads = part(N_HEADS, rank, world_size);
    let group = N_HEADS / N_KV_HEADS;
    let kv = (heads.0 / group, heads.1.div_ceil(group));
    let hidden = part(HIDDEN, rank, world_size);
    let vocab = part(VOCAB, rank, world_size);
    let scale = |part: Part| (part.0 * HEAD_DIM, part.1 * HEAD_DIM);
    let width = |part: Part| part.1 - part.0;

    let mut w = Writer {
        program: empty(rank, world_size, wire, cache),
        offset: 0,
    };
    let all = BufferRows::All;
    let names = ["x", "h", "partial"];
    let [x, h, partial] = names.map(|name| w.buffer(name, DIM, all));
    let q = w.buffer("q", width(scale(heads)), all);
    let attended = w.buffer("attended", width(scale(heads)), all);
    let [k, v] = ["k", "v"].map(|name| w.buffer(name, width(scale(kv)), all));
    let [gate, up, u] = ["gate", "up", "u"].map(|name| w.buffer(name, width(hidden), all));

    let table = w.rows("embedding", (VOCAB, DIM), (0, VOCAB));
    let embedding = if rank == 0 { Some(table) } else { None };
    let wire = match (wire, world_size) {
        (WireType::Q80, 2..) => FloatType::Q80,
        _ => FloatType::F32,
    };
    w.step(
        None,
        Op::Embedding {
            weight: embedding,
            wire,
            out: x,
        },
    );
    for layer in 0..N_LAYERS {
        let at = Some(layer);
        let norm = w.norm("attention norm");
        let wq = w.rows("q", (N_HEADS * HEAD_DIM, DIM), scale(heads));
        let wk = w.rows("k", (N_KV_HEADS * HEAD_DIM, DIM), scale(kv));
        let wv = w.rows("v", (N_KV_HEADS * HEAD_DIM, DIM), scale(kv));
        let wo = w.cols("o", (DIM, N_HEADS * HEAD_DIM), scale(heads));
        w.rms_norm(at, x, norm, h);
        w.mat_mul(at, h, &[(wq, q), (wk, k), (wv, v)]);
        let buffers = vec![q, k];
        w.step(at, Op::Rope { rope: 0, buffers });
        w.program.kv_caches.push(KvCache {
            n_kv_heads: width(kv),
            head_dim: HEAD_DIM,
        });
        w.step(
            at,
            Op::Attention {
                cache: layer,
                q,
                k,
                v,
                out: attended,
                group_size: group,
                first_in_group: heads.0 - kv.0 * group,
                scale: 0.35,
            },
        );
        w.mat_mul(at, attended, &[(wo, partial)]);
        let (input, into) = (partial, x);
        w.step(at, Op::AllReduce { input, into });

        let norm = w.norm("ffn norm");
        let wg = w.rows("gate", (HIDDEN, DIM), hidden);
        let wu = w.rows("up", (HIDDEN, DIM), hidden);
        let wd = w.cols("down", (DIM, HIDDEN), hidden);
        w.rms_norm(at, x, norm, h);
        w.mat_mul(at, h, &[(wg, gate), (wu, up)]);
        w.step(at, Op::SwiGlu { gate, up, out: u });
        w.mat_mul(at, u, &[(wd, partial)]);
        w.step(at, Op::AllReduce { input, into });
    }
    let names = ["selected", "normed"];
    let [selected, normed] = names.map(|name| w.buffer(name, DIM, BufferRows::Selected));
    let logits = w.buffer("logits", width(vocab), BufferRows::Selected);
    let (input, out) = (x, selected);
    w.step(None, Op::SelectRows { input, out });
    let norm = w.norm("norm");
    w.rms_norm(None, selected, norm, normed);
    let output = w.rows("output", (VOCAB, DIM), vocab);
    w.mat_mul(None, normed, &[(output, logits)]);
    let vocab_split = (0..world_size).map(|rank| width(part(VOCAB, rank, world_size)));
    let vocab_split = vocab_split.collect();
    let k = 8;
    w.step(
        None,
        Op::Candidates {
            logits,
            vocab_split,
            k,
        },
    );
    assert!(w.offset <= 4 * N_FLOATS as u64);
    w.program
}

fn empty(rank: u32, world_size: u32, wire: WireType, cache: CacheType) -> Program {
    Program {
        version: Program::VERSION,
        world_size,
        rank,
        vocab_size: VOCAB,
        seq_len: SEQ_LEN,
        n_sequences: 2,
        max_tokens: MAX_TOKENS,
        buffer_float_type: wire,
        kv_cache_type: cache,
        weights: vec![],
        buffers: vec![],
        ropes: vec![Rope {
            style: RopeStyle::Interleaved,
            frequencies: vec![1.0, 0.1, 0.01, 0.001],
        }],
        kv_caches: vec![],
        steps: vec![],
    }
}

/// As the root sends it.
pub fn json(program: &Program) -> String {
    serde_json::to_string(program).expect("a program is JSON")
}

/// The Program of one rank alone, with F32 everywhere.
pub fn alone() -> Program {
    program(0, 1, WireType::F32, CacheType::F32)
}
