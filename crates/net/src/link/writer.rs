//! The writing side of a link: where in which frame the stream of bytes stands.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::Arc;

use crate::frame::{Header, Kind};
use crate::seal::{MAX_TEXT_BYTES, Sealer};
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

/// Invariant: bytes on the wire are what came before `head`, then `head_sent` bytes of it. Of the
/// frame under way `payload_left` bytes are neither on the wire nor in `head`.
pub(crate) struct FrameWriter {
    /// The header of a plain frame, or the last record that was sealed.
    head: Vec<u8>,
    head_sent: usize,
    payload_left: u64,
    /// Number of the next plain frame.
    sequence: u32,
    /// Of an encrypted link.
    sealer: Option<Sealer>,
    /// The text of a frame's first record, kept for its memory.
    text: Vec<u8>,
    /// Frames to send before any other. The first may be under way.
    posted: VecDeque<Posted>,
    posted_begun: bool,
}

impl FrameWriter {
    pub(super) fn new(sealer: Option<Sealer>) -> Self {
        Self {
            head: Vec::new(),
            head_sent: 0,
            payload_left: 0,
            sequence: 0,
            sealer,
            text: Vec::new(),
            posted: VecDeque::new(),
            posted_begun: false,
        }
    }

    /// Every frame begun has been handed to the socket.
    pub(crate) fn at_border(&self) -> bool {
        self.head_is_out() && self.payload_left == 0
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
            self.send_head(socket, false)?;
        }
        let free = self.at_border();
        if free {
            self.start(kind, tag, payload);
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
                if self.sealer.is_some() {
                    self.seal_more(rest);
                    let more = self.payload_left > 0;
                    return self.send_head(socket, more);
                }
                let head = &self.head[self.head_sent..];
                let parts = [IoSlice::new(head), IoSlice::new(rest)];
                let head_bytes = head.len();
                let Some(n_bytes) = socket.send(&parts, false)? else {
                    return Ok(false);
                };
                self.head_sent += n_bytes.min(head_bytes);
                self.payload_left -= n_bytes.saturating_sub(head_bytes) as u64;
                Ok(true)
            }
            Payload::Slice(slice) => {
                if !self.head_is_out() {
                    return self.send_head(socket, self.payload_left > 0);
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

    /// Sends a heartbeat if nothing else is under way. What the socket does not take of it is sent before
    /// the next frame. Returns whether it is out.
    pub(crate) fn heartbeat(&mut self, socket: &Socket, tag: u8) -> io::Result<bool> {
        self.flush(socket)?;
        if self.payload_left != 0 || !self.is_flushed() {
            return Ok(false);
        }
        if self.at_border() {
            self.start(Kind::Heartbeat, tag, &Payload::Bytes(&[]));
            self.send_head(socket, false)?;
            return Ok(self.head_is_out());
        }
        self.send_head(socket, false)?;
        Ok(false)
    }

    fn start(&mut self, kind: Kind, tag: u8, payload: &Payload<'_>) {
        let n_bytes = payload.n_bytes();
        let header = Header { kind, tag, n_bytes };
        self.head_sent = 0;
        self.payload_left = n_bytes;
        let Some(sealer) = &mut self.sealer else {
            self.head.clear();
            self.head.extend_from_slice(&header.encode(self.sequence));
            self.sequence = self.sequence.wrapping_add(1);
            return;
        };
        let n_in_record = header.begin_text(&mut self.text);
        if let Payload::Bytes(bytes) = payload {
            self.text.extend_from_slice(&bytes[..n_in_record]);
            self.payload_left -= n_in_record as u64;
        }
        sealer.seal(&self.text, &mut self.head);
    }

    /// Seals the next record of a payload once the last one is out.
    fn seal_more(&mut self, rest: &[u8]) {
        if let (true, Some(sealer)) = (self.head_is_out() && !rest.is_empty(), &mut self.sealer) {
            let piece = &rest[..rest.len().min(MAX_TEXT_BYTES)];
            sealer.seal(piece, &mut self.head);
            self.head_sent = 0;
            self.payload_left -= piece.len() as u64;
        }
    }

    fn head_is_out(&self) -> bool {
        self.head_sent == self.head.len()
    }

    fn send_head(&mut self, socket: &Socket, more: bool) -> io::Result<bool> {
        let rest = [IoSlice::new(&self.head[self.head_sent..])];
        let sent = socket.send(&rest, more)?;
        self.head_sent += sent.unwrap_or(0);
        Ok(sent.is_some())
    }
}
