//! Kernels for Armv8-A with its base vector instructions.
//!
//! The portable source is compiled for them as it is, so only what a compiler does
//! not find is written here: the matmuls and the conversions of F16.

mod attention;
pub(super) mod expand;
mod floats;
mod halves;
pub(super) mod q40;
mod q80;
pub(super) mod vectors;

use super::scalar;
use crate::table::Table;

pub(crate) static TABLE: Table = Table {
    matmul_q40_q80: q40::matmul_q40_q80,
    matmul_q80_q80: q80::matmul_q80_q80,
    matmul_f16_f32: floats::matmul_f16_f32,
    matmul_f32_f32: floats::matmul_f32_f32,
    dequantize_f16: halves::dequantize_f16,
    narrow_f16: halves::narrow_f16,
    attend_few: attention::attend_few,
    attend_many: attention::attend_many,
    ..scalar::TABLE
};
