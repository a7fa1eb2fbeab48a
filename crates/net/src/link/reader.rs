//! The reading side of a link: what the next frame is, and its payload.

use std::io::IoSliceMut;

use crate::abort::Abort;
use crate::frame::{Header, Kind, Mismatch, REST};
use crate::link::Broken;
use crate::link::lane::Lane;
use crate::seal::Opener;
use crate::socket::Socket;

pub(crate) struct FrameReader {
    lane: Lane,
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
            abort: None,
            broken: None,
            unread_bytes: 0,
        }
    }

    /// The header of the frame that comes next, once it is all there. It stays the next frame until
    /// [`take`](Self::take). Heartbeats are consumed on the way; an abort frame is an error.
    pub(crate) fn next_frame(&mut self, socket: &Socket) -> Result<Option<Header>, Broken> {
        self.unless_broken(|reader| reader.read_next_frame(socket))
    }

    fn read_next_frame(&mut self, socket: &Socket) -> Result<Option<Header>, Broken> {
        while self.abort.is_none() {
            let Some(header) = self.lane.header(socket)? else {
                return Ok(None);
            };
            match header.kind {
                Kind::Heartbeat => {
                    socket.set_rests(header.tag == REST);
                    self.take();
                }
                Kind::Abort => {
                    self.take();
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

    /// The caller reads the payload of the next frame now, all of it.
    pub(crate) fn take(&mut self) {
        self.lane.take();
    }

    /// Reads some of the payload that is left into the beginning of `into`, which has room for all that
    /// is left and is not empty. Returns its bytes, which may be 0 although something has come, or
    /// `None` if nothing has.
    pub(crate) fn payload(
        &mut self,
        socket: &Socket,
        into: &mut [u8],
    ) -> Result<Option<usize>, Broken> {
        self.unless_broken(|reader| reader.lane.payload(socket, into))
    }

    /// As [`payload`](Self::payload), of a slice and into pieces that lie apart in memory.
    pub(crate) fn slice(
        &mut self,
        socket: &Socket,
        into: &mut [IoSliceMut<'_>],
    ) -> Result<Option<usize>, Broken> {
        self.unless_broken(|reader| reader.lane.slice(socket, into))
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
            match self.lane.payload(socket, &mut bytes[*n_filled..])? {
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
