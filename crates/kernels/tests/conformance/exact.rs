//! Products of blocks are exact: with scales of 1 the sums are integers below 2^24,
//! which f32 holds, so every instruction set must give the very integer.

use dllama_kernels::{BlockQ40, BlockQ80, f16};

use crate::data::Random;
use crate::isas;
use crate::matmul::{Q40Panels, Q40Q80, Q80Q80, product};

/// 31 * 32 * 128 * 128 is below 2^24; and 31 is no multiple of any kernel's step.
const N_BLOCKS: usize = 31;

fn q40(quants: [u8; 16]) -> BlockQ40 {
    BlockQ40 {
        scale: f16::ONE,
        quants,
    }
}

fn q80(quants: [i8; 32]) -> BlockQ80 {
    BlockQ80 {
        scale: f16::ONE,
        quants,
    }
}

/// Rows of one extreme each, and a row of random bytes.
fn rows_q80() -> Vec<BlockQ80> {
    let mut random = Random::new(6);
    let mut rows: Vec<BlockQ80> = [-128, -127, -1, 0, 1, 127]
        .iter()
        .flat_map(|&q| vec![q80([q; 32]); N_BLOCKS])
        .collect();
    let alternating = std::array::from_fn(|i| if i % 2 == 0 { -128 } else { 127 });
    rows.extend(vec![q80(alternating); N_BLOCKS]);
    rows.extend(
        random
            .q80(N_BLOCKS)
            .into_iter()
            .map(|block| q80(block.quants)),
    );
    rows
}

fn integer_dot(w: &[i32], x: &[BlockQ80]) -> f32 {
    let x = x.iter().flat_map(|block| block.quants);
    let sum: i32 = w.iter().zip(x).map(|(w, x)| w * i32::from(x)).sum();
    assert!(sum.abs() <= 1 << 24);
    sum as f32
}

#[test]
fn q40_with_q80() {
    let mut random = Random::new(7);
    let mut w: Vec<BlockQ40> = [0x00, 0xff, 0x0f, 0xf0, 0x78]
        .iter()
        .flat_map(|&byte| vec![q40([byte; 16]); N_BLOCKS])
        .collect();
    w.extend(
        random
            .q40(N_BLOCKS)
            .into_iter()
            .map(|block| q40(block.quants)),
    );
    let x = rows_q80();
    let (n_out, n_tokens) = (w.len() / N_BLOCKS, x.len() / N_BLOCKS);
    let weights = |block: &BlockQ40| -> Vec<i32> {
        let low = block.quants.iter().map(|q| i32::from(q & 15) - 8);
        low.chain(block.quants.iter().map(|q| i32::from(q >> 4) - 8))
            .collect()
    };
    for k in isas::all() {
        let few = product::<Q40Q80>(&k, &w, &x, N_BLOCKS, n_out, n_tokens);
        let many = product::<Q40Panels>(&k, &w, &x, N_BLOCKS, n_out, n_tokens);
        for (i, got) in few.into_iter().chain(many).enumerate() {
            let i = i % (n_out * n_tokens);
            let w = &w[i % n_out * N_BLOCKS..][..N_BLOCKS];
            let w: Vec<i32> = w.iter().flat_map(weights).collect();
            let x = &x[i / n_out * N_BLOCKS..][..N_BLOCKS];
            assert_eq!(got, integer_dot(&w, x), "{} output {i}", k.isa());
        }
    }
}

#[test]
fn q80_with_q80() {
    let rows = rows_q80();
    let n = rows.len() / N_BLOCKS;
    for k in isas::all() {
        let out = product::<Q80Q80>(&k, &rows, &rows, N_BLOCKS, n, n);
        for (i, got) in out.into_iter().enumerate() {
            let w = rows[i % n * N_BLOCKS..][..N_BLOCKS].iter();
            let w: Vec<i32> = w.flat_map(|block| block.quants.map(i32::from)).collect();
            let x = &rows[i / n * N_BLOCKS..][..N_BLOCKS];
            assert_eq!(got, integer_dot(&w, x), "{} output {i}", k.isa());
        }
    }
}
