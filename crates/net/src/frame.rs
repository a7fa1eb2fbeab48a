//! The frame: what every message between two ranks looks like on a link.
//!
//! A header of 16 bytes, little-endian, then the payload:
//!
//! | bytes | field |
//! |---|---|
//! | 0 | kind ([`Kind`]) |
//! | 1 | tag: the meaning of a control message; of a heartbeat, 1 for the last one ([`REST`]); else 0 |
//! | 2..4 | zero |
//! | 4..8 | sequence number of the frame in its direction, from 0, wrapping |
//! | 8..16 | bytes of payload |
//!
//! A receiver knows what must come: another kind, length or number is an error, never a guess.

use crate::limits::MAX_ABORT_BYTES;

pub(crate) const HEADER_BYTES: usize = 16;

/// The tag of the root's last heartbeat: no run is active until further notice, and silence is no loss.
pub(crate) const REST: u8 = 1;

/// What a frame carries. Each collective has its own, so that ranks that run different steps
/// notice it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Heartbeat = 1,
    Abort = 2,
    Control = 3,
    Broadcast = 4,
    Gather = 5,
    AllGather = 6,
    AllReduce = 7,
    Slice = 8,
    ReduceScatter = 9,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Heartbeat,
            2 => Self::Abort,
            3 => Self::Control,
            4 => Self::Broadcast,
            5 => Self::Gather,
            6 => Self::AllGather,
            7 => Self::AllReduce,
            8 => Self::Slice,
            9 => Self::ReduceScatter,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Abort => "abort",
            Self::Control => "control message",
            Self::Broadcast => "broadcast",
            Self::Gather => "gather",
            Self::AllGather => "all-gather",
            Self::AllReduce => "all-reduce",
            Self::Slice => "slice transfer",
            Self::ReduceScatter => "reduce-scatter",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) tag: u8,
    pub(crate) sequence: u32,
    pub(crate) n_bytes: u64,
}

/// What a peer should have sent and what it sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) expected: String,
    pub(crate) got: String,
}

impl Mismatch {
    pub(crate) fn new(expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            got: got.into(),
        }
    }
}

impl Header {
    pub(crate) fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = self.kind as u8;
        bytes[1] = self.tag;
        bytes[4..8].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[8..].copy_from_slice(&self.n_bytes.to_le_bytes());
        bytes
    }

    /// Reads a header that must have the number `sequence`.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES], sequence: u32) -> Result<Self, Mismatch> {
        let [kind, tag, zero @ ..] = *bytes;
        let (Some(kind), [0, 0, number @ ..]) = (Kind::from_byte(kind), zero) else {
            return Err(Mismatch::new("a frame header", format!("{bytes:02x?}")));
        };
        let [s0, s1, s2, s3, n_bytes @ ..] = number;
        let header = Self {
            kind,
            tag,
            sequence: u32::from_le_bytes([s0, s1, s2, s3]),
            n_bytes: u64::from_le_bytes(n_bytes),
        };
        if header.sequence != sequence {
            return Err(Mismatch::new(
                format!("frame number {sequence}"),
                format!("frame number {}", header.sequence),
            ));
        }
        let max_bytes = match kind {
            Kind::Heartbeat => 0,
            Kind::Abort => MAX_ABORT_BYTES as u64,
            _ => u64::MAX,
        };
        if header.n_bytes > max_bytes {
            return Err(Mismatch::new(
                format!("{} of at most {max_bytes} bytes", kind.name()),
                format!("{} bytes", header.n_bytes),
            ));
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        kind: Kind::Control,
        tag: 7,
        sequence: 0x0102_0304,
        n_bytes: 0x1122_3344_5566_7788,
    };

    #[test]
    fn a_header_survives_the_wire() {
        for byte in 0..=255 {
            let Some(kind) = Kind::from_byte(byte) else {
                continue;
            };
            assert_eq!(kind as u8, byte);
            let header = Header {
                kind,
                n_bytes: 0,
                ..HEADER
            };
            assert_eq!(
                Header::decode(&header.encode(), HEADER.sequence),
                Ok(header)
            );
        }
        assert_eq!(
            Header::decode(&HEADER.encode(), HEADER.sequence),
            Ok(HEADER)
        );
    }

    #[test]
    fn every_lie_is_refused() {
        let decode = |bytes| Header::decode(&bytes, HEADER.sequence);
        let good = HEADER.encode();
        for (index, byte) in [(0, 0), (0, 10), (0, 255), (2, 1), (3, 1), (4, 5), (7, 9)] {
            let mut bad = good;
            bad[index] = byte;
            assert!(decode(bad).is_err(), "byte {index} = {byte}");
        }
        for (kind, n_bytes) in [
            (Kind::Heartbeat, 1),
            (Kind::Abort, MAX_ABORT_BYTES as u64 + 1),
        ] {
            let bad = Header {
                kind,
                n_bytes,
                ..HEADER
            };
            assert!(decode(bad.encode()).is_err());
        }
    }
}
