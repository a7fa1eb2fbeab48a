//! One block of each of a panel's tokens, arranged for the lanes of vectors.

use bytemuck::{Pod, Zeroable};

use super::TOKENS;
use crate::blocks::{BLOCK_SIZE, BlockQ80};

/// Values of a block that one step of the inner loop takes: four bytes a lane.
pub(crate) const QUAD: usize = 4;
const QUADS: usize = BLOCK_SIZE / QUAD;
/// Those of a block's low nibbles, and of its high ones.
pub(crate) const HALF: usize = QUADS / 2;

/// Tokens `vector * LANES + lane`, `VECTORS * LANES` in all.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(crate) struct Step<O, const LANES: usize, const VECTORS: usize> {
    pub quads: [[[[i8; QUAD]; LANES]; VECTORS]; QUADS],
    /// What the sum of a token's products begins with.
    pub offsets: [[O; LANES]; VECTORS],
    pub scales: [[f32; LANES]; VECTORS],
}

// SAFETY: arrays of numbers, zero among their values.
unsafe impl<O: Zeroable, const L: usize, const V: usize> Zeroable for Step<O, L, V> {}

/// Of the instruction sets, each by itself: one that does not fill its cache lines has padding, and is not `Pod`.
macro_rules! pod {
    ($(Step<$offset:ty, $lanes:literal, $vectors:literal>,)*) => {$(
        const _: () = {
            assert!(TOKENS.is_multiple_of($lanes * $vectors));
            let n_steps = TOKENS / ($lanes * $vectors);
            assert!(size_of::<Step<$offset, $lanes, $vectors>>() * n_steps == STEP_BYTES);
        };
        // SAFETY: arrays of numbers, any bytes among their values. The fields have `STEP_BYTES / n_steps` bytes, as
        // much as was just seen of the whole: nothing is between or after them.
        unsafe impl Pod for Step<$offset, $lanes, $vectors> {}
    )*};
}

pod! {
    Step<[i16; 2], 8, 2>,
    Step<i32, 8, 2>,
    Step<i32, 16, 4>,
    Step<i32, 4, 4>,
}

/// Nibbles are multiplied as they are, 8 more than the weights they stand for. This takes off, in
/// advance, what that adds: 8 times the sum of a token's values. It has 4 bytes.
pub(crate) trait Offset: Pod {
    fn of(quants: &[i8; BLOCK_SIZE]) -> Self;
}

impl Offset for i32 {
    #[inline(always)]
    fn of(quants: &[i8; BLOCK_SIZE]) -> Self {
        -8 * quants.iter().map(|&q| i32::from(q)).sum::<i32>()
    }
}

/// For sums of two i16 a lane: the first and second values of the quads, and the others. At most 8 *
/// 16 * 128 = 16,384.
impl Offset for [i16; 2] {
    #[inline(always)]
    fn of(quants: &[i8; BLOCK_SIZE]) -> Self {
        let mut sums = [0; 2];
        for [a, b, c, d] in quants.as_chunks::<QUAD>().0 {
            sums[0] -= 8 * (i16::from(*a) + i16::from(*b));
            sums[1] -= 8 * (i16::from(*c) + i16::from(*d));
        }
        sums
    }
}

/// Bytes of a block of [`TOKENS`] tokens, in the panels of every instruction set.
pub(crate) const STEP_BYTES: usize = TOKENS * (BLOCK_SIZE + 4 + 4);

impl<O: Offset, const LANES: usize, const VECTORS: usize> Step<O, LANES, VECTORS> {
    /// Of up to that many rows, zeros for those that are missing.
    #[inline(always)] // for the instructions of the caller
    pub(crate) fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Self {
        let mut step = Self::zeroed();
        for (token, block) in blocks.enumerate() {
            let (vector, lane) = (token / LANES, token % LANES);
            let (quads, _) = block.quants.as_chunks::<QUAD>();
            for (to, quad) in step.quads.iter_mut().zip(quads) {
                to[vector][lane] = *quad;
            }
            step.offsets[vector][lane] = O::of(&block.quants);
            step.scales[vector][lane] = block.scale.to_f32_const();
        }
        step
    }
}
