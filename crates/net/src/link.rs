//! One rank's connection to one peer.
//!
//! The two directions have locks of their own. Whoever writes or reads a frame holds that
//! direction's lock from its first byte to its last, so frames of several threads never mix.

mod lane;
mod reader;
mod records;
mod writer;

use std::io;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

pub(crate) use reader::FrameReader;
use writer::Posted;
pub(crate) use writer::{FrameWriter, Payload};

use crate::abort::Abort;
use crate::connection::Connection;
use crate::frame::{Kind, Mismatch};
use crate::socket::Socket;

pub(crate) struct Link {
    pub(crate) rank: usize,
    pub(crate) address: String,
    pub(crate) socket: Socket,
    writer: Mutex<FrameWriter>,
    reader: Mutex<FrameReader>,
    /// Held by whoever listens: a reader that is locked meanwhile is so by a thread that receives.
    listening: Mutex<()>,
    /// Set by the monitor when the peer has closed the connection, or is taken for lost.
    pub(crate) hung_up: AtomicBool,
    /// Set by the monitor when it has closed the connection because the peer was silent.
    pub(crate) silent: AtomicBool,
}

/// Why a link is of no more use.
pub(crate) enum Broken {
    /// The peer is gone.
    Gone(io::Error),
    /// The peer breaks the protocol.
    Garbled(Mismatch),
    /// The peer gave up and said why.
    Aborted(Abort),
}

impl Broken {
    /// The same once more, of what the peer has sent: the end of a connection shows again by itself.
    fn again(&self) -> Option<Self> {
        match self {
            Self::Gone(_) => None,
            Self::Garbled(mismatch) => Some(Self::Garbled(mismatch.clone())),
            Self::Aborted(abort) => Some(Self::Aborted(abort.clone())),
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

impl From<Mismatch> for Broken {
    fn from(mismatch: Mismatch) -> Self {
        Self::Garbled(mismatch)
    }
}

impl Link {
    pub(crate) fn new(rank: usize, address: String, connection: Connection) -> io::Result<Self> {
        let (sealer, opener) = match connection.seals {
            Some(seals) => (Some(seals.sealer), Some(seals.opener)),
            None => (None, None),
        };
        Ok(Self {
            rank,
            address,
            socket: Socket::new(connection.fd)?,
            writer: Mutex::new(FrameWriter::new(sealer)),
            reader: Mutex::new(FrameReader::new(opener)),
            listening: Mutex::new(()),
            hung_up: AtomicBool::new(false),
            silent: AtomicBool::new(false),
        })
    }

    /// Waits until no other thread writes a frame here.
    pub(crate) fn lock_writer(&self) -> MutexGuard<'_, FrameWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no other thread reads a frame here.
    pub(crate) fn lock_reader(&self) -> MutexGuard<'_, FrameReader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn try_lock_writer(&self) -> Option<MutexGuard<'_, FrameWriter>> {
        free(self.writer.try_lock())
    }

    /// Leaves a frame to the link, which sends at once what the socket takes, and the rest with whatever
    /// is sent next, heartbeats included.
    pub(crate) fn post(&self, kind: Kind, bytes: Arc<Vec<u8>>, range: Range<usize>) {
        let mut writer = self.lock_writer();
        writer.post(Posted { kind, bytes, range });
        // An error shows to whoever next uses the link for something.
        let _ = writer.flush(&self.socket);
    }

    /// Sends a heartbeat, unless a frame is under way (then bytes flow, or the peer has bytes to
    /// read) or the socket is full (then the peer has bytes to read). `tag` is [`REST`](crate::frame::REST)
    /// for the last one. Returns whether it is on its way.
    pub(crate) fn heartbeat(&self, tag: u8) -> bool {
        match self.try_lock_writer() {
            // An error shows to whoever next uses the link for something.
            Some(mut writer) => writer.heartbeat(&self.socket, tag).unwrap_or(true),
            None => false,
        }
    }

    /// Whether silence would be a sign: all that has come is read, or the peer has room to send more.
    pub(crate) fn hears_all(&self) -> Result<bool, Broken> {
        Ok(match self.listen()? {
            Listened::Nothing => true,
            Listened::FrameWaits => !self.socket.may_be_full(),
            // The other thread may not have got round to it.
            Listened::IsReceived => self.socket.unread_bytes() == 0,
        })
    }

    /// Takes note of the peer while nothing is to be received from it: consumes heartbeats.
    /// A frame that somebody will receive later stays where it is.
    pub(crate) fn listen(&self) -> Result<Listened, Broken> {
        let Some((_listening, mut reader)) = self.reader_to_listen() else {
            return Ok(Listened::IsReceived);
        };
        // What is left of a frame that was given up in its middle is no frame.
        if !reader.is_in_payload() && reader.next_frame(&self.socket)?.is_none() {
            return Ok(Listened::Nothing);
        }
        reader.note_unread(&self.socket);
        Ok(Listened::FrameWaits)
    }

    /// Why the connection of a peer that has hung up has ended, which may lie behind frames that nobody
    /// will receive. `None` if another thread receives from the peer, and will see for itself.
    pub(crate) fn last_word(&self) -> Option<Broken> {
        let (_listening, mut reader) = self.reader_to_listen()?;
        let closed = || Broken::Gone(io::ErrorKind::UnexpectedEof.into());
        Some(reader.last_word(&self.socket).unwrap_or_else(closed))
    }

    /// The reader, unless another thread receives from the peer.
    fn reader_to_listen(&self) -> Option<(MutexGuard<'_, ()>, MutexGuard<'_, FrameReader>)> {
        // Others that listen do so without waiting, so this is short; one of them is not to be taken for a
        // thread that receives.
        let listening = self.listening.lock();
        let listening = listening.unwrap_or_else(PoisonError::into_inner);
        Some((listening, free(self.reader.try_lock())?))
    }
}

/// What is to be had from a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listened {
    Nothing,
    FrameWaits,
    /// Another thread receives from the peer and hears it.
    IsReceived,
}

fn free<'a, T>(
    attempt: Result<MutexGuard<'a, T>, TryLockError<MutexGuard<'a, T>>>,
) -> Option<MutexGuard<'a, T>> {
    match attempt {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
