//! A rank's links to all other ranks of its session.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use socket2::SockRef;

use crate::abort::Abort;
use crate::collectives::Scratch;
use crate::error::Error;
use crate::frame::Kind;
use crate::limits::{FAIL_WAIT, LinkOptions, MAX_WORLD_SIZE};
use crate::link::{Broken, Link, Payload};
use crate::listener::SessionGuard;
use crate::monitor::Monitor;
use crate::tcp::set_buffers;

/// One rank's links to all others. Dropping it closes them.
///
/// The ranks of a session call the same collectives in the same order; one thread a rank does so at
/// a time. An error of any method but [`Codec`](crate::Codec)'s ends the mesh: all later calls give
/// [`Error::Closed`], and the caller tells the others with [`fail`](Self::fail).
///
/// Silence and closed sockets count only between [`begin_run`](Self::begin_run) and
/// [`end_run`](Self::end_run); outside, a rank waits for a message without end, and only the end of
/// the connection it waits on is noticed.
pub struct Mesh {
    pub(crate) shared: Arc<Shared>,
    pub(crate) scratch: Mutex<Scratch>,
    monitor: Option<Monitor>,
    /// Keeps a worker busy for other roots; dropped last.
    session: Option<SessionGuard>,
}

/// What the calling threads and the monitor both use.
pub(crate) struct Shared {
    rank: usize,
    own_address: String,
    links: Vec<Option<Link>>,
    pub(crate) options: LinkOptions,
    in_run: AtomicBool,
    closed: AtomicBool,
    lost_rank: OnceLock<usize>,
    waited_nanos: AtomicU64,
}

/// What went over a mesh's sockets since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that the sockets took, headers and heartbeats included.
    pub sent_bytes: u64,
    /// Bytes that the sockets gave, headers and heartbeats included.
    pub received_bytes: u64,
    /// Wall time that calls of this rank spent on sending and receiving, waiting for peers included.
    pub waited: Duration,
}

impl Mesh {
    /// The meshes of `world_size` ranks within this process, over Unix socket pairs.
    ///
    /// # Errors
    ///
    /// The system's, when it has no more sockets or threads.
    ///
    /// # Panics
    ///
    /// If `world_size` is 0 or above [`MAX_WORLD_SIZE`].
    pub fn in_memory(world_size: usize) -> io::Result<Vec<Self>> {
        Self::in_memory_with(world_size, &LinkOptions::default())
    }

    /// As [`in_memory`](Self::in_memory), with other limits.
    ///
    /// # Errors
    ///
    /// As [`in_memory`](Self::in_memory).
    ///
    /// # Panics
    ///
    /// As [`in_memory`](Self::in_memory).
    pub fn in_memory_with(world_size: usize, options: &LinkOptions) -> io::Result<Vec<Self>> {
        let mut sockets: Vec<Vec<Option<OwnedFd>>> = Vec::with_capacity(world_size);
        for _ in 0..world_size {
            let mut row = Vec::with_capacity(world_size);
            for earlier in &mut sockets {
                let (one, other) = UnixStream::pair()?;
                set_buffers(&SockRef::from(&one), options)?;
                set_buffers(&SockRef::from(&other), options)?;
                earlier.push(Some(one.into()));
                row.push(Some(other.into()));
            }
            row.push(None);
            sockets.push(row);
        }
        let addresses: Vec<_> = (0..world_size)
            .map(|rank| format!("memory:{rank}"))
            .collect();
        let ranks = sockets.into_iter().enumerate();
        ranks
            .map(|(rank, row)| Self::over(rank, row, &addresses, options))
            .collect()
    }

    /// The mesh of `rank` over stream sockets that are connected already: `sockets` and `addresses`
    /// have an item a rank, and the socket of `rank` itself is `None`.
    ///
    /// # Errors
    ///
    /// The system's, when it refuses a socket's options or a thread.
    ///
    /// # Panics
    ///
    /// If there are no ranks or more than [`MAX_WORLD_SIZE`], or a rank has no socket or address.
    pub fn over(
        rank: usize,
        sockets: Vec<Option<OwnedFd>>,
        addresses: &[String],
        options: &LinkOptions,
    ) -> io::Result<Self> {
        let world_size = sockets.len();
        assert!(
            (1..=MAX_WORLD_SIZE).contains(&world_size),
            "world size {world_size}"
        );
        assert_eq!(addresses.len(), world_size, "an address a rank");
        let mut links = Vec::with_capacity(world_size);
        for (peer, socket) in sockets.into_iter().enumerate() {
            assert_eq!(socket.is_none(), peer == rank, "a socket a peer");
            let address = addresses[peer].clone();
            links.push(match socket {
                Some(fd) => Some(Link::new(peer, address, fd)?),
                None => None,
            });
        }
        let shared = Arc::new(Shared {
            rank,
            own_address: addresses[rank].clone(),
            links,
            options: options.clone(),
            in_run: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            lost_rank: OnceLock::new(),
            waited_nanos: AtomicU64::new(0),
        });
        let monitor = match world_size {
            1 => None,
            _ => Some(Monitor::start(shared.clone())?),
        };
        Ok(Self {
            shared,
            scratch: Mutex::default(),
            monitor,
            session: None,
        })
    }

    /// The worker's session lasts as long as its mesh.
    pub(crate) fn hold(mut self, session: SessionGuard) -> Self {
        self.session = Some(session);
        self
    }

    /// This rank, from 0.
    pub fn rank(&self) -> usize {
        self.shared.rank
    }

    /// Number of ranks.
    pub fn world_size(&self) -> usize {
        self.shared.links.len()
    }

