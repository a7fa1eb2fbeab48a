//! A rank's links to all other ranks of its session.

use std::io;
use std::sync::{Arc, Mutex};

use crate::collectives::Scratch;
use crate::connection::Connection;
use crate::error::Error;
use crate::limits::{LinkOptions, MAX_WORLD_SIZE};
use crate::link::Link;
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

    /// How often the monitor's thread has woken up since the mesh was made: not at all while no run
    /// is active.
    pub fn monitor_wakeups(&self) -> u64 {
        self.monitor.as_ref().map_or(0, Monitor::wakeups)
    }
}
