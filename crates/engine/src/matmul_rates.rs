//! How fast a device multiplies matrices: what sharing a model out in proportion needs to know.
//!
//! Products of Q40 weights, because small devices have no room for others. The figures are those of the
//! middle pass and not of the best one: ranks that share a machine measure at the same time, and each gets
//! what the others leave.

use std::time::{Duration, Instant};

use bytemuck::Zeroable;
use dllama_kernels::{
    BLOCK_SIZE, BlockQ40, BlockQ80, ColumnsMut, Kernels, Line, PanelShape, Pool, f16,
};

use crate::error::Error;
use crate::memory::free_bytes;

/// What a device delivers with all of its threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatmulRates {
    /// Bytes of weights a second for one row: decode.
    pub bytes_per_second: f64,
    /// Multiplications and additions a second for many rows: prefill.
    pub ops_per_second: f64,
}

/// Values a weight row: as long as in models of some billion weights.
const N_IN: usize = 2048;
const N_BLOCKS: usize = N_IN / BLOCK_SIZE;
/// Weights beyond the caches of nearly all devices, where there is room: a laptop's last level has some 30 MiB,
/// which must not count as memory.
const WEIGHT_BYTES: u64 = 128 << 20;
/// Weight rows of the many-rows part, which arithmetic bounds: a pass takes tens of milliseconds on the
/// slowest boards.
const N_OUT_MANY: usize = 512;
/// Rows of a prefill chunk.
const N_ROWS: usize = 64;
/// Output features that a thread takes at a time.
const FEATURES: usize = 64;
/// How long each of the two parts is measured. Filling memory and a first pass come on top of it; all
/// together stay below two seconds.
const SPAN: Duration = Duration::from_millis(200);

impl MatmulRates {
    /// Takes about half a second, and an eighth of the memory at most that is free of `max_memory` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] where not even a small buffer can be had.
    pub(crate) fn measure(
        kernels: Kernels,
        pool: &Pool,
        max_memory: Option<u64>,
    ) -> Result<Self, Error> {
        let room = free_bytes(0, max_memory).unwrap_or(u64::MAX) / 8;
        let n_bytes = WEIGHT_BYTES.min(room) as usize;
        let n_out = (n_bytes / (N_BLOCKS * size_of::<BlockQ40>())).max(N_OUT_MANY);
        let mut weights = Vec::new();
        let n_weights = n_out * N_BLOCKS;
        let reserved = weights.try_reserve_exact(n_weights);
        reserved.map_err(|_| Error::TooLarge)?;
        // Written, so that each page has memory of its own.
        let weight = BlockQ40 {
            scale: f16::from_f32(0.125),
            quants: std::array::from_fn(|i| (i * 37 % 256) as u8),
        };
        weights.resize(n_weights, weight);
        let input = BlockQ80 {
            scale: f16::from_f32(0.125),
            quants: std::array::from_fn(|i| i as i8 - 16),
        };
        let x = vec![input; N_ROWS * N_BLOCKS];

        let one_row = || multiply_one(kernels, pool, &weights, &x[..N_BLOCKS]);
        let per_pass = size_of_val(&weights[..]) as f64;
        let bytes_per_second = per_pass * passes_per_second(one_row);

        let weights = &weights[..N_OUT_MANY * N_BLOCKS];
        let per_pass = (2 * N_ROWS * N_OUT_MANY * N_IN) as f64;
        let ops_per_second = per_pass * passes_per_second(many_rows(kernels, pool, weights, &x));
        Ok(Self {
            bytes_per_second,
            ops_per_second,
        })
    }

