//! The inner loop of a panel: 8 tokens a register, two registers, four weight rows.
//!
//! Products of a block are summed in i16, two sums a token. A sum begins with its offset and
//! then holds 16 products of (nibble - 8) and a byte when it ends, at most 16,384; on the way, some
//! of them and the rest of the offset, no more than that.

use core::arch::x86_64::*;

use super::super::panel::expanded::{Expanded, GROUP};
use super::super::panel::step::{self, HALF};
use super::super::panel::walk::{self, PanelKernel, Sums};
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

type Step = step::Step<[i16; 2], LANES, 8>;

struct Kernel;

impl PanelKernel for Kernel {
    type Step = Step;

    unsafe fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Step {
        // SAFETY: the caller's promise.
        unsafe { pack(blocks) }
    }

    unsafe fn expand(w: &[BlockQ40; GROUP], out: &mut Expanded) {
        // SAFETY: the caller's promise.
        unsafe { expand(w, out) }
    }

    unsafe fn multiply(
        w: [&[Expanded]; ROWS],
        x: &[Step],
        n_tokens: usize,
        sums: &mut [Sums; ROWS],
    ) {
        for first in (0..n_tokens.div_ceil(LANES)).step_by(T) {
            // SAFETY: the caller's promise.
            unsafe { multiply(w, x, first, sums) }
        }
    }
}

#[target_feature(enable = "avx2")]
fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Step {
    Step::pack(blocks)
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn expand(w: &[BlockQ40; GROUP], out: &mut Expanded) {
    let pairs = [(0, &w[0], &w[1]), (2, &w[2], &w[3])];
    for (first, even, odd) in pairs {
        let [low, high] = nibbles_of_pair(even, odd);
        store(&mut out.low[first..], low);
        store(&mut out.high[first..], high);
    }
    let zero = half::f16::ZERO;
    let scales = [w[0].scale, w[1].scale, w[2].scale, w[3].scale];
    let [a, b, c, d] = scales;
    let scales = load_f16(&[a, b, c, d, zero, zero, zero, zero]);
    // SAFETY: the array is 16 bytes long.
    unsafe { _mm_storeu_ps(out.scales.as_mut_ptr(), _mm256_castps256_ps128(scales)) };
}

/// The registers `first` and `first + 1` of tokens.
#[target_feature(enable = "avx2,fma,f16c")]
fn multiply(w: [&[Expanded]; ROWS], x: &[Step], first: usize, sums: &mut [Sums; ROWS]) {
    let quads = rolled(HALF);
    for (i, x) in x.iter().enumerate() {
        let (group, block) = (i / GROUP, i % GROUP);
        let w = [&w[0][group], &w[1][group], &w[2][group], &w[3][group]];
        let offsets = [
            load_quads(&x.offsets[first]),
            load_quads(&x.offsets[first + 1]),
        ];
        let mut products = [offsets; ROWS];
        let (low, high) = x.quads.split_at(HALF);
        let w_low = [
            &w[0].low[block],
            &w[1].low[block],
            &w[2].low[block],
            &w[3].low[block],
        ];
        let w_high = [
            &w[0].high[block],
            &w[1].high[block],
            &w[2].high[block],
            &w[3].high[block],
        ];
        add(&mut products, w_low, low, first, quads);
        add(&mut products, w_high, high, first, quads);
        let x_scales = [load_f32(&x.scales[first]), load_f32(&x.scales[first + 1])];
        for ((w, products), sums) in w.iter().zip(&products).zip(in_memory(sums)) {
            let scale = _mm256_set1_ps(w.scales[block]);
            let sums = &mut sums.0.as_chunks_mut().0[first..first + T];
            for ((product, x_scale), sum) in products.iter().zip(x_scales).zip(sums) {
                let product = _mm256_madd_epi16(*product, _mm256_set1_epi16(1));
                let scale = _mm256_mul_ps(scale, x_scale);
                let added = _mm256_fmadd_ps(_mm256_cvtepi32_ps(product), scale, load_f32(sum));
                store_f32(sum, added);
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
    x: &[[[[i8; 4]; LANES]; 8]],
    first: usize,
    n: usize,
) {
    for (quad, x) in x.iter().take(n).enumerate() {
        let x = [load_quads(&x[first]), load_quads(&x[first + 1])];
        for (products, w) in products.iter_mut().zip(w) {
            let w = _mm256_set1_epi32(w[quad].cast_signed());
            for (product, x) in products.iter_mut().zip(x) {
                *product = _mm256_add_epi16(*product, _mm256_maddubs_epi16(w, x));
            }
        }
    }
}
