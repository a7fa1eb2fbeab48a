//! Token rows of the embedding table: read by the root, broadcast as stored, decoded by all ranks.

use dllama_kernels::{BlockQ40, BlockQ80, Flow, Team, f16};

use crate::error::Error;
use crate::float_type::FloatType;
use crate::rank::{Forward, Rank};

pub(super) fn run(
    forward: &Forward<'_>,
    team: &Team,
    weight: Option<u32>,
    wire: FloatType,
    out: u32,
) -> Flow {
    let rank = forward.rank;
    let (n_rows, width) = (forward.rows.all.len(), rank.buffers.width(out));
    // A valid Program's width is whole blocks of the wire's type.
    let row_bytes = wire.n_bytes(width).expect("whole blocks");
    if team.thread() == 0 {
        // SAFETY: the other threads wait at the barrier below.
        let bytes = unsafe { rank.scratch.wire_mut(n_rows * row_bytes) };
        if let Err(error) = collect(forward, weight, wire, bytes) {
            forward.fail(team, error);
        }
    }
    if team.barrier() == Flow::Stop {
        return Flow::Stop;
    }
    // SAFETY: written before the barrier.
    let bytes = unsafe { rank.scratch.wire(n_rows * row_bytes) };
    for rows in team.shares(n_rows, 1) {
        for row in rows {
            let bytes = &bytes[row * row_bytes..(row + 1) * row_bytes];
            // SAFETY: this thread's rows of the output (see `ops`).
            let out = unsafe { rank.buffers.values_mut(out, row * width..(row + 1) * width) };
            decode(rank, wire, bytes, out);
        }
    }
    Flow::Continue
}

/// Fills `bytes` with the rows of this forward's tokens, on all ranks.
fn collect(
    forward: &Forward<'_>,
    weight: Option<u32>,
    wire: FloatType,
    bytes: &mut [u8],
) -> Result<(), Error> {
    if let Some(index) = weight {
        let table = &forward.rank.program.weights[index as usize];
        let width = table.cols as usize;
        let row_bytes = bytes.len() / forward.rows.all.len();
        for (row, bytes) in forward
            .rows
            .all
            .iter()
            .zip(bytes.chunks_exact_mut(row_bytes))
        {
            let token = row.token as usize;
            let stored: &[u8] = forward.rank.weights.rows(table, index, token..token + 1);
            if wire == table.float_type {
                bytes.copy_from_slice(stored);
                continue;
            }
            let mut values = vec![0.0; width];
            decode(forward.rank, table.float_type, stored, &mut values);
            let kernels = &forward.rank.kernels;
            // What cannot be quantised goes to all ranks as NaN, and they note it where they read it.
            let _ = kernels.quantize_q80(&values, bytemuck::cast_slice_mut(bytes));
        }
    }
    if forward.mesh.world_size() > 1 {
        forward.mesh.broadcast(0, bytes)?;
    }
    Ok(())
}

/// One row. Its bytes lie at an even address: rows of all types have an even number of bytes.
fn decode(rank: &Rank, float_type: FloatType, bytes: &[u8], out: &mut [f32]) {
    match float_type {
        FloatType::Q40 => {
            let blocks: &[BlockQ40] = bytemuck::cast_slice(bytes);
            rank.kernels.dequantize_q40(blocks, out);
        }
        FloatType::Q80 => {
            let blocks: &[BlockQ80] = bytemuck::cast_slice(bytes);
            rank.kernels.dequantize_q80(blocks, out);
        }
        FloatType::F16 => {
            let halves: &[f16] = bytemuck::cast_slice(bytes);
            rank.kernels.dequantize_f16(halves, out);
        }
        FloatType::F32 => bytemuck::cast_slice_mut::<f32, u8>(out).copy_from_slice(bytes),
    }
}
