//! Slices from the root's file to a worker's memory, weight by weight in the Program's order.

use dllama_net::Mesh;

use super::model_file::ModelFile;
use super::plan::{WeightPlan, n_bytes};
use super::store::Weights;
use crate::error::Error;
use crate::program::ValidProgram;

/// Sends worker `rank` its weights. `sent` is told the bytes of each.
///
/// # Errors
///
/// [`Error::Weight`] before anything is sent; [`Error::Net`].
pub(crate) fn send(
    mesh: &Mesh,
    rank: usize,
    program: &ValidProgram,
    file: &ModelFile,
    sent: &dyn Fn(usize),
) -> Result<(), Error> {
    for weight in &program.weights {
        file.check(weight)?;
    }
    for weight in &program.weights {
        let n_bytes = n_bytes(weight).ok_or(Error::TooLarge)?;
        if n_bytes > 0 {
            mesh.send_slice(rank, &file.slice(weight))?;
        }
        sent(n_bytes);
    }
    Ok(())
}

impl Weights {
    /// A worker's weights, received into the memory that they are computed from.
    ///
    /// # Errors
    ///
    /// [`Error::Net`], [`Error::System`].
    pub(crate) fn receive(mesh: &Mesh, program: &ValidProgram) -> Result<Self, Error> {
        let mut weights = Self::new(WeightPlan::for_worker(program)?, None)?;
        for index in 0..program.weights.len() {
            match weights.destination(program, index) {
                Some(destination) if !destination.is_empty() => {
                    mesh.receive_slice(0, destination)?;
                }
                _ => {}
            }
        }
        Ok(weights)
    }
}
