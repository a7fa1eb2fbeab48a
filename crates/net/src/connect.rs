//! The root's side of the handshake: a full mesh with all workers, or an error that names who is
//! missing.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::address::{Named, check};
use crate::error::Error;
use crate::handshake::setup::{self, Report};
use crate::handshake::{
    Callee, Channel, HELLO_TIMEOUT, Hello, Role, SETUP_TIMEOUT, greet, new_session_id,
};
use crate::limits::{LinkOptions, MAX_WORLD_SIZE};
use crate::mesh::Mesh;
use crate::trust::Trust;

/// Whom the root connects with, and how.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// `host:port` of the workers; the first gets rank 1. None makes a world of one rank.
    pub workers: Vec<String>,
    /// Whom the root trusts: workers that have its token, or all.
    pub trust: Trust,
    /// How long a worker may take to answer. Defaults to 5 s; more than 10 s is taken as 10 s,
    /// because the workers that have answered do not wait longer for the others.
    pub hello_timeout: Duration,
    /// Limits of the links.
    pub links: LinkOptions,
}

impl ConnectOptions {
    /// The defaults, with these workers.
    pub fn new(workers: Vec<String>, trust: Trust) -> Self {
        Self {
            workers,
            trust,
            hello_timeout: HELLO_TIMEOUT,
            links: LinkOptions::default(),
        }
    }
}

/// A worker that has accepted the session.
struct Greeted {
    text: String,
    address: SocketAddr,
    channel: Channel,
}

/// Connects with all workers, and they with each other. Blocks until all are ready.
///
/// # Errors
///
/// [`Error::BadAddress`], [`Error::DuplicateWorker`], [`Error::MixedLoopback`] and
/// [`Error::WorldTooLarge`] before anything is sent; [`Error::Unreachable`], [`Error::Busy`],
/// [`Error::WrongToken`], [`Error::WorkerIsSecure`], [`Error::WorkerIsInsecure`],
/// [`Error::VersionMismatch`], [`Error::Refused`] and [`Error::Protocol`] for the first worker in
/// rank order that is not available; [`Error::PeersUnreachable`] if two workers cannot connect.
pub fn connect(options: ConnectOptions) -> Result<Mesh, Error> {
    let world_size = options.workers.len() + 1;
    if world_size > MAX_WORLD_SIZE {
        let max = MAX_WORLD_SIZE;
        return Err(Error::WorldTooLarge { world_size, max });
    }
    let resolve = |text: &String| Named::resolve(text);
    let workers: Vec<_> = options
        .workers
        .iter()
        .map(resolve)
        .collect::<Result<_, _>>()?;
    check(&workers)?;
    let timeout = options.hello_timeout.min(HELLO_TIMEOUT * 2);
    let mut greeted = greet_all(&workers, &options, Instant::now() + timeout)?;
    introduce(&mut greeted)?;
    let mut addresses = vec!["root".to_owned()];
    addresses.extend(greeted.iter().map(|worker| worker.text.clone()));
    let channels = greeted.into_iter().map(|worker| worker.channel);
    let connections = channels.map(|channel| channel.into_connection().map(Some));
    std::iter::once(Ok(None))
        .chain(connections)
        .collect::<io::Result<_>>()
        .and_then(|connections| Mesh::over(0, connections, &addresses, &options.links))
        .map_err(|source| Error::Io {
            doing: "set up the connections",
            source,
        })
}

/// Says hello to all workers at once: one that does not answer delays nobody.
fn greet_all(
    workers: &[Named],
    options: &ConnectOptions,
    deadline: Instant,
) -> Result<Vec<Greeted>, Error> {
    let session = new_session_id().map_err(|source| Error::Io {
        doing: "make a session id",
        source,
    })?;
    let greet_one = |to: usize, worker: &Named| {
        let hello = Hello {
            role: Role::Root,
            is_secure: options.trust.is_secure(),
            session,
            world_size: workers.len() + 1,
            from: 0,
            to,
        };
        let callee = Callee {
            candidates: &worker.candidates,
            address: &worker.text,
        };
        let channel = greet(callee, &hello, &options.trust, &options.links, deadline)?;
        let address = channel
            .stream()
            .peer_addr()
            .map_err(|error| ended(&worker.text, &error))?;
        let text = worker.text.clone();
        Ok(Greeted {
            text,
            address,
            channel,
        })
    };
    thread::scope(|scope| {
        let greet_one = &greet_one;
        let ranks = (1..).zip(workers);
        let threads: Vec<_> = ranks
            .map(|(to, worker)| scope.spawn(move || greet_one(to, worker)))
            .collect();
        let results = threads.into_iter().map(|thread| thread.join());
        results
            .map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Has the workers connect with each other, and starts the session once all are ready.
fn introduce(workers: &mut [Greeted]) -> Result<(), Error> {
    let deadline = Instant::now() + SETUP_TIMEOUT;
    let addresses: Vec<_> = workers.iter().map(|worker| worker.address).collect();
    for worker in workers.iter_mut() {
        setup::send_addresses(&mut worker.channel, &addresses, deadline)
            .map_err(|error| ended(&worker.text, &error))?;
    }
    wait_for_reports(workers, deadline)?;
    for worker in workers {
        setup::send_start(&mut worker.channel, deadline)
            .map_err(|error| ended(&worker.text, &error))?;
    }
    Ok(())
}

/// Returns at the first report of a failure, and then ends the session for all.
fn wait_for_reports(workers: &mut [Greeted], deadline: Instant) -> Result<(), Error> {
    let texts: Vec<_> = workers.iter().map(|worker| worker.text.clone()).collect();
    let streams: Vec<_> = workers
        .iter()
        .map(|worker| worker.channel.stream().clone())
        .collect();
    thread::scope(|scope| {
        let (sender, reports) = mpsc::channel();
        for (rank, worker) in (1..).zip(workers) {
            let sender = sender.clone();
            scope.spawn(move || {
                let report = Report::read(&mut worker.channel, deadline);
                // The receiver is gone when an earlier report has ended the session.
                let _ = sender.send((rank, report));
            });
        }
        drop(sender);
        let failure = reports
            .iter()
            .find_map(|(rank, report)| reported_failure(&texts, rank, report));
        match failure {
            None => Ok(()),
            Some(error) => {
                for stream in streams {
                    // It fails only if the worker was faster.
                    let _ = stream.shutdown(std::net::Shutdown::Both);
                }
                Err(error)
            }
        }
    })
}

/// `texts` has the workers' addresses, from rank 1.
fn reported_failure(texts: &[String], rank: usize, report: io::Result<Report>) -> Option<Error> {
    let address = &texts[rank - 1];
    match report {
        Ok(Report::Ready) => None,
        Ok(Report::Refused(refusal)) => Some(refusal.into_error(address)),
        Ok(Report::Unreached { peer, reason }) => {
            let peer_address = match peer.checked_sub(1).and_then(|index| texts.get(index)) {
                Some(text) => text.clone(),
                None => "no such rank".to_owned(),
            };
            Some(Error::PeersUnreachable {
                rank,
                address: address.clone(),
                peer_rank: peer,
                peer_address,
                reason,
            })
        }
        Err(error) => Some(ended(address, &error)),
    }
}

/// The worker had accepted, and then went away.
fn ended(address: &str, error: &io::Error) -> Error {
    Error::Refused {
        address: address.to_owned(),
        reason: format!("it ended the handshake: {error}"),
    }
}
