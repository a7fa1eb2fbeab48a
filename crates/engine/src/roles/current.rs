//! The mesh of the session that a worker serves, so that closing the worker can end it.
//!
//! A mesh is accepted on one thread while another closes the worker: whichever is first here, the session ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dllama_net::Mesh;

#[derive(Default)]
pub(super) struct Current(Mutex<State>);

#[derive(Default)]
struct State {
    closing: bool,
    mesh: Option<Arc<Mesh>>,
}

impl Current {
    /// Begins a session. If the worker is being closed there is none, and the ranks are told.
    pub(super) fn begin(&self, mesh: Mesh) -> Option<Arc<Mesh>> {
        let mut state = self.lock();
        if state.closing {
            drop(state);
            dispose(&mesh);
            return None;
        }
        let mesh = Arc::new(mesh);
        state.mesh = Some(Arc::clone(&mesh));
        Some(mesh)
    }

    /// Lets the mesh go.
    pub(super) fn end(&self) {
        self.lock().mesh = None;
    }

    /// Ends the session that there is, and all that come.
    pub(super) fn close(&self) {
        let mesh = {
            let mut state = self.lock();
            state.closing = true;
            state.mesh.clone()
        };
        if let Some(mesh) = mesh {
            dispose(&mesh);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the peers to close: never under the lock.
fn dispose(mesh: &Mesh) {
    mesh.fail("DISPOSED", "the worker is being closed");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root and its worker.
    fn meshes() -> (Mesh, Mesh) {
        let [root, worker] = Mesh::in_memory(2)
            .expect("socket pairs")
            .try_into()
            .unwrap_or_else(|_| panic!("two ranks"));
        (root, worker)
    }

    fn assert_told(root: &Mesh) {
        let error = root.receive_control(1, 0).expect_err("it has ended");
        assert!(
            matches!(&error, dllama_net::Error::PeerFailed { code, .. } if code == "DISPOSED"),
            "{error}"
        );
    }

    #[test]
    fn closing_ends_the_session_that_there_is() {
        let (root, worker) = meshes();
        let current = Current::default();
        let serving = current.begin(worker).expect("it is open");
        current.close();
        assert_told(&root);
        current.end();
        assert!(Arc::into_inner(serving).is_some(), "nobody else has it");
    }

    /// The thread that accepted the mesh may come here late.
    #[test]
    fn a_session_that_begins_after_closing_ends_at_once() {
        let (root, worker) = meshes();
        let current = Current::default();
        current.close();
        assert!(current.begin(worker).is_none());
        assert_told(&root);
    }
}
