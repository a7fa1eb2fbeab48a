//! Attention with lanes that are plain values.

use super::lanes::{self, LANES};
use crate::arch::attention::vector::Vector;
use crate::arch::attention::{Block, Queries, few, many};

pub(crate) fn attend_few(block: &Block<'_>, queries: &mut Queries) {
    // SAFETY: portable code runs on every machine.
    unsafe { few::attend::<Lanes, 1>(block, queries) }
}

pub(crate) fn attend_many(block: &Block<'_>, queries: &mut Queries) {
    // SAFETY: portable code runs on every machine, and its vectors divide a block.
    unsafe { many::attend::<Lanes, 1, 1, 1>(block, queries) }
}

#[derive(Clone, Copy)]
struct Lanes([f32; LANES]);

impl Vector for Lanes {
    const LANES: usize = LANES;

    unsafe fn splat(value: f32) -> Self {
        Self([value; LANES])
    }

    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's promise; an array has the alignment of its elements.
        Self(unsafe { from.cast::<[f32; LANES]>().read() })
    }

    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's promise; an array has the alignment of its elements.
        unsafe { to.cast::<[f32; LANES]>().write(self.0) }
    }

    unsafe fn mul(self, other: Self) -> Self {
        Self(core::array::from_fn(|lane| self.0[lane] * other.0[lane]))
    }

    /// Rounds twice: a fused product without its instruction is a slow call.
    unsafe fn mul_add(self, factor: Self, added: Self) -> Self {
        Self(core::array::from_fn(|lane| {
            self.0[lane] * factor.0[lane] + added.0[lane]
        }))
    }

    unsafe fn sum(self) -> f32 {
        lanes::sum_of(self.0)
    }
}
