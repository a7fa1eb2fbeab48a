//! The matmul of many token rows: tokens in the lanes of vectors, weights broadcast.
//!
//! Activations are packed once into panels ([`step`]), in the order in which the inner loop reads them: a panel
//! wider than what it takes at a time, so that it strides over the rest, made it 0.8 times as fast on a Zen 3.
//! Weight rows are expanded from nibbles to bytes a tile at a time, and then multiplied
//! with [`TOKENS`] rows ([`walk`], [`tile`]); the inner loop is an instruction set's own. A sum runs over
//! the blocks of a row in their order, so its bits do not depend on how the weights
//! are cut. They do differ from those of the kernels for few rows.

pub(crate) mod expanded;
pub(crate) mod kernel;
pub(crate) mod step;
mod tile;
mod transpose;
pub(crate) mod walk;

/// Token rows that an expanded tile is multiplied with: expanding a weight block then costs a twentieth of
/// multiplying it. They are one panel or several, as the instruction set's registers want it.
pub(crate) const TOKENS: usize = 64;

/// A cache line, of which panels are made.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub struct Line([u8; 64]);

/// `n`, unknown to the compiler. It unrolls a loop of a few known rounds, then sorts the sums one after the
/// other, so that each waits for itself, and runs out of registers.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn rolled(n: usize) -> usize {
    core::hint::black_box(n)
}

/// `sums`, unknown to the compiler, which would otherwise keep them on the stack, and copy them there and back.
#[inline(always)]
pub(crate) fn in_memory<S>(sums: &mut S) -> &mut S {
    core::hint::black_box(sums)
}
