//! The types that weights, caches and wire rows come in.

use serde::{Deserialize, Serialize};

use dllama_kernels::{BLOCK_SIZE, BlockQ40, BlockQ80};

/// A type of stored numbers. Named alike in Rust, in Programs and in TypeScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum FloatType {
    /// Blocks of 32 in 18 bytes: ggml's Q4_0.
    Q40,
    /// Blocks of 32 in 34 bytes: ggml's Q8_0.
    Q80,
    /// IEEE half precision.
    F16,
    /// IEEE single precision.
    F32,
}

impl FloatType {
    /// Values that are stored together; a row is a multiple of it.
    pub fn values_per_block(self) -> usize {
        match self {
            Self::Q40 | Self::Q80 => BLOCK_SIZE,
            Self::F16 | Self::F32 => 1,
        }
    }

    /// Bytes of one block of [`values_per_block`](Self::values_per_block) values.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::Q40 => size_of::<BlockQ40>(),
            Self::Q80 => size_of::<BlockQ80>(),
            Self::F16 => 2,
            Self::F32 => 4,
        }
    }

    /// Alignment that the kernels need, in bytes.
    pub fn alignment(self) -> usize {
        match self {
            Self::Q40 | Self::Q80 | Self::F16 => 2,
            Self::F32 => 4,
        }
    }

    /// Whether matmuls with such weights take Q80 activations (else F32).
    pub fn is_quantised(self) -> bool {
        matches!(self, Self::Q40 | Self::Q80)
    }

    /// Bytes of `n_values`, or `None` where they are not whole blocks or too many to count.
    pub fn n_bytes(self, n_values: usize) -> Option<usize> {
        if !n_values.is_multiple_of(self.values_per_block()) {
            return None;
        }
        (n_values / self.values_per_block()).checked_mul(self.block_bytes())
    }
}
