//! Cosines and sines of RoPE for the rows of a forward.

use std::collections::HashMap;

use crate::error::Error;
use crate::memory::{Region, place};
use crate::program::{Rope, ValidProgram};
use crate::rows::Rows;

/// For each rotation (max_tokens, n_pairs) cosines, then sines. Ropes of equal frequencies share theirs, so that a
/// model whose layers each declare one takes no more than a model that declares one for all.
pub(crate) struct Turns {
    region: Region,
    rotations: Vec<Rotation>,
    /// The rotation of each rope.
    of_rope: Vec<usize>,
}

struct Rotation {
    /// A rope that has it.
    rope: usize,
    n_pairs: usize,
    cos: usize,
    sin: usize,
}

impl Turns {
    /// # Errors
    ///
    /// [`Error::TooLarge`] and [`Error::System`].
    pub(super) fn new(program: &ValidProgram) -> Result<Self, Error> {
        let (rotations, of_rope, n_bytes) = plan(program).ok_or(Error::TooLarge)?;
        Ok(Self {
            region: Region::new(n_bytes)?,
            rotations,
            of_rope,
        })
    }

    /// Bytes once a forward has had all rows.
    pub(super) fn n_bytes(program: &ValidProgram) -> Option<usize> {
        plan(program).map(|(_, _, n_bytes)| n_bytes)
    }

    /// Turns to the positions of a forward's rows. Angles are computed in f64: at position 4000 an f32 product is
    /// off by up to 2e-4 radians.
    pub(super) fn turn_to(&mut self, ropes: &[Rope], rows: &Rows) {
        for rotation in &self.rotations {
            let n_pairs = rotation.n_pairs;
            let n = rows.all.len() * n_pairs;
            let end = rotation.cos + n * size_of::<f32>();
            assert!(end <= rotation.sin, "more rows than a forward has");
            // SAFETY: `&mut self` keeps all others away, and the two lie apart, as just seen.
            let (cos, sin) = unsafe {
                (
                    self.region.slice_mut::<f32>(rotation.cos, n),
                    self.region.slice_mut::<f32>(rotation.sin, n),
                )
            };
            let places = cos
                .chunks_exact_mut(n_pairs)
                .zip(sin.chunks_exact_mut(n_pairs));
            for (row, (cos, sin)) in rows.all.iter().zip(places) {
                let places = cos.iter_mut().zip(sin);
                for (frequency, (to_cos, to_sin)) in
                    ropes[rotation.rope].frequencies.iter().zip(places)
                {
                    let (sin, cos) = (f64::from(row.position) * frequency).sin_cos();
                    (*to_cos, *to_sin) = (cos as f32, sin as f32);
                }
            }
        }
    }

    /// Cosines and sines of a row of the forward: (n_pairs) each.
    pub(crate) fn of_row(&self, rope: u32, row: usize) -> (&[f32], &[f32]) {
        let rotation = &self.rotations[self.of_rope[rope as usize]];
        let n_pairs = rotation.n_pairs;
        let skipped = row * n_pairs * size_of::<f32>();
        // SAFETY: only `turn_to` writes, with `&mut self`.
        unsafe {
            (
                self.region.slice(rotation.cos + skipped, n_pairs),
                self.region.slice(rotation.sin + skipped, n_pairs),
            )
        }
    }
}

fn plan(program: &ValidProgram) -> Option<(Vec<Rotation>, Vec<usize>, usize)> {
    let mut known: HashMap<&[u64], usize> = HashMap::new();
    let mut rotations = Vec::new();
    let mut of_rope = Vec::with_capacity(program.ropes.len());
    let mut end = 0;
    for (rope, declared) in program.ropes.iter().enumerate() {
        let frequencies: &[u64] = bytemuck::cast_slice(&declared.frequencies);
        let index = match known.get(frequencies) {
            Some(&index) => index,
            None => {
                let n_pairs = declared.frequencies.len();
                let n_values = n_pairs.checked_mul(program.max_tokens as usize)?;
                let n_bytes = n_values.checked_mul(size_of::<f32>())?;
                rotations.push(Rotation {
                    rope,
                    n_pairs,
                    cos: place(&mut end, n_bytes)?,
                    sin: place(&mut end, n_bytes)?,
                });
                known.insert(frequencies, rotations.len() - 1);
                rotations.len() - 1
            }
        };
        of_rope.push(index);
    }
    Some((rotations, of_rope, end))
}
