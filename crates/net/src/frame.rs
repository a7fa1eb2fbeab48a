//! The frame: what every message between two ranks looks like on a link.
//!
//! On a plain link a header of 16 bytes, little-endian, then the payload:
//!
//! | bytes | field |
//! |---|---|
//! | 0 | kind ([`Kind`]) |
//! | 1 | tag: the meaning of a control message; of a heartbeat, 1 for the last one ([`REST`]); else 0 |
//! | 2..4 | zero |
//! | 4..8 | sequence number of the frame in its direction, from 0, wrapping |
//! | 8..16 | bytes of payload |
//!
//! On an encrypted link a frame is one record or several ([`crate::seal`]), whose text is:
//!
//! | bytes | field |
//! |---|---|
//! | 1 | kind; its highest bit set: the length is told |
//! | 1 | tag, of control messages and heartbeats |
//! | 8 | bytes of payload, if the length is told; else the payload ends with the record |
//! | rest | payload, which goes on in further full records if it is longer |
//!
//! A slice's payload follows its record in the clear. A record's number is the frame's.
//!
//! A receiver knows what must come: another kind, length or number is an error, never a guess.

use crate::limits::MAX_ABORT_BYTES;
use crate::seal::MAX_TEXT_BYTES;

/// Of a plain frame.
pub(crate) const HEADER_BYTES: usize = 16;

/// The tag of the root's last heartbeat: no run is active until further notice, and silence is no loss.
pub(crate) const REST: u8 = 1;

/// In the first byte of a sealed frame.
const LENGTH_IS_TOLD: u8 = 0x80;

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

    /// Whether a sealed frame of this kind has a tag.
    fn has_tag(self) -> bool {
        matches!(self, Self::Control | Self::Heartbeat)
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
    pub(crate) n_bytes: u64,
}

