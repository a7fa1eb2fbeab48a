//! Adding rows.

use crate::blocks::{BLOCK_SIZE, BlockQ80};

#[inline(always)]
pub(crate) fn add_assign(acc: &mut [f32], x: &[f32]) {
    for (acc, x) in acc.iter_mut().zip(x) {
        *acc += x;
    }
}

#[inline(always)]
pub(crate) fn add_q80(acc: &mut [f32], x: &[BlockQ80]) {
    let (rows, _) = acc.as_chunks_mut::<BLOCK_SIZE>();
    for (acc, block) in rows.iter_mut().zip(x) {
        let scale = block.scale.to_f32_const();
        for (acc, &q) in acc.iter_mut().zip(&block.quants) {
            *acc += scale * f32::from(q);
        }
    }
}
