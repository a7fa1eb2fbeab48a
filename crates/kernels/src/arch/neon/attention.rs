//! Attention with 4 lanes.

use core::arch::aarch64::*;

use super::super::attention::vector::Vector;
use super::super::attention::{Block, Queries, few, many};

#[target_feature(enable = "neon")]
pub(super) fn attend_few(block: &Block<'_>, queries: &mut Queries) {
    // SAFETY: this function has the instructions of the vector.
    unsafe { few::attend::<float32x4_t, 16>(block, queries) }
}

#[target_feature(enable = "neon")]
pub(super) fn attend_many(block: &Block<'_>, queries: &mut Queries) {
    // SAFETY: this function has the instructions of the vector, and its vectors divide a block.
    unsafe { many::attend::<float32x4_t, 4, 4, 4>(block, queries) }
}

impl Vector for float32x4_t {
    const LANES: usize = 4;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn splat(value: f32) -> Self {
        vdupq_n_f32(value)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        unsafe { vld1q_f32(from) }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { vst1q_f32(to, self) }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn mul(self, other: Self) -> Self {
        vmulq_f32(self, other)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn mul_add(self, factor: Self, added: Self) -> Self {
        vfmaq_f32(added, self, factor)
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn sum(self) -> f32 {
        vaddvq_f32(self)
    }
}
