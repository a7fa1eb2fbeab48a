//! The types that keys and values are kept in.

use half::f16;

use crate::blocks::{BLOCK_SIZE, BlockQ80};
use crate::kernels::Kernels;

/// A type of KV cache.
pub trait CacheElement: Copy {
    /// Values in an element.
    const VALUES: usize;
    /// Values of a row, as f32.
    #[doc(hidden)]
    fn widen(kernels: &Kernels, row: &[Self], out: &mut [f32]);
}

impl CacheElement for f32 {
    const VALUES: usize = 1;
    fn widen(_: &Kernels, row: &[f32], out: &mut [f32]) {
        out.copy_from_slice(row);
    }
}

impl CacheElement for f16 {
    const VALUES: usize = 1;
    fn widen(kernels: &Kernels, row: &[f16], out: &mut [f32]) {
        kernels.dequantize_f16(row, out);
    }
}

impl CacheElement for BlockQ80 {
    const VALUES: usize = BLOCK_SIZE;
    fn widen(kernels: &Kernels, row: &[BlockQ80], out: &mut [f32]) {
        kernels.dequantize_q80(row, out);
    }
}
