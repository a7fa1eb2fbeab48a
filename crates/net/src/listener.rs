//! The worker's side of the handshake: an open port that serves one root after another.
//!
//! One thread accepts. Every connection gets a short-lived thread for its handshake, so that
//! strangers, whatever they send or fail to send, delay nobody; their number and time are capped.
//! A root's thread also makes the mesh, which [`Listener::accept`] hands out.

mod event;
mod guests;
mod joining;
mod sessions;
mod welcome;

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use event::{Event, EventKind};
use guests::Guests;
use sessions::Sessions;

use crate::error::Error;
use crate::limits::LinkOptions;
use crate::mesh::Mesh;
use crate::tcp;

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
    guests: Arc<Guests>,
    sessions: Arc<Sessions>,
    links: LinkOptions,
    on_event: Box<dyn Fn(Event) + Send + Sync>,
}

impl Listener {
    /// Listens on `address` (`host:port`; port 0 picks one). `on_event` is told, from threads of
    /// the listener, what a log should have; it must return soon.
    ///
    /// # Errors
    ///
    /// [`Error::BadAddress`] if it is no address of this device, [`Error::AddressInUse`], and
    /// [`Error::Io`] for what else the system refuses.
    pub fn bind(address: &str, on_event: Box<dyn Fn(Event) + Send + Sync>) -> Result<Self, Error> {
        Self::bind_with(address, LinkOptions::default(), on_event)
    }

    /// As [`bind`](Self::bind), with other limits for the links of its sessions.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_with(
        address: &str,
        links: LinkOptions,
        on_event: Box<dyn Fn(Event) + Send + Sync>,
    ) -> Result<Self, Error> {
        let bad = |error: io::Error| Error::BadAddress {
            address: address.to_owned(),
            reason: error.to_string(),
        };
        let candidates: Vec<_> = address.to_socket_addrs().map_err(bad)?.collect();
        let socket = tcp::listen(&candidates, &links).map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => Error::AddressInUse {
                address: address.to_owned(),
            },
            ErrorKind::AddrNotAvailable => bad(error),
            _ => listen_error(error),
        })?;
        let worker = Arc::new(Worker {
            guests: Arc::default(),
            sessions: Arc::default(),
            links,
            on_event,
        });
        Self::start(socket, worker).map_err(listen_error)
    }

    fn start(socket: TcpListener, worker: Arc<Worker>) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let local_addr = socket.local_addr()?;
        let (wake, woken) = UnixStream::pair()?;
        let for_thread = worker.clone();
        let thread = thread::Builder::new()
            .name("dllama-accept".into())
            .spawn(move || for_thread.accept_all(&socket, &woken))?;
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
    pub fn close(&self) {
        self.worker.sessions.close();
        // It fails only if the thread is gone already.
        let _ = (&self.wake).write(&[0]);
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // A panic of the callback has been reported there; the port is free in any case.
            let _ = thread.join();
        }
        self.worker.guests.expel_all();
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

impl Worker {
    /// Accepts until a byte comes on `woken`.
    fn accept_all(self: &Arc<Self>, socket: &TcpListener, woken: &UnixStream) {
        let mut failing = false;
        loop {
            let mut fds = [
                PollFd::new(woken, PollFlags::IN),
                PollFd::new(socket, PollFlags::IN),
            ];
            if failing {
                // Without a free descriptor the waiting connection would make this loop spin.
                let pause = Timespec {
                    tv_sec: 0,
                    tv_nsec: 100_000_000,
                };
                let _ = poll(&mut fds[..1], Some(&pause));
            } else {
                let _ = poll(&mut fds, None);
            }
            if !fds[0].revents().is_empty() {
                return;
            }
            match socket.accept() {
                Ok((stream, address)) => {
                    failing = false;
                    self.welcome_beside(stream, address.to_string());
                }
                Err(error) if is_transient(&error) => failing = false,
                Err(error) => {
                    if !failing {
                        self.tell(EventKind::AcceptFailed, "", error.to_string());
                    }
                    failing = true;
                }
            }
        }
    }

    fn tell(&self, kind: EventKind, address: &str, message: String) {
        (self.on_event)(Event {
            kind,
            address: address.to_owned(),
            message,
        });
    }
}

/// Nothing is wrong with the listener: nobody is there, or who was there has gone.
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::ConnectionAborted
    )
}
