//! One block of each of a panel's tokens, two tokens a register.

use bytemuck::{Pod, Zeroable};

use crate::arch::panel::TOKENS;
use crate::arch::panel::step::{Offset, STEP_BYTES};
use crate::blocks::{BLOCK_SIZE, BlockQ80};

/// Values that one product of matrices takes of each token and row.
const OCT: usize = 8;

/// Pairs of tokens in a panel.
pub(super) const PAIRS: usize = 4;

#[repr(C, align(64))]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct Step {
    /// (octs of a block, pairs of tokens, two tokens, an oct)
    pub octs: [[[[i8; OCT]; 2]; PAIRS]; BLOCK_SIZE / OCT],
    /// What the sum of a token's products begins with.
    pub offsets: [[i32; 2]; PAIRS],
    pub scales: [[f32; 2]; PAIRS],
}

const _: () = assert!(size_of::<Step>() * (TOKENS / (2 * PAIRS)) == STEP_BYTES);

impl Step {
    /// Of up to `2 * PAIRS` rows, zeros for those that are missing.
    pub(super) fn pack<'a>(blocks: impl Iterator<Item = &'a BlockQ80>) -> Self {
        let mut step = Self::zeroed();
        for (token, block) in blocks.enumerate() {
            let (pair, place) = (token / 2, token % 2);
            let (octs, _) = block.quants.as_chunks::<OCT>();
            for (to, oct) in step.octs.iter_mut().zip(octs) {
                to[pair][place] = *oct;
            }
            step.offsets[pair][place] = i32::of(&block.quants);
            step.scales[pair][place] = block.scale.to_f32_const();
        }
        step
    }
}
