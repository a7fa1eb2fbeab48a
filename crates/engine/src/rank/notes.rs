//! Rows of a forward whose numbers have ended, and where.
//!
//! A value that is NaN or infinite, or too large for the type that it goes on in, ends no forward: peers wait
//! for this rank. It becomes NaN, which flows into everything that is computed from it, and whoever meets it
//! first makes a note. So a note costs a comparison where values are looked at anyway.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::program::{Op, Step};

/// A row of a forward whose values are NaN, infinite, or too large to go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "sequence {sequence}, position {position}: what {op}{} gave is not a number, or too large to go on with",
    layer.map_or(String::new(), |layer| format!(" in layer {layer}"))
)]
pub struct NotFinite {
    /// Index of the row in the forward.
    pub row: usize,
    /// Its sequence, which now ends before this row at the latest.
    pub sequence: u32,
    /// Its place in the sequence.
    pub position: u32,
    /// The layer, from 0, or none outside the layers.
    pub layer: Option<u32>,
    /// The name of the op that made the values, as far as this rank can tell.
    pub op: &'static str,
}

impl NotFinite {
    /// The stable code, as TypeScript has it.
    pub fn code(&self) -> &'static str {
        "NUMBER_NOT_FINITE"
    }

    /// What to do next.
    pub fn hint(&self) -> &'static str {
        "The model file may be damaged: convert it again, or get it again. If it is not, its numbers are too large for the types of this run: try --buffer-float-type f32 and --kv-cache-type f32."
    }
}

/// For each row of a forward the first step whose result was seen not to be finite.
pub(super) struct Notes(Vec<AtomicU32>);

/// No step: a Program has fewer.
const NONE: u32 = u32::MAX;

impl Notes {
    pub(super) fn new(n_rows: usize) -> Self {
        Self((0..n_rows).map(|_| AtomicU32::new(NONE)).collect())
    }

    /// Notes that what `steps` have left in the row's `buffer` is not finite. Of a row's notes the one about the
    /// earliest step counts: what comes after it may be bad because of it.
    #[cold]
    pub(super) fn note(&self, row: usize, steps: &[Step], buffer: u32) {
        // Relaxed: nobody reads notes before the forward's threads have met.
        self.0[row].fetch_min(maker(steps, buffer) as u32, Relaxed);
    }

    /// The rows that have a note, in their order, with the step.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let steps = self.0.iter().map(|step| step.load(Relaxed));
        let noted = steps.enumerate().filter(|(_, step)| *step != NONE);
        noted.map(|(row, step)| (row, step as usize))
    }
}

/// The last of `steps` that has made the values of `buffer`. A step that copies or turns values passes on what
/// it got.
fn maker(steps: &[Step], mut buffer: u32) -> usize {
    for (index, step) in steps.iter().enumerate().rev() {
        match &step.op {
            Op::SelectRows { input, out } if *out == buffer => buffer = *input,
            Op::Rope { .. } => {}
            op if op.makes(buffer) => return index,
            _ => {}
        }
    }
    0
}
