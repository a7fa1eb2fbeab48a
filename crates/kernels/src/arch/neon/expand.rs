//! Weights as bytes, for the panels of the later instruction sets.

use core::arch::aarch64::*;

use super::vectors::{load_f16, load_u8};
use crate::arch::panel::expanded::{Expanded, GROUP};
use crate::blocks::BlockQ40;

#[target_feature(enable = "neon")]
pub(in crate::arch) fn expand(w: &[BlockQ40; GROUP], row: usize, out: &mut Expanded) {
    let (low, high) = (&mut out.low[row], &mut out.high[row]);
    for (w, (low, high)) in w.iter().zip(low.iter_mut().zip(high)) {
        let bytes = load_u8(&w.quants);
        // SAFETY: each reference is valid for the 16 bytes that are written.
        unsafe {
            vst1q_u8(low.as_mut_ptr().cast(), vandq_u8(bytes, vdupq_n_u8(15)));
            vst1q_u8(high.as_mut_ptr().cast(), vshrq_n_u8::<4>(bytes));
        }
    }
    let scales = load_f16(&w.each_ref().map(|w| w.scale));
    // SAFETY: the array is 16 bytes long.
    unsafe { vst1q_f32(out.scales[row].as_mut_ptr(), scales) };
}
