//! The handshake's second step, between root and worker: addresses, report, start.
//!
//! - addresses, root to worker: for every worker in rank order one byte of length and the text of
//!   its IP address and port, as the root reached it
//! - report, worker to root: one byte, 0 for ready; 1 is followed by the rank of the worker that it
//!   cannot connect with (4 bytes), one byte of length and the reason
//! - start, root to worker: one byte, 1

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::timed;

const READY: u8 = 0;
const UNREACHED: u8 = 1;
const START: u8 = 1;

/// What a worker tells the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    Ready,
    Unreached { peer: usize, reason: String },
}

pub(crate) fn send_addresses(
    stream: &TcpStream,
    addresses: &[SocketAddr],
    deadline: Instant,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for address in addresses {
        push_text(&mut bytes, &address.to_string());
    }
    timed::write_all(stream, &bytes, deadline)
}

pub(crate) fn read_addresses(
    stream: &TcpStream,
    n_workers: usize,
    deadline: Instant,
) -> io::Result<Vec<SocketAddr>> {
    let read_address = |_| {
        let text = read_text(stream, deadline)?;
        text.parse()
            .map_err(|_| malformed(format!("{text:?} is no address")))
    };
    (0..n_workers).map(read_address).collect()
}

impl Report {
    pub(crate) fn send(&self, stream: &TcpStream, deadline: Instant) -> io::Result<()> {
        let mut bytes = Vec::new();
        match self {
            Self::Ready => bytes.push(READY),
            Self::Unreached { peer, reason } => {
                bytes.push(UNREACHED);
                bytes.extend_from_slice(&(*peer as u32).to_le_bytes());
                push_text(&mut bytes, reason);
            }
        }
        timed::write_all(stream, &bytes, deadline)
    }

    pub(crate) fn read(stream: &TcpStream, deadline: Instant) -> io::Result<Self> {
        let mut status = [0];
        timed::read_exact(stream, &mut status, deadline)?;
        match status {
            [READY] => Ok(Self::Ready),
            [UNREACHED] => {
                let mut peer = [0; 4];
                timed::read_exact(stream, &mut peer, deadline)?;
                Ok(Self::Unreached {
                    peer: u32::from_le_bytes(peer) as usize,
                    reason: read_text(stream, deadline)?,
                })
            }
            [other] => Err(malformed(format!("{other} is no report"))),
        }
    }
}

pub(crate) fn send_start(stream: &TcpStream, deadline: Instant) -> io::Result<()> {
    timed::write_all(stream, &[START], deadline)
}

pub(crate) fn read_start(stream: &TcpStream, deadline: Instant) -> io::Result<()> {
    let mut start = [0];
    timed::read_exact(stream, &mut start, deadline)?;
    match start {
        [START] => Ok(()),
        [other] => Err(malformed(format!("{other} is no start"))),
    }
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    let n_bytes = text.len().min(u8::MAX.into());
    bytes.push(n_bytes as u8);
    bytes.extend_from_slice(&text.as_bytes()[..n_bytes]);
}

fn read_text(stream: &TcpStream, deadline: Instant) -> io::Result<String> {
    let mut n_bytes = [0];
    timed::read_exact(stream, &mut n_bytes, deadline)?;
    let mut text = vec![0; n_bytes[0].into()];
    timed::read_exact(stream, &mut text, deadline)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn malformed(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
