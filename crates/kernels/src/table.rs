//! What an instruction set provides: one function pointer for each operation.

use half::f16;

use crate::arch::attention::{Block, Queries};
use crate::arch::panel::Line;
use crate::blocks::{BlockQ40, BlockQ80};
use crate::columns::ColumnsMut;
use crate::not_finite::NotFinite;

/// Adds a block of positions to queries. The block's keys and values have `KEYS` rows of the queries'
/// `dim`, and each of the queries' lists as much as its comment says.
pub(crate) type Attend = unsafe fn(&Block<'_>, &mut Queries);

/// Matmuls with activations packed in panels.
///
/// # Safety
///
/// As for [`Table`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panels {
    /// (x, blocks in a row, first step, out)
    pub pack: unsafe fn(&[BlockQ80], usize, usize, &mut [Line]),
    /// (w, panels, blocks in a row, out)
    pub matmul_q40: unsafe fn(&[BlockQ40], &[Line], usize, ColumnsMut<'_>),
}

/// The kernels of one instruction set.
///
/// # Safety
///
/// Every field may be called only on a machine that has the table's instruction
/// set ([`Kernels`](crate::Kernels) holds no other table) and with slices of the
/// lengths that its entry point in `ops/` checks.
#[derive(Debug)]
pub(crate) struct Table {
    /// (w, x, blocks in a row, out)
    pub matmul_q40_q80: unsafe fn(&[BlockQ40], &[BlockQ80], usize, ColumnsMut<'_>),
    /// What is faster for many rows, where there is such a kernel.
    pub panels: Option<Panels>,
    /// (w, x, blocks in a row, out)
    pub matmul_q80_q80: unsafe fn(&[BlockQ80], &[BlockQ80], usize, ColumnsMut<'_>),
    /// (w, x, n_in, out)
    pub matmul_f16_f32: unsafe fn(&[f16], &[f32], usize, ColumnsMut<'_>),
    /// (w, x, n_in, out)
    pub matmul_f32_f32: unsafe fn(&[f32], &[f32], usize, ColumnsMut<'_>),
    pub quantize_q80: unsafe fn(&[f32], &mut [BlockQ80]) -> Result<(), NotFinite>,
    pub quantize_q40: unsafe fn(&[f32], &mut [BlockQ40]) -> Result<(), NotFinite>,
    pub dequantize_q40: unsafe fn(&[BlockQ40], &mut [f32]),
    pub dequantize_q80: unsafe fn(&[BlockQ80], &mut [f32]),
    pub dequantize_f16: unsafe fn(&[f16], &mut [f32]),
    pub narrow_f16: unsafe fn(&[f32], &mut [f16]),
    pub widen_bf16: unsafe fn(&[u16], &mut [f32]),
    /// (x, weight, eps, out): whether the sum of squares is finite
    pub rms_norm: unsafe fn(&[f32], &[f32], f32, &mut [f32]) -> bool,
    /// (x, cos, sin)
    pub rope_interleaved: unsafe fn(&mut [f32], &[f32], &[f32]),
    /// (x, cos, sin)
    pub rope_half_split: unsafe fn(&mut [f32], &[f32], &[f32]),
    pub attend_few: Attend,
    pub attend_many: Attend,
    /// (gate, up, out)
    pub swiglu: unsafe fn(&[f32], &[f32], &mut [f32]),
    pub add_assign: unsafe fn(&mut [f32], &[f32]),
    pub add_q80: unsafe fn(&mut [f32], &[BlockQ80]),
    /// (logits, temperature): the log-sum-exp
    pub log_sum_exp: unsafe fn(&[f32], f32) -> Result<f32, NotFinite>,
}