/// What a peer should have sent and what it sent.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The header of the plain frame with the number `sequence`.
    pub(crate) fn encode(self, sequence: u32) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = self.kind as u8;
        bytes[1] = self.tag;
        bytes[4..8].copy_from_slice(&sequence.to_le_bytes());
        bytes[8..].copy_from_slice(&self.n_bytes.to_le_bytes());
        bytes
    }

    /// Reads a plain frame's header, which must have the number `sequence`.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES], sequence: u32) -> Result<Self, Mismatch> {
        let [kind, tag, zero @ ..] = *bytes;
        let (Some(kind), [0, 0, number @ ..]) = (Kind::from_byte(kind), zero) else {
            return Err(Mismatch::new("a frame header", format!("{bytes:02x?}")));
        };
        let [s0, s1, s2, s3, n_bytes @ ..] = number;
        let got = u32::from_le_bytes([s0, s1, s2, s3]);
        if got != sequence {
            return Err(Mismatch::new(
                format!("frame number {sequence}"),
                format!("frame number {got}"),
            ));
        }
        let n_bytes = u64::from_le_bytes(n_bytes);
        Self { kind, tag, n_bytes }.capped()
    }

    /// Begins the text of a sealed frame, and returns how many bytes of payload follow in its first
    /// record.
    pub(crate) fn begin_text(self, text: &mut Vec<u8>) -> usize {
        text.clear();
        text.push(self.kind as u8);
        if self.kind.has_tag() {
            text.push(self.tag);
        }
        let room = MAX_TEXT_BYTES - text.len();
        if self.kind != Kind::Slice && self.n_bytes <= room as u64 {
            return self.n_bytes as usize;
        }
        text[0] |= LENGTH_IS_TOLD;
        text.extend_from_slice(&self.n_bytes.to_le_bytes());
        match self.kind {
            Kind::Slice => 0,
            _ => MAX_TEXT_BYTES - text.len(),
        }
    }

    /// Reads the first record of a sealed frame. Returns the payload that it has, too.
    pub(crate) fn read_text(text: &[u8]) -> Result<(Self, &[u8]), Mismatch> {
        let strange = || {
            let start = &text[..text.len().min(HEADER_BYTES)];
            Mismatch::new("the beginning of a frame", format!("{start:02x?}"))
        };
        let (&first, rest) = text.split_first().ok_or_else(strange)?;
        let kind = Kind::from_byte(first & !LENGTH_IS_TOLD).ok_or_else(strange)?;
        let (tag, rest) = match kind.has_tag() {
            true => rest.split_first().ok_or_else(strange)?,
            false => (&0, rest),
        };
        let tag = *tag;
        if first & LENGTH_IS_TOLD == 0 {
            let n_bytes = rest.len() as u64;
            let header = Self { kind, tag, n_bytes };
            return match kind {
                Kind::Slice => Err(strange()),
                _ => Ok((header.capped()?, rest)),
            };
        }
        let (n_bytes, payload) = rest.split_first_chunk::<8>().ok_or_else(strange)?;
        let n_bytes = u64::from_le_bytes(*n_bytes);
        let header = Self { kind, tag, n_bytes };
        // There is one way to write a frame: a told length does not fit the first record.
        let fits = match kind {
            Kind::Slice => payload.is_empty(),
            _ => text.len() == MAX_TEXT_BYTES && n_bytes > (payload.len() + 8) as u64,
        };
        if !fits {
            return Err(strange());
        }
        Ok((header.capped()?, payload))
    }

    fn capped(self) -> Result<Self, Mismatch> {
        let max_bytes = match self.kind {
            Kind::Heartbeat => 0,
            Kind::Abort => MAX_ABORT_BYTES as u64,
            _ => u64::MAX,
        };
        if self.n_bytes > max_bytes {
            return Err(Mismatch::new(
                format!("{} of at most {max_bytes} bytes", self.kind.name()),
                format!("{} bytes", self.n_bytes),
            ));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEQUENCE: u32 = 0x0102_0304;
    const HEADER: Header = Header {
        kind: Kind::Control,
        tag: 7,
        n_bytes: 0x1122_3344_5566_7788,
    };

    fn kinds() -> impl Iterator<Item = Kind> {
        (0..=255).filter_map(Kind::from_byte)
    }

    #[test]
    fn a_header_survives_the_wire() {
        for byte in 0..=255 {
            let Some(kind) = Kind::from_byte(byte) else {
                continue;
            };
            assert_eq!(kind as u8, byte);
            let n_bytes = 0;
            let header = Header {
                kind,
                n_bytes,
                ..HEADER
            };
            assert_eq!(
                Header::decode(&header.encode(SEQUENCE), SEQUENCE),
                Ok(header)
            );
        }
        assert_eq!(
            Header::decode(&HEADER.encode(SEQUENCE), SEQUENCE),
            Ok(HEADER)
        );
    }

    #[test]
    fn every_lie_is_refused() {
        let decode = |bytes| Header::decode(&bytes, SEQUENCE);
        let good = HEADER.encode(SEQUENCE);
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
            assert!(decode(bad.encode(SEQUENCE)).is_err());
        }
    }

    /// The first record of a frame, with `n` bytes of payload in it.
    fn text_of(header: Header) -> (Vec<u8>, usize) {
        let mut text = Vec::new();
        let n = header.begin_text(&mut text);
        text.resize(text.len() + n, 9);
        (text, n)
    }

    #[test]
    fn a_sealed_header_survives_and_costs_one_byte_or_two() {
        for kind in kinds() {
            let tag = if kind.has_tag() { 7 } else { 0 };
            let lengths = [0, 1, 65_509, 65_510, 65_517, 65_518, 65_519, 1 << 40];
            for n_bytes in lengths {
                let header = Header { kind, tag, n_bytes };
                if header.capped().is_err() {
                    continue;
                }
                let (text, n) = text_of(header);
                assert!(text.len() <= MAX_TEXT_BYTES && n as u64 <= n_bytes);
                assert_eq!(Header::read_text(&text), Ok((header, &vec![9; n][..])));
                if n_bytes == 1 && kind != Kind::Slice {
                    assert_eq!(text.len(), 2 + usize::from(kind == Kind::Control));
                }
            }
        }
    }

    #[test]
    fn every_lie_in_a_sealed_header_is_refused() {
        let slice = Kind::Slice as u8;
        let told = Kind::AllReduce as u8 | LENGTH_IS_TOLD;
        let n_bytes = 100_u64.to_le_bytes();
        let short = [&[told][..], &n_bytes, &[0; 50]].concat();
        let mut fitting = [&[told][..], &n_bytes].concat();
        fitting.resize(MAX_TEXT_BYTES, 0);
        let with_payload = [&[slice | LENGTH_IS_TOLD][..], &n_bytes, &[0]].concat();
        let heartbeat = Kind::Heartbeat as u8;
        let mut abort = vec![Kind::Abort as u8];
        abort.resize(MAX_ABORT_BYTES + 2, 0);
        for lie in [
            vec![],
            vec![0],
            vec![10],
            vec![0xff],
            vec![slice],
            vec![slice, 1, 2],
            vec![Kind::Control as u8],
            vec![told, 1, 2],
            short,
            fitting,
            with_payload,
            vec![heartbeat],
            vec![heartbeat, 0, 0],
            abort,
        ] {
            let start = lie[..lie.len().min(12)].to_vec();
            assert!(Header::read_text(&lie).is_err(), "{start:02x?}");
        }
    }
}
