//! Loads and stores of NEON registers, and the conversions of F16, which Armv8-A has
//! from the start though Rust names them only together with later instructions.
//! References of the right size make the loads safe; none needs an alignment.

use core::arch::aarch64::*;
use core::arch::asm;

use half::f16;

#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_f32(x: &[f32; 4]) -> float32x4_t {
    // SAFETY: the reference is valid for the 16 bytes that are read.
    unsafe { vld1q_f32(x.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_u8(x: &[u8; 16]) -> uint8x16_t {
    // SAFETY: the reference is valid for the 16 bytes that are read.
    unsafe { vld1q_u8(x.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_i8(x: &[i8; 16]) -> int8x16_t {
    // SAFETY: the reference is valid for the 16 bytes that are read.
    unsafe { vld1q_s8(x.as_ptr()) }
}

/// Four halves as f32.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_f16(x: &[f16; 4]) -> float32x4_t {
    // SAFETY: the reference is valid for the 8 bytes that are read.
    let halves = unsafe { vld1_u16(x.as_ptr().cast()) };
    let floats: float32x4_t;
    // SAFETY: reads and writes the named registers and nothing else.
    unsafe {
        asm!(
            "fcvtl {floats:v}.4s, {halves:v}.4h",
            floats = lateout(vreg) floats,
            halves = in(vreg) halves,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    floats
}

/// Four f32 rounded to halves, to the nearest, ties to even.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn store_f16(x: &mut [f16; 4], floats: float32x4_t) {
    let halves: uint16x4_t;
    // SAFETY: reads and writes the named registers and nothing else.
    unsafe {
        asm!(
            "fcvtn {halves:v}.4h, {floats:v}.4s",
            halves = lateout(vreg) halves,
            floats = in(vreg) floats,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    // SAFETY: the reference is valid for the 8 bytes that are written.
    unsafe { vst1_u16(x.as_mut_ptr().cast(), halves) }
}

#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_i32(x: &[i32; 4]) -> int32x4_t {
    // SAFETY: the reference is valid for the 16 bytes that are read.
    unsafe { vld1q_s32(x.as_ptr()) }
}

/// Sixteen bytes in the order of memory.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_words(x: &[u32; 4]) -> int8x16_t {
    // SAFETY: the reference is valid for the 16 bytes that are read.
    unsafe { vld1q_s8(x.as_ptr().cast()) }
}

/// Four bytes a lane.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_quads(x: &[[i8; 4]; 4]) -> int8x16_t {
    // SAFETY: the reference is valid for the 16 bytes that are read.
    unsafe { vld1q_s8(x.as_ptr().cast()) }
}

/// Eight bytes a half.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::arch) fn load_octs(x: &[[i8; 8]; 2]) -> int8x16_t {
    // SAFETY: the reference is valid for the 16 bytes that are read.
    unsafe { vld1q_s8(x.as_ptr().cast()) }
}
