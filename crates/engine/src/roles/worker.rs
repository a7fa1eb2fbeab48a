//! A worker: serves one root after another, whatever happens to them.

use std::sync::Arc;
use std::thread::JoinHandle;

use dllama_kernels::{Kernels, Pool};
use dllama_net::{EventKind, Listener, Mesh, Trust};

use super::current::Current;
use super::keeper::{Keeper, Storage};
use super::session::Session;
use crate::error::Error;
use crate::guard::guarded;
use crate::rank::RankMemory;
use crate::transfer::Tally;

/// What a worker has to tell.
#[derive(Debug, Clone)]
pub enum WorkerEvent {
    /// A root has come, and the mesh is whole.
    SessionBegan {
        /// The root's address.
        root: String,
        /// This worker's rank.
        rank: usize,
        /// Number of ranks.
        world_size: usize,
    },
    /// A Program has come, and nothing has been taken for it yet.
    Loading {
        /// What it will take.
        memory: RankMemory,
        /// What there is; `None` where it is not known.
        free_bytes: Option<u64>,
    },
    /// The slices are here.
    Loaded {
        /// Where they came from.
        tally: Tally,
    },
    /// The cache is of no use for now: the session goes on without.
    CacheFailed {
        /// Why.
        message: String,
    },
    /// The root said goodbye.
    SessionEnded,
    /// The session ended otherwise.
    SessionFailed {
        /// [`Error::code`].
        code: &'static str,
        /// Why.
        message: String,
    },
    /// Something at the port that came to no session: a stranger, a second root.
    Port {
        /// What kind of thing, as a stable name.
        kind: &'static str,
        /// The address it came from; empty if it concerns the port itself.
        address: String,
        /// What happened.
        message: String,
    },
}

/// What a worker lends, and to whom.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// `host:port` to listen on; port 0 picks one.
    pub address: String,
    /// Threads that compute.
    pub n_threads: usize,
    /// Which roots are served.
    pub trust: Trust,
    /// Bytes that a session may take. Defaults to what the system has.
    pub max_memory: Option<u64>,
    /// Where it finds weights by itself. Defaults to nowhere.
    pub storage: Storage,
}

impl WorkerOptions {
    /// With the defaults.
    pub fn new(address: impl Into<String>, n_threads: usize, trust: Trust) -> Self {
        Self {
            address: address.into(),
            n_threads,
            trust,
            max_memory: None,
            storage: Storage::default(),
        }
    }
}

type OnEvent = dyn Fn(WorkerEvent) + Send + Sync;

/// A worker that listens. Dropping it closes the port and ends the session.
pub struct Worker {
    shared: Arc<Shared>,
    address: std::net::SocketAddr,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    listener: Listener,
    pool: Pool,
    kernels: Kernels,
    options: WorkerOptions,
    keeper: Keeper,
    current: Current,
    on_event: Arc<OnEvent>,
}

impl Worker {
    /// Listens and serves trusted roots on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`Error::Net`] if the address cannot be listened on, [`Error::File`] for a model file of its own that
    /// cannot be read, [`Error::System`] without threads.
    pub fn start(
        options: WorkerOptions,
        on_event: impl Fn(WorkerEvent) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let kernels = Kernels::detect()?;
        let pool = Pool::new(options.n_threads)?;
        // A listener of the caller's that panics misses an event, and ends no session and no port.
        let on_event: Arc<OnEvent> = Arc::new(move |event| {
            let _ = guarded::<_, Error>(|| {
                on_event(event);
                Ok(())
            });
        });
        let at_port = Arc::clone(&on_event);
        let of_cache = Arc::clone(&on_event);
        let keeper = Keeper::new(options.storage.clone(), move |message| {
            of_cache(WorkerEvent::CacheFailed { message });
        })?;
        let listener = Listener::bind(
            &options.address,
            options.trust.clone(),
            Box::new(move |event| {
                // A session that is complete is told of when it begins to be served.
                if event.kind != EventKind::Connected {
                    at_port(WorkerEvent::Port {
                        kind: event.kind.name(),
                        address: event.address,
                        message: event.message,
                    });
                }
            }),
        )?;
        let address = listener.local_addr();
        let shared = Arc::new(Shared {
            listener,
            pool,
            kernels,
            options,
            keeper,
            current: Current::default(),
            on_event,
        });
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("dllama-worker".to_owned())
            .spawn(move || serving.serve())?;
        Ok(Self {
            shared,
            address,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// Closes the port, ends the session and waits for its thread.
    pub fn close(&mut self) {
        self.shared.listener.close();
        self.shared.current.close();
        if let Some(thread) = self.thread.take() {
            // Its panics are caught a session at a time.
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn serve(&self) {
        // An error of `accept` is that the listener is closed.
        while let Ok(mesh) = self.listener.accept() {
            let Some(mesh) = self.current.begin(mesh) else {
                return;
            };
            (self.on_event)(WorkerEvent::SessionBegan {
                root: mesh.address(0).to_owned(),
                rank: mesh.rank(),
                world_size: mesh.world_size(),
            });
            let end = self.serve_session(&mesh);
            // With the last reference the listener is free for the next root. Whoever is told of the
            // end may be that root.
            self.current.end();
            drop(mesh);
            (self.on_event)(end);
        }
    }

    /// One session from the Program to its end, which it returns. Nothing that a root does gets
    /// further than this: a panic, too, costs the session alone.
    fn serve_session(&self, mesh: &Mesh) -> WorkerEvent {
        let session = Session {
            mesh,
            pool: &self.pool,
            kernels: self.kernels,
            n_threads: self.options.n_threads,
            max_memory: self.options.max_memory,
            keeper: &self.keeper,
        };
        match guarded(|| session.serve(&*self.on_event)) {
            Ok(()) => WorkerEvent::SessionEnded,
            Err(error) => {
                mesh.fail(error.code(), &error.to_string());
                WorkerEvent::SessionFailed {
                    code: error.code(),
                    message: error.to_string(),
                }
            }
        }
    }
}
