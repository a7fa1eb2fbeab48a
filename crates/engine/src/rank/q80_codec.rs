//! Partial sums as Q80 on the wire.

use bytemuck::{Zeroable, cast_slice, cast_slice_mut};

use dllama_kernels::{BLOCK_SIZE, BlockQ80, Kernels};
use dllama_net::Codec;

/// Blocks of 32 values in 34 bytes. Decoding rounds scale x q to f32 before the add, so that all
/// instruction sets agree.
pub(crate) struct Q80Codec(pub(crate) Kernels);

/// Blocks converted at a time where the bytes are not aligned for blocks.
const PIECE: usize = 64;

impl Codec for Q80Codec {
    fn granularity(&self) -> usize {
        BLOCK_SIZE
    }

    fn encoded_len(&self, n_values: usize) -> usize {
        n_values / BLOCK_SIZE * size_of::<BlockQ80>()
    }

    fn encode(&self, values: &[f32], out: &mut [u8]) -> Result<(), usize> {
        let mut blocks = [BlockQ80::zeroed(); PIECE];
        let pieces = values.chunks(PIECE * BLOCK_SIZE);
        let outs = out.chunks_mut(PIECE * size_of::<BlockQ80>());
        for (index, (values, out)) in pieces.zip(outs).enumerate() {
            let blocks = &mut blocks[..values.len() / BLOCK_SIZE];
            self.0
                .quantize_q80(values, blocks)
                .map_err(|error| index * PIECE * BLOCK_SIZE + error.index)?;
            out.copy_from_slice(cast_slice(blocks));
        }
        Ok(())
    }

    fn add_decoded(&self, bytes: &[u8], acc: &mut [f32]) {
        let mut blocks = [BlockQ80::zeroed(); PIECE];
        let pieces = bytes.chunks(PIECE * size_of::<BlockQ80>());
        for (bytes, acc) in pieces.zip(acc.chunks_mut(PIECE * BLOCK_SIZE)) {
            let blocks = &mut blocks[..acc.len() / BLOCK_SIZE];
            cast_slice_mut::<_, u8>(blocks).copy_from_slice(bytes);
            self.0.add_q80(acc, blocks);
        }
    }
}
