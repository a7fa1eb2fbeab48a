//! How an exchange waits when no frame moves, and how it finds out that waiting is in vain.
//!
//! Within a run a peer that this exchange waits for is lost when nothing has come from it for the
//! limit of silence, counted from the last byte or the beginning of the exchange, whichever is later.
//! Bytes that a frame in the middle waits for count like any others.

use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Exchange;
use crate::link::{Broken, Link, Listened};

impl<'a> Exchange<'a> {
    /// Sleeps until a socket is ready, then looks for peers that are gone.
    pub(super) fn sleep(&mut self) {
        let in_run = self.shared.in_run();
        let mut waits: Vec<(&'a Link, PollFlags)> = Vec::new();
        for receive in &self.receives {
            waits.push((receive.link, PollFlags::IN));
        }
        for link in self.sends.iter().map(|send| send.link) {
            match waits.iter_mut().find(|(other, _)| other.rank == link.rank) {
                Some((_, events)) => *events |= PollFlags::OUT,
                None => match link.listen() {
                    Ok(Listened::Nothing) => waits.push((link, PollFlags::IN | PollFlags::OUT)),
                    Ok(Listened::FrameWaits) => waits.push((link, PollFlags::OUT)),
                    Err(broken) => return self.fail(link, broken),
                },
            }
        }
        let ranks = waits.iter().map(|(link, _)| link.rank).collect();
        self.shared.sleeper.set(Some((ranks, self.started)));
        self.slept = true;
        let timeout = self.timeout(in_run, &waits);
        let mut fds: Vec<_> = waits
            .iter()
            .map(|(link, events)| PollFd::new(&link.socket, *events))
            .collect();
        let timespec = timeout.map(|time| Timespec {
            tv_sec: time.as_secs() as i64,
            tv_nsec: time.subsec_nanos().into(),
        });
        // It fails when a signal comes or memory is short: then the frames are tried once more.
        let _ = poll(&mut fds, timespec.as_ref());
        if in_run {
            self.look_for_silence(&waits);
        }
    }

    fn timeout(&self, in_run: bool, waits: &[(&Link, PollFlags)]) -> Option<Duration> {
        let now = Instant::now();
        let give_up = self.failure.as_ref().map(|failure| failure.give_up);
        let silence = waits.iter().map(|(link, _)| self.deadline(link));
        // Peers that this exchange does not wait for are looked at every heartbeat.
        let others = std::iter::once(now + self.shared.options.heartbeat);
        let limits = silence.chain(others).filter(|_| in_run);
        let first = limits.chain(give_up).min()?;
        Some(first.saturating_duration_since(now))
    }

    /// When the peer will have been silent for too long.
    fn deadline(&self, link: &Link) -> Instant {
        self.started.max(link.socket.last_heard()) + self.shared.options.silence
    }

    fn look_for_silence(&mut self, waits: &[(&'a Link, PollFlags)]) {
        for &(link, events) in waits {
            if self.deadline(link) > Instant::now() || self.failure.is_some() {
                continue;
            }
            // What a peer sent while this thread did not run still counts.
            if !events.contains(PollFlags::IN) {
                if let Err(broken) = link.listen() {
                    return self.fail(link, broken);
                }
            } else if link.socket.unread_bytes() > 0 {
                continue;
            }
            if self.deadline(link) <= Instant::now() {
                let reason = format!("nothing came for {:?}", self.shared.options.silence);
                return self.fail(link, Broken::Gone(io::Error::other(reason)));
            }
        }
        if self.failure.is_none() {
            let waited_for = |rank| waits.iter().any(|(link, _)| link.rank == rank);
            if let Some(error) = self.shared.lost(self.during, waited_for) {
                self.set_failure(error);
            }
        }
    }
}
