//! Kernels for x86-64 with AVX-512 and its instructions for byte products (VNNI): Ice Lake, Zen 4 and
//! later.
//!
//! Q40 matmuls are written for it, 64 bytes a register, and attention is compiled for it; all else is
//! AVX2's.

mod attention;
mod four;
mod panel;
mod q40;
mod vectors;

use super::avx2;
use crate::table::Table;

pub(crate) static TABLE: Table = Table {
    matmul_q40_q80: q40::matmul_q40_q80,
    panels: Some(panel::PANELS),
    attend_few: attention::attend_few,
    attend_many: attention::attend_many,
    ..avx2::TABLE
};
