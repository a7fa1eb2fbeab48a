//! A connected, non-blocking stream socket: TCP between devices, a Unix socket pair within a process.
//!
//! It counts the bytes that the kernel took and gave, and remembers when the last ones came.

mod liveness;

#[cfg(target_os = "linux")]
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, Shutdown};
use socket2::SockRef;

pub(crate) use liveness::watch_closely;
use liveness::{UNANSWERED, keepalive, limit_unanswered};

/// Pieces handed to the kernel in one call. Linux and macOS both allow 1024 (`IOV_MAX`).
pub(crate) const MAX_PIECES: usize = 1024;

pub(crate) struct Socket {
    fd: OwnedFd,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    sent_frames: AtomicU64,
    received_frames: AtomicU64,
    created: Instant,
    /// Nanoseconds from `created` to the last byte received.
    heard: AtomicU64,
    /// The peer has said that it rests.
    rests: AtomicBool,
    /// The kernel watches the peer closely while it rests.
    is_watched: bool,
}

impl Socket {
    /// Takes over a connected stream socket and sets the options that every link has.
    pub(crate) fn new(fd: OwnedFd) -> io::Result<Self> {
        let socket = SockRef::from(&fd);
        socket.set_nonblocking(true)?;
        #[cfg(target_vendor = "apple")]
        socket.set_nosigpipe(true)?;
        if socket.local_addr()?.as_socket().is_some() {
            socket.set_tcp_nodelay(true)?;
            socket.set_tcp_keepalive(&keepalive())?;
        }
        Ok(Self {
            fd,
            sent_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            sent_frames: AtomicU64::new(0),
            received_frames: AtomicU64::new(0),
            created: Instant::now(),
            heard: AtomicU64::new(0),
            rests: AtomicBool::new(false),
            is_watched: false,
        })
    }

    /// Has the kernel notice within three seconds that the peer's device is gone while it rests.
    pub(crate) fn watch_closely(&mut self) -> io::Result<()> {
        self.is_watched = SockRef::from(&self.fd).local_addr()?.as_socket().is_some();
        if self.is_watched {
            watch_closely(&self.fd)?;
        }
        Ok(())
    }

