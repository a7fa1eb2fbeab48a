//! The one session a worker serves at a time, and those that hope to be it.
//!
//! Greeted (a root is known) -> joining (it has sent the addresses) -> serving (all workers are
//! connected). Greeted sessions stand side by side, because a root may have to wait for its other
//! workers in vain: the first whose root sends the addresses is served, and from then on other roots
//! are told "busy".

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::handshake::verdict::Refusal;
use crate::handshake::{Channel, Hello, SessionId};
use crate::mesh::Mesh;

/// With `--insecure` anybody is a root: of more, the one that has stood there longest has to go.
pub(super) const MAX_GREETED: usize = 64;

#[derive(Default)]
pub(super) struct Sessions {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// At most [`MAX_GREETED`] that wait, and one that joins or serves.
    sessions: Vec<Session>,
    ready: Option<Mesh>,
}

struct Session {
    /// The root's hello.
    hello: Hello,
    root: Arc<TcpStream>,
    /// The root's address, and since when it is here: what another root is told.
    address: String,
    since: Instant,
    phase: Phase,
    /// Connections of workers of higher rank, by rank.
    peers: Vec<Option<Channel>>,
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

    /// Why no other root can be served now.
    fn refusal(&self) -> Result<(), Refusal> {
        if self.closed {
            return Err(Refusal::Closing);
        }
        let beyond_greeting = |session: &&Session| session.phase != Phase::Greeted;
        match self.sessions.iter().find(beyond_greeting) {
            None => Ok(()),
            Some(session) => Err(Refusal::Busy {
                root: session.address.clone(),
                for_time: session.since.elapsed(),
            }),
        }
    }

    fn make_room(&mut self) {
        let greeted = |session: &Session| session.phase == Phase::Greeted;
        let n_greeted = self
            .sessions
            .iter()
            .filter(|session| greeted(session))
            .count();
        if n_greeted >= MAX_GREETED
            && let Some(oldest) = self.sessions.iter().position(greeted)
        {
            // Its thread, which reads from it, sees the end of the connection.
            let _ = self.sessions.remove(oldest).root.shutdown(Shutdown::Both);
        }
    }
}

impl Session {
    /// The peer that says `hello` belongs to this session, and has not come yet.
    fn expects(&self, hello: &Hello) -> Result<(), Refusal> {
        let mine = &self.hello;
        if self.phase == Phase::Serving {
            return Err(Refusal::UnknownSession);
        }
        if hello.world_size != mine.world_size {
            return Err(Refusal::BadWorldSize);
        }
        if hello.to != mine.to || self.peers[hello.from].is_some() {
            return Err(Refusal::BadRank);
        }
        Ok(())
    }

    /// Takes the connections of all workers of higher rank, once they are there.
    fn take_peers(&mut self) -> Option<Vec<Channel>> {
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
    /// A root that is known has come. The session lasts until the guard is dropped.
    pub(super) fn greet(
        self: &Arc<Self>,
        hello: &Hello,
        root: Arc<TcpStream>,
        address: &str,
    ) -> Result<SessionGuard, Refusal> {
        let mut state = self.lock();
        if state.session(hello.session).is_some() {
            return Err(Refusal::SameWorker);
        }
        state.refusal()?;
        state.make_room();
        state.sessions.push(Session {
            hello: *hello,
            root,
            address: address.to_owned(),
            since: Instant::now(),
            phase: Phase::Greeted,
            peers: std::iter::repeat_with(|| None)
                .take(hello.world_size)
                .collect(),
        });
        Ok(SessionGuard {
            sessions: self.clone(),
            id: hello.session,
        })
    }

    /// The root has sent the addresses, and perhaps another root has been faster.
    pub(super) fn begin_joining(&self, guard: &SessionGuard) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.refusal()?;
        let session = state.session(guard.id).ok_or(Refusal::UnknownSession)?;
        session.phase = Phase::Joining;
        Ok(())
    }

    /// Whether a worker of higher rank may join.
    pub(super) fn expects(&self, hello: &Hello) -> Result<(), Refusal> {
        let mut state = self.lock();
        let session = state
            .session(hello.session)
            .ok_or(Refusal::UnknownSession)?;
        session.expects(hello)
    }

    /// A worker of higher rank has come and has been accepted.
    pub(super) fn add_peer(&self, hello: &Hello, channel: Channel) {
        let mut state = self.lock();
        if let Some(session) = state.session(hello.session)
            && session.expects(hello).is_ok()
        {
            session.peers[hello.from] = Some(channel);
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
    ) -> Result<Vec<Channel>, usize> {
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
