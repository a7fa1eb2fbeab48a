//! Weights as bytes, for the panels of the later instruction sets.

use core::arch::aarch64::*;
use core::ops::Range;

use super::vectors::{load_f16, load_u8};
use crate::arch::panel::expanded::{Expanded, GROUP, expand_rows};
use crate::blocks::BlockQ40;

/// Weight rows that the inner loops multiply at once.
pub(in crate::arch) const ROWS: usize = 4;

pub(in crate::arch) type Weights = [Expanded; ROWS];

#[target_feature(enable = "neon")]
pub(in crate::arch) fn expand(
    w: &[BlockQ40],
    n_blocks: usize,
    blocks: Range<usize>,
    out: &mut [Weights],
) {
    expand_rows(w, n_blocks, blocks, out, |w, out| expand_group(w, out));
}

#[inline]
#[target_feature(enable = "neon")]
fn expand_group(w: &[BlockQ40; GROUP], out: &mut Expanded) {
    for (w, (low, high)) in w.iter().zip(out.low.iter_mut().zip(&mut out.high)) {
        let bytes = load_u8(&w.quants);
        // SAFETY: each reference is valid for the 16 bytes that are written.
        unsafe {
            vst1q_u8(low.as_mut_ptr().cast(), vandq_u8(bytes, vdupq_n_u8(15)));
            vst1q_u8(high.as_mut_ptr().cast(), vshrq_n_u8::<4>(bytes));
        }
    }
    let scales = load_f16(&w.each_ref().map(|w| w.scale));
    // SAFETY: the array is 16 bytes long.
    unsafe { vst1q_f32(out.scales.as_mut_ptr(), scales) };
}
