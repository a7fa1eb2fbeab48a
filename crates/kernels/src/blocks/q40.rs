//! Q40: ggml's `Q4_0`.

use core::mem::{align_of, offset_of, size_of};

use bytemuck::{Pod, Zeroable};
use half::f16;

use super::BLOCK_SIZE;

/// 32 weights of 4 bits: value `i` is `scale * (nibble(i) - 8)`.
///
/// The low nibble of byte `i` is value `i`, its high nibble value `i + 16`.
/// Any bit pattern is a block; the scale of one that comes from a file may be
/// infinite or NaN, and then so are its values.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct BlockQ40 {
    /// What one step of the quants is worth.
    pub scale: f16,
    /// 32 nibbles, each 8 more than the value it stands for.
    pub quants: [u8; BLOCK_SIZE / 2],
}

const _: () = assert!(size_of::<BlockQ40>() == 18);
const _: () = assert!(align_of::<BlockQ40>() == 2);
const _: () = assert!(offset_of!(BlockQ40, scale) == 0);
const _: () = assert!(offset_of!(BlockQ40, quants) == 2);

impl BlockQ40 {
    /// The 32 quants in the order of the values, -8 to 7.
    #[inline(always)]
    pub fn values(&self) -> [i8; BLOCK_SIZE] {
        core::array::from_fn(|i| {
            let byte = self.quants[i % 16];
            let nibble = if i < 16 { byte & 15 } else { byte >> 4 };
            nibble as i8 - 8
        })
    }
}
