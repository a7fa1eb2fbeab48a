//! A worker's way into a session that a root has opened: connections with all other workers.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use super::sessions::{NotJoined, SessionGuard};
use super::{EventKind, Worker};
use crate::address::with_zone_of;
use crate::handshake::setup::{self, Report};
use crate::handshake::{
    Callee, Channel, HELLO_TIMEOUT, Hello, PEERS_TIMEOUT, Role, SETUP_TIMEOUT, greet, timed,
};
use crate::mesh::Mesh;

/// Why a worker cannot use the address of another.
const NO_ZONE: &str = "its address is link-local, and this one was not reached by such an address: name all \
    workers by link-local addresses of one cable, or all by others";

impl Worker {
    /// Takes a root's connection from the verdict to the finished mesh.
    pub(super) fn serve_root(
        &self,
        root: Channel,
        address: &str,
        hello: &Hello,
        session: SessionGuard,
    ) {
        match self.make_mesh(root, address, hello, &session) {
            Ok(mesh) => {
                let (rank, world_size) = (hello.to, hello.world_size);
                let message = format!("connected as root; this is rank {rank} of {world_size}");
                self.log.tell(EventKind::Connected, address, message);
                self.sessions.deliver(mesh, session);
            }
            Err(error) => {
                let reason = error.to_string();
                self.log.not_completed(address, &reason, Instant::now());
            }
        }
    }

    fn make_mesh(
        &self,
        mut root: Channel,
        root_address: &str,
        hello: &Hello,
        session: &SessionGuard,
    ) -> io::Result<Mesh> {
        let deadline = Instant::now() + SETUP_TIMEOUT;
        let workers = setup::read_addresses(&mut root, hello.world_size - 1, deadline)?;
        let soon = || Instant::now() + HELLO_TIMEOUT;
        if let Err(refusal) = self.sessions.begin_joining(session) {
            let reason = format!("another root was faster: {}", refusal.reason());
            Report::Refused(refusal).send(&mut root, soon())?;
            return Err(io::Error::other(reason));
        }
        let peers = match self.join(&root, hello, session, &workers) {
            Ok(peers) => peers,
            Err(NotJoined::Ended) => return Err(io::Error::other("the session has ended")),
            Err(NotJoined::Unreached { peer, reason }) => {
                let error = format!("rank {peer}: {reason}");
                Report::Unreached { peer, reason }.send(&mut root, soon())?;
                return Err(io::Error::other(error));
            }
        };
        Report::Ready.send(&mut root, soon())?;
        setup::read_start(&mut root, Instant::now() + SETUP_TIMEOUT)?;

        let mut connections = vec![Some(root.into_connection()?)];
        for peer in peers {
            connections.push(peer.map(Channel::into_connection).transpose()?);
        }
        let mut addresses = vec![root_address.to_owned()];
        addresses.extend(workers.iter().map(ToString::to_string));
        Mesh::over(hello.to, connections, &addresses, &self.links)
    }

    /// Connections with the workers, by rank from 1; `None` for this one itself.
    ///
    /// # Errors
    ///
    /// [`NotJoined`], with the first rank that cannot be reached.
    fn join(
        &self,
        root: &Channel,
        hello: &Hello,
        session: &SessionGuard,
        workers: &[SocketAddr],
    ) -> Result<Vec<Option<Channel>>, NotJoined> {
        let mut peers = Vec::with_capacity(workers.len());
        for (to, address) in (1..hello.to).zip(workers) {
            if self.sessions.has_ended(session) {
                return Err(NotJoined::Ended);
            }
            let mine = Hello {
                role: Role::Peer,
                from: hello.to,
                to,
                ..*hello
            };
            let own = root.stream().local_addr();
            let address = own.ok().and_then(|own| with_zone_of(own, *address));
            let address = address.ok_or_else(|| NotJoined::Unreached {
                peer: to,
                reason: NO_ZONE.to_owned(),
            })?;
            let deadline = Instant::now() + HELLO_TIMEOUT;
            let callee = Callee {
                candidates: &[address],
                address: &address.to_string(),
            };
            let channel = greet(callee, &mine, &self.trust, &self.links, deadline);
            let channel = channel.map_err(|error| NotJoined::Unreached {
                peer: to,
                reason: error.to_string(),
            })?;
            peers.push(Some(channel));
        }
        peers.push(None);
        let deadline = Instant::now() + PEERS_TIMEOUT;
        let goes_on = || Instant::now() < deadline && !timed::is_closed(root.stream());
        let higher = self.sessions.wait_for_peers(session, goes_on)?;
        peers.extend(higher.into_iter().map(Some));
        Ok(peers)
    }
}
