//! The reading side of a link: reads exactly one header, never a byte beyond, so that the payload
//! goes from the kernel straight to where it belongs.

use crate::abort::Abort;
use crate::frame::{HEADER_BYTES, Header, Kind, Mismatch, REST};
use crate::link::Broken;
use crate::socket::Socket;

#[derive(Default)]
pub(crate) struct FrameReader {
    header: [u8; HEADER_BYTES],
    n_filled: usize,
    /// Number of the next frame.
    sequence: u32,
    abort: Vec<u8>,
    /// Bytes that had arrived behind a waiting frame when last looked at.
    unread_bytes: u64,
}

impl FrameReader {
    /// The header of the frame that comes next, once it is all there. It stays the next frame until
    /// [`take`](Self::take). Heartbeats are consumed on the way; an abort frame is an error.
    pub(crate) fn next_frame(&mut self, socket: &Socket) -> Result<Option<Header>, Broken> {
        loop {
            while self.n_filled < HEADER_BYTES {
                match socket.receive(&mut self.header[self.n_filled..])? {
                    Some(n_bytes) => self.n_filled += n_bytes,
                    None => return Ok(None),
                }
            }
            let header = Header::decode(&self.header, self.sequence)?;
            match header.kind {
                Kind::Heartbeat => {
                    socket.set_rests(header.tag == REST);
                    self.take();
                }
                Kind::Abort => return self.read_abort(socket, header.n_bytes as usize),
                _ => return Ok(Some(header)),
            }
        }
    }

    /// The caller reads the payload of the next frame now, all of it.
    pub(crate) fn take(&mut self) {
        self.n_filled = 0;
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// Counts bytes that pile up behind a frame nobody receives yet as a sign of life.
    pub(crate) fn note_unread(&mut self, socket: &Socket) {
        let unread_bytes = socket.unread_bytes();
        if unread_bytes != self.unread_bytes {
            self.unread_bytes = unread_bytes;
            socket.mark_heard();
        }
    }

    fn read_abort(&mut self, socket: &Socket, n_bytes: usize) -> Result<Option<Header>, Broken> {
        let mut piece = [0; 256];
        while self.abort.len() < n_bytes {
            let wanted = piece.len().min(n_bytes - self.abort.len());
            match socket.receive(&mut piece[..wanted])? {
                Some(n_received) => self.abort.extend_from_slice(&piece[..n_received]),
                None => return Ok(None),
            }
        }
        Err(match Abort::decode(&self.abort) {
            Some(abort) => Broken::Aborted(abort),
            None => {
                Mismatch::new("the payload of an abort", format!("{n_bytes} other bytes")).into()
            }
        })
    }
}
