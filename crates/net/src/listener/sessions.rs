//! The one session a worker serves at a time, and those that hope to be it.
//!
//! Greeted (a root is known) -> joining (it has sent the addresses) -> serving (all workers are
//! connected). Greeted sessions stand side by side, because a root may have to wait for its other
//! workers in vain: the first whose root sends the addresses is served, and from then on other roots
//! are told "busy".

use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::session::{Phase, Session};
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
    /// Of the next session; each has its own.
    next_number: u64,
    ready: Option<Mesh>,
}

/// Why a session lacks some of its workers.
pub(super) enum NotJoined {
    /// This rank and this one have no connection, and why.
    Unreached { peer: usize, reason: String },
    /// It is not listed any more: there is nobody to report to.
    Ended,
}

impl State {
    /// The one that callers name so.
    fn named(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions
            .iter_mut()
            .find(|session| session.hello.session == id)
    }

    /// The one that a guard keeps, unless it was ended.
    fn numbered(&mut self, number: u64) -> Option<&mut Session> {
        self.sessions
            .iter_mut()
            .find(|session| session.number == number)
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
            self.sessions.remove(oldest).end();
        }
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
        if state.named(hello.session).is_some() {
            return Err(Refusal::SameWorker);
        }
        state.refusal()?;
        state.make_room();
        let number = state.next_number;
        state.next_number += 1;
        state
            .sessions
            .push(Session::new(number, hello, root, address));
        Ok(SessionGuard {
            sessions: self.clone(),
            number,
        })
    }

    /// The root has sent the addresses, and perhaps another root has been faster.
    pub(super) fn begin_joining(&self, guard: &SessionGuard) -> Result<(), Refusal> {
        let mut state = self.lock();
        state.refusal()?;
        let session = state
            .numbered(guard.number)
            .ok_or(Refusal::UnknownSession)?;
        session.phase = Phase::Joining;
        Ok(())
    }

    /// Whether it had to go, for another or because the listener is closed.
    pub(super) fn has_ended(&self, guard: &SessionGuard) -> bool {
        self.lock().numbered(guard.number).is_none()
    }

    /// Whether a worker of higher rank may join.
    pub(super) fn expects(&self, hello: &Hello) -> Result<(), Refusal> {
        let mut state = self.lock();
        let session = state.named(hello.session).ok_or(Refusal::UnknownSession)?;
        session.expects(hello)
    }

    /// A worker of higher rank has come and has been accepted.
    pub(super) fn add_peer(&self, hello: &Hello, channel: Channel) {
        let mut state = self.lock();
        if let Some(session) = state.named(hello.session)
            && session.add_peer(hello, channel)
        {
            self.changed.notify_all();
        }
    }

    /// Waits until all workers of higher rank have come, for as long as `goes_on`.
    ///
    /// # Errors
    ///
    /// The first rank that is missing, or that the session has ended.
    pub(super) fn wait_for_peers(
        &self,
        guard: &SessionGuard,
        goes_on: impl Fn() -> bool,
    ) -> Result<Vec<Channel>, NotJoined> {
        let mut state = self.lock();
        loop {
            let session = state.numbered(guard.number).ok_or(NotJoined::Ended)?;
            if let Some(peers) = session.take_peers() {
                return Ok(peers);
            }
            if !goes_on() {
                return Err(NotJoined::Unreached {
                    peer: session.first_missing(),
                    reason: "it did not connect in time".to_owned(),
                });
            }
            const LOOK_AROUND: Duration = Duration::from_millis(50);
            let wait = self.changed.wait_timeout(state, LOOK_AROUND);
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Hands the mesh to [`next`](Self::next), if the session has not ended meanwhile.
    pub(super) fn deliver(&self, mesh: Mesh, guard: SessionGuard) {
        let number = guard.number;
        let mesh = mesh.hold(guard);
        let mut state = self.lock();
        let dropped = match state.numbered(number) {
            None => Some(mesh),
            Some(session) => {
                session.release();
                state.ready.replace(mesh)
            }
        };
        self.changed.notify_all();
        // Dropping a mesh drops its guard, which takes the lock.
        drop(state);
        drop(dropped);
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

    /// Ends all sessions but that of a mesh that was handed out.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.sessions.retain(|session| !session.end());
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
    /// Of its session, and of no other that there ever is.
    number: u64,
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        state
            .sessions
            .retain(|session| session.number != self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc;

    use super::*;
    use crate::handshake::Role;

    /// A root that names its session `id`; what it would say is of no interest.
    fn greet(sessions: &Arc<Sessions>, id: u8) -> Result<SessionGuard, Refusal> {
        let hello = Hello {
            role: Role::Root,
            is_secure: false,
            session: [id; 16],
            world_size: 3,
            from: 0,
            to: 1,
        };
        let (root, _) = UnixStream::pair().expect("a socket pair");
        let root = TcpStream::from(OwnedFd::from(root));
        sessions.greet(&hello, Arc::new(root), "root:1")
    }

    fn mesh() -> Mesh {
        Mesh::in_memory(1).expect("a mesh").remove(0)
    }

    #[test]
    fn a_mesh_that_nobody_took_makes_way_for_the_next() {
        let sessions = Arc::new(Sessions::default());
        let guards = [1, 2].map(|id| greet(&sessions, id).expect("free"));
        let (done, waiting) = mpsc::channel();
        let delivering = sessions.clone();
        std::thread::spawn(move || {
            for guard in guards {
                delivering.deliver(mesh(), guard);
            }
            done.send(()).expect("the test waits");
        });
        const WATCHDOG: Duration = Duration::from_secs(60);
        let delivered = waiting.recv_timeout(WATCHDOG);
        delivered.expect("the first one's guard takes the lock");
        assert!(greet(&sessions, 1).is_ok(), "its session has ended");
        assert_eq!(
            greet(&sessions, 2).err(),
            Some(Refusal::SameWorker),
            "the later one waits"
        );
        drop(sessions.next().expect("a mesh"));
        assert!(greet(&sessions, 2).is_ok());
    }

    #[test]
    fn closing_ends_what_is_under_way_and_leaves_a_mesh_that_was_handed_out() {
        let sessions = Arc::new(Sessions::default());
        let guards = [1, 2, 3].map(|id| greet(&sessions, id).expect("free"));
        let [served, late, joining] = guards;
        sessions.deliver(mesh(), served);
        let served = sessions.next().expect("a mesh");
        sessions.close();
        assert_eq!(sessions.lock().sessions.len(), 1, "the one that is served");
        let waited = sessions.wait_for_peers(&joining, || panic!("it waits"));
        assert!(matches!(waited, Err(NotJoined::Ended)));
        sessions.deliver(mesh(), late);
        assert!(matches!(sessions.next(), Err(Error::Closed)));
        drop(served);
        assert_eq!(sessions.lock().sessions.len(), 0);
    }

    /// A panic here would be a root's doing.
    #[test]
    fn an_evicted_session_waits_for_nobody_although_its_id_is_taken_again() {
        let sessions = Arc::new(Sessions::default());
        let evicted = greet(&sessions, 0).expect("free");
        let crowd: Vec<_> = (1..=MAX_GREETED as u8)
            .map(|id| greet(&sessions, id).expect("there is room"))
            .collect();
        let later = greet(&sessions, 0).expect("not known any more");
        assert_eq!(
            sessions.begin_joining(&evicted),
            Err(Refusal::UnknownSession)
        );
        let waited = sessions.wait_for_peers(&evicted, || panic!("it waits"));
        assert!(matches!(waited, Err(NotJoined::Ended)));
        drop(evicted);
        assert_eq!(sessions.begin_joining(&later), Ok(()));
        let waited = sessions.wait_for_peers(&later, || false);
        assert!(matches!(waited, Err(NotJoined::Unreached { peer: 2, .. })));
        drop(crowd);
    }
}
