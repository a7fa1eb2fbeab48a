//! The inner loop of a panel: 8 tokens a register, two registers, four weight rows.

use core::arch::x86_64::*;
use core::ops::Range;

use super::super::avx2::panel::{ROWS, Weights, expand};
use super::super::avx2::vectors::{load_f32, load_quads, store_f32};
use super::super::panel::expanded::GROUP;
use super::super::panel::kernel::PanelKernel;
use super::super::panel::step::{self, HALF};
use super::super::panel::walk;
use super::super::panel::{in_memory, rolled};
use crate::blocks::{BlockQ40, BlockQ80};
use crate::table::Panels;

pub(super) const PANELS: Panels = Panels {
    pack: walk::pack::<Kernel>,
    matmul_q40: walk::matmul::<Kernel>,
};

/// Tokens in a register.
const LANES: usize = 8;
/// Registers of tokens that the inner loop works on.
const T: usize = 2;

type Step = step::Step<i32, LANES, T>;

/// By weight row and token.
type Sums = [[f32; T * LANES]; ROWS];

struct Kernel;

impl PanelKernel for Kernel {
    const TOKENS: usize = T * LANES;
    /// Whole rows: a panel of 16 tokens is read as one stream, and stays in a second-level cache.
    const BLOCKS: usize = usize::MAX;
    const ROWS: usize = ROWS;
    type Weights = Weights;
    type Step = Step;
    type Sums = Sums;

    unsafe fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Step {
        // SAFETY: the caller's promise.
        unsafe { pack(blocks) }
    }

    unsafe fn expand(w: &[BlockQ40], n_blocks: usize, blocks: Range<usize>, out: &mut [Weights]) {
        // SAFETY: the caller's promise; AVX-VNNI is on top of AVX2.
        unsafe { expand(w, n_blocks, blocks, out) }
    }

    unsafe fn multiply(w: &[Weights], x: &[Step], _n_tokens: usize, sums: &mut Sums) {
        // SAFETY: the caller's promise.
        unsafe { multiply(w, x, sums) }
    }
}

#[target_feature(enable = "avx2")]
fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Step {
    Step::pack(blocks)
}

#[target_feature(enable = "avx2,fma,f16c,avxvnni")]
fn multiply(w: &[Weights], x: &[Step], sums: &mut Sums) {
    let n_quads = rolled(HALF);
    for (i, x) in x.iter().enumerate() {
        let (w, block) = (&w[i / GROUP], i % GROUP);
        let mut products = [[load_quads(&x.offsets[0]), load_quads(&x.offsets[1])]; ROWS];
        let (low, high) = x.quads.split_at(HALF);
        add(
            &mut products,
            w.each_ref().map(|row| &row.low[block]),
            low,
            n_quads,
        );
        add(
            &mut products,
            w.each_ref().map(|row| &row.high[block]),
            high,
            n_quads,
        );
        let rows = w.iter().zip(products).zip(in_memory(sums));
        for ((w, products), sums) in rows {
            let scale = _mm256_set1_ps(w.scales[block]);
            let (sums, _) = sums.as_chunks_mut();
            for ((product, x_scales), sum) in products.iter().zip(&x.scales).zip(sums) {
                let product = _mm256_cvtepi32_ps(*product);
                let scale = _mm256_mul_ps(scale, load_f32(x_scales));
                store_f32(sum, _mm256_fmadd_ps(product, scale, load_f32(sum)));
            }
        }
    }
}

/// The first `n` quads of each row.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avxvnni")]
fn add(
    products: &mut [[__m256i; T]; ROWS],
    w: [&[u32; HALF]; ROWS],
    x: &[[[[i8; 4]; LANES]; T]],
    n: usize,
) {
    for (quad, x) in x.iter().take(n).enumerate() {
        let x = [load_quads(&x[0]), load_quads(&x[1])];
        for (products, w) in products.iter_mut().zip(w) {
            let w = _mm256_set1_epi32(w[quad].cast_signed());
            for (product, x) in products.iter_mut().zip(x) {
                *product = _mm256_dpbusd_avx_epi32(*product, w, x);
            }
        }
    }
}