    /// The address of a rank, as this rank knows it.
    ///
    /// # Panics
    ///
    /// If there is no such rank.
    pub fn address(&self, rank: usize) -> &str {
        match &self.shared.links[rank] {
            Some(link) => &link.address,
            None => &self.shared.own_address,
        }
    }

    /// From now on heartbeats are sent, and peers that are silent or gone are noticed. A rank that
    /// another waits for within a run must have begun it, too, within the limit of silence.
    pub fn begin_run(&self) {
        self.shared.in_run.store(true, SeqCst);
        if let Some(monitor) = &self.monitor {
            monitor.wake();
        }
    }

    /// Ends what [`begin_run`](Self::begin_run) began: this rank waits for nobody and owes no bytes.
    pub fn end_run(&self) {
        self.shared.in_run.store(false, SeqCst);
    }

    /// What the monitor has noticed since the run began, for a rank that computes for long: a peer
    /// that has closed its connection.
    pub fn lost(&self) -> Option<Error> {
        if self.shared.is_closed() {
            return None;
        }
        let error = self.shared.lost("computation", |_| false)?;
        self.shared.close();
        Some(error)
    }

    /// Tells all peers why this rank gives up, and closes the links. If that is because of a lost
    /// rank, the peers report that rank. Threads that wait in other methods return
    /// [`Error::Closed`].
    pub fn fail(&self, code: &str, message: &str) {
        self.shared.close();
        let abort = Abort {
            lost_rank: self.shared.lost_rank.get().copied(),
            code: code.to_owned(),
            message: message.to_owned(),
        };
        let payload = abort.encode();
        let give_up = Instant::now() + FAIL_WAIT;
        for link in self.shared.links() {
            send_abort(link, &payload, give_up);
            link.socket.shut_down();
        }
    }

    /// Totals since the mesh was made.
    pub fn traffic(&self) -> Traffic {
        let links = || self.shared.links();
        Traffic {
            sent_bytes: links().map(|link| link.socket.sent_bytes()).sum(),
            received_bytes: links().map(|link| link.socket.received_bytes()).sum(),
            waited: Duration::from_nanos(self.shared.waited_nanos.load(Relaxed)),
        }
    }

    /// How often the monitor's thread has woken up since the mesh was made: not at all while no run
    /// is active.
    pub fn monitor_wakeups(&self) -> u64 {
        self.monitor.as_ref().map_or(0, Monitor::wakeups)
    }
}

/// Tries until `give_up` to send the reason between two frames; a peer in the middle of one sees the
/// connection end there.
fn send_abort(link: &Link, payload: &[u8], give_up: Instant) {
    loop {
        if let Some(mut writer) = link.try_lock_writer() {
            let payload = Payload::Bytes(payload);
            if let Ok(true) = writer.begin(&link.socket, Kind::Abort, 0, &payload) {
                // What the socket does not take now is not worth waiting for.
                let _ = writer.advance(&link.socket, &payload);
            }
            return;
        }
        if Instant::now() >= give_up {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Shared {
    pub(crate) fn link(&self, rank: usize) -> &Link {
        let link = self.links.get(rank).and_then(Option::as_ref);
        link.unwrap_or_else(|| panic!("rank {} has no link to rank {rank}", self.rank))
    }

    pub(crate) fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().flatten()
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

    pub(crate) fn add_waited(&self, time: Duration) {
        self.waited_nanos.fetch_add(time.as_nanos() as u64, Relaxed);
    }

    /// Puts a link's failure in terms of ranks, and remembers which rank was lost.
    pub(crate) fn error(&self, link: &Link, broken: Broken, during: &str) -> Error {
        if self.is_closed() {
            // This side closed the links; that they are closed is no news.
            return Error::Closed;
        }
        match broken {
            Broken::Gone(error) => self.peer_lost(link, during, error.to_string()),
            Broken::Garbled(mismatch) => Error::Protocol {
                rank: link.rank,
                address: link.address.clone(),
                expected: mismatch.expected,
                got: mismatch.got,
            },
            Broken::Aborted(abort) => match abort.lost_rank.and_then(|rank| self.links.get(rank)) {
                Some(Some(lost)) if lost.rank != link.rank => {
                    let reporter = format!("rank {} ({}) reports it", link.rank, link.address);
                    self.peer_lost(lost, during, reporter)
                }
                _ => Error::PeerFailed {
                    rank: link.rank,
                    address: link.address.clone(),
                    code: abort.code,
                    message: abort.message,
                },
            },
        }
    }

    fn peer_lost(&self, link: &Link, during: &str, reason: String) -> Error {
        // The first loss is the cause; later ones follow from it.
        let _ = self.lost_rank.set(link.rank);
        Error::PeerLost {
            rank: link.rank,
            address: link.address.clone(),
            during: during.to_owned(),
            reason,
        }
    }

    /// The loss of a peer that the monitor saw hang up, of those that nobody waits for.
    pub(crate) fn lost(&self, during: &str, waited_for: impl Fn(usize) -> bool) -> Option<Error> {
        let mut with_frames = None;
        let hung_up = self.links().filter(|link| link.hung_up.load(SeqCst));
        for link in hung_up.filter(|link| !waited_for(link.rank)) {
            match link.listen() {
                Err(broken) => return Some(self.error(link, broken, during)),
                // Its reason, if it gave one, lies behind frames that nobody receives yet.
                Ok(_) => with_frames = with_frames.or(Some(link)),
            }
        }
        let reason = ErrorKind::UnexpectedEof.into();
        with_frames.map(|link| self.error(link, Broken::Gone(reason), during))
    }
}
