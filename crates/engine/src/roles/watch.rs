//! Whom the root waits for, told to other threads while a forward holds the root.

use std::sync::{Arc, Mutex, PoisonError};

use dllama_net::{Mesh, Waiting, Watch};

/// A look at a root's links, whichever they are: a root that connects anew has others.
#[derive(Clone)]
pub struct RootWatch(Arc<Mutex<Watch>>);

impl RootWatch {
    pub(super) fn of(mesh: &Mesh) -> Self {
        Self(Arc::new(Mutex::new(mesh.watch())))
    }

    pub(super) fn turn_to(&self, mesh: &Mesh) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = mesh.watch();
    }

    /// Whom the forward under way waits for; `None` while it computes, or none is.
    pub fn waiting(&self) -> Option<Waiting> {
        let watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watch.waiting()
    }
}
