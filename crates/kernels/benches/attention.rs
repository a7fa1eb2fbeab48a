//! Attention of some queries of one KV head over 2048 positions of an F16 cache: 10^9 operations a second (a
//! multiply and an add are two), of scores and values together.
//!
//! `cargo bench -p dllama-kernels --bench attention`; a filter for names may follow `--`.

use divan::Bencher;
use divan::counter::ItemsCount;
use dllama_kernels::{AttentionClass, ColumnsMut, Isa, Kernels, QueryRows, f16};

fn main() {
    divan::main();
}

const N_POSITIONS: usize = 2048;

/// A prompt's rows with Llama 2 7B's heads, and with 8 heads a KV head of TinyLlama's.
#[divan::bench(args = Isa::available())]
fn prompt_64_x_1_x_128(bencher: Bencher, isa: Isa) {
    attend(bencher, isa, AttentionClass::Many, 64, 1, 128);
}

#[divan::bench(args = Isa::available())]
fn prompt_8_x_8_x_64(bencher: Bencher, isa: Isa) {
    attend(bencher, isa, AttentionClass::Many, 8, 8, 64);
}

/// A generated token's row.
#[divan::bench(args = Isa::available())]
fn token_1_x_1_x_128_few(bencher: Bencher, isa: Isa) {
    attend(bencher, isa, AttentionClass::Few, 1, 1, 128);
}

#[divan::bench(args = Isa::available())]
fn token_1_x_8_x_64_few(bencher: Bencher, isa: Isa) {
    attend(bencher, isa, AttentionClass::Few, 1, 8, 64);
}

#[divan::bench(args = Isa::available())]
fn token_1_x_8_x_64_many(bencher: Bencher, isa: Isa) {
    attend(bencher, isa, AttentionClass::Many, 1, 8, 64);
}

#[divan::bench(args = Isa::available())]
fn token_1_x_4_x_128_few(bencher: Bencher, isa: Isa) {
    attend(bencher, isa, AttentionClass::Few, 1, 4, 128);
}

#[divan::bench(args = Isa::available())]
fn token_1_x_4_x_128_many(bencher: Bencher, isa: Isa) {
    attend(bencher, isa, AttentionClass::Many, 1, 4, 128);
}

fn attend(
    bencher: Bencher,
    isa: Isa,
    class: AttentionClass,
    n_rows: usize,
    n_heads: usize,
    head_dim: usize,
) {
    let k = Kernels::new(isa).unwrap();
    let width = n_heads * head_dim;
    let value = |i: usize| (i % 19) as f32 / 19.0 - 0.5;
    let q: Vec<f32> = (0..n_rows * width).map(value).collect();
    let cached = |factor: usize| -> Vec<f16> {
        let values = 0..N_POSITIONS * head_dim;
        values.map(|i| f16::from_f32(value(i * factor))).collect()
    };
    let (keys, values) = (cached(7), cached(11));
    let n_positions = vec![N_POSITIONS; n_rows];
    let mut out = vec![0.0; n_rows * width];
    let n_operations = 2 * 2 * N_POSITIONS * n_rows * width;
    bencher
        .counter(ItemsCount::new(n_operations))
        .bench_local(|| {
            let rows = QueryRows {
                q: &q,
                row_stride: width,
                n_heads,
                head_dim,
                n_positions: &n_positions,
                scale: 0.1,
            };
            let out = ColumnsMut::all(&mut out, width);
            k.attention(class, rows, &keys, &values, out);
        });
}
