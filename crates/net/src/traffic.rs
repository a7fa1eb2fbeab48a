//! What a rank's sockets have carried.

use std::time::Duration;

use crate::mesh::Mesh;

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
}
