//! What a mesh's callers and its monitor both use: the links, and what has gone wrong with them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::abort::Abort;
use crate::error::Error;
use crate::limits::LinkOptions;
use crate::link::{Broken, Link};
use crate::watch::Sleeper;

pub(crate) struct Shared {
    pub(crate) rank: usize,
    /// By rank; `None` for this rank itself.
    pub(crate) links: Vec<Option<Link>>,
    pub(crate) options: LinkOptions,
    created: Instant,
    in_run: AtomicBool,
    /// Nanoseconds from `created` to the beginning of the last run.
    run_began: AtomicU64,
    n_runs: AtomicU64,
    /// Of the root: it has told the others that it rests.
    root_rests: AtomicBool,
    closed: AtomicBool,
    cause: OnceLock<Abort>,
    waited_nanos: AtomicU64,
    n_exchanges: AtomicU64,
    pub(crate) sleeper: Sleeper,
}

impl Shared {
    pub(crate) fn new(rank: usize, links: Vec<Option<Link>>, options: LinkOptions) -> Self {
        // Before the first run nobody owes a sign of life.
        links
            .iter()
            .flatten()
            .for_each(|link| link.socket.set_rests(true));
        Self {
            rank,
            links,
            options,
            created: Instant::now(),
            in_run: AtomicBool::new(false),
            run_began: AtomicU64::new(0),
            n_runs: AtomicU64::new(0),
            root_rests: AtomicBool::new(true),
            closed: AtomicBool::new(false),
            cause: OnceLock::new(),
            waited_nanos: AtomicU64::new(0),
            n_exchanges: AtomicU64::new(0),
            sleeper: Sleeper::default(),
        }
    }

    pub(crate) fn link(&self, rank: usize) -> &Link {
        let link = self.links.get(rank).and_then(Option::as_ref);
        link.unwrap_or_else(|| panic!("rank {} has no link to rank {rank}", self.rank))
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().flatten()
    }

    pub(crate) fn begin_run(&self) {
        self.run_began
            .store(self.created.elapsed().as_nanos() as u64, SeqCst);
        self.n_runs.fetch_add(1, SeqCst);
        self.set_root_rests(false);
        self.in_run.store(true, SeqCst);
    }

    pub(crate) fn end_run(&self) {
        self.in_run.store(false, SeqCst);
    }

    /// Runs since the mesh was made.
    pub(crate) fn n_runs(&self) -> u64 {
        self.n_runs.load(SeqCst)
    }

    /// Whether the root has said that no run is active: it was the last to end the last one.
    pub(crate) fn root_rests(&self) -> bool {
        match &self.links[0] {
            Some(root) => root.socket.rests(),
            None => self.root_rests.load(SeqCst),
        }
    }

    pub(crate) fn set_root_rests(&self, rests: bool) {
        match &self.links[0] {
            Some(root) => root.socket.set_rests(rests),
            None => self.root_rests.store(rests, SeqCst),
        }
    }

    /// Whether a peer owes signs of life: all do in a run of this rank, the root until it rests. Once it
    /// does, those that this rank still waits for are at work, and the others are silent.
    pub(crate) fn owes_life(&self, link: &Link) -> bool {
        !self.root_rests() && (self.in_run() || link.rank == 0)
    }

    /// When the peer will have been silent for too long: counted from its last byte or the beginning of
    /// the run, whichever is later.
    pub(crate) fn silent_at(&self, link: &Link) -> Instant {
        let began = self.created + Duration::from_nanos(self.run_began.load(SeqCst));
        began.max(link.socket.last_heard()) + self.options.silence
    }

    pub(crate) fn in_run(&self) -> bool {
        self.in_run.load(SeqCst)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    /// Counts an exchange and the time that it took.
    pub(crate) fn add_waited(&self, time: Duration) {
        self.n_exchanges.fetch_add(1, Relaxed);
        self.waited_nanos.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    pub(crate) fn n_exchanges(&self) -> u64 {
        self.n_exchanges.load(Relaxed)
    }

    pub(crate) fn waited(&self) -> Duration {
        Duration::from_nanos(self.waited_nanos.load(Relaxed))
    }

    /// Puts a link's failure in terms of ranks, and remembers the first one.
    pub(crate) fn error(&self, link: &Link, broken: Broken, during: &str) -> Error {
        if self.is_closed() {
            // This side closed the links; that they are closed is no news.
            return Error::Closed;
        }
        let error = match broken {
            Broken::Gone(_) if link.silent.load(SeqCst) => {
                let reason = format!("nothing came for {:?}", self.options.silence);
                peer_lost(link, during, reason)
            }
            Broken::Gone(error) => peer_lost(link, during, error.to_string()),
            Broken::Garbled(mismatch) => Error::Protocol {
                rank: link.rank,
                address: link.address.clone(),
                expected: mismatch.expected,
                got: mismatch.got,
            },
            Broken::Aborted(abort) => self.reported(link, abort, during),
        };
        // Later failures follow from the first.
        let _ = self.cause.set(cause_of(&error));
        error
    }

    /// The failure that `reporter` gave up for: its own or another rank's.
    fn reported(&self, reporter: &Link, abort: Abort, during: &str) -> Error {
        let links = abort.culprit.and_then(|rank| self.links.get(rank));
        let culprit = links.and_then(Option::as_ref).unwrap_or(reporter);
        if abort.code == PEER_LOST && culprit.rank != reporter.rank {
            let reason = format!("rank {} ({}) reports it", reporter.rank, reporter.address);
            return peer_lost(culprit, during, reason);
        }
        Error::PeerFailed {
            rank: culprit.rank,
            address: culprit.address.clone(),
            code: abort.code,
            message: abort.message,
        }
    }

    /// What to tell the peers: the failure that this rank has met, else its own.
    pub(crate) fn reason(&self, code: &str, message: &str) -> Abort {
        self.cause.get().cloned().unwrap_or_else(|| Abort {
            culprit: None,
            code: code.to_owned(),
            message: message.to_owned(),
        })
    }

    /// The loss of a peer that the monitor saw hang up or fall silent, of those that nobody waits for. Of
    /// several the one that says why.
    pub(crate) fn lost(&self, during: &str, waited_for: impl Fn(usize) -> bool) -> Option<Error> {
        let mut lost: Option<(&Link, Broken)> = None;
        let hung_up = self.links().filter(|link| link.hung_up.load(SeqCst));
        for link in hung_up.filter(|link| !waited_for(link.rank)) {
            match link.last_word() {
                Some(broken @ Broken::Gone(_)) => lost = lost.or(Some((link, broken))),
                Some(broken) => return Some(self.error(link, broken, during)),
                None => {}
            }
        }
        lost.map(|(link, broken)| self.error(link, broken, during))
    }
}

const PEER_LOST: &str = "PEER_LOST";

fn peer_lost(link: &Link, during: &str, reason: String) -> Error {
    Error::PeerLost {
        rank: link.rank,
        address: link.address.clone(),
        during: during.to_owned(),
        reason,
    }
}

/// A peer's failure, as the other peers are told of it: they are to blame the same rank.
fn cause_of(error: &Error) -> Abort {
    let (culprit, code, message) = match error {
        Error::PeerFailed {
            rank,
            code,
            message,
            ..
        } => (Some(*rank), code.clone(), message.clone()),
        Error::PeerLost { rank, .. } | Error::Protocol { rank, .. } => {
            (Some(*rank), error.code().to_owned(), error.to_string())
        }
        other => (None, other.code().to_owned(), other.to_string()),
    };
    Abort {
        culprit,
        code,
        message,
    }
}
