//! What a caller gets that has proved itself: a verdict, and a place in a session or the door.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Instant;

use super::Worker;
use super::sessions::MAX_GREETED;
use crate::handshake::verdict::{self, Refusal};
use crate::handshake::{Channel, Hello, Role};
use crate::socket::watch_closely;

/// Threads of handshakes at a time: with `--insecure` anybody gets this far. More than roots that may be
/// greeted, of which the oldest makes room for the next.
const MAX_ADMITTED: usize = 2 * MAX_GREETED;

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
        // Only the accepting thread adds to them.
        if self.n_admitted.load(SeqCst) >= MAX_ADMITTED {
            let reason = format!("{MAX_ADMITTED} handshakes are under way");
            let now = Instant::now();
            return self
                .log
                .turned_away("crowded", &caller.address, &reason, now);
        }
        self.n_admitted.fetch_add(1, SeqCst);
        let admitted = Admitted(self.clone());
        let spawned = thread::Builder::new()
            .name("dllama-handshake".into())
            .spawn(move || admitted.0.admit(caller));
        if let Err(error) = spawned {
            let reason = format!("there is no thread for it: {error}");
            let now = Instant::now();
            self.log.turned_away("system", "", &reason, now);
        }
    }

    fn admit(&self, mut caller: Caller) {
        let hello = caller.hello;
        match hello.role {
            Role::Root => {
                let root = caller.channel.stream().clone();
                // One that is lost while its session is made must not keep this worker busy.
                if let Err(error) = watch_closely(&root) {
                    return self.left(&caller.address, &error);
                }
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
        let reason = refusal.reason();
        self.log
            .turned_away("verdict", &caller.address, reason, Instant::now());
        self.give(&mut caller, Err(refusal));
    }

    fn give(&self, caller: &mut Caller, verdict: verdict::Verdict) -> bool {
        let sent = caller
            .channel
            .send(&verdict::encode(&verdict), caller.deadline);
        if let Err(error) = &sent {
            self.left(&caller.address, error);
        }
        sent.is_ok()
    }

    fn left(&self, address: &str, error: &io::Error) {
        let reason = format!("it went before it was answered: {error}");
        self.log
            .turned_away("unanswered", address, &reason, Instant::now());
    }
}

/// One of the handshakes at a time.
struct Admitted(Arc<Worker>);

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.n_admitted.fetch_sub(1, SeqCst);
    }
}
