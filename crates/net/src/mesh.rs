//! A rank's links to all other ranks of its session.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::collectives::Scratch;
use crate::connection::Connection;
use crate::error::Error;
use crate::frame::Kind;
use crate::limits::{FAIL_LINGER, FAIL_WAIT, FINISH_FRAMES, LinkOptions, MAX_WORLD_SIZE};
use crate::link::{Link, Payload};
use crate::monitor::Monitor;
use crate::shared::Shared;

/// One rank's links to all others. Dropping it closes them.
///
/// The ranks of a session call the same collectives in the same order; one thread a rank does so at
/// a time. An error of any method but [`Codec`](crate::Codec)'s ends the mesh: all later calls give
/// [`Error::Closed`], and the caller tells the others with [`fail`](Self::fail).
///
/// Silence and closed sockets count between [`begin_run`](Self::begin_run) and
/// [`end_run`](Self::end_run), and a worker counts the root's silence until the root rests, which is
/// soon after its last run. Outside, a rank waits for a message without end, and only the end of the
/// connection it waits on is noticed, by the kernel's keepalive if need be.
pub struct Mesh {
    /// What lasts as long as the mesh. It is dropped first: whoever sees the connections close may count on it.
    held: Option<Box<dyn Send + Sync>>,
    pub(crate) shared: Arc<Shared>,
    own_address: String,
    pub(crate) scratch: Mutex<Scratch>,
    monitor: Option<Monitor>,
}

/// What went over a mesh's sockets since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes that the sockets took, headers and heartbeats included.
    pub sent_bytes: u64,
    /// Bytes that the sockets gave, headers and heartbeats included.
    pub received_bytes: u64,
    /// Frames begun on the sockets, without heartbeats.
    pub sent_frames: u64,
    /// Frames taken from the sockets, without heartbeats.
    pub received_frames: u64,
    /// Transfers that this rank made one after the other: each waits for the one before.
    pub n_exchanges: u64,
    /// Wall time that calls of this rank spent on sending and receiving, waiting for peers included.
    pub waited: Duration,
}

/// What was added since `earlier`.
impl std::ops::Sub for Traffic {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            sent_bytes: self.sent_bytes - earlier.sent_bytes,
            received_bytes: self.received_bytes - earlier.received_bytes,
            sent_frames: self.sent_frames - earlier.sent_frames,
            received_frames: self.received_frames - earlier.received_frames,
            n_exchanges: self.n_exchanges - earlier.n_exchanges,
            waited: self.waited - earlier.waited,
        }
    }
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, more: Self) {
        self.sent_bytes += more.sent_bytes;
        self.received_bytes += more.received_bytes;
        self.sent_frames += more.sent_frames;
        self.received_frames += more.received_frames;
        self.n_exchanges += more.n_exchanges;
        self.waited += more.waited;
    }
}

impl Mesh {
    /// The mesh of `rank` over connections that are made already: `connections` and `addresses` have
    /// an item a rank, and the connection of `rank` itself is `None`.
    ///
    /// # Errors
    ///
    /// The system's, when it refuses a socket's options or a thread.
    ///
    /// # Panics
    ///
    /// If there are no ranks or more than [`MAX_WORLD_SIZE`], or a rank has no connection or address.
    pub fn over(
        rank: usize,
        connections: Vec<Option<Connection>>,
        addresses: &[String],
        options: &LinkOptions,
    ) -> io::Result<Self> {
        let world_size = connections.len();
        assert!(
            (1..=MAX_WORLD_SIZE).contains(&world_size),
            "world size {world_size}"
        );
        assert_eq!(addresses.len(), world_size, "an address a rank");
        let mut links = Vec::with_capacity(world_size);
        for (peer, connection) in connections.into_iter().enumerate() {
            assert_eq!(connection.is_none(), peer == rank, "a connection a peer");
            let address = addresses[peer].clone();
            links.push(match connection {
                Some(connection) => {
                    let mut link = Link::new(peer, address, connection)?;
                    if peer == 0 {
                        // A worker whose root is gone has to be free for the next one soon.
                        link.socket.watch_closely()?;
                    }
                    Some(link)
                }
                None => None,
            });
        }
        let shared = Arc::new(Shared::new(rank, links, options.clone()));
        let monitor = match world_size {
            1 => None,
            _ => Some(Monitor::start(shared.clone())?),
        };
        Ok(Self {
            own_address: addresses[rank].clone(),
            shared,
            scratch: Mutex::default(),
            monitor,
            held: None,
        })
    }

