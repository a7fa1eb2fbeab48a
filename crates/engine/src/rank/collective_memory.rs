//! What the collectives of a rank take beside the memory of its ops.

use super::results::RecordShape;
use crate::float_type::FloatType;
use crate::program::{Op, ValidProgram, WireType};

/// Bytes that sums, records and rows of logits take at most on their way between ranks. What a root hands to its
/// caller, such as whole rows of logits, is the caller's.
pub(super) fn collective_bytes(program: &ValidProgram) -> Option<usize> {
    let (world_size, is_root) = (program.world_size as usize, program.rank == 0);
    let max_tokens = program.max_tokens as usize;
    // One rank alone sends nothing.
    let n_parts = if is_root { world_size } else { 0 };
    let (mut sums, mut narrowed, mut gathered) = (0, 0, 0);
    for step in &program.steps {
        match &step.op {
            Op::AllReduce { input, .. } if world_size > 1 => {
                let width = program.buffers[*input as usize].width as usize;
                let wire = match program.buffer_float_type {
                    WireType::Q80 => FloatType::Q80,
                    WireType::F32 => FloatType::F32,
                };
                // A partial as it is sent, those of all ranks as they come, and their sum.
                let row = wire.n_bytes(width)?.checked_mul(1 + world_size)?;
                let row = row.checked_add(width.checked_mul(size_of::<f32>())?)?;
                sums = sums.max(row.checked_mul(max_tokens)?);
            }
            Op::Embedding {
                weight: Some(_),
                out,
                ..
            } => {
                // A row of a table that is narrowed.
                narrowed = program.buffers[*out as usize].width as usize * size_of::<f32>();
            }
            Op::Candidates { vocab_split, k, .. } => {
                let record_bytes = RecordShape::new(vocab_split, *k).n_bytes();
                let records = record_bytes.checked_mul(max_tokens)?.checked_mul(n_parts)?;
                let largest = vocab_split.iter().copied().max().unwrap_or(0) as usize;
                let row = (largest * size_of::<f32>()).checked_mul(1 + n_parts)?;
                gathered = records.max(row);
            }
            _ => {}
        }
    }
    narrowed.checked_add(gathered)?.checked_add(sums)
}
