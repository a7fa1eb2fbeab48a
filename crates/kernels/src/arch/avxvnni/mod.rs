//! Kernels for x86-64 with AVX2 and its instruction for byte products (AVX-VNNI): Alder Lake, Zen 5 and
//! later.
//!
//! Q40 matmuls are written for it; all else is AVX2's.

mod panel;
mod q40;

use super::avx2;
use crate::table::Table;

pub(crate) static TABLE: Table = Table {
    matmul_q40_q80: q40::matmul_q40_q80,
    panels: Some(panel::PANELS),
    ..avx2::TABLE
};
