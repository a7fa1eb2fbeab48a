//! Doors for the fuzz targets in `fuzz/`, which `--cfg fuzzing` alone opens.

use std::sync::OnceLock;

use dllama_kernels::{Kernels, Pool};
use dllama_net::Mesh;

use crate::plan::Plan;
use crate::roles::Storage;
use crate::roles::Storage;
use crate::roles::keeper::Keeper;
use crate::roles::keeper::Keeper;
use crate::roles::session::Session;
use crate::rows;

/// Rows of a forward, as a root sends them.
pub fn rows(bytes: &[u8]) {
    if let Ok((class, rows)) = rows::decode(bytes) {
        assert_eq!(rows::encode(class, &rows), bytes);
    }
}

/// The agreements of a session.
pub fn plan(bytes: &[u8]) {
    if let Some(plan) = Plan::decode(bytes) {
        assert_eq!(Plan::decode(&plan.encode()), Some(plan));
    }
}

/// A worker's whole session, from its first message to the goodbye, with whatever `mesh` brings.
pub fn session(mesh: &Mesh) {
    static PARTS: OnceLock<(Pool, Kernels)> = OnceLock::new();
    let (pool, kernels) = PARTS.get_or_init(|| {
        let kernels = Kernels::detect().expect("kernels");
        (Pool::new(1).expect("no thread beside this one"), kernels)
    });
    // A keeper of its own: what one input leaves must not change the next one's course.
    let keeper = Keeper::new(Storage::default(), |_| ()).expect("nothing to open");
    let session = Session {
        mesh,
        pool,
        kernels: *kernels,
        n_threads: 1,
        max_memory: Some(1 << 30),
        keeper: &keeper,
    };
    if let Err(error) = session.serve(&|_| ()) {
        assert!(!error.code().is_empty() && !error.to_string().is_empty());
    }
}