    /// Keeps something for as long as the mesh lives: a worker's session, which is busy until then.
    pub(crate) fn hold(mut self, guard: impl Send + Sync + 'static) -> Self {
        self.held = Some(Box::new(guard));
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
            None => &self.own_address,
        }
    }

    /// From now on heartbeats are sent, and peers that are silent or gone are noticed. A rank that
    /// another waits for within a run must have begun it, too, within the limit of silence.
    pub fn begin_run(&self) {
        match &self.monitor {
            Some(monitor) => monitor.begin_run(),
            None => self.shared.begin_run(),
        }
    }

    /// Ends what [`begin_run`](Self::begin_run) began: this rank waits for nobody and owes no bytes. It
    /// gives signs of life until the root rests: others may still be at work.
    pub fn end_run(&self) {
        self.shared.end_run();
    }

    /// What the monitor has noticed since the run began, for a rank that computes for long: a peer
    /// that has closed its connection or is silent.
    pub fn lost(&self) -> Option<Error> {
        if self.shared.is_closed() {
            return None;
        }
        let error = self.shared.lost("computation", |_| false)?;
        self.shared.close();
        Some(error)
    }

    /// Tells all peers why this rank gives up, and closes the links. Threads that wait in other
    /// methods return [`Error::Closed`].
    ///
    /// If a peer's failure has ended this mesh, the others are told of that peer and its failure
    /// instead, so that all ranks blame the same one.
    pub fn fail(&self, code: &str, message: &str) {
        self.shared.close();
        let payload = self.shared.reason(code, message).encode();
        let now = Instant::now();
        let limits = (now + FAIL_WAIT, now + FINISH_FRAMES);
        for link in self.shared.links() {
            send_abort(link, &payload, limits);
            link.socket.end_sending();
        }
        self.linger();
        self.shared.links().for_each(|link| link.socket.shut_down());
    }

    /// Throws away what peers still send, until all have closed.
    fn linger(&self) {
        let give_up = Instant::now() + FAIL_LINGER;
        let mut open: Vec<_> = self.shared.links().map(|link| &link.socket).collect();
        loop {
            let mut moved = false;
            open.retain(|socket| match socket.discard() {
                Ok(discarded) => {
                    moved |= discarded;
                    true
                }
                Err(_) => false,
            });
            if open.is_empty() || Instant::now() >= give_up {
                return;
            }
            if !moved {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    /// Waits until all peers have closed their connections, for as long as `limit`: a root that has said
    /// goodbye leaves workers behind that are free for the next.
    pub fn wait_for_end(&self, limit: Duration) {
        const LOOK_AROUND: Duration = Duration::from_micros(200);
        let give_up = Instant::now() + limit;
        let may_wait = || !self.shared.is_closed() && Instant::now() < give_up;
        for link in self.shared.links() {
            while link.listen().is_ok() && may_wait() {
                std::thread::sleep(LOOK_AROUND);
            }
        }
    }

    /// Totals since the mesh was made.
    pub fn traffic(&self) -> Traffic {
        let links = || self.shared.links();
        Traffic {
            sent_bytes: links().map(|link| link.socket.sent_bytes()).sum(),
            received_bytes: links().map(|link| link.socket.received_bytes()).sum(),
            sent_frames: links().map(|link| link.socket.sent_frames()).sum(),
            received_frames: links().map(|link| link.socket.received_frames()).sum(),
            n_exchanges: self.shared.n_exchanges(),
            waited: self.shared.waited(),
        }
    }

    /// How often the monitor's thread has woken up since the mesh was made: not at all while no run
    /// is active.
    pub fn monitor_wakeups(&self) -> u64 {
        self.monitor.as_ref().map_or(0, Monitor::wakeups)
    }
}

/// Tries until `give_up` to send the reason between two frames. A posted frame that is under way is finished
/// first, which may last until the peer reads: then until `finish`. A peer in the middle of any other sees
/// the connection end there.
fn send_abort(link: &Link, payload: &[u8], (give_up, finish): (Instant, Instant)) {
    let payload = Payload::Bytes(payload);
    let mut give_up = give_up;
    loop {
        if let Some(mut writer) = link.try_lock_writer() {
            writer.discard_posted();
            match writer.begin(&link.socket, Kind::Abort, 0, &payload) {
                Ok(true) => {
                    while writer.advance(&link.socket, &payload).is_ok()
                        && !writer.at_border()
                        && Instant::now() < give_up
                    {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    return;
                }
                Ok(false) if !writer.is_flushed() => {
                    give_up = finish;
                }
                Ok(false) | Err(_) => return,
            }
        }
        if Instant::now() >= give_up {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
