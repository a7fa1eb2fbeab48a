//! The worker's side of the handshake: an open port that serves one root after another.
//!
//! One thread accepts and keeps the strangers in the porch, whatever they send or fail to send; their
//! number, time and memory are capped. A caller that has proved itself gets a short-lived thread for
//! the rest of its handshake. A root's thread also makes the mesh, which [`Listener::accept`] hands
//! out.

mod admission;
mod event;
mod joining;
mod log;
mod porch;
mod session;
mod sessions;
mod visit;

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

pub use event::{Event, EventKind};
use log::Log;
use porch::Porch;
use sessions::Sessions;

use crate::address::resolve;
use crate::error::Error;
use crate::limits::LinkOptions;
use crate::mesh::Mesh;
use crate::tcp;
use crate::trust::Trust;

/// A worker's port. Dropping it closes it.
pub struct Listener {
    worker: Arc<Worker>,
    local_addr: SocketAddr,
    /// One byte here ends the accepting thread.
    wake: UnixStream,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the accepting thread and the handshakes share.
struct Worker {
    trust: Trust,
    sessions: Arc<Sessions>,
    links: LinkOptions,
    log: Log,
    /// Handshakes of callers that have proved themselves, each with a thread.
    n_admitted: AtomicUsize,
}

impl Listener {
    /// Listens on `address` (`host:port`; port 0 picks one) for roots that are trusted. `on_event` is
    /// told, from threads of the listener, what a log should have; it must return soon.
    ///
    /// # Errors
    ///
    /// [`Error::BadAddress`] if it is no address of this device, [`Error::AddressInUse`], and
    /// [`Error::Io`] for what else the system refuses.
    pub fn bind(
        address: &str,
        trust: Trust,
        on_event: Box<dyn Fn(Event) + Send + Sync>,
    ) -> Result<Self, Error> {
        Self::bind_with(address, trust, LinkOptions::default(), on_event)
    }

    /// As [`bind`](Self::bind), with other limits for the links of its sessions.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_with(
        address: &str,
        trust: Trust,
        links: LinkOptions,
        on_event: Box<dyn Fn(Event) + Send + Sync>,
    ) -> Result<Self, Error> {
        let bad = |error: io::Error| Error::BadAddress {
            address: address.to_owned(),
            reason: error.to_string(),
        };
        let candidates = resolve(address).map_err(bad)?;
        let socket = tcp::listen(&candidates, &links).map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => Error::AddressInUse {
                address: address.to_owned(),
            },
            ErrorKind::AddrNotAvailable => bad(error),
            _ => listen_error(error),
        })?;
        let worker = Arc::new(Worker {
            trust,
            sessions: Arc::default(),
            links,
            log: Log::new(on_event),
            n_admitted: AtomicUsize::new(0),
        });
        Self::start(socket, worker).map_err(listen_error)
    }

    fn start(socket: TcpListener, worker: Arc<Worker>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let local_addr = socket.local_addr()?;
        let (wake, woken) = UnixStream::pair()?;
        let porch = Porch::new(worker.clone());
        let thread = thread::Builder::new()
            .name("dllama-accept".into())
            .spawn(move || porch.run(&socket, &woken))?;
        Ok(Self {
            worker,
            local_addr,
            wake,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The address and port that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Waits for the next root whose session is complete. While the mesh lives, other roots are
    /// told "busy".
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] once the listener is closed.
    pub fn accept(&self) -> Result<Mesh, Error> {
        self.worker.sessions.next()
    }

    /// Frees the port, ends handshakes and waiting calls of [`accept`](Self::accept). Meshes that
    /// were handed out live on.
    ///
    /// The log is told nothing more. A handshake's thread that is connecting with another worker goes
    /// when that answers, within 5 s.
    pub fn close(&self) {
        self.worker.log.close();
        self.worker.sessions.close();
        // It fails only if the thread is gone already.
        let _ = (&self.wake).write(&[0]);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A panic of the callback has been reported there; the port is free in any case.
            let _ = thread.join();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
    }
}

fn listen_error(source: io::Error) -> Error {
    Error::Io {
        doing: "listen on the port",
        source,
    }
}
