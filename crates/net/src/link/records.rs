//! What comes in on an encrypted link: records, opened one at a time.
//!
//! A frame's first record is opened into memory of its own, because it begins with the header; the
//! further ones of a long payload are opened straight into the payload's place.

use std::io::IoSliceMut;

use crate::frame::{Header, Kind, Mismatch};
use crate::link::Broken;
use crate::seal::{LENGTH_BYTES, MAX_TEXT_BYTES, Opener, sealed_bytes, text_bytes};
use crate::socket::Socket;

pub(super) struct Records {
    opener: Opener,
    /// The record that is coming in, of which `n_filled` bytes are there, length included.
    record: Vec<u8>,
    n_filled: usize,
    /// The next frame, until it is taken, and the text of its first record.
    next: Option<Header>,
    text: Vec<u8>,
    /// What is left of the text: payload.
    text_read: usize,
    is_slice: bool,
}

impl Records {
    pub(super) fn new(opener: Opener) -> Self {
        Self {
            opener,
            record: vec![0; LENGTH_BYTES],
            n_filled: 0,
            next: None,
            text: Vec::new(),
            text_read: 0,
            is_slice: false,
        }
    }

    pub(super) fn header(&mut self, socket: &Socket) -> Result<Option<Header>, Broken> {
        if self.next.is_none() {
            while !self.is_whole() {
                if self.fill(socket)?.is_none() {
                    return Ok(None);
                }
            }
            let sealed = &self.record[LENGTH_BYTES..];
            self.text.resize(text_bytes(sealed.len()), 0);
            self.opener.open(sealed, &mut self.text)?;
            self.n_filled = 0;
            let (header, payload) = Header::read_text(&self.text)?;
            self.text_read = self.text.len() - payload.len();
            self.next = Some(header);
        }
        Ok(self.next)
    }

    pub(super) fn take(&mut self) {
        if let Some(header) = self.next.take() {
            self.is_slice = header.kind == Kind::Slice;
        }
    }

    /// As [`Lane::payload`](super::lane::Lane::payload).
    pub(super) fn payload(
        &mut self,
        socket: &Socket,
        into: &mut [u8],
        left: u64,
    ) -> Result<Option<usize>, Broken> {
        if self.is_slice {
            Ok(socket.receive(into)?)
        } else if self.text_read < self.text.len() {
            let rest = &self.text[self.text_read..];
            let n_bytes = rest.len().min(into.len());
            into[..n_bytes].copy_from_slice(&rest[..n_bytes]);
            self.text_read += n_bytes;
            Ok(Some(n_bytes))
        } else {
            let Some(()) = self.fill(socket)? else {
                return Ok(None);
            };
            match self.is_whole() {
                true => self.open_more(into, left).map(Some),
                false => Ok(Some(0)),
            }
        }
    }

    /// As [`Lane::slice`](super::lane::Lane::slice).
    pub(super) fn slice(
        &mut self,
        socket: &Socket,
        into: &mut [IoSliceMut<'_>],
    ) -> Result<Option<usize>, Broken> {
        assert!(self.is_slice, "the payload of a slice");
        Ok(socket.receive_pieces(into)?)
    }

    /// Opens a record that goes on with a payload: it is as full as can be.
    fn open_more(&mut self, into: &mut [u8], left: u64) -> Result<usize, Broken> {
        let sealed = &self.record[LENGTH_BYTES..];
        let expected = left.min(MAX_TEXT_BYTES as u64) as usize;
        let got = text_bytes(sealed.len());
        if got != expected {
            let text = |n| format!("{n} further bytes of payload");
            return Err(Mismatch::new(text(expected), text(got)).into());
        }
        self.n_filled = 0;
        Ok(self.opener.open(sealed, into)?)
    }

    fn is_whole(&self) -> bool {
        self.n_filled >= LENGTH_BYTES && self.n_filled == self.record.len()
    }

    /// Reads more of the record that is coming in. Returns `None` if nothing has come.
    fn fill(&mut self, socket: &Socket) -> Result<Option<()>, Broken> {
        if self.n_filled == 0 {
            self.record.resize(LENGTH_BYTES, 0);
        }
        let Some(n_bytes) = socket.receive(&mut self.record[self.n_filled..])? else {
            return Ok(None);
        };
        self.n_filled += n_bytes;
        if self.n_filled == LENGTH_BYTES && self.record.len() == LENGTH_BYTES {
            let length = [self.record[0], self.record[1]];
            self.record.resize(LENGTH_BYTES + sealed_bytes(length)?, 0);
        }
        Ok(Some(()))
    }
}
