//! The reading side of a link: what the next frame is, and its payload.

use std::io::IoSliceMut;

use crate::abort::Abort;
use crate::frame::{Header, Kind, Mismatch, REST};
use crate::link::Broken;
use crate::link::lane::Lane;
use crate::seal::{MAX_TEXT_BYTES, Opener};
use crate::socket::Socket;

/// More than come while a rank looks away for a minute.
const MAX_HEARTBEATS_AT_ONCE: usize = 200;

pub(crate) struct FrameReader {
    lane: Lane,
    /// Bytes of the taken frame's payload that have not been read.
    payload_left: u64,
    abort: Option<AbortPayload>,
    /// What was wrong with what the peer has sent. Nothing behind it is read, and whoever looks next is told
    /// the same: the monitor may have been the first, and others are to know the reason.
    broken: Option<Broken>,
    /// Bytes that had arrived behind a waiting frame when last looked at.
    unread_bytes: u64,
}

/// The payload of an abort frame, of which `n_filled` bytes are there.
struct AbortPayload {
    bytes: Vec<u8>,
    n_filled: usize,
}

impl FrameReader {
    pub(super) fn new(opener: Option<Opener>) -> Self {
        Self {
            lane: Lane::new(opener),
            payload_left: 0,
            abort: None,
            broken: None,
            unread_bytes: 0,
        }
    }

    /// The header of the frame that comes next, once it is all there. It stays the next frame until
    /// [`take`](Self::take). Heartbeats are consumed on the way, some at a time, so that who sends nothing
    /// else keeps nobody; an abort frame is an error.
    pub(crate) fn next_frame(&mut self, socket: &Socket) -> Result<Option<Header>, Broken> {
        self.unless_broken(|reader| reader.read_next_frame(socket))
    }

    fn read_next_frame(&mut self, socket: &Socket) -> Result<Option<Header>, Broken> {
        for _ in 0..MAX_HEARTBEATS_AT_ONCE {
            if self.abort.is_some() {
                break;
            }
            let Some(header) = self.lane.header(socket)? else {
                return Ok(None);
            };
            match header.kind {
                Kind::Heartbeat => {
                    socket.set_rests(header.tag == REST);
                    self.lane.take();
                }
                Kind::Abort => {
                    self.lane.take();
                    self.abort = Some(AbortPayload {
                        // The header has been checked: it is no more than an abort may have.
                        bytes: vec![0; header.n_bytes as usize],
                        n_filled: 0,
                    });
                }
                _ => return Ok(Some(header)),
            }
        }
        self.read_abort(socket).map(|()| None)
    }

    /// The caller reads the payload of the next frame, whose header this is, before anything else.
    pub(crate) fn take(&mut self, header: &Header) {
        self.lane.take();
        self.payload_left = header.n_bytes;
    }

    /// Whether a frame was taken whose payload has not been read to its end: whoever took it has given up.
    pub(crate) fn is_in_payload(&self) -> bool {
        self.payload_left > 0
    }

    /// Reads some of the payload that is left into the beginning of `into`, which has room for all that
    /// is left and is not empty. Returns its bytes, which may be 0 although something has come, or
    /// `None` if nothing has.
    pub(crate) fn payload(
        &mut self,
        socket: &Socket,
        into: &mut [u8],
    ) -> Result<Option<usize>, Broken> {
        let left = self.payload_left;
        self.unless_broken(|reader| {
            let received = reader.lane.payload(socket, into, left)?;
            reader.payload_left -= received.unwrap_or(0) as u64;
            Ok(received)
        })
    }

    /// As [`payload`](Self::payload), of a slice and into pieces that lie apart in memory.
    pub(crate) fn slice(
        &mut self,
        socket: &Socket,
        into: &mut [IoSliceMut<'_>],
    ) -> Result<Option<usize>, Broken> {
        self.unless_broken(|reader| {
            let received = reader.lane.slice(socket, into)?;
            reader.payload_left -= received.unwrap_or(0) as u64;
            Ok(received)
        })
    }

    /// What ends a connection whose peer has hung up: everything before is thrown away. `None` if there is
    /// more to come.
    pub(crate) fn last_word(&mut self, socket: &Socket) -> Option<Broken> {
        let mut thrown_away = vec![0; MAX_TEXT_BYTES];
        loop {
            let moved = match self.is_in_payload() {
                true => {
                    let n_bytes = self.payload_left.min(MAX_TEXT_BYTES as u64) as usize;
                    self.payload(socket, &mut thrown_away[..n_bytes])
                        .map(|received| received.is_some())
                }
                false => self
                    .next_frame(socket)
                    .map(|header| header.inspect(|header| self.take(header)).is_some()),
            };
            match moved {
                Ok(true) => {}
                Ok(false) => return None,
                Err(broken) => return Some(broken),
            }
        }
    }

    fn unless_broken<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Broken>,
    ) -> Result<T, Broken> {
        if let Some(broken) = self.broken.as_ref().and_then(Broken::again) {
            return Err(broken);
        }
        read(self).inspect_err(|broken| self.broken = broken.again())
    }

    /// Counts bytes that pile up behind a frame nobody receives yet as a sign of life.
    pub(crate) fn note_unread(&mut self, socket: &Socket) {
        let unread_bytes = socket.unread_bytes();
        if unread_bytes != self.unread_bytes {
            self.unread_bytes = unread_bytes;
            socket.mark_heard();
        }
    }

    /// Reads the abort frame that has begun; it is an error as soon as it is all there.
    fn read_abort(&mut self, socket: &Socket) -> Result<(), Broken> {
        let Some(AbortPayload { bytes, n_filled }) = &mut self.abort else {
            return Ok(());
        };
        while *n_filled < bytes.len() {
            let rest = &mut bytes[*n_filled..];
            let left = rest.len() as u64;
            match self.lane.payload(socket, rest, left)? {
                Some(n_bytes) => *n_filled += n_bytes,
                None => return Ok(()),
            }
        }
        Err(match Abort::decode(bytes) {
            Some(abort) => Broken::Aborted(abort),
            None => {
                let got = format!("{} other bytes", bytes.len());
                Mismatch::new("the payload of an abort", got).into()
            }
        })
    }
}
