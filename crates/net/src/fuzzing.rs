//! Doors for the fuzz targets in `fuzz/`, which `--cfg fuzzing` alone opens: decoders that nothing else
//! outside the crate calls. Each checks what must hold for any bytes, and panics if it does not.

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::abort::Abort;
use crate::frame::{HEADER_BYTES, Header};
use crate::handshake::setup::{self, Report};
use crate::handshake::{Hello, Reply};
use crate::limits::MAX_ABORT_BYTES;

/// A frame's header; the first four bytes are the number that it should have.
pub fn frame_header(bytes: &[u8]) {
    let Some((sequence, rest)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let Some(header) = rest.first_chunk::<HEADER_BYTES>() else {
        return;
    };
    if let Ok(decoded) = Header::decode(header, u32::from_le_bytes(*sequence)) {
        assert_eq!(decoded.encode(), *header);
    }
}

/// Why a peer gives up.
pub fn abort(bytes: &[u8]) {
    if let Some(abort) = Abort::decode(bytes) {
        assert!(abort.encode().len() <= MAX_ABORT_BYTES);
    }
}

/// What a stranger says to a worker.
pub fn hello(bytes: &[u8]) {
    match Hello::read(&stream_of(bytes), deadline()) {
        Ok(Ok(hello)) => assert_eq!(hello.encode(), bytes[..hello.encode().len()]),
        Ok(Err(reply)) => assert!(!reply.reason().is_empty()),
        Err(_) => {}
    }
}

/// What a root gets as an answer.
pub fn reply(bytes: &[u8]) {
    let Some(first) = bytes.first_chunk() else {
        return;
    };
    if let Ok(reply) = Reply::decode(first) {
        let _ = reply.into_result("fuzz:1");
    }
}

/// What root and worker tell each other before the first frame; the first byte is the number of workers.
pub fn setup(bytes: &[u8]) {
    let Some((n_workers, rest)) = bytes.split_first() else {
        return;
    };
    let addresses = setup::read_addresses(&stream_of(rest), (*n_workers).into(), deadline());
    assert!(addresses.is_err() || addresses.is_ok_and(|all| all.len() == (*n_workers).into()));
    let _ = Report::read(&stream_of(rest), deadline());
    let _ = setup::read_start(&stream_of(rest), deadline());
}

/// A connection on which these bytes have come, and no more will.
fn stream_of(bytes: &[u8]) -> TcpStream {
    let (near, mut far) = UnixStream::pair().expect("a socket pair");
    far.write_all(bytes)
        .expect("a socket's buffer holds the longest input");
    // What is read from it does not ask what kind of socket it is.
    TcpStream::from(OwnedFd::from(near))
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(5)
}
