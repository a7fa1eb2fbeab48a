//! A connected socket with what protects it, on its way from the handshake to a mesh.

use std::os::fd::OwnedFd;

use snow::StatelessTransportState;

use crate::seal::Seals;

/// A connected stream socket of one peer.
pub struct Connection {
    pub(crate) fd: OwnedFd,
    pub(crate) seals: Option<Seals>,
}

impl Connection {
    /// Without protection.
    pub fn plain(fd: OwnedFd) -> Self {
        Self { fd, seals: None }
    }

    /// Encrypted with the keys of a finished Noise handshake, of which no record has been sent yet.
    pub fn sealed(fd: OwnedFd, keys: StatelessTransportState) -> Self {
        Self {
            fd,
            seals: Some(Seals::new(keys)),
        }
    }
}
