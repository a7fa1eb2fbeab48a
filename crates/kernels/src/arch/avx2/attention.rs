//! Attention with 8 lanes.

use core::arch::x86_64::*;

use super::super::attention::vector::Vector;
use super::super::attention::{Block, Queries, few, many};
use super::vectors::sum_of;

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn attend_few(block: &Block<'_>, queries: &mut Queries) {
    // SAFETY: this function has the instructions of the vector.
    unsafe { few::attend::<__m256, 8>(block, queries) }
}

#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn attend_many(block: &Block<'_>, queries: &mut Queries) {
    // SAFETY: this function has the instructions of the vector, and its vectors divide a block.
    unsafe { many::attend::<__m256, 2, 4, 2>(block, queries) }
}

impl Vector for __m256 {
    const LANES: usize = 8;

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn splat(value: f32) -> Self {
        _mm256_set1_ps(value)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_ps(to, self) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn mul(self, other: Self) -> Self {
        _mm256_mul_ps(self, other)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn mul_add(self, factor: Self, added: Self) -> Self {
        _mm256_fmadd_ps(self, factor, added)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn sum(self) -> f32 {
        sum_of(self)
    }
}
