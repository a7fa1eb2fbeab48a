//! Where strangers wait until they have proved themselves, or their time is over: one thread for all
//! of them, so that a thousand cost no more than [`MAX_VISITS`].
//!
//! When one more comes, the one that has been there longest has to go; of those that have shown the
//! token none goes while there is another. A root sends its first bytes as soon as it is connected,
//! and so it is never the one, even while strangers hold all other places.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::visit::{Remembered, Step, Visit};
use super::{EventKind, Worker};

const MAX_VISITS: usize = 64;

/// Connections that are accepted before those that wait are looked at again.
const MAX_ACCEPTED_AT_ONCE: usize = 16;

/// A flood, which fills all places, is let in no faster than some thousands a second: what it costs is
/// then the flooder's time and not the worker's.
const PACE: Duration = Duration::from_millis(4);

/// Without a free descriptor the waiting connection would make the thread spin.
const PAUSE: Duration = Duration::from_millis(100);

/// How often the log is looked after while other threads write to it.
const LOOK_AROUND: Duration = Duration::from_secs(1);

pub(super) struct Porch {
    worker: Arc<Worker>,
    /// In the order they came in.
    visits: Vec<Visit>,
    remembered: Remembered,
    /// The system gives no more connections; it has been told.
    failing: bool,
}

impl Porch {
    pub(super) fn new(worker: Arc<Worker>) -> Self {
        Self {
            worker,
            visits: Vec::with_capacity(MAX_VISITS),
            remembered: Remembered::default(),
            failing: false,
        }
    }

    /// Accepts until a byte comes on `woken`.
    pub(super) fn run(mut self, socket: &TcpListener, woken: &UnixStream) {
        let mut ready = Vec::with_capacity(MAX_VISITS);
        loop {
            let (is_woken, comes) = self.wait(socket, woken, &mut ready);
            if is_woken {
                return;
            }
            self.go_on(&ready);
            if comes {
                self.accept(socket);
                if self.visits.len() == MAX_VISITS {
                    std::thread::sleep(PACE);
                }
            }
            self.worker.log.catch_up(Instant::now());
        }
    }

    /// Sleeps until there is something to do. Returns whether a byte has come on `woken`, and whether
    /// a connection may be waiting; `ready` says for each visit whether something has come.
    fn wait(
        &self,
        socket: &TcpListener,
        woken: &UnixStream,
        ready: &mut Vec<bool>,
    ) -> (bool, bool) {
        let mut fds = Vec::with_capacity(2 + MAX_VISITS);
        fds.push(PollFd::new(woken, PollFlags::IN));
        let streams = self.visits.iter().map(|visit| &visit.stream);
        fds.extend(streams.map(|stream| PollFd::new(stream, PollFlags::IN)));
        if !self.failing {
            fds.push(PollFd::new(socket, PollFlags::IN));
        }
        let now = Instant::now();
        let deadlines = self.visits.iter().map(|visit| visit.deadline);
        let pause = self.failing.then_some(now + PAUSE);
        // A handshake's thread may leave a line out that has to be told later.
        let handshakes = self.worker.n_admitted.load(SeqCst) > 0;
        let look = handshakes.then_some(now + LOOK_AROUND);
        let due = self.worker.log.next_due();
        let first = deadlines.chain(pause).chain(look).chain(due);
        let timeout = first.min().map(|first| {
            let left = first.saturating_duration_since(now);
            Timespec {
                tv_sec: left.as_secs() as i64,
                tv_nsec: left.subsec_nanos().into(),
            }
        });
        // It fails when a signal comes or memory is short: then everybody is looked at.
        let polled = poll(&mut fds, timeout.as_ref()).is_ok();
        let comes = |fd: &PollFd<'_>| !polled || !fd.revents().is_empty();
        ready.clear();
        ready.extend(fds[1..=self.visits.len()].iter().map(comes));
        let is_woken = polled && comes(&fds[0]);
        (is_woken, self.failing || fds.last().is_some_and(comes))
    }

    /// Hears all that have something to say, and sends away those whose time is over.
    fn go_on(&mut self, ready: &[bool]) {
        let now = Instant::now();
        let mut ready = ready.iter();
        let (worker, remembered) = (&self.worker, &mut self.remembered);
        self.visits.retain_mut(|visit| {
            let is_ready = ready.next().is_some_and(|ready| *ready);
            let step = if is_ready {
                visit.step(&worker.trust, remembered)
            } else if visit.deadline <= now {
                visit.timed_out()
            } else {
                Step::Waits
            };
            worker.note(visit, step)
        });
    }

    fn accept(&mut self, socket: &TcpListener) {
        for _ in 0..MAX_ACCEPTED_AT_ONCE {
            match socket.accept() {
                Ok((stream, address)) => {
                    self.failing = false;
                    let now = Instant::now();
                    // An IPv4 caller of a socket that serves IPv6, too, has its address wrapped.
                    let ip = address.ip().to_canonical();
                    let caller = if ip.is_ipv4() {
                        SocketAddr::new(ip, address.port())
                    } else {
                        address
                    };
                    // A caller speaks first, so that its hello may be there already.
                    let Ok(mut visit) = Visit::new(stream, caller.to_string(), now) else {
                        continue;
                    };
                    let step = visit.step(&self.worker.trust, &mut self.remembered);
                    if self.worker.note(&visit, step) {
                        self.make_room();
                        self.visits.push(visit);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.failing = false;
                    return;
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => {
                    if !self.failing {
                        let log = &self.worker.log;
                        log.tell(EventKind::AcceptFailed, "", error.to_string());
                    }
                    self.failing = true;
                    return;
                }
            }
        }
    }

    fn make_room(&mut self) {
        if self.visits.len() < MAX_VISITS {
            return;
        }
        // First those that have had their answer, then those without a token.
        let leaving = self.visits.iter().position(Visit::is_leaving);
        let oldest = leaving.or_else(|| self.visits.iter().position(|visit| !visit.has_token()));
        let visit = self.visits.remove(oldest.unwrap_or(0));
        if !visit.is_leaving() {
            let reason =
                format!("it was the oldest of {MAX_VISITS} that have not proved themselves");
            let now = Instant::now();
            let log = &self.worker.log;
            log.turned_away("crowded", &visit.address, &reason, now);
        }
    }
}

impl Worker {
    /// Does what a step asks for. Returns whether the visit goes on.
    fn note(self: &Arc<Self>, visit: &Visit, step: Step) -> bool {
        let now = Instant::now();
        match step {
            Step::Waits => return true,
            Step::Gone => {}
            Step::Failed(reason, message) => {
                self.log.turned_away(reason, &visit.address, &message, now);
            }
            Step::Refused(reply) => {
                let message = reply.reason();
                self.log
                    .turned_away(reply.kind(), &visit.address, &message, now);
                return true;
            }
            Step::Known(caller) => self.admit_beside(*caller),
        }
        false
    }
}

/// Who was there has gone.
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted | ErrorKind::ConnectionAborted
    )
}
