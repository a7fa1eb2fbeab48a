//! The handshake's last step, between root and worker, as messages of their channel: addresses,
//! report, start.
//!
//! - addresses, root to worker: for every worker in rank order one byte of length and the text of
//!   its IP address and port, as the root reached it, without the zone of a link-local one
//! - report, worker to root: 0 for ready; 1, the rank of the worker that it cannot connect with (4
//!   bytes) and the reason; or 2 and a refusal, if another root was faster
//! - start, root to worker: 1

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use super::channel::Channel;
use super::verdict::{self, MAX_VERDICT_BYTES, Refusal};
use crate::address::without_zone;
use crate::limits::MAX_WORLD_SIZE;

const READY: u8 = 0;
const UNREACHED: u8 = 1;
const REFUSED: u8 = 2;
const START: u8 = 1;

const MAX_REASON_BYTES: usize = 255;
/// The longest text of an IPv6 address with scope and port has 58 bytes.
const MAX_ADDRESS_BYTES: usize = 63;
const MAX_ADDRESSES_BYTES: usize = MAX_WORLD_SIZE * (1 + MAX_ADDRESS_BYTES);
const MAX_REPORT_BYTES: usize = 5 + MAX_REASON_BYTES;
const _: () = assert!(MAX_REPORT_BYTES > MAX_VERDICT_BYTES);

/// What a worker tells the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Report {
    Ready,
    Unreached { peer: usize, reason: String },
    Refused(Refusal),
}

pub(crate) fn send_addresses(
    channel: &mut Channel,
    addresses: &[SocketAddr],
    deadline: Instant,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for address in addresses {
        let text = without_zone(*address).to_string();
        bytes.push(text.len() as u8);
        bytes.extend_from_slice(text.as_bytes());
    }
    channel.send(&bytes, deadline)
}

pub(crate) fn read_addresses(
    channel: &mut Channel,
    n_workers: usize,
    deadline: Instant,
) -> io::Result<Vec<SocketAddr>> {
    let bytes = channel.receive(MAX_ADDRESSES_BYTES, deadline)?;
    decode_addresses(&bytes, n_workers)
        .ok_or_else(|| malformed(format!("no addresses of {n_workers} workers")))
}

fn decode_addresses(bytes: &[u8], n_workers: usize) -> Option<Vec<SocketAddr>> {
    let mut rest = bytes;
    let mut addresses = Vec::with_capacity(n_workers);
    for _ in 0..n_workers {
        let (n_bytes, after) = rest.split_first()?;
        let (text, after) = after.split_at_checked((*n_bytes).into())?;
        addresses.push(std::str::from_utf8(text).ok()?.parse().ok()?);
        rest = after;
    }
    rest.is_empty().then_some(addresses)
}

impl Report {
    pub(crate) fn send(&self, channel: &mut Channel, deadline: Instant) -> io::Result<()> {
        channel.send(&self.encode(), deadline)
    }

    pub(crate) fn read(channel: &mut Channel, deadline: Instant) -> io::Result<Self> {
        let bytes = channel.receive(MAX_REPORT_BYTES, deadline)?;
        Self::decode(&bytes).ok_or_else(|| malformed(format!("{bytes:02x?} is no report")))
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ready => vec![READY],
            Self::Unreached { peer, reason } => {
                let reason = &reason.as_bytes()[..reason.len().min(MAX_REASON_BYTES)];
                let peer = (*peer as u32).to_le_bytes();
                [&[UNREACHED], &peer[..], reason].concat()
            }
            Self::Refused(refusal) => {
                [vec![REFUSED], verdict::encode(&Err(refusal.clone()))].concat()
            }
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [READY] => Some(Self::Ready),
            [UNREACHED, rest @ ..] => {
                let (peer, reason) = rest.split_first_chunk::<4>()?;
                Some(Self::Unreached {
                    peer: u32::from_le_bytes(*peer) as usize,
                    reason: String::from_utf8_lossy(reason).into_owned(),
                })
            }
            [REFUSED, rest @ ..] => verdict::decode(rest)?.err().map(Self::Refused),
            _ => None,
        }
    }
}

pub(crate) fn send_start(channel: &mut Channel, deadline: Instant) -> io::Result<()> {
    channel.send(&[START], deadline)
}

pub(crate) fn read_start(channel: &mut Channel, deadline: Instant) -> io::Result<()> {
    match channel.receive(1, deadline)?[..] {
        [START] => Ok(()),
        ref other => Err(malformed(format!("{other:02x?} is no start"))),
    }
}

fn malformed(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_survives_and_nothing_else_is_one() {
        let unreached = Report::Unreached {
            peer: 3,
            reason: "x".repeat(MAX_REASON_BYTES),
        };
        for report in [Report::Ready, unreached, Report::Refused(Refusal::Closing)] {
            let bytes = report.encode();
            assert!(bytes.len() <= MAX_REPORT_BYTES);
            assert_eq!(Report::decode(&bytes), Some(report));
        }
        for lie in [&[][..], &[0, 0], &[1, 0], &[2], &[2, 0], &[3]] {
            assert_eq!(Report::decode(lie), None, "{lie:?}");
        }
    }

    #[test]
    fn addresses_are_as_many_as_there_are_workers() {
        let text = b"\x0c10.0.0.2:999\x0a[fd00::]:1";
        let both = decode_addresses(text, 2).expect("two addresses");
        assert_eq!(
            both.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["10.0.0.2:999", "[fd00::]:1"]
        );
        for n_workers in [0, 1, 3] {
            assert_eq!(decode_addresses(text, n_workers), None);
        }
        for end in 0..text.len() {
            assert_eq!(decode_addresses(&text[..end], 2), None, "{end}");
        }
        assert_eq!(decode_addresses(b"\x04name", 1), None);
    }
}
