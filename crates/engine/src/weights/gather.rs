//! Row-parallel slices on the root: strided in the file, compact in memory.

use std::sync::Arc;

use super::model_file::ModelFile;
use super::plan::{WeightPlan, row_bytes};
use super::store::Weights;
use crate::error::Error;
use crate::program::{ValidProgram, Weight};

impl Weights {
    /// The root's weights: checked, and gathered where they are strided in the file. `loaded` is
    /// told the bytes of each.
    ///
    /// # Errors
    ///
    /// [`Error::Weight`] where the file is not as the Program says; [`Error::System`].
    pub(crate) fn from_file(
        program: &ValidProgram,
        file: &Arc<ModelFile>,
        loaded: &dyn Fn(usize) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        for weight in &program.weights {
            file.check(weight)?;
        }
        let mut weights = Self::new(WeightPlan::for_root(program)?, Some(Arc::clone(file)))?;
        for (index, weight) in program.weights.iter().enumerate() {
            if let Some(destination) = weights.destination(program, index) {
                gather(weight, file, destination);
            }
            loaded(row_bytes(weight) * weight.rows as usize)?;
        }
        Ok(weights)
    }
}

fn gather(weight: &Weight, file: &ModelFile, destination: &mut [u8]) {
    let n_bytes = |cols: u32| {
        weight
            .float_type
            .n_bytes(cols as usize)
            .expect("whole blocks")
    };
    let stride = n_bytes(weight.source.cols);
    let piece = n_bytes(weight.cols);
    if piece == 0 {
        return;
    }
    let start = weight.source.offset as usize + weight.source.first_row as usize * stride;
    let source = &file.bytes()[start..start + weight.rows as usize * stride];
    file.will_read(start, source.len());
    let skipped = n_bytes(weight.source.first_col);
    for (row, piece) in source
        .chunks_exact(stride)
        .zip(destination.chunks_exact_mut(piece))
    {
        piece.copy_from_slice(&row[skipped..skipped + piece.len()]);
    }
    file.release(start, source.len());
}
