//! The inner loop of a panel: 8 tokens a register, two registers, four weight rows.
//!
//! Products of a block are summed in i16, two sums a token. A sum begins with its offset and
//! then holds 16 products of (nibble - 8) and a byte when it ends, at most 16,384; on the way, some
//! of them and the rest of the offset, no more than that.

use core::arch::x86_64::*;

use super::super::panel::expanded::{Expanded, GROUP};
use super::super::panel::step::{self, HALF};
use super::super::panel::walk::{self, PanelKernel};
use super::super::panel::{ROWS, in_memory, rolled};
use super::q40::nibbles_of_pair;
use super::vectors::{load_f16, load_f32, load_quads, store, store_f32};
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

type Step = step::Step<[i16; 2], LANES, T>;

/// By weight row and token.
type Sums = [[f32; T * LANES]; ROWS];

struct Kernel;

impl PanelKernel for Kernel {
    const TOKENS: usize = T * LANES;
    /// Whole rows: a panel of 16 tokens is read as one stream, and stays in a second-level cache.
    const BLOCKS: usize = usize::MAX;
    type Step = Step;
    type Sums = Sums;

    unsafe fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Step {
        // SAFETY: the caller's promise.
        unsafe { pack(blocks) }
    }

    unsafe fn expand(w: &[BlockQ40; GROUP], row: usize, out: &mut Expanded) {
        // SAFETY: the caller's promise.
        unsafe { expand(w, row, out) }
    }

    unsafe fn multiply(w: &[Expanded], x: &[Step], _n_tokens: usize, sums: &mut Sums) {
        // SAFETY: the caller's promise.
        unsafe { multiply(w, x, sums) }
    }
}

#[target_feature(enable = "avx2")]
fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Step {
    Step::pack(blocks)
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn expand(w: &[BlockQ40; GROUP], row: usize, out: &mut Expanded) {
    let pairs = [(0, &w[0], &w[1]), (2, &w[2], &w[3])];
    for (first, even, odd) in pairs {
        let [low, high] = nibbles_of_pair(even, odd);
        store(&mut out.low[row][first..], low);
        store(&mut out.high[row][first..], high);
    }
    let zero = half::f16::ZERO;
    let scales = [w[0].scale, w[1].scale, w[2].scale, w[3].scale];
    let [a, b, c, d] = scales;
    let scales = load_f16(&[a, b, c, d, zero, zero, zero, zero]);
    // SAFETY: the array is 16 bytes long.
    unsafe { _mm_storeu_ps(out.scales[row].as_mut_ptr(), _mm256_castps256_ps128(scales)) };
}

#[target_feature(enable = "avx2,fma,f16c")]
fn multiply(w: &[Expanded], x: &[Step], sums: &mut Sums) {
    let n_quads = rolled(HALF);
    for (i, x) in x.iter().enumerate() {
        let (w, block) = (&w[i / GROUP], i % GROUP);
        let mut products = [[load_quads(&x.offsets[0]), load_quads(&x.offsets[1])]; ROWS];
        let (low, high) = x.quads.split_at(HALF);
        add(
            &mut products,
            w.low.each_ref().map(|row| &row[block]),
            low,
            n_quads,
        );
        add(
            &mut products,
            w.high.each_ref().map(|row| &row[block]),
            high,
            n_quads,
        );
        let rows = w.scales.iter().zip(products).zip(in_memory(sums));
        for ((scales, products), sums) in rows {
            let scale = _mm256_set1_ps(scales[block]);
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
