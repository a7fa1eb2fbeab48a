//! The one session a worker has at a time.
//!
//! Greeted (a root has said hello) -> joining (it has sent the addresses) -> serving (all
//! workers are connected). A greeted session gives way to the next root, because any stranger can say
//! hello and then nothing; from joining on, other roots are told "busy".

use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::Error;
use crate::handshake::{Hello, Reply, SessionId};
use crate::mesh::Mesh;

#[derive(Default)]
pub(super) struct Sessions {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    session: Option<Session>,
    ready: Option<Mesh>,
}

struct Session {
    /// The root's hello.
    hello: Hello,
    phase: Phase,
    /// Connections of workers of higher rank, by rank.
    peers: Vec<Option<Arc<TcpStream>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Greeted,
    Joining,
    Serving,
}

impl Session {
    /// The peer that says `hello` belongs to this session, and has not come yet.
    fn expects(&self, hello: &Hello) -> Result<(), Reply> {
        let mine = &self.hello;
        if hello.session != mine.session || self.phase == Phase::Serving {
            return Err(Reply::UnknownSession);
        }
        if hello.world_size != mine.world_size {
            return Err(Reply::BadWorldSize);
        }
        if hello.to != mine.to || self.peers[hello.from].is_some() {
            return Err(Reply::BadRank);
        }
        Ok(())
    }

    /// Takes the connections of all workers of higher rank, once they are there.
    fn take_peers(&mut self) -> Option<Vec<Arc<TcpStream>>> {
        let higher = &mut self.peers[self.hello.to + 1..];
        if higher.iter().any(Option::is_none) {
            return None;
        }
        self.phase = Phase::Serving;
        Some(higher.iter_mut().filter_map(Option::take).collect())
    }

    fn first_missing(&self) -> usize {
        let ranks = self.hello.to + 1..self.hello.world_size;
        ranks
            .clone()
            .find(|&rank| self.peers[rank].is_none())
            .unwrap_or(ranks.end)
    }
}

impl Sessions {
    /// A root has said `hello`. The session lasts until the guard is dropped.
    pub(super) fn greet(self: &Arc<Self>, hello: &Hello) -> Result<SessionGuard, Reply> {
        let mut state = self.lock();
        if let Some(session) = &state.session {
            if session.hello.session == hello.session {
                return Err(Reply::SameWorker);
            }
            if session.phase != Phase::Greeted {
                return Err(Reply::Busy);
            }
        }
        if state.closed {
            return Err(Reply::Busy);
        }
        state.session = Some(Session {
            hello: *hello,
            phase: Phase::Greeted,
            peers: vec![None; hello.world_size],
        });
        Ok(SessionGuard {
            sessions: self.clone(),
            id: hello.session,
        })
    }

    /// The root has sent the addresses. False if another root came in between.
    pub(super) fn begin_joining(&self, guard: &SessionGuard) -> bool {
        let mut state = self.lock();
        let session = state
            .session
            .as_mut()
            .filter(|session| session.hello.session == guard.id);
        session
            .map(|session| session.phase = Phase::Joining)
            .is_some()
    }

    /// Whether a worker of higher rank may join.
    pub(super) fn expects(&self, hello: &Hello) -> Result<(), Reply> {
        let state = self.lock();
        let session = state.session.as_ref().ok_or(Reply::UnknownSession)?;
        session.expects(hello)
    }

    /// A worker of higher rank has come and has been accepted.
    pub(super) fn add_peer(&self, hello: &Hello, stream: Arc<TcpStream>) {
        let mut state = self.lock();
        if let Some(session) = &mut state.session
            && session.expects(hello).is_ok()
        {
            session.peers[hello.from] = Some(stream);
            self.changed.notify_all();
        }
    }

    /// Waits until all workers of higher rank have come, for as long as `goes_on`.
    ///
    /// # Errors
    ///
    /// The first rank that is missing.
    pub(super) fn wait_for_peers(
        &self,
        guard: &SessionGuard,
        goes_on: impl Fn() -> bool,
    ) -> Result<Vec<Arc<TcpStream>>, usize> {
        let mut state = self.lock();
        loop {
            let session = state.session.as_mut();
            let session = session.filter(|session| session.hello.session == guard.id);
            let session = session.expect("a joining session lasts as long as its guard");
            if let Some(peers) = session.take_peers() {
                return Ok(peers);
            }
            if !goes_on() {
                return Err(session.first_missing());
            }
            const LOOK_AROUND: Duration = Duration::from_millis(50);
            let wait = self.changed.wait_timeout(state, LOOK_AROUND);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Hands the mesh to [`next`](Self::next).
    pub(super) fn deliver(&self, mesh: Mesh) {
        let mut state = self.lock();
        if !state.closed {
            state.ready = Some(mesh);
            self.changed.notify_all();
            return;
        }
        // Dropping the mesh drops its guard, which takes the lock.
        drop(state);
        drop(mesh);
    }

    pub(super) fn next(&self) -> Result<Mesh, Error> {
        let mut state = self.lock();
        loop {
            if let Some(mesh) = state.ready.take() {
                return Ok(mesh);
            }
            if state.closed {
                return Err(Error::Closed);
            }
            let wait = self.changed.wait(state);
            state = wait.unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let unclaimed = state.ready.take();
        self.changed.notify_all();
        // Dropping the mesh drops its guard, which takes the lock.
        drop(state);
        drop(unclaimed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the worker busy with one session.
pub(crate) struct SessionGuard {
    sessions: Arc<Sessions>,
    id: SessionId,
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        // Another root's session may have taken the place of one that was only greeted.
        if state
            .session
            .as_ref()
            .is_some_and(|session| session.hello.session == self.id)
        {
            state.session = None;
        }
    }
}
