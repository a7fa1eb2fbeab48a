//! What comes in on a link, plain or encrypted, as headers and payloads.
//!
//! Neither reads a byte beyond what is asked for: a plain payload, and a slice on any link, goes from
//! the kernel straight to where it belongs.

use std::io::IoSliceMut;

use crate::frame::{HEADER_BYTES, Header};
use crate::link::Broken;
use crate::link::records::Records;
use crate::seal::Opener;
use crate::socket::Socket;

pub(super) enum Lane {
    Plain(Plain),
    Sealed(Records),
}

impl Lane {
    pub(super) fn new(opener: Option<Opener>) -> Self {
        match opener {
            Some(opener) => Self::Sealed(Records::new(opener)),
            None => Self::Plain(Plain::default()),
        }
    }

    /// The header of the next frame, once it is all there. It stays the next until [`take`](Self::take).
    pub(super) fn header(&mut self, socket: &Socket) -> Result<Option<Header>, Broken> {
        match self {
            Self::Plain(plain) => plain.header(socket),
            Self::Sealed(records) => records.header(socket),
        }
    }

    /// The payload of the next frame is read now, all of it, with [`payload`](Self::payload).
    pub(super) fn take(&mut self) {
        match self {
            Self::Plain(plain) => plain.take(),
            Self::Sealed(records) => records.take(),
        }
    }

    /// Reads some of the `left` bytes of payload into the beginning of `into`, which has room for all of
    /// them, or for the text of the longest record, and is not empty. Returns the bytes read, which may be 0
    /// while a record is incomplete, or `None` if nothing has come.
    pub(super) fn payload(
        &mut self,
        socket: &Socket,
        into: &mut [u8],
        left: u64,
    ) -> Result<Option<usize>, Broken> {
        match self {
            Self::Plain(_) => Ok(socket.receive(into)?),
            Self::Sealed(records) => records.payload(socket, into, left),
        }
    }

    /// As [`payload`](Self::payload), of a slice: into pieces that have room for all that is left and no more.
    pub(super) fn slice(
        &mut self,
        socket: &Socket,
        into: &mut [IoSliceMut<'_>],
    ) -> Result<Option<usize>, Broken> {
        match self {
            Self::Plain(_) => Ok(socket.receive_pieces(into)?),
            Self::Sealed(records) => records.slice(socket, into),
        }
    }
}

#[derive(Default)]
pub(super) struct Plain {
    header: [u8; HEADER_BYTES],
    n_filled: usize,
    /// Number of the next frame.
    sequence: u32,
}

impl Plain {
    fn header(&mut self, socket: &Socket) -> Result<Option<Header>, Broken> {
        while self.n_filled < HEADER_BYTES {
            match socket.receive(&mut self.header[self.n_filled..])? {
                Some(n_bytes) => self.n_filled += n_bytes,
                None => return Ok(None),
            }
        }
        Ok(Some(Header::decode(&self.header, self.sequence)?))
    }

    fn take(&mut self) {
        self.n_filled = 0;
        self.sequence = self.sequence.wrapping_add(1);
    }
}
