//! Loads, stores and sums of AVX registers. References of the right size make the
//! loads safe; none of them needs an alignment.

use core::arch::x86_64::*;

use bytemuck::NoUninit;
use half::f16;

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn load_f32(x: &[f32; 8]) -> __m256 {
    // SAFETY: the reference is valid for the 32 bytes that are read.
    unsafe { _mm256_loadu_ps(x.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn store_f32(x: &mut [f32; 8], value: __m256) {
    // SAFETY: the reference is valid for the 32 bytes that are written.
    unsafe { _mm256_storeu_ps(x.as_mut_ptr(), value) }
}

/// Eight halves as f32.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn load_f16(x: &[f16; 8]) -> __m256 {
    // SAFETY: the reference is valid for the 16 bytes that are read.
    _mm256_cvtph_ps(unsafe { _mm_loadu_si128(x.as_ptr().cast()) })
}

/// Sixteen bytes for the lower half of a register, and sixteen for the upper.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn load_pair<B: NoUninit>(even: &[B; 16], odd: &[B; 16]) -> __m256i {
    const { assert!(size_of::<B>() == 1) };
    // SAFETY: both references are valid for the 16 bytes that are read.
    let load = |x: &[B; 16]| unsafe { _mm_loadu_si128(x.as_ptr().cast()) };
    _mm256_set_m128i(load(odd), load(even))
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn load_i16(x: &[i16; 16]) -> __m256i {
    // SAFETY: the reference is valid for the 32 bytes that are read.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn load_i8(x: &[i8; 32]) -> __m256i {
    // SAFETY: the reference is valid for the 32 bytes that are read.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn load_i32(x: &[i32; 8]) -> __m256i {
    // SAFETY: the reference is valid for the 32 bytes that are read.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

/// Sum of the lanes, in pairs.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn sum_of(lanes: __m256) -> f32 {
    let four = _mm_add_ps(
        _mm256_castps256_ps128(lanes),
        _mm256_extractf128_ps::<1>(lanes),
    );
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    let one = _mm_add_ss(two, _mm_movehdup_ps(two));
    _mm_cvtss_f32(one)
}

/// The 32-bit elements of `a` and `b` with even places, and those with odd ones: the
/// sum of the two adds neighbours. Within each half of the registers, `a`'s come first.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn neighbours(a: __m256i, b: __m256i) -> (__m256i, __m256i) {
    let (a, b) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
    let even = _mm256_shuffle_ps::<0x88>(a, b);
    let odd = _mm256_shuffle_ps::<0xdd>(a, b);
    (_mm256_castps_si256(even), _mm256_castps_si256(odd))
}

/// Four bytes a lane.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn load_quads<V: NoUninit>(x: &[V; 8]) -> __m256i {
    const { assert!(size_of::<V>() == 4) };
    // SAFETY: the reference is valid for the 32 bytes that are read.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

/// To the first 32 bytes of `x`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
pub(in crate::arch) fn store(x: &mut [[u32; 4]], value: __m256i) {
    let [a, b, ..] = x else {
        unreachable!("two blocks at least");
    };
    // SAFETY: each half of the register goes to 16 bytes of an array that is borrowed mutably.
    unsafe {
        _mm_storeu_si128(a.as_mut_ptr().cast(), _mm256_castsi256_si128(value));
        _mm_storeu_si128(b.as_mut_ptr().cast(), _mm256_extracti128_si256::<1>(value));
    }
}
