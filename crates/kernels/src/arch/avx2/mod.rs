//! Kernels for x86-64 with AVX2, FMA and F16C.
//!
//! The matmuls and the conversions of F16 are written for it; all else is the
//! portable source compiled for these instructions.

mod attention;
mod floats;
pub(super) mod groups;
mod halves;
pub(super) mod panel;
pub(super) mod q40;
mod q80;
mod recompiled;
pub(super) mod vectors;

use super::scalar;
use crate::table::Table;

pub(crate) static TABLE: Table = Table {
    matmul_q40_q80: q40::matmul_q40_q80,
    panels: Some(panel::PANELS),
    matmul_q80_q80: q80::matmul_q80_q80,
    matmul_f16_f32: floats::matmul_f16_f32,
    matmul_f32_f32: floats::matmul_f32_f32,
    quantize_q80: recompiled::quantize_q80,
    dequantize_q40: recompiled::dequantize_q40,
    dequantize_q80: recompiled::dequantize_q80,
    dequantize_f16: halves::dequantize_f16,
    narrow_f16: halves::narrow_f16,
    widen_bf16: recompiled::widen_bf16,
    rms_norm: recompiled::rms_norm,
    rope_interleaved: recompiled::rope_interleaved,
    rope_half_split: recompiled::rope_half_split,
    attend_few: attention::attend_few,
    attend_many: attention::attend_many,
    swiglu: recompiled::swiglu,
    add_assign: recompiled::add_assign,
    add_q80: recompiled::add_q80,
    log_sum_exp: recompiled::log_sum_exp,
    ..scalar::TABLE
};
