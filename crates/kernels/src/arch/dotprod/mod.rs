//! Kernels for Armv8.2-A's products of four bytes (dotprod): Cortex-A76 and later.
//!
//! Q40 matmuls are written for it; all else is NEON's.

mod panel;
mod q40;
mod sdot;

use super::neon;
use crate::table::Table;

pub(crate) static TABLE: Table = Table {
    matmul_q40_q80: q40::matmul_q40_q80,
    panels: Some(panel::PANELS),
    ..neon::TABLE
};
