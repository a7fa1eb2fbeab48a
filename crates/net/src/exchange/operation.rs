//! One frame of an exchange, outgoing or incoming, and how far it has got.

use std::io::{self, IoSliceMut};
use std::sync::MutexGuard;

use crate::frame::{Header, Kind, Mismatch};
use crate::link::{Broken, FrameReader, FrameWriter, Link, Payload};
use crate::socket::Socket;

/// A frame to send.
pub(crate) struct Outgoing<'a> {
    pub(crate) to: usize,
    pub(crate) kind: Kind,
    pub(crate) tag: u8,
    pub(crate) payload: Payload<'a>,
}

/// A frame that must come.
pub(crate) struct Incoming<'a> {
    pub(crate) from: usize,
    pub(crate) kind: Kind,
    pub(crate) into: Target<'a>,
}

/// Where a payload goes.
pub(crate) enum Target<'a> {
    /// It has exactly this many bytes.
    Exact(&'a mut [u8]),
    /// It has exactly the bytes of all pieces, which lie apart in memory.
    Pieces {
        pieces: Vec<IoSliceMut<'a>>,
        /// Those before are full.
        next: usize,
        n_bytes: usize,
    },
    /// It has any length up to `max_bytes`.
    Message {
        max_bytes: usize,
        tag: &'a mut u8,
        bytes: &'a mut Vec<u8>,
    },
}

impl<'a> Target<'a> {
    /// Pieces, none of them empty.
    pub(crate) fn pieces(pieces: Vec<IoSliceMut<'a>>) -> Self {
        let n_bytes = pieces.iter().map(|piece| piece.len()).sum();
        Self::Pieces {
            pieces,
            next: 0,
            n_bytes,
        }
    }

    /// Checks the frame that came and makes room for it.
    fn accept(&mut self, kind: Kind, header: Header) -> Result<(), Mismatch> {
        let (fits, limit) = match self {
            Self::Message { max_bytes, .. } => (
                header.n_bytes <= *max_bytes as u64,
                format!("at most {max_bytes}"),
            ),
            ref exact => {
                let n_bytes = exact.n_bytes();
                (header.n_bytes == n_bytes as u64, n_bytes.to_string())
            }
        };
        if header.kind != kind || !fits {
            return Err(Mismatch::new(
                format!("{} of {limit} bytes", kind.name()),
                format!("{} of {} bytes", header.kind.name(), header.n_bytes),
            ));
        }
        if let Self::Message { tag, bytes, .. } = self {
            **tag = header.tag;
            bytes.resize(header.n_bytes as usize, 0);
        }
        Ok(())
    }

    fn n_bytes(&self) -> usize {
        match self {
            Self::Exact(dst) => dst.len(),
            Self::Pieces { n_bytes, .. } => *n_bytes,
            Self::Message { bytes, .. } => bytes.len(),
        }
    }

    /// Reads what is there behind the first `position` bytes of the payload, which is not all. As
    /// [`FrameReader::payload`].
    fn receive(
        &mut self,
        reader: &mut FrameReader,
        socket: &Socket,
        position: usize,
    ) -> Result<Option<usize>, Broken> {
        match self {
            Self::Exact(dst) => reader.payload(socket, &mut dst[position..]),
            Self::Message { bytes, .. } => reader.payload(socket, &mut bytes[position..]),
            Self::Pieces { pieces, next, .. } => {
                let received = reader.slice(socket, &mut pieces[*next..])?;
                if let Some(n_bytes) = received {
                    let mut rest = &mut pieces[*next..];
                    let n_before = rest.len();
                    IoSliceMut::advance_slices(&mut rest, n_bytes);
                    *next += n_before - rest.len();
                }
                Ok(received)
            }
        }
    }
}

/// Holds the link's writer until the frame is out, and no longer: a peer that this rank has nothing
/// to send to must get heartbeats while the exchange waits for another.
pub(super) struct Sending<'a> {
    pub(super) link: &'a Link,
    frame: Outgoing<'a>,
    writer: MutexGuard<'a, FrameWriter>,
    begun: bool,
}

impl<'a> Sending<'a> {
    pub(super) fn new(link: &'a Link, frame: Outgoing<'a>) -> Self {
        Self {
            link,
            frame,
            writer: link.lock_writer(),
            begun: false,
        }
    }

    pub(super) fn step(&mut self) -> io::Result<bool> {
        let socket = &self.link.socket;
        let Outgoing {
            kind, tag, payload, ..
        } = &self.frame;
        if let Payload::Posted { .. } = payload {
            return self.writer.flush(socket);
        }
        if !self.begun {
            self.begun = self.writer.begin(socket, *kind, *tag, payload)?;
        }
        if !self.begun {
            return Ok(false);
        }
        self.writer.advance(socket, payload)
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun || matches!(self.frame.payload, Payload::Posted { .. })
    }

    /// The exchange may end before this frame is out.
    pub(super) fn may_wait(&self) -> bool {
        matches!(self.frame.payload, Payload::Posted { flush: false })
    }

    pub(super) fn is_done(&self) -> bool {
        match self.frame.payload {
            Payload::Posted { .. } => self.writer.is_flushed(),
            _ => self.begun && self.writer.at_border(),
        }
    }
}

/// Holds the link's reader until the frame is in.
pub(super) struct Receiving<'a> {
    pub(super) link: &'a Link,
    frame: Incoming<'a>,
    reader: MutexGuard<'a, FrameReader>,
    /// Bytes of payload received, once the header has been accepted.
    position: Option<usize>,
}

impl<'a> Receiving<'a> {
    pub(super) fn new(link: &'a Link, frame: Incoming<'a>) -> Self {
        Self {
            link,
            frame,
            reader: link.lock_reader(),
            position: None,
        }
    }

    pub(super) fn step(&mut self) -> Result<bool, Broken> {
        let socket = &self.link.socket;
        let mut position = match self.position {
            Some(position) => position,
            None => match self.reader.next_frame(socket)? {
                None => return Ok(false),
                Some(header) => {
                    self.frame.into.accept(self.frame.kind, header)?;
                    self.reader.take(&header);
                    socket.count_received_frame();
                    0
                }
            },
        };
        let begun_now = self.position.is_none();
        let received = match position == self.frame.into.n_bytes() {
            true => None,
            false => self
                .frame
                .into
                .receive(&mut self.reader, socket, position)?,
        };
        position += received.unwrap_or(0);
        self.position = Some(position);
        Ok(begun_now || received.is_some())
    }

    pub(super) fn is_done(&self) -> bool {
        self.position == Some(self.frame.into.n_bytes())
    }
}
