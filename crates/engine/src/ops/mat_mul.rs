//! Products of one input with one or more weights.

use std::ops::Range;

use dllama_kernels::{BLOCK_SIZE, BlockQ40, BlockQ80, Flow, PanelShape, Team, f16};

use crate::float_type::FloatType;
use crate::program::{Product, Step};
use crate::rank::Forward;
use crate::rows::RowClass;

/// Output features of a share are a multiple of this: some tens of rows for each preparation of the
/// input, and whole cache lines of the output.
pub(super) const FEATURES: usize = 64;
/// Blocks that a thread quantises at a time.
const BLOCKS: usize = 64;
/// Blocks of all rows that a thread packs in panels at a time.
const STEPS: usize = 4;

pub(super) fn run(
    forward: &Forward<'_>,
    team: &Team,
    step: &Step,
    input: u32,
    products: &[Product],
) -> Flow {
    let Some(inputs) = Inputs::prepare(forward, team, step, input, products) else {
        return Flow::Stop;
    };
    let weights = &forward.rank.program.weights;
    let n_out = |product: &Product| weights[product.weight as usize].rows as usize;
    let n_features: usize = products.iter().map(n_out).sum();
    // All products in one hand-out: a share may end one and begin the next.
    for share in team.shares(n_features, FEATURES) {
        let mut first = 0;
        for product in products {
            let end = first + n_out(product);
            let (from, to) = (share.start.max(first), share.end.min(end));
            if from < to {
                let features = from - first..to - first;
                inputs.multiply(forward, product, features);
            }
            first = end;
        }
    }
    Flow::Continue
}

/// The input of a step's products, ready to be multiplied.
pub(super) struct Inputs {
    input: u32,
    n_rows: usize,
    panels: Option<PanelShape>,
}

impl Inputs {
    /// Quantises and packs the input as the weights want it; `None` when the forward has failed.
    pub(super) fn prepare(
        forward: &Forward<'_>,
        team: &Team,
        step: &Step,
        input: u32,
        products: &[Product],
    ) -> Option<Self> {
        let rank = forward.rank;
        let n_rows = forward.n_rows(input);
        let weights = &rank.program.weights;
        let float_type = |product: &Product| weights[product.weight as usize].float_type;
        let any_is = |wanted: fn(FloatType) -> bool| products.iter().map(float_type).any(wanted);
        if n_rows > 0
            && any_is(FloatType::is_quantised)
            && quantise(forward, team, step, input, n_rows) == Flow::Stop
        {
            return None;
        }
        let wanted = forward.rows.class == RowClass::Fast && rank.kernels.wants_panels(n_rows);
        let panels = (wanted && any_is(|float_type| float_type == FloatType::Q40))
            .then(|| PanelShape::new(n_rows, rank.buffers.width(input)));
        if let Some(shape) = panels
            && pack(forward, team, shape, n_rows * rank.buffers.width(input)) == Flow::Stop
        {
            return None;
        }
        Some(Self {
            input,
            n_rows,
            panels,
        })
    }

    /// `features` of one product for all rows.
    pub(super) fn multiply(
        &self,
        forward: &Forward<'_>,
        product: &Product,
        features: Range<usize>,
    ) {
        let &Self {
            input,
            n_rows,
            panels,
        } = self;
        let rank = forward.rank;
        let kernels = rank.kernels;
        let declared = &rank.program.weights[product.weight as usize];
        let n_in = declared.cols as usize;
        // SAFETY: this thread's columns of the output (see `ops`).
        let mut out = unsafe {
            rank.buffers
                .columns_mut(product.out, 0..n_rows, features.clone())
        };
        if n_in == 0 {
            // An empty row-parallel slice: this rank's part of each sum is zero.
            (0..n_rows).for_each(|row| out.row_mut(row).fill(0.0));
            return;
        }
        // SAFETY: an input of this step (see `ops`).
        let x = unsafe { rank.buffers.rows(input, n_rows) };
        // SAFETY: written before the barrier that ended `quantise`.
        let blocks = || unsafe { rank.scratch.quantised(0..x.len() / BLOCK_SIZE) };
        let index = product.weight;
        match declared.float_type {
            FloatType::Q40 => {
                let w = rank.weights.rows::<BlockQ40>(declared, index, features);
                match panels {
                    Some(shape) => {
                        // SAFETY: written before the barrier that ended `pack`.
                        let panels =
                            unsafe { rank.scratch.panels(shape.lines(0..shape.n_steps())) };
                        kernels.matmul_q40_panels(w, panels, shape, out);
                    }
                    None => kernels.matmul_q40_q80(w, blocks(), n_in, out),
                }
            }
            FloatType::Q80 => {
                let w = rank.weights.rows::<BlockQ80>(declared, index, features);
                kernels.matmul_q80_q80(w, blocks(), n_in, out);
            }
            FloatType::F16 => {
                let w = rank.weights.rows::<f16>(declared, index, features);
                kernels.matmul_f16_f32(w, x, n_in, out);
            }
            FloatType::F32 => {
                let w = rank.weights.rows::<f32>(declared, index, features);
                kernels.matmul_f32_f32(w, x, n_in, out);
            }
        }
    }
}

/// The whole input as Q80, once for all products.
fn quantise(forward: &Forward<'_>, team: &Team, step: &Step, input: u32, n_rows: usize) -> Flow {
    let rank = forward.rank;
    // SAFETY: an input of this step (see `ops`).
    let x = unsafe { rank.buffers.rows(input, n_rows) };
    for blocks in team.chunks(x.len() / BLOCK_SIZE, BLOCKS) {
        let first = blocks.start * BLOCK_SIZE;
        let values = &x[first..blocks.end * BLOCK_SIZE];
        // SAFETY: this thread's blocks of the scratch (see `ops`).
        let out = unsafe { rank.scratch.quantised_mut(blocks) };
        if rank.kernels.quantize_q80(values, out).is_err() {
            note_bad_blocks(forward, step, input, first, out);
        }
    }
    team.barrier()
}

/// Notes the rows of the blocks that could not be quantised; the first of `blocks` begins at value `first`.
#[cold]
fn note_bad_blocks(
    forward: &Forward<'_>,
    step: &Step,
    input: u32,
    first: usize,
    blocks: &[BlockQ80],
) {
    let width = forward.rank.buffers.width(input);
    let starts = (first..).step_by(BLOCK_SIZE);
    for (start, _) in starts.zip(blocks).filter(|(_, block)| block.scale.is_nan()) {
        forward.note(step, input, start / width);
    }
}

/// The whole quantised input in panels, for the products with Q40 weights.
fn pack(forward: &Forward<'_>, team: &Team, shape: PanelShape, n_values: usize) -> Flow {
    let rank = forward.rank;
    // SAFETY: written before the barrier that ended `quantise`.
    let x = unsafe { rank.scratch.quantised(0..n_values / BLOCK_SIZE) };
    for steps in team.chunks(shape.n_steps(), STEPS) {
        // SAFETY: this thread's lines of the scratch (see `ops`).
        let lines = unsafe { rank.scratch.panels_mut(shape.lines(steps.clone())) };
        rank.kernels.pack_panels(x, shape, steps, lines);
    }
    team.barrier()
}
