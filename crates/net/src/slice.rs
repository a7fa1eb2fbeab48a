//! Slice transfer: a rank's part of a tensor goes from the mapped file to the socket, and from the
//! socket into the memory it is computed from. No byte is copied in user space on either side.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};

use rustix::io::Errno;

use crate::error::Error;
use crate::exchange::{Incoming, Outgoing, Target};
use crate::frame::Kind;
use crate::link::Payload;
use crate::mesh::Mesh;
use crate::socket::{MAX_PIECES, Socket};

/// Bytes handed to the kernel in one call at most. Linux itself stops just below 2 GiB.
const MAX_CALL_BYTES: u64 = 1 << 30;

/// A rectangle of a mapped file: `n_rows` pieces of `row_bytes`, `row_stride` apart.
///
/// A column-parallel slice of a matrix is contiguous (`row_bytes == row_stride`), a row-parallel
/// one is strided.
#[derive(Clone, Copy)]
pub struct Slice<'a> {
    file: &'a File,
    map: &'a [u8],
    offset: u64,
    n_rows: usize,
    row_stride: u64,
    row_bytes: usize,
}

impl<'a> Slice<'a> {
    /// A slice that begins at byte `offset` of `file`, whose whole mapping is `map`.
    ///
    /// # Panics
    ///
    /// If rows overlap, or a row reaches past the mapping.
    pub fn new(
        file: &'a File,
        map: &'a [u8],
        offset: u64,
        n_rows: usize,
        row_stride: u64,
        row_bytes: usize,
    ) -> Self {
        assert!(
            row_bytes as u64 <= row_stride || n_rows <= 1,
            "rows overlap"
        );
        let end = (n_rows.saturating_sub(1) as u64)
            .checked_mul(row_stride)
            .and_then(|n_bytes| n_bytes.checked_add(row_bytes as u64))
            .and_then(|n_bytes| n_bytes.checked_add(offset));
        assert!(
            n_rows == 0 || end.is_some_and(|end| end <= map.len() as u64),
            "the slice reaches past the file"
        );
        Self {
            file,
            map,
            offset,
            n_rows,
            row_stride,
            row_bytes,
        }
    }

    /// Size of the slice as it is sent: without the gaps between its rows.
    pub fn n_bytes(&self) -> u64 {
        // No overflow: the rows lie in the mapping beside each other.
        self.n_rows as u64 * self.row_bytes as u64
    }

    fn is_contiguous(&self) -> bool {
        self.row_bytes as u64 == self.row_stride || self.n_rows <= 1
    }

    /// Sends some of what follows after the first `position` bytes of the slice (not all of them).
    pub(crate) fn send(&self, socket: &Socket, position: u64) -> io::Result<Option<usize>> {
        if self.is_contiguous() {
            return self.send_contiguous(socket, position);
        }
        let mut row = (position / self.row_bytes as u64) as usize;
        let mut skipped = (position % self.row_bytes as u64) as usize;
        let mut pieces = Vec::with_capacity(MAX_PIECES.min(self.n_rows - row));
        while row < self.n_rows && pieces.len() < MAX_PIECES {
            let start = (self.offset + row as u64 * self.row_stride) as usize;
            let piece = &self.map[start + skipped..start + self.row_bytes];
            pieces.push(IoSlice::new(piece));
            skipped = 0;
            row += 1;
        }
        socket.send(&pieces, false)
    }

    #[cfg(target_os = "linux")]
    fn send_contiguous(&self, socket: &Socket, position: u64) -> io::Result<Option<usize>> {
        let n_bytes = (self.n_bytes() - position).min(MAX_CALL_BYTES) as usize;
        match socket.send_file(self.file, self.offset + position, n_bytes) {
            // Some file systems cannot feed a socket.
            Err(error) if error.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
                self.send_mapped(socket, position)
            }
            result => result,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn send_contiguous(&self, socket: &Socket, position: u64) -> io::Result<Option<usize>> {
        // Apple's sendfile differs from Linux's and is not needed there: a root is seldom a Mac.
        let _ = self.file;
        self.send_mapped(socket, position)
    }

    fn send_mapped(&self, socket: &Socket, position: u64) -> io::Result<Option<usize>> {
        let start = (self.offset + position) as usize;
        let n_bytes = (self.n_bytes() - position).min(MAX_CALL_BYTES) as usize;
        let rest = &self.map[start..start + n_bytes];
        socket.send(&[IoSlice::new(rest)], false)
    }
}

/// Whether an error of sending is that of the file, or of its mapping: sockets have none of these.
pub(crate) fn is_of_file(error: &io::Error) -> bool {
    let system = error.raw_os_error();
    error.kind() == ErrorKind::UnexpectedEof
        || [Errno::IO, Errno::FAULT]
            .map(|errno| Some(errno.raw_os_error()))
            .contains(&system)
}

impl Mesh {
    /// Sends a slice to one rank, which receives it with [`receive_slice`](Self::receive_slice).
    /// Several threads may send to different ranks at the same time.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast), and [`Error::File`].
    ///
    /// # Panics
    ///
    /// If `to` is this rank or none.
    pub fn send_slice(&self, to: usize, slice: &Slice<'_>) -> Result<(), Error> {
        let send = Outgoing {
            to,
            kind: Kind::Slice,
            tag: 0,
            payload: Payload::Slice(slice),
        };
        self.exchange(vec![send], vec![])
    }

    /// Receives a slice of exactly the bytes of all `pieces` (none of them empty) into the memory it is
    /// used from: its rows may lie apart there, too.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    ///
    /// # Panics
    ///
    /// If `from` is this rank or none.
    pub fn receive_slice(&self, from: usize, pieces: Vec<IoSliceMut<'_>>) -> Result<(), Error> {
        let receive = Incoming {
            from,
            kind: Kind::Slice,
            into: Target::pieces(pieces),
        };
        self.exchange(vec![], vec![receive])
    }
}
