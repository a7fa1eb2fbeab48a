//! A codec of Q80's shape: blocks of 32 values that share a scale, which the block's largest sets.

use dllama_net::Codec;

const BLOCK: usize = 32;
const BLOCK_BYTES: usize = 4 + BLOCK;

/// An f32 scale, NaN for a block that is not finite, then an i8 a value.
pub struct BlockCodec;

impl Codec for BlockCodec {
    fn granularity(&self) -> usize {
        BLOCK
    }

    fn encoded_len(&self, n_values: usize) -> usize {
        n_values / BLOCK * BLOCK_BYTES
    }

    fn encode(&self, values: &[f32], out: &mut [u8]) {
        let blocks = values.chunks_exact(BLOCK);
        for (values, out) in blocks.zip(out.chunks_exact_mut(BLOCK_BYTES)) {
            // As Q80: a block that has no encoding is NaN, with steps of 0.
            let sum: f32 = values.iter().map(|x| x.abs()).sum();
            let largest = values.iter().fold(0.0f32, |max, x| max.max(x.abs()));
            let scale = if sum.is_finite() {
                largest / 127.0
            } else {
                f32::NAN
            };
            out[..4].copy_from_slice(&scale.to_le_bytes());
            for (value, byte) in values.iter().zip(&mut out[4..]) {
                let steps = if scale == 0.0 { 0.0 } else { value / scale };
                *byte = steps.round_ties_even() as i8 as u8;
            }
        }
    }

    fn add_decoded(&self, bytes: &[u8], acc: &mut [f32]) {
        let blocks = bytes.chunks_exact(BLOCK_BYTES);
        for (bytes, acc) in blocks.zip(acc.chunks_exact_mut(BLOCK)) {
            let (scale, steps) = bytes.split_first_chunk::<4>().expect("a block");
            let scale = f32::from_le_bytes(*scale);
            for (step, acc) in steps.iter().zip(acc) {
                *acc += f32::from(*step as i8) * scale;
            }
        }
    }
}
