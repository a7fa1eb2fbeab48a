//! A worker's way into a session that a root has opened: connections with all other workers.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use super::guests::Guest;
use super::sessions::SessionGuard;
use super::{EventKind, Worker};
use crate::handshake::setup::{self, Report};
use crate::handshake::{
    HELLO_TIMEOUT, Hello, PEERS_TIMEOUT, Reply, Role, SETUP_TIMEOUT, greet, timed,
};
use crate::mesh::Mesh;

impl Worker {
    /// Takes a root's connection from its accepted hello to the finished mesh.
    pub(super) fn serve_root(
        &self,
        guest: Guest,
        address: &str,
        hello: &Hello,
        session: SessionGuard,
        deadline: Instant,
    ) {
        let result = Reply::Accepted
            .send(guest.stream(), deadline)
            .and_then(|()| self.make_mesh(guest, address, hello, &session));
        match result {
            Ok(mesh) => {
                let (rank, world_size) = (hello.to, hello.world_size);
                let message = format!("connected as root; this is rank {rank} of {world_size}");
                self.tell(EventKind::Connected, address, message);
                self.sessions.deliver(mesh.hold(session));
            }
            Err(error) => {
                let message = format!("the session was not completed: {error}");
                self.tell(EventKind::SessionFailed, address, message);
            }
        }
    }

    fn make_mesh(
        &self,
        guest: Guest,
        root_address: &str,
        hello: &Hello,
        session: &SessionGuard,
    ) -> io::Result<Mesh> {
        let deadline = Instant::now() + SETUP_TIMEOUT;
        let workers = setup::read_addresses(guest.stream(), hello.world_size - 1, deadline)?;
        if !self.sessions.begin_joining(session) {
            return Err(io::Error::other("another root was faster"));
        }
        let root = guest.leave();
        let report = |report: Report| report.send(&root, Instant::now() + HELLO_TIMEOUT);
        let peers = match self.join(&root, hello, session, &workers) {
            Ok(peers) => peers,
            Err((peer, reason)) => {
                let error = format!("rank {peer}: {reason}");
                report(Report::Unreached { peer, reason })?;
                return Err(io::Error::other(error));
            }
        };
        report(Report::Ready)?;
        setup::read_start(&root, Instant::now() + SETUP_TIMEOUT)?;

        let mut sockets = vec![Some(own(root)?)];
        for peer in peers {
            sockets.push(peer.map(own).transpose()?);
        }
        let mut addresses = vec![root_address.to_owned()];
        addresses.extend(workers.iter().map(ToString::to_string));
        Mesh::over(hello.to, sockets, &addresses, &self.links)
    }

    /// Connections with the workers, by rank from 1; `None` for this one itself.
    ///
    /// # Errors
    ///
    /// The rank that cannot be reached, and the reason.
    fn join(
        &self,
        root: &TcpStream,
        hello: &Hello,
        session: &SessionGuard,
        workers: &[SocketAddr],
    ) -> Result<Vec<Option<Arc<TcpStream>>>, (usize, String)> {
        let mut peers = Vec::with_capacity(workers.len());
        for (to, address) in (1..hello.to).zip(workers) {
            let mine = Hello {
                role: Role::Peer,
                from: hello.to,
                to,
                ..*hello
            };
            let deadline = Instant::now() + HELLO_TIMEOUT;
            let stream = greet(
                &[*address],
                &address.to_string(),
                &mine,
                &self.links,
                deadline,
            );
            let stream = stream.map_err(|error| (to, error.to_string()))?;
            peers.push(Some(Arc::new(stream)));
        }
        peers.push(None);
        let deadline = Instant::now() + PEERS_TIMEOUT;
        let goes_on = || Instant::now() < deadline && !timed::is_closed(root);
        let higher = self.sessions.wait_for_peers(session, goes_on);
        let higher = higher.map_err(|rank| (rank, "it did not connect in time".to_owned()))?;
        peers.extend(higher.into_iter().map(Some));
        Ok(peers)
    }
}

/// A descriptor of its own for a connection that was shared during the handshake.
fn own(stream: Arc<TcpStream>) -> io::Result<OwnedFd> {
    match Arc::try_unwrap(stream) {
        Ok(stream) => Ok(stream.into()),
        Err(shared) => Ok(shared.try_clone()?.into()),
    }
}
