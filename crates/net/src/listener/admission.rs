//! What a caller gets that has proved itself: a verdict, and a place in a session or the door.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::{EventKind, Worker};
use crate::handshake::verdict::{self, Refusal};
use crate::handshake::{Channel, Hello, Role};

/// Somebody whose first message after the handshake was right.
pub(super) struct Caller {
    pub(super) hello: Hello,
    pub(super) channel: Channel,
    pub(super) address: String,
    /// Until when it gets its verdict.
    pub(super) deadline: Instant,
}

impl Worker {
    /// Goes on with a caller in a thread of its own.
    pub(super) fn admit_beside(self: &Arc<Self>, caller: Caller) {
        let worker = self.clone();
        let spawned = thread::Builder::new()
            .name("dllama-handshake".into())
            .spawn(move || worker.admit(caller));
        if let Err(error) = spawned {
            self.log
                .tell(EventKind::AcceptFailed, "", error.to_string());
        }
    }

    fn admit(&self, mut caller: Caller) {
        let hello = caller.hello;
        match hello.role {
            Role::Root => {
                let root = caller.channel.stream().clone();
                match self.sessions.greet(&hello, root, &caller.address) {
                    Ok(session) => {
                        if self.give(&mut caller, Ok(())) {
                            self.serve_root(caller.channel, &caller.address, &hello, session);
                        }
                    }
                    Err(refusal) => self.turn_away(caller, refusal),
                }
            }
            Role::Peer => match self.sessions.expects(&hello) {
                Ok(()) => {
                    // A peer that does not get its verdict reports to the root, which ends the session.
                    if self.give(&mut caller, Ok(())) {
                        self.sessions.add_peer(&hello, caller.channel);
                    }
                }
                Err(refusal) => self.turn_away(caller, refusal),
            },
        }
    }

    fn turn_away(&self, mut caller: Caller, refusal: Refusal) {
        let message = format!("refused: {}", refusal.reason());
        self.log.tell(EventKind::Refused, &caller.address, message);
        self.give(&mut caller, Err(refusal));
    }

    fn give(&self, caller: &mut Caller, verdict: verdict::Verdict) -> bool {
        let sent = caller
            .channel
            .send(&verdict::encode(&verdict), caller.deadline);
        if let Err(error) = &sent {
            let message = format!("it went before it was answered: {error}");
            self.log.tell(EventKind::Refused, &caller.address, message);
        }
        sent.is_ok()
    }
}
