//! Loads, stores and sums of 64-byte registers. References of the right size make
//! the loads safe; none of them needs an alignment.

use core::arch::x86_64::*;

use bytemuck::NoUninit;

/// Any 64 bytes.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load<V: NoUninit>(x: &V) -> __m512i {
    const { assert!(size_of::<V>() == 64) };
    // SAFETY: the reference is valid for the 64 bytes that are read.
    unsafe { _mm512_loadu_si512((&raw const *x).cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store<V: bytemuck::AnyBitPattern>(x: &mut V, value: __m512i) {
    const { assert!(size_of::<V>() == 64) };
    // SAFETY: the reference is valid for the 64 bytes that are written, and any bytes are a value.
    unsafe { _mm512_storeu_si512((&raw mut *x).cast(), value) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_f32(x: &[f32; 16]) -> __m512 {
    // SAFETY: the reference is valid for the 64 bytes that are read.
    unsafe { _mm512_loadu_ps(x.as_ptr()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store_f32(x: &mut [f32; 16], value: __m512) {
    // SAFETY: the reference is valid for the 64 bytes that are written.
    unsafe { _mm512_storeu_ps(x.as_mut_ptr(), value) }
}

/// Adds neighbouring 32-bit elements of `a`, and of `b` beside them. Within each quarter of the
/// registers, `a`'s sums come first.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn merge(a: __m512i, b: __m512i) -> __m512i {
    let (a, b) = (_mm512_castsi512_ps(a), _mm512_castsi512_ps(b));
    let even = _mm512_shuffle_ps::<0x88>(a, b);
    let odd = _mm512_shuffle_ps::<0xdd>(a, b);
    _mm512_add_epi32(_mm512_castps_si512(even), _mm512_castps_si512(odd))
}
