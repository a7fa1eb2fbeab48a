//! One frame of an exchange, outgoing or incoming, and how far it has got.

use std::io;
use std::sync::MutexGuard;

use crate::frame::{Header, Kind, Mismatch};
use crate::link::{Broken, FrameReader, FrameWriter, Link, Payload};

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
    /// It has any length up to `max_bytes`.
    Message {
        max_bytes: usize,
        tag: &'a mut u8,
        bytes: &'a mut Vec<u8>,
    },
}

impl Target<'_> {
    /// Checks the frame that came and makes room for it.
    fn accept(&mut self, kind: Kind, header: Header) -> Result<(), Mismatch> {
        let (fits, limit) = match self {
            Self::Exact(dst) => (header.n_bytes == dst.len() as u64, format!("{}", dst.len())),
            Self::Message { max_bytes, .. } => (
                header.n_bytes <= *max_bytes as u64,
                format!("at most {max_bytes}"),
            ),
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

    fn buffer(&mut self) -> &mut [u8] {
        match self {
            Self::Exact(dst) => dst,
            Self::Message { bytes, .. } => bytes,
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
                    self.reader.take();
                    socket.count_received_frame();
                    0
                }
            },
        };
        let begun_now = self.position.is_none();
        let rest = &mut self.frame.into.buffer()[position..];
        let n_bytes = match rest {
            [] => 0,
            rest => socket.receive(rest)?.unwrap_or(0),
        };
        position += n_bytes;
        self.position = Some(position);
        Ok(begun_now || n_bytes > 0)
    }

    pub(super) fn is_done(&mut self) -> bool {
        self.position == Some(self.frame.into.buffer().len())
    }
}
