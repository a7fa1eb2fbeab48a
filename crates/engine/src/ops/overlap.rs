//! A product that is summed over all ranks, in ranges: a finished one travels while the next is
//! multiplied.
//!
//! A range is some output features of all rows, because the kernels for many rows expand weights once a
//! feature. A sum's bits do not depend on where ranges end (they are whole blocks of the wire's codec),
//! and where they end depends on sizes alone, so that all ranks cut alike, whatever their threads.

use std::ops::Range;

use dllama_kernels::{Flow, Team};
use dllama_net::{AllReduce, Codec, Reduction};

use super::all_reduce::WireCodec;
use super::mat_mul::{FEATURES, Inputs};
use crate::error::Error;
use crate::program::{Op, Product, Step};
use crate::rank::Forward;

/// Bytes to one peer that are worth a second message.
const LEAST_BYTES: usize = 32 << 10;
/// What travels last overlaps with nothing; each range costs a barrier and a message to each peer.
const MAX_RANGES: usize = 4;

/// A matMul step with the allReduce step that follows it.
pub(crate) struct Overlap<'a> {
    mat_mul: &'a Step,
    input: u32,
    product: &'a Product,
    into: u32,
    how: AllReduce,
    n_rows: usize,
    width: usize,
    n_ranges: usize,
}

impl<'a> Overlap<'a> {
    /// Both steps, if the one's only product is what the other sums up and there is enough of it.
    pub(crate) fn of(forward: &Forward<'_>, step: &'a Step, next: &'a Step) -> Option<Self> {
        let (Op::MatMul { input, products }, Op::AllReduce { input: sum, into }) =
            (&step.op, &next.op)
        else {
            return None;
        };
        let world_size = forward.mesh.world_size();
        let [product] = &products[..] else {
            return None;
        };
        if world_size == 1 || product.out != *sum || *into == *input {
            return None;
        }
        let n_rows = forward.n_rows(*sum);
        let width = forward.rank.buffers.width(*sum);
        let row_bytes = WireCodec::of(forward.rank).encoded_len(width);
        let how = super::all_reduce::way(forward, row_bytes);
        let to_a_peer = match how {
            AllReduce::Direct => n_rows * row_bytes,
            AllReduce::Scattered => n_rows * row_bytes / world_size,
        };
        let n_ranges = (2 * to_a_peer / LEAST_BYTES).min(MAX_RANGES);
        (to_a_peer > LEAST_BYTES && width >= FEATURES * n_ranges).then_some(Self {
            mat_mul: step,
            input: *input,
            product,
            into: *into,
            how,
            n_rows,
            width,
            n_ranges,
        })
    }

    /// Runs both steps.
    pub(crate) fn run(&self, forward: &Forward<'_>, team: &Team) -> Flow {
        let products = std::slice::from_ref(self.product);
        let inputs = Inputs::prepare(forward, team, self.mat_mul, self.input, products);
        let Some(inputs) = inputs else {
            return Flow::Stop;
        };
        let codec = WireCodec::of(forward.rank);
        let is_first = team.thread() == 0;
        let mut reduction = is_first.then(|| forward.mesh.begin_all_reduce(self.how, &codec));
        for number in 0..self.n_ranges {
            let range = self.range(number);
            for part in team.shares(range.len(), FEATURES) {
                let features = range.start + part.start..range.start + part.end;
                inputs.multiply(forward, self.product, features);
            }
            if team.barrier() == Flow::Stop {
                return Flow::Stop;
            }
            if let Some(reduction) = &mut reduction {
                self.push(forward, reduction, range);
            }
        }
        if let Some(reduction) = reduction
            && let Err(error) = self.finish(forward, reduction)
        {
            forward.fail(team, error);
        }
        Flow::Continue
    }

    fn range(&self, number: usize) -> Range<usize> {
        let border = |number| match number {
            n if n == self.n_ranges => self.width,
            n => n * self.width / self.n_ranges / FEATURES * FEATURES,
        };
        border(number)..border(number + 1)
    }

    fn push(&self, forward: &Forward<'_>, reduction: &mut Reduction<'_>, range: Range<usize>) {
        let buffers = &forward.rank.buffers;
        let runs = (0..self.n_rows).map(|row| {
            let values = self.values(row, &range);
            // SAFETY: all threads have left this range: it is finished, and the others are in later ones.
            &*unsafe { buffers.values_mut(self.product.out, values) }
        });
        reduction.push(runs);
    }

    fn finish(&self, forward: &Forward<'_>, reduction: Reduction<'_>) -> Result<(), Error> {
        let rank = forward.rank;
        reduction.finish(|number, sum| {
            let range = self.range(number);
            for (row, sum) in sum.chunks_exact(range.len()).enumerate() {
                let values = self.values(row, &range);
                // SAFETY: the other threads are on their way to the next barrier.
                let into = unsafe { rank.buffers.values_mut(self.into, values) };
                rank.kernels.add_assign(into, sum);
            }
        })?;
        Ok(())
    }

    /// Columns `range` of a row, as values of a buffer.
    fn values(&self, row: usize, range: &Range<usize>) -> Range<usize> {
        row * self.width + range.start..row * self.width + range.end
    }
}
