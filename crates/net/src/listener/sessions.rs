//! The one session a worker serves at a time, and those that hope to be it.
//!
//! Greeted (a root has said hello) -> joining (it has sent the addresses) -> serving (all
//! workers are connected). Greeted sessions stand side by side, because any stranger can say hello
//! and then nothing: the first whose root sends the addresses is served, and from then on other roots
//! are told "busy".

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
    /// No more than there are guests, and one that joins or serves.
    sessions: Vec<Session>,
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

impl State {
    fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions
            .iter_mut()
            .find(|session| session.hello.session == id)
    }

    fn is_busy(&self) -> bool {
        let beyond_greeting = |session: &Session| session.phase != Phase::Greeted;
        self.closed || self.sessions.iter().any(beyond_greeting)
    }
}

impl Session {
    /// The peer that says `hello` belongs to this session, and has not come yet.
    fn expects(&self, hello: &Hello) -> Result<(), Reply> {
        let mine = &self.hello;
        if self.phase == Phase::Serving {
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
        if state.session(hello.session).is_some() {
            return Err(Reply::SameWorker);
        }
        if state.is_busy() {
            return Err(Reply::Busy);
        }
        state.sessions.push(Session {
            hello: *hello,
            phase: Phase::Greeted,
            peers: vec![None; hello.world_size],
        });
        Ok(SessionGuard {
            sessions: self.clone(),
            id: hello.session,
        })
    }

    /// The root has sent the addresses. False if another root was faster.
    pub(super) fn begin_joining(&self, guard: &SessionGuard) -> bool {
        let mut state = self.lock();
        if state.is_busy() {
            return false;
        }
        let session = state.session(guard.id);
        session
            .map(|session| session.phase = Phase::Joining)
            .is_some()
    }

    /// Whether a worker of higher rank may join.
    pub(super) fn expects(&self, hello: &Hello) -> Result<(), Reply> {
        let mut state = self.lock();
        let session = state.session(hello.session).ok_or(Reply::UnknownSession)?;
        session.expects(hello)
    }

    /// A worker of higher rank has come and has been accepted.
    pub(super) fn add_peer(&self, hello: &Hello, stream: Arc<TcpStream>) {
        let mut state = self.lock();
        if let Some(session) = state.session(hello.session)
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
            let session = state.session(guard.id);
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

/// Keeps a session, and from joining on the worker busy with it.
pub(crate) struct SessionGuard {
    sessions: Arc<Sessions>,
    id: SessionId,
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        state
            .sessions
            .retain(|session| session.hello.session != self.id);
    }
}
