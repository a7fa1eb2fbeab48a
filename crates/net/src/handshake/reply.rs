//! The answer to a hello: magic and version (12 bytes), then a code (1 byte) and three zero bytes.

use std::io;
use std::net::TcpStream;
use std::time::Instant;

use super::{PREFIX_BYTES, VERSION, prefix, timed, version_of};
use crate::error::Error;
use crate::frame::Mismatch;

pub(crate) const REPLY_BYTES: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Accepted,
    WrongMagic,
    /// Holds the other side's version.
    WrongVersion(u32),
    Busy,
    BadWorldSize,
    BadRank,
    UnknownSession,
    /// The session has this worker already, by another address.
    SameWorker,
    Malformed,
}

impl Reply {
    const CODES: [(u8, Self); 8] = [
        (0, Self::Accepted),
        (1, Self::WrongMagic),
        (3, Self::Busy),
        (4, Self::BadWorldSize),
        (5, Self::BadRank),
        (6, Self::UnknownSession),
        (7, Self::SameWorker),
        (8, Self::Malformed),
    ];
    const WRONG_VERSION: u8 = 2;

    pub(crate) fn encode(self) -> [u8; REPLY_BYTES] {
        let mut bytes = [0; REPLY_BYTES];
        bytes[..PREFIX_BYTES].copy_from_slice(&prefix());
        let code = Self::CODES.iter().find(|(_, reply)| *reply == self);
        bytes[PREFIX_BYTES] = code.map_or(Self::WRONG_VERSION, |(code, _)| *code);
        bytes
    }

    pub(crate) fn send(self, stream: &TcpStream, deadline: Instant) -> io::Result<()> {
        timed::write_all(stream, &self.encode(), deadline)
    }

    /// Reads what has come as an answer.
    pub(crate) fn decode(bytes: &[u8; REPLY_BYTES]) -> Result<Self, Mismatch> {
        let [head @ .., code, z0, z1, z2] = bytes;
        let strange = || {
            let text = String::from_utf8_lossy(bytes);
            Mismatch::new("the answer of a dllama worker", format!("{text:?}"))
        };
        match version_of(head) {
            None => return Err(strange()),
            Some(VERSION) => {}
            Some(version) => return Ok(Self::WrongVersion(version)),
        }
        let known = Self::CODES.iter().find(|(known, _)| known == code);
        match (known, [*z0, *z1, *z2]) {
            (Some((_, reply)), [0, 0, 0]) => Ok(*reply),
            _ => Err(strange()),
        }
    }

    /// What a refusal means to the one who called `address`.
    pub(crate) fn into_result(self, address: &str) -> Result<(), Error> {
        let address = address.to_owned();
        Err(match self {
            Self::Accepted => return Ok(()),
            Self::Busy => Error::Busy { address },
            Self::WrongVersion(theirs) => Error::VersionMismatch {
                address,
                ours: VERSION,
                theirs,
            },
            other => Error::Refused {
                address,
                reason: other.reason(),
            },
        })
    }

    /// What was wrong with a hello, as the listener sees it.
    pub(crate) fn reason(self) -> String {
        let text = match self {
            Self::Accepted => "nothing is wrong",
            Self::WrongMagic => "it does not speak dllama's protocol",
            Self::WrongVersion(theirs) => {
                return format!("it speaks protocol version {theirs}, here it is {VERSION}");
            }
            Self::Busy => "another root is being served",
            Self::BadWorldSize => "the world size is out of range",
            Self::BadRank => "a rank does not fit the session",
            Self::UnknownSession => "the session is not known",
            Self::SameWorker => "the session has this worker already, by another address",
            Self::Malformed => "the hello is malformed",
        };
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_survives_the_wire_and_nothing_else_is_one() {
        for code in 0..=255 {
            let mut bytes = Reply::Accepted.encode();
            bytes[PREFIX_BYTES] = code;
            match Reply::decode(&bytes) {
                Ok(reply) => assert_eq!(reply.encode(), bytes),
                Err(_) => assert!(code == Reply::WRONG_VERSION || code > 8, "code {code}"),
            }
        }
        assert!(Reply::decode(b"HTTP/1.1 400 Bad").is_err());
    }

    #[test]
    fn another_version_is_told_by_its_number() {
        let mut bytes = Reply::WrongVersion(0).encode();
        bytes[8] = 9;
        assert_eq!(Reply::decode(&bytes), Ok(Reply::WrongVersion(9)));
    }
}
