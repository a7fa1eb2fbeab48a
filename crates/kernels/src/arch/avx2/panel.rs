//! The inner loop of a panel: 8 tokens a register, two registers, four weight rows.
//!
//! Products of a block are summed in i16, two sums a token. A sum begins with its offset and
//! then holds 16 products of (nibble - 8) and a byte when it ends, at most 16,384; on the way, some
//! of them and the rest of the offset, no more than that.

use core::arch::x86_64::*;
use core::ops::Range;

use super::super::panel::expanded::{Expanded, GROUP, expand_rows};
use super::super::panel::kernel::PanelKernel;
use super::super::panel::step::{self, HALF};
use super::super::panel::walk;
use super::super::panel::{in_memory, rolled};
use super::q40::nibbles_of_pair;
use super::vectors::{load_f16, load_f32, load_quads, store, store_f32};
use crate::blocks::{BlockQ40, BlockQ80};
use crate::table::Panels;

pub(super) const PANELS: Panels = Panels {
    pack: walk::pack::<Kernel>,
    matmul_q40: walk::matmul::<Kernel>,
};

/// Weight rows that the inner loop multiplies at once.
pub(in crate::arch) const ROWS: usize = 4;
/// Tokens in a register.
const LANES: usize = 8;
/// Registers of tokens that the inner loop works on.
const T: usize = 2;

pub(in crate::arch) type Weights = [Expanded; ROWS];
type Step = step::Step<[i16; 2], LANES, T>;

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
        // SAFETY: the caller's promise.
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

#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn expand(
    w: &[BlockQ40],
    n_blocks: usize,
    blocks: Range<usize>,
    out: &mut [Weights],
) {
    expand_rows(w, n_blocks, blocks, out, |w, out| expand_group(w, out));
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn expand_group(w: &[BlockQ40; GROUP], out: &mut Expanded) {
    let [a, b, c, d] = w;
    for (first, [even, odd]) in [(0, [a, b]), (2, [c, d])] {
        let [low, high] = nibbles_of_pair(even, odd);
        store(&mut out.low[first..], low);
        store(&mut out.high[first..], high);
    }
    let zero = half::f16::ZERO;
    let scales = [a.scale, b.scale, c.scale, d.scale, zero, zero, zero, zero];
    let scales = _mm256_castps256_ps128(load_f16(&scales));
    // SAFETY: the array is 16 bytes long.
    unsafe { _mm_storeu_ps(out.scales.as_mut_ptr(), scales) };
}

#[target_feature(enable = "avx2,fma,f16c")]
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
                let product = _mm256_madd_epi16(*product, _mm256_set1_epi16(1));
                let product = _mm256_cvtepi32_ps(product);
                let scale = _mm256_mul_ps(scale, load_f32(x_scales));
                store_f32(sum, _mm256_fmadd_ps(product, scale, load_f32(sum)));
            }
        }
    }
}

/// The first `n` quads of each row.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
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
                *product = _mm256_add_epi16(*product, _mm256_maddubs_epi16(w, x));
            }
        }
    }
}
