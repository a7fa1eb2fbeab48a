//! How an exchange waits when no frame moves, and how it finds out that waiting is in vain.
//!
//! Of a peer that it waits for, the monitor closes the connection when it is silent for too long, which ends
//! the wait. Peers that it does not wait for it looks at every heartbeat.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Exchange;
use crate::link::{Link, Listened};

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
                    Ok(Listened::FrameWaits | Listened::IsReceived) => {
                        waits.push((link, PollFlags::OUT));
                    }
                    Err(broken) => return self.fail(link, broken),
                },
            }
        }
        let ranks = waits.iter().map(|(link, _)| link.rank).collect();
        self.shared.sleeper.set(Some((ranks, self.started)));
        self.slept = true;
        let timeout = self.timeout(in_run);
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
            self.look_for_losses(&waits);
        }
    }

    fn timeout(&self, in_run: bool) -> Option<Duration> {
        let now = Instant::now();
        let give_up = self.failure.as_ref().map(|failure| failure.give_up);
        let look = in_run.then(|| now + self.shared.options.heartbeat);
        let first = give_up.into_iter().chain(look).min()?;
        Some(first.saturating_duration_since(now))
    }

    fn look_for_losses(&mut self, waits: &[(&'a Link, PollFlags)]) {
        if self.failure.is_none() {
            let waited_for = |rank| waits.iter().any(|(link, _)| link.rank == rank);
            if let Some(error) = self.shared.lost(self.during, waited_for) {
                self.set_failure(error);
            }
        }
    }
}
