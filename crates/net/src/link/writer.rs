//! The writing side of a link: where in which frame the stream of bytes stands.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::Arc;

use crate::frame::{HEADER_BYTES, Header, Kind};
use crate::slice::Slice;
use crate::socket::Socket;

/// What a frame carries.
#[derive(Clone, Copy)]
pub(crate) enum Payload<'a> {
    Bytes(&'a [u8]),
    Slice(&'a Slice<'a>),
    /// Nothing of its own: the frames that were posted before. An exchange ends without waiting for them
    /// unless `flush` is set.
    Posted {
        flush: bool,
    },
}

/// A frame that waits for its turn, with bytes `range` of memory that it shares.
pub(super) struct Posted {
    pub(super) kind: Kind,
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) range: Range<usize>,
}

impl Payload<'_> {
    fn n_bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Slice(slice) => slice.n_bytes(),
            Self::Posted { .. } => 0,
        }
    }
}

/// Invariant: bytes on the wire are whole frames, then `header_sent` bytes of `header` and all but
/// `payload_left` bytes of its payload.
pub(crate) struct FrameWriter {
    header: [u8; HEADER_BYTES],
    header_sent: usize,
    payload_left: u64,
    /// Number of the next frame.
    sequence: u32,
    /// Frames to send before any other. The first may be under way.
    posted: VecDeque<Posted>,
    posted_begun: bool,
}

impl Default for FrameWriter {
    fn default() -> Self {
        Self {
            header: [0; HEADER_BYTES],
            header_sent: HEADER_BYTES,
            payload_left: 0,
            sequence: 0,
            posted: VecDeque::new(),
            posted_begun: false,
        }
    }
}

impl FrameWriter {
    /// Every frame begun has been handed to the socket.
    pub(crate) fn at_border(&self) -> bool {
        self.header_sent == HEADER_BYTES && self.payload_left == 0
    }

    /// Puts a frame behind those that are posted already.
    pub(super) fn post(&mut self, frame: Posted) {
        self.posted.push_back(frame);
    }

    /// Takes back what is posted and not under way: nobody will want it.
    pub(crate) fn discard_posted(&mut self) {
        self.posted.truncate(usize::from(self.posted_begun));
    }

    /// Every frame posted has been handed to the socket.
    pub(crate) fn is_flushed(&self) -> bool {
        self.posted.is_empty()
    }

    /// Hands posted frames to the socket, as many as it takes. Returns whether any byte was taken.
    pub(crate) fn flush(&mut self, socket: &Socket) -> io::Result<bool> {
        let mut moved = false;
        while let Some(frame) = self.posted.pop_front() {
            let done = self.send_posted(socket, &frame, &mut moved);
            if !matches!(done, Ok(true)) {
                self.posted.push_front(frame);
                done?;
                break;
            }
            self.posted_begun = false;
        }
        Ok(moved)
    }

    /// Returns whether the frame is out.
    fn send_posted(
        &mut self,
        socket: &Socket,
        frame: &Posted,
        moved: &mut bool,
    ) -> io::Result<bool> {
        let payload = Payload::Bytes(&frame.bytes[frame.range.clone()]);
        if !self.posted_begun {
            self.posted_begun = self.begin_now(socket, frame.kind, 0, &payload)?;
        }
        if !self.posted_begun {
            return Ok(false);
        }
        while !self.at_border() {
            if !self.advance(socket, &payload)? {
                return Ok(false);
            }
            *moved = true;
        }
        Ok(true)
    }

    /// Begins a frame, as soon as posted ones and the rest of an earlier heartbeat are gone: returns
    /// false until then.
    pub(crate) fn begin(
        &mut self,
        socket: &Socket,
        kind: Kind,
        tag: u8,
        payload: &Payload<'_>,
    ) -> io::Result<bool> {
        self.flush(socket)?;
        if !self.is_flushed() {
            return Ok(false);
        }
        self.begin_now(socket, kind, tag, payload)
    }

    fn begin_now(
        &mut self,
        socket: &Socket,
        kind: Kind,
        tag: u8,
        payload: &Payload<'_>,
    ) -> io::Result<bool> {
        if self.payload_left != 0 {
            // An error has left a frame unfinished; what follows would be taken for its payload.
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if !self.at_border() {
            self.send_header(socket, false)?;
        }
        let free = self.at_border();
        if free {
            self.start(kind, tag, payload.n_bytes());
            socket.count_sent_frame();
        }
        Ok(free)
    }

    /// Writes more of the frame that was begun with `payload`. Returns whether any byte was taken.
    pub(crate) fn advance(&mut self, socket: &Socket, payload: &Payload<'_>) -> io::Result<bool> {
        match payload {
            Payload::Posted { .. } => self.flush(socket),
            Payload::Bytes(bytes) => {
                let rest = &bytes[bytes.len() - self.payload_left as usize..];
                let head = &self.header[self.header_sent..];
                let parts = [IoSlice::new(head), IoSlice::new(rest)];
                let head_bytes = head.len();
                let Some(n_bytes) = socket.send(&parts, false)? else {
                    return Ok(false);
                };
                self.header_sent += n_bytes.min(head_bytes);
                self.payload_left -= n_bytes.saturating_sub(head_bytes) as u64;
                Ok(true)
            }
            Payload::Slice(slice) => {
                if self.header_sent < HEADER_BYTES {
                    return self.send_header(socket, self.payload_left > 0);
                }
                let position = slice.n_bytes() - self.payload_left;
                let Some(n_bytes) = slice.send(socket, position)? else {
                    return Ok(false);
                };
                self.payload_left -= n_bytes as u64;
                Ok(true)
            }
        }
    }

    /// Sends a heartbeat if the socket takes it. What it takes only in part is finished before the
    /// next frame.
    pub(crate) fn heartbeat(&mut self, socket: &Socket) -> io::Result<()> {
        self.flush(socket)?;
        if self.payload_left != 0 || !self.is_flushed() {
            return Ok(());
        }
        if self.at_border() {
            let header = self.start(Kind::Heartbeat, 0, 0);
            if !self.send_header(socket, false)? {
                // The socket is full: this heartbeat was never begun.
                self.header_sent = HEADER_BYTES;
                self.sequence = header.sequence;
            }
            return Ok(());
        }
        self.send_header(socket, false).map(|_| ())
    }

    fn start(&mut self, kind: Kind, tag: u8, n_bytes: u64) -> Header {
        let header = Header {
            kind,
            tag,
            sequence: self.sequence,
            n_bytes,
        };
        self.header = header.encode();
        self.header_sent = 0;
        self.payload_left = n_bytes;
        self.sequence = self.sequence.wrapping_add(1);
        header
    }

    fn send_header(&mut self, socket: &Socket, more: bool) -> io::Result<bool> {
        let rest = [IoSlice::new(&self.header[self.header_sent..])];
        let sent = socket.send(&rest, more)?;
        self.header_sent += sent.unwrap_or(0);
        Ok(sent.is_some())
    }
}
