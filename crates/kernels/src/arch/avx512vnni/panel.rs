//! The inner loop of a panel: 16 tokens a register, up to four registers, six weight rows.

use core::arch::x86_64::*;
use core::ops::Range;

use super::super::panel::expanded::{Expanded, GROUP, expand_rows};
use super::super::panel::kernel::PanelKernel;
use super::super::panel::step::{self, HALF};
use super::super::panel::walk;
use super::super::panel::{TOKENS, in_memory, rolled};
use super::four::{SCALE_STRIDE, load_head, nibbles};
use super::vectors::{load, load_f32, store, store_f32};
use crate::blocks::{BlockQ40, BlockQ80};
use crate::table::Panels;

pub(super) const PANELS: Panels = Panels {
    pack: walk::pack::<Kernel>,
    matmul_q40: walk::matmul::<Kernel>,
};

/// Weight rows that the inner loop multiplies at once.
const ROWS: usize = 6;

type Weights = [Expanded; ROWS];
type Step = step::Step<i32, 16, 4>;

/// By weight row and token.
type Sums = [[f32; TOKENS]; ROWS];

struct Kernel;

impl PanelKernel for Kernel {
    const TOKENS: usize = TOKENS;
    /// Their 20 KB of a panel fit a first-level cache.
    const BLOCKS: usize = 8;
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

    unsafe fn multiply(w: &[Weights], x: &[Step], n_tokens: usize, sums: &mut Sums) {
        // SAFETY: the caller's promise.
        unsafe {
            match n_tokens.div_ceil(16) {
                1 => multiply::<1>(w, x, sums),
                2 => multiply::<2>(w, x, sums),
                3 => multiply::<3>(w, x, sums),
                _ => multiply::<4>(w, x, sums),
            }
        }
    }
}

#[target_feature(enable = "avx2")]
fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Step {
    Step::pack(blocks)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,gfni,f16c")]
fn expand(w: &[BlockQ40], n_blocks: usize, blocks: Range<usize>, out: &mut [Weights]) {
    expand_rows(w, n_blocks, blocks, out, |w, out| expand_group(w, out));
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,gfni,f16c")]
fn expand_group(w: &[BlockQ40; GROUP], out: &mut Expanded) {
    const WORDS: [i16; 32] = {
        let mut words = [0; 32];
        let mut i = 0;
        while i < GROUP {
            words[i] = i as i16 * SCALE_STRIDE;
            i += 1;
        }
        words
    };
    let head = load_head(w);
    let [low, high] = nibbles(w, head);
    store(&mut out.low, low);
    store(&mut out.high, high);
    let halves = _mm512_permutexvar_epi16(load(&WORDS), head);
    let scales = _mm_cvtph_ps(_mm512_castsi512_si128(halves));
    // SAFETY: the array is 16 bytes long.
    unsafe { _mm_storeu_ps(out.scales.as_mut_ptr(), scales) };
}

/// `T` registers of tokens. Up to 24 sums of integers are in registers; those of floats stay in the
/// first-level cache, where loads and stores are free beside the products.
#[target_feature(enable = "avx512f,avx512vnni")]
fn multiply<const T: usize>(w: &[Weights], x: &[Step], sums: &mut Sums) {
    let quads = rolled(HALF);
    for (i, x) in x.iter().enumerate() {
        let (group, block) = (i / GROUP, i % GROUP);
        let w = &w[group];
        let mut products = [[_mm512_setzero_si512(); T]; ROWS];
        for row in &mut products {
            for (product, offset) in row.iter_mut().zip(&x.offsets) {
                *product = load(offset);
            }
        }
        let (low, high) = x.quads.split_at(HALF);
        add(
            &mut products,
            w.each_ref().map(|row| &row.low[block]),
            low,
            quads,
        );
        add(
            &mut products,
            w.each_ref().map(|row| &row.high[block]),
            high,
            quads,
        );
        for ((w, products), sums) in w.iter().zip(&products).zip(in_memory(sums)) {
            let scale = _mm512_set1_ps(w.scales[block]);
            let (sums, _) = sums.as_chunks_mut();
            for ((product, x_scales), sum) in products.iter().zip(&x.scales).zip(sums) {
                let scale = _mm512_mul_ps(scale, load_f32(x_scales));
                let added = _mm512_fmadd_ps(_mm512_cvtepi32_ps(*product), scale, load_f32(sum));
                store_f32(sum, added);
            }
        }
    }
}

/// The first `n` quads of each row.
#[inline]
#[target_feature(enable = "avx512f,avx512vnni")]
fn add<const T: usize>(
    products: &mut [[__m512i; T]; ROWS],
    w: [&[u32; HALF]; ROWS],
    x: &[[[[i8; 4]; 16]; 4]],
    n: usize,
) {
    for (quad, x) in x.iter().take(n).enumerate() {
        let mut tokens = [_mm512_setzero_si512(); T];
        for (tokens, x) in tokens.iter_mut().zip(x) {
            *tokens = load(x);
        }
        for (products, w) in products.iter_mut().zip(w) {
            let w = _mm512_set1_epi32(w[quad].cast_signed());
            for (product, x) in products.iter_mut().zip(tokens) {
                *product = _mm512_dpbusd_epi32(*product, w, x);
            }
        }
    }
}
