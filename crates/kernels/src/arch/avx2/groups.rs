//! Groups of eight blocks, the step of the block kernels.
//!
//! In a register blocks lie in pairs, an even one in the lower half and the odd one
//! after it in the upper. Merging the registers of four pairs leaves one lane a
//! block, in the order of [`BLOCK_OF_LANE`].

/// Blocks in a group: their scales, or their sums, fill a register.
pub(in crate::arch) const GROUP: usize = 8;

/// The block whose sum a lane holds after the merges.
const BLOCK_OF_LANE: [usize; GROUP] = [0, 2, 4, 6, 1, 3, 5, 7];

/// What belongs to each block of a group, in the order of the lanes.
#[inline]
pub(in crate::arch) fn by_lane<V>(of_block: impl Fn(usize) -> V) -> [V; GROUP] {
    BLOCK_OF_LANE.map(of_block)
}
