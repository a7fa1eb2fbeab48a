//! The one primitive under every transfer: any number of frames out and in, all at the same time.
//!
//! Two ranks that both write more than their sockets hold would wait for ever if one of them wrote
//! before it read. So nothing here finishes before something else begins: the thread that calls
//! goes round all frames with non-blocking system calls, spins briefly when none moves, then sleeps
//! in `poll`. There is no thread a link, because handing a small message between threads costs more
//! than the message.

mod operation;
mod waiting;

use std::time::Instant;

pub(crate) use operation::{Incoming, Outgoing, Target};
use operation::{Receiving, Sending};

use crate::error::Error;
use crate::limits::{FINISH_FRAMES, SPIN};
use crate::link::{Broken, Link};
use crate::mesh::Mesh;
use crate::shared::Shared;
use crate::slice::is_of_file;

impl Mesh {
    /// Sends and receives frames, at most one in each direction of a link. A failure ends the mesh.
    pub(crate) fn exchange(
        &self,
        sends: Vec<Outgoing<'_>>,
        receives: Vec<Incoming<'_>>,
    ) -> Result<(), Error> {
        let shared = &*self.shared;
        let started = Instant::now();
        if shared.is_closed() {
            return Err(Error::Closed);
        }
        let during = match (sends.first(), receives.first()) {
            (Some(send), _) => send.kind.name(),
            (_, Some(receive)) => receive.kind.name(),
            (None, None) => return Ok(()),
        };
        let link = |rank| shared.link(rank);
        let mut exchange = Exchange {
            shared,
            during,
            started,
            sends: sends
                .into_iter()
                .map(|op| Sending::new(link(op.to), op))
                .collect(),
            receives: receives
                .into_iter()
                .map(|op| Receiving::new(link(op.from), op))
                .collect(),
            unsent: Vec::new(),
            failure: None,
            slept: false,
        };
        let result = exchange.run();
        if exchange.slept {
            shared.sleeper.set(None);
        }
        if result.is_err() {
            shared.close();
        }
        shared.add_waited(started.elapsed());
        result
    }
}

struct Exchange<'a> {
    shared: &'a Shared,
    during: &'static str,
    started: Instant,
    sends: Vec<Sending<'a>>,
    receives: Vec<Receiving<'a>>,
    /// Links on which writing failed, while something is still to be received there.
    unsent: Vec<(&'a Link, std::io::Error)>,
    failure: Option<Failure>,
    /// Others may have been told whom this waits for.
    slept: bool,
}

/// The first thing that went wrong, while frames to healthy peers are brought to an end.
struct Failure {
    error: Error,
    give_up: Instant,
}

impl<'a> Exchange<'a> {
    fn run(&mut self) -> Result<(), Error> {
        let mut spin_until = Instant::now() + SPIN;
        loop {
            let moved = self.step();
            if let Some(failure) = &self.failure {
                if self.sends.is_empty() || Instant::now() >= failure.give_up {
                    return Err(self.failure.take().expect("checked above").error);
                }
            } else if self.receives.is_empty() && self.sends.iter().all(Sending::may_wait) {
                return Ok(());
            }
            if moved {
                spin_until = Instant::now() + SPIN;
            } else if Instant::now() < spin_until {
                std::hint::spin_loop();
            } else {
                self.sleep();
                spin_until = Instant::now();
            }
        }
    }

    /// Moves every frame on as far as one system call goes. Returns whether any byte moved.
    fn step(&mut self) -> bool {
        let mut moved = false;
        let mut broken = Vec::new();
        let mut unreadable = None;
        let unsent = &mut self.unsent;
        self.sends.retain_mut(|send| match send.step() {
            Ok(progress) => {
                moved |= progress;
                !send.is_done()
            }
            Err(error) if is_of_file(&error) => {
                unreadable = Some((send.link, error));
                false
            }
            // The frames that the peer has sent before are still to be received, in this exchange and in later
            // ones: its reason is behind them.
            Err(_) if send.may_wait() => false,
            Err(error) => {
                unsent.push((send.link, error));
                false
            }
        });
        self.receives.retain_mut(|receive| match receive.step() {
            Ok(progress) => {
                moved |= progress;
                !receive.is_done()
            }
            Err(error) => {
                broken.push((receive.link, error));
                false
            }
        });
        for (link, error) in broken {
            self.fail(link, error);
        }
        if let Some((link, source)) = unreadable {
            self.give_up(link, || Error::File { source });
        }
        self.explain_unsent();
        moved
    }

    /// A failed write often means that the peer gave up, and its reason is there to be read, behind
    /// the frame that is being received from it.
    fn explain_unsent(&mut self) {
        for (link, error) in std::mem::take(&mut self.unsent) {
            if self
                .receives
                .iter()
                .any(|receive| receive.link.rank == link.rank)
            {
                self.unsent.push((link, error));
                continue;
            }
            let broken = match link.last_word() {
                None | Some(Broken::Gone(_)) => Broken::Gone(error),
                Some(reason) => reason,
            };
            self.fail(link, broken);
        }
    }

    /// Gives up on one link, whose failure this is.
    fn fail(&mut self, link: &Link, broken: Broken) {
        let (shared, during) = (self.shared, self.during);
        self.give_up(link, || shared.error(link, broken, during));
    }

    fn give_up(&mut self, link: &Link, why: impl FnOnce() -> Error) {
        self.sends.retain(|send| send.link.rank != link.rank);
        self.receives
            .retain(|receive| receive.link.rank != link.rank);
        if self.failure.is_none() {
            self.set_failure(why());
        }
    }

    /// From now on frames begun on healthy links are finished, so that the reason can follow them;
    /// nothing new is begun.
    fn set_failure(&mut self, error: Error) {
        self.sends.retain(Sending::has_begun);
        self.failure = Some(Failure {
            error,
            give_up: Instant::now() + FINISH_FRAMES,
        });
    }
}
