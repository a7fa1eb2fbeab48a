//! Doors for the fuzz targets in `fuzz/`, which `--cfg fuzzing` alone opens.

use std::sync::OnceLock;

use dllama_kernels::{Kernels, Pool};
use dllama_net::Mesh;

use crate::plan::Plan;
use crate::roles::Storage;
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

/// A worker's whole session, from the plan to the goodbye, with whatever `mesh` brings.
pub fn session(mesh: &Mesh) {
    static POOL: OnceLock<(Pool, Kernels, Keeper)> = OnceLock::new();
    let (pool, kernels, keeper) = POOL.get_or_init(|| {
        let kernels = Kernels::detect().expect("kernels");
        let keeper = Keeper::new(Storage::default(), |_| ()).expect("no files");
        (
            Pool::new(1).expect("no thread beside this one"),
            kernels,
            keeper,
        )
    });
    let session = Session {
        mesh,
        pool,
        kernels: *kernels,
        n_threads: 1,
        max_memory: None,
        keeper,
    };
    if let Err(error) = session.serve(|_| ()) {
        assert!(!error.code().is_empty() && !error.to_string().is_empty());
    }
}
