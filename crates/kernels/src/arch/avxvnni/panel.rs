//! The inner loop of a panel: 8 tokens a register, two registers, four weight rows.

use core::arch::x86_64::*;

use super::super::avx2::panel::expand;
use super::super::avx2::vectors::{load_f32, load_quads, store_f32};
use super::super::panel::expanded::{Expanded, GROUP};
use super::super::panel::step::{self, HALF};
use super::super::panel::walk::{self, PanelKernel, Sums};
use super::super::panel::{ROWS, in_memory, rolled};
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

type Step = step::Step<i32, LANES, 8>;

struct Kernel;

impl PanelKernel for Kernel {
    type Step = Step;

    unsafe fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Step {
        // SAFETY: the caller's promise.
        unsafe { pack(blocks) }
    }

    unsafe fn expand(w: &[BlockQ40; GROUP], out: &mut Expanded) {
        // SAFETY: the caller's promise; AVX-VNNI is on top of AVX2.
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

/// The registers `first` and `first + 1` of tokens.
#[target_feature(enable = "avx2,fma,f16c,avxvnni")]
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
                let scale = _mm256_mul_ps(scale, x_scale);
                let added = _mm256_fmadd_ps(_mm256_cvtepi32_ps(*product), scale, load_f32(sum));
                store_f32(sum, added);
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
    x: &[[[[i8; 4]; LANES]; 8]],
    first: usize,
    n: usize,
) {
    for (quad, x) in x.iter().take(n).enumerate() {
        let x = [load_quads(&x[first]), load_quads(&x[first + 1])];
        for (products, w) in products.iter_mut().zip(w) {
            let w = _mm256_set1_epi32(w[quad].cast_signed());
            for (product, x) in products.iter_mut().zip(x) {
                *product = _mm256_dpbusd_avx_epi32(*product, w, x);
            }
        }
    }
}
