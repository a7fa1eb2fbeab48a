//! A file of weights, removed when it is dropped.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Numbers of a model, as bytes that Programs point into.
pub struct ModelFile(PathBuf);

impl ModelFile {
    /// A file with these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (process, count) = (std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(format!("dllama-engine-{process}-{count}.bin"));
        fs::write(&path, bytes).expect("a temporary folder that can be written to");
        Self(path)
    }

    /// A file of `n` seeded f32 values from -0.5 to 0.5.
    pub fn of_floats(n: usize, seed: u64) -> Self {
        let bytes: Vec<u8> = floats(n, seed)
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect();
        Self::new(&bytes)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ModelFile {
    fn drop(&mut self) {
        // Left behind in the temporary folder at worst.
        let _ = fs::remove_file(&self.0);
    }
}

/// `n` seeded values from -0.5 to 0.5: xorshift64* (Vigna, 2016), its upper 24 bits.
pub fn floats(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed | 1;
    let next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        let bits = state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40;
        bits as f32 / (1u64 << 24) as f32 - 0.5
    };
    std::iter::repeat_with(next).take(n).collect()
}
