//! What a connection gets that comes in: an answer to its hello, and a place in a session or the door.

use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::guests::Guest;
use super::{EventKind, Worker};
use crate::handshake::{HELLO_TIMEOUT, Hello, Reply, Role, timed};

impl Worker {
    /// Handles a connection in a thread of its own.
    pub(super) fn welcome_beside(self: &Arc<Self>, stream: TcpStream, address: String) {
        // Some systems hand the listener's mode on.
        if stream.set_nonblocking(false).is_err() {
            return;
        }
        let guest = self.guests.enter(stream);
        let worker = self.clone();
        let spawned = thread::Builder::new()
            .name("dllama-handshake".into())
            .spawn(move || worker.welcome(guest, &address));
        if let Err(error) = spawned {
            self.tell(EventKind::AcceptFailed, "", error.to_string());
        }
    }

    fn welcome(&self, guest: Guest, address: &str) {
        let deadline = Instant::now() + HELLO_TIMEOUT;
        let hello = match Hello::read(guest.stream(), deadline) {
            Ok(Ok(hello)) => hello,
            Ok(Err(reply)) => return self.refuse(&guest, address, reply, deadline),
            Err(error) => {
                let message = format!("refused: it said no hello: {error}");
                return self.tell(EventKind::Refused, address, message);
            }
        };
        match hello.role {
            Role::Root => match self.sessions.greet(&hello) {
                Ok(session) => self.serve_root(guest, address, &hello, session, deadline),
                Err(reply) => self.refuse(&guest, address, reply, deadline),
            },
            Role::Peer => match self.sessions.expects(&hello) {
                Ok(()) => self.admit_peer(guest, &hello, deadline),
                Err(reply) => self.refuse(&guest, address, reply, deadline),
            },
        }
    }

    fn admit_peer(&self, guest: Guest, hello: &Hello, deadline: Instant) {
        // A peer that does not get its answer reports to the root, which ends the session.
        if Reply::Accepted.send(guest.stream(), deadline).is_ok() {
            self.sessions.add_peer(hello, guest.leave());
        }
    }

    fn refuse(&self, guest: &Guest, address: &str, reply: Reply, deadline: Instant) {
        let message = format!("refused: {}", reply.reason());
        self.tell(EventKind::Refused, address, message);
        if reply.send(guest.stream(), deadline).is_ok() {
            timed::hang_up(guest.stream(), deadline);
        }
    }
}
