//! Portable kernels: the reference for the tests, and the kernels of every
//! instruction set that has nothing better.
//!
//! Their sums run in [`lanes::LANES`] lanes, which any compiler vectorises, and they
//! never fuse a multiply with an add. So the same source, compiled again for a
//! wider instruction set, is faster there and gives the same bits.

pub(crate) mod add;
mod attention;
pub(crate) mod convert;
pub(crate) mod exp;
pub(crate) mod lanes;
pub(crate) mod log_sum_exp;
mod matmul;
pub(crate) mod quantize;
pub(crate) mod rms_norm;
pub(crate) mod rope;
pub(crate) mod swiglu;

use crate::table::Table;

pub(crate) static TABLE: Table = Table {
    matmul_q40_q80: matmul::matmul_q40_q80,
    panels: None,
    matmul_q80_q80: matmul::matmul_q80_q80,
    matmul_f16_f32: matmul::matmul_f16_f32,
    matmul_f32_f32: matmul::matmul_f32_f32,
    quantize_q80: quantize::quantize_q80,
    quantize_q40: quantize::quantize_q40,
    dequantize_q40: convert::dequantize_q40,
    dequantize_q80: convert::dequantize_q80,
    dequantize_f16: convert::dequantize_f16,
    narrow_f16: convert::narrow_f16,
    widen_bf16: convert::widen_bf16,
    rms_norm: rms_norm::rms_norm,
    rope_interleaved: rope::rope_interleaved,
    rope_half_split: rope::rope_half_split,
    attend_few: attention::attend_few,
    attend_many: attention::attend_many,
    swiglu: swiglu::swiglu,
    add_assign: add::add_assign,
    add_q80: add::add_q80,
    log_sum_exp: log_sum_exp::log_sum_exp,
};
