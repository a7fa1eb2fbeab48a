//! One session of a worker, before its mesh is made: whose it is, and which workers have come.

use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use crate::handshake::verdict::Refusal;
use crate::handshake::{Channel, Hello};

pub(super) struct Session {
    /// Which one it is here. The id in the hello does not tell: the caller chose it, and another that makes
    /// the same choice may be greeted while the thread of the first still holds its guard.
    pub(super) number: u64,
    /// The root's hello.
    pub(super) hello: Hello,
    /// Its connection until the mesh is delivered, which lives on when the listener is closed.
    root: Option<Arc<TcpStream>>,
    /// The root's address, and since when it is here: what another root is told.
    pub(super) address: String,
    pub(super) since: Instant,
    pub(super) phase: Phase,
    /// Connections of workers of higher rank, by rank.
    peers: Vec<Option<Channel>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Greeted,
    Joining,
    Serving,
}

impl Session {
    /// Of a root that has just been greeted.
    pub(super) fn new(number: u64, hello: &Hello, root: Arc<TcpStream>, address: &str) -> Self {
        Self {
            number,
            hello: *hello,
            root: Some(root),
            address: address.to_owned(),
            since: Instant::now(),
            phase: Phase::Greeted,
            peers: std::iter::repeat_with(|| None)
                .take(hello.world_size)
                .collect(),
        }
    }

    /// The peer that says `hello` belongs to this session, and has not come yet.
    pub(super) fn expects(&self, hello: &Hello) -> Result<(), Refusal> {
        let mine = &self.hello;
        if self.phase == Phase::Serving {
            return Err(Refusal::UnknownSession);
        }
        if hello.world_size != mine.world_size {
            return Err(Refusal::BadWorldSize);
        }
        if hello.to != mine.to || self.peers[hello.from].is_some() {
            return Err(Refusal::BadRank);
        }
        Ok(())
    }

    /// Takes a peer that is [expected](Self::expects). Returns whether it was.
    pub(super) fn add_peer(&mut self, hello: &Hello, channel: Channel) -> bool {
        let expected = self.expects(hello).is_ok();
        if expected {
            self.peers[hello.from] = Some(channel);
        }
        expected
    }

    /// Takes the connections of all workers of higher rank, once they are there.
    pub(super) fn take_peers(&mut self) -> Option<Vec<Channel>> {
        let higher = &mut self.peers[self.hello.to + 1..];
        if higher.iter().any(Option::is_none) {
            return None;
        }
        self.phase = Phase::Serving;
        Some(higher.iter_mut().filter_map(Option::take).collect())
    }

    /// The mesh is made: from now on it is whoever has it who ends the session.
    pub(super) fn release(&mut self) {
        self.root = None;
    }

    /// Ends the root's connection, so that the thread that reads from it wakes up. Returns false, and
    /// does nothing, if the mesh is made.
    pub(super) fn end(&self) -> bool {
        if let Some(root) = &self.root {
            // It fails only if the root was faster.
            let _ = root.shutdown(Shutdown::Both);
        }
        self.root.is_some()
    }

    pub(super) fn first_missing(&self) -> usize {
        let ranks = self.hello.to + 1..self.hello.world_size;
        ranks
            .clone()
            .find(|&rank| self.peers[rank].is_none())
            .unwrap_or(ranks.end)
    }
}
