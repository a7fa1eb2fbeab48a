//! Kernels for Armv8.6-A's products of matrices of bytes (i8mm): Cortex-A510, Neoverse V1, Apple's M2 and
//! later.
//!
//! Matmuls of many rows are written for it; all else is dotprod's, which a single row uses as well.

mod panel;
mod step;

use super::dotprod;
use crate::table::Table;

pub(crate) static TABLE: Table = Table {
    panels: Some(panel::PANELS),
    ..dotprod::TABLE
};
