//! Doors for the fuzz targets in `fuzz/`, which `--cfg fuzzing` alone opens: decoders that nothing else
//! outside the crate calls. Each checks what must hold for any bytes, and panics if it does not.

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::abort::Abort;
use crate::frame::{HEADER_BYTES, Header};
use crate::handshake::setup::{self, Report};
use crate::handshake::verdict;
use crate::handshake::{Channel, Hello, Reply};
use crate::limits::MAX_ABORT_BYTES;

/// A plain frame's header; the first four bytes are the number that it should have.
pub fn frame_header(bytes: &[u8]) {
    let Some((sequence, rest)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let Some(header) = rest.first_chunk::<HEADER_BYTES>() else {
        return;
    };
    let sequence = u32::from_le_bytes(*sequence);
    if let Ok(decoded) = Header::decode(header, sequence) {
        assert_eq!(decoded.encode(sequence), *header);
    }
}

/// The text of a sealed frame's first record.
pub fn frame_text(bytes: &[u8]) {
    if let Ok((header, payload)) = Header::read_text(bytes) {
        let mut text = Vec::new();
        assert_eq!(header.begin_text(&mut text), payload.len());
        text.extend_from_slice(payload);
        assert_eq!(text, bytes);
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
    let Some(first) = bytes.first_chunk() else {
        return;
    };
    match Hello::decode(first) {
        Ok(hello) => assert_eq!(hello.encode(), *first),
        Err(reply) => assert!(!reply.reason().is_empty()),
    }
}

/// What a root gets as an answer, and as a verdict.
pub fn reply(bytes: &[u8]) {
    if let Some(Err(refusal)) = verdict::decode(bytes) {
        assert!(!refusal.into_error("fuzz:1").to_string().is_empty());
    }
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
    let n_workers = (*n_workers).into();
    let addresses = setup::read_addresses(&mut channel_of(rest), n_workers, deadline());
    assert!(addresses.is_err() || addresses.is_ok_and(|all| all.len() == n_workers));
    let _ = Report::read(&mut channel_of(rest), deadline());
    let _ = setup::read_start(&mut channel_of(rest), deadline());
}

/// A connection on which these bytes have come, and no more will.
fn channel_of(bytes: &[u8]) -> Channel {
    let (near, mut far) = UnixStream::pair().expect("a socket pair");
    far.write_all(bytes)
        .expect("a socket's buffer holds the longest input");
    // What is read from it does not ask what kind of socket it is.
    Channel::new(Arc::new(TcpStream::from(OwnedFd::from(near))), None)
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(5)
}