    /// Writes what fits. `more` says that further bytes of the same message follow at once.
    ///
    /// Returns the number of bytes taken, or `None` if the socket is full.
    pub(crate) fn send(&self, parts: &[IoSlice<'_>], more: bool) -> io::Result<Option<usize>> {
        let flags = send_flags(more);
        let sent = retry(|| {
            rustix::net::sendmsg(&self.fd, parts, &mut SendAncillaryBuffer::default(), flags)
        })?;
        Ok(self.count_sent(sent))
    }

    /// Has the kernel write `n_bytes` of `file` from `offset`: they never enter user space.
    ///
    /// `sendfile` has no flag against SIGPIPE. Rust's runtime and Node both ignore that signal, so
    /// that a closed socket is an error here as everywhere.
    #[cfg(target_os = "linux")]
    pub(crate) fn send_file(
        &self,
        file: &File,
        offset: u64,
        n_bytes: usize,
    ) -> io::Result<Option<usize>> {
        let sent = retry(|| {
            let mut position = offset;
            rustix::fs::sendfile(&self.fd, file, Some(&mut position), n_bytes)
        })?;
        if sent == Some(0) {
            return Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "the file became shorter while it was sent",
            ));
        }
        Ok(self.count_sent(sent))
    }

    /// Reads what is there into `into` (not empty).
    ///
    /// Returns the number of bytes, or `None` if there are none yet.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the peer has closed its side.
    pub(crate) fn receive(&self, into: &mut [u8]) -> io::Result<Option<usize>> {
        self.count_received(retry(|| rustix::io::read(&self.fd, &mut *into))?)
    }

    /// As [`receive`](Self::receive), into pieces that lie apart in memory.
    pub(crate) fn receive_pieces(&self, into: &mut [IoSliceMut<'_>]) -> io::Result<Option<usize>> {
        let n_pieces = into.len().min(MAX_PIECES);
        let into = &mut into[..n_pieces];
        self.count_received(retry(|| rustix::io::readv(&self.fd, &mut *into))?)
    }

    fn count_received(&self, received: Option<usize>) -> io::Result<Option<usize>> {
        match received {
            Some(0) => Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "it closed the connection",
            )),
            Some(n_bytes) => {
                self.received_bytes.fetch_add(n_bytes as u64, Relaxed);
                self.mark_heard();
                Ok(Some(n_bytes))
            }
            None => Ok(None),
        }
    }

    /// Bytes that have arrived and are not read.
    pub(crate) fn unread_bytes(&self) -> u64 {
        rustix::io::ioctl_fionread(&self.fd).unwrap_or(0)
    }

    /// Notes that the peer has given a sign of life now.
    pub(crate) fn mark_heard(&self) {
        let since = self.created.elapsed().as_nanos() as u64;
        self.heard.store(since, Relaxed);
    }

    pub(crate) fn last_heard(&self) -> Instant {
        self.created + Duration::from_nanos(self.heard.load(Relaxed))
    }

    /// Counts a frame that is begun.
    pub(crate) fn count_sent_frame(&self) {
        self.sent_frames.fetch_add(1, Relaxed);
    }

    /// Counts a frame whose header has been taken.
    pub(crate) fn count_received_frame(&self) {
        self.received_frames.fetch_add(1, Relaxed);
    }

    pub(crate) fn sent_frames(&self) -> u64 {
        self.sent_frames.load(Relaxed)
    }

    pub(crate) fn received_frames(&self) -> u64 {
        self.received_frames.load(Relaxed)
    }

    pub(crate) fn set_rests(&self, rests: bool) {
        if self.rests.swap(rests, SeqCst) != rests && self.is_watched {
            // In a run a healthy peer may not read for long. The system refuses only sockets that are gone.
            let _ = limit_unanswered(SockRef::from(&self.fd), rests.then_some(UNANSWERED));
        }
    }

    pub(crate) fn rests(&self) -> bool {
        self.rests.load(SeqCst)
    }

    /// Whether so many bytes wait to be read that the peer may have no room for more, not even for a sign of life.
    pub(crate) fn may_be_full(&self) -> bool {
        let size = SockRef::from(&self.fd).recv_buffer_size().unwrap_or(0);
        self.unread_bytes() as usize > size / 4
    }

    pub(crate) fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Relaxed)
    }

    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes.load(Relaxed)
    }

    /// Ends the connection in both directions and wakes every thread that waits on it.
    pub(crate) fn shut_down(&self) {
        // It fails only if the peer was faster.
        let _ = rustix::net::shutdown(&self.fd, Shutdown::Both);
    }

    /// Ends this side of the connection: the peer reads what is on its way, and then the end.
    pub(crate) fn end_sending(&self) {
        // It fails only if the peer was faster.
        let _ = rustix::net::shutdown(&self.fd, Shutdown::Write);
    }

    /// Throws away some of what has come. Returns whether there was any.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    pub(crate) fn discard(&self) -> io::Result<bool> {
        let mut discarded = [0; 16 << 10];
        self.receive(&mut discarded)
            .map(|n_bytes| n_bytes.is_some())
    }

    fn count_sent(&self, sent: Option<usize>) -> Option<usize> {
        self.sent_bytes.fetch_add(sent.unwrap_or(0) as u64, Relaxed);
        sent
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Repeats `call` when a signal interrupts it; `None` means that it would block.
fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> io::Result<Option<T>> {
    loop {
        match call() {
            Ok(value) => return Ok(Some(value)),
            Err(Errno::INTR) => {}
            Err(error) if error == Errno::AGAIN || error == Errno::WOULDBLOCK => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(target_os = "linux")]
fn send_flags(more: bool) -> SendFlags {
    let mut flags = SendFlags::NOSIGNAL;
    flags.set(SendFlags::MORE, more);
    flags
}

/// Apple's sockets have an option against SIGPIPE instead of a flag, and nothing like `MSG_MORE`.
#[cfg(not(target_os = "linux"))]
fn send_flags(_more: bool) -> SendFlags {
    SendFlags::empty()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_watched_peer_has_to_acknowledge_only_while_it_rests() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).expect("connected");
        let mut socket = Socket::new(stream.into()).expect("options");
        let limit = |socket: &Socket| SockRef::from(&socket.fd).tcp_user_timeout().ok().flatten();
        for rests in [true, false] {
            socket.set_rests(rests);
            assert_eq!(limit(&socket), None, "not watched");
        }
        socket.watch_closely().expect("options");
        for (rests, expected) in [
            (true, Some(UNANSWERED)),
            (false, None),
            (true, Some(UNANSWERED)),
        ] {
            socket.set_rests(rests);
            assert_eq!(limit(&socket), expected);
        }
    }
}