    pub(crate) fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.bytes_per_second.to_le_bytes());
        bytes[8..].copy_from_slice(&self.ops_per_second.to_le_bytes());
        bytes
    }

    /// `None` for anything but two numbers that a device can have.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (&[bytes_per_second, ops_per_second], []) = bytes.as_chunks::<8>() else {
            return None;
        };
        let rates = Self {
            bytes_per_second: f64::from_le_bytes(bytes_per_second),
            ops_per_second: f64::from_le_bytes(ops_per_second),
        };
        let is_possible = |rate: f64| (1.0..1e18).contains(&rate);
        (is_possible(rates.bytes_per_second) && is_possible(rates.ops_per_second)).then_some(rates)
    }
}

/// By the middle pass of a span that begins after a first one, which wakes threads and caches.
fn passes_per_second(mut pass: impl FnMut()) -> f64 {
    pass();
    let start = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || start.elapsed() < SPAN {
        let begin = Instant::now();
        pass();
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    // Clocks have steps.
    1.0 / times[times.len() / 2].as_secs_f64().max(1e-9)
}

/// All products with one row, on all threads.
fn multiply_one(kernels: Kernels, pool: &Pool, weights: &[BlockQ40], x: &[BlockQ80]) {
    pool.run(|team| {
        let mut out = [0.0; FEATURES];
        for share in team.shares(weights.len() / N_BLOCKS, FEATURES) {
            for chunk in
                weights[share.start * N_BLOCKS..share.end * N_BLOCKS].chunks(FEATURES * N_BLOCKS)
            {
                let n_out = chunk.len() / N_BLOCKS;
                let window = ColumnsMut::all(&mut out[..n_out], n_out);
                kernels.matmul_q40_q80(chunk, x, N_IN, window);
            }
            std::hint::black_box(&out);
        }
    });
}

/// A pass over products with all rows, by the kernels that a prompt's chunk takes.
fn many_rows<'a>(
    kernels: Kernels,
    pool: &'a Pool,
    weights: &'a [BlockQ40],
    x: &'a [BlockQ80],
) -> impl FnMut() + 'a {
    let shape = PanelShape::new(N_ROWS, N_IN);
    let panels = kernels.wants_panels(N_ROWS).then(|| {
        let mut lines = vec![Line::zeroed(); shape.lines(0..shape.n_steps()).len()];
        kernels.pack_panels(x, shape, 0..shape.n_steps(), &mut lines);
        lines
    });
    move || {
        pool.run(|team| {
            let mut out = vec![0.0; N_ROWS * FEATURES];
            for share in team.shares(weights.len() / N_BLOCKS, FEATURES) {
                for chunk in weights[share.start * N_BLOCKS..share.end * N_BLOCKS]
                    .chunks(FEATURES * N_BLOCKS)
                {
                    let n_out = chunk.len() / N_BLOCKS;
                    let window = ColumnsMut::all(&mut out[..N_ROWS * n_out], n_out);
                    match &panels {
                        Some(lines) => kernels.matmul_q40_panels(chunk, lines, shape, window),
                        None => kernels.matmul_q40_q80(chunk, x, N_IN, window),
                    }
                }
                std::hint::black_box(&out);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_measured_and_survive_the_wire() {
        let pool = Pool::new(2).expect("threads");
        let kernels = Kernels::detect().expect("an instruction set");
        let rates = MatmulRates::measure(kernels, &pool, Some(8 << 20)).expect("memory");
        assert_eq!(MatmulRates::decode(&rates.encode()), Some(rates));
    }

    #[test]
    fn rates_that_no_device_has_are_none() {
        let good = MatmulRates {
            bytes_per_second: 5e9,
            ops_per_second: 2e10,
        };
        assert_eq!(MatmulRates::decode(&good.encode()), Some(good));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            for rates in [
                MatmulRates {
                    bytes_per_second: bad,
                    ..good
                },
                MatmulRates {
                    ops_per_second: bad,
                    ..good
                },
            ] {
                assert_eq!(MatmulRates::decode(&rates.encode()), None, "{rates:?}");
            }
        }
        for n_bytes in [0, 8, 15, 17, 24] {
            assert_eq!(MatmulRates::decode(&vec![0x40; n_bytes]), None);
        }
    }
}
