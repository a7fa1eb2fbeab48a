//! Attention with 16 lanes.

use core::arch::x86_64::*;

use super::super::attention::vector::Vector;
use super::super::attention::{Block, Queries, few, many};

#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl")]
pub(super) fn attend_few(block: &Block<'_>, queries: &mut Queries) {
    // SAFETY: this function has the instructions of the vector.
    unsafe { few::attend::<__m512, 8>(block, queries) }
}

#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl")]
pub(super) fn attend_many(block: &Block<'_>, queries: &mut Queries) {
    // SAFETY: this function has the instructions of the vector, and its vectors divide a block.
    unsafe { many::attend::<__m512, 1, 8, 4>(block, queries) }
}

impl Vector for __m512 {
    const LANES: usize = 16;

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl")]
    unsafe fn splat(value: f32) -> Self {
        _mm512_set1_ps(value)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl")]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl")]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe { _mm512_storeu_ps(to, self) }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl")]
    unsafe fn mul(self, other: Self) -> Self {
        _mm512_mul_ps(self, other)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl")]
    unsafe fn mul_add(self, factor: Self, added: Self) -> Self {
        _mm512_fmadd_ps(self, factor, added)
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vl")]
    unsafe fn sum(self) -> f32 {
        _mm512_reduce_add_ps(self)
    }
}
