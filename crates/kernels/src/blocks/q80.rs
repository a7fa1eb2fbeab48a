//! Q80: ggml's `Q8_0`.

use core::mem::{align_of, offset_of, size_of};

use bytemuck::{Pod, Zeroable};
use half::f16;

use super::BLOCK_SIZE;

/// 32 values of 8 bits: value `i` is `scale * quants[i]`.
///
/// Quantising gives -127 to 127, or [`BlockQ80::NAN`]; a block from a file or a socket may hold
/// -128, and a scale that is infinite or NaN.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct BlockQ80 {
    /// What one step of the quants is worth.
    pub scale: f16,
    /// The quants, in the order of the values.
    pub quants: [i8; BLOCK_SIZE],
}

const _: () = assert!(size_of::<BlockQ80>() == 34);
const _: () = assert!(align_of::<BlockQ80>() == 2);
const _: () = assert!(offset_of!(BlockQ80, scale) == 0);
const _: () = assert!(offset_of!(BlockQ80, quants) == 2);

impl BlockQ80 {
    /// Stands for values that cannot be quantised: whatever is computed with it is NaN.
    pub const NAN: Self = Self {
        scale: f16::NAN,
        quants: [0; BLOCK_SIZE],
    };
}
