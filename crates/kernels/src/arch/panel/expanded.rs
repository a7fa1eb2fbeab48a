//! Weights as the inner loops of panels want them: a byte each, four bytes broadcast at a time.

use bytemuck::{Pod, Zeroable};

use super::ROWS;

/// Blocks of a weight row that are expanded together.
pub(crate) const GROUP: usize = 4;

/// `GROUP` blocks of `ROWS` weight rows. Bytes stay in their order, so that a register of low nibbles is stored
/// as it is.
#[repr(C, align(64))]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(crate) struct Expanded {
    /// Values 0 to 15 of each block, four in an element.
    pub low: [[[u32; 4]; GROUP]; ROWS],
    /// Values 16 to 31.
    pub high: [[[u32; 4]; GROUP]; ROWS],
    pub scales: [[f32; GROUP]; ROWS],
}
