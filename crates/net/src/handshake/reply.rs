//! The answer to a hello: magic and version (12 bytes), then a code (1 byte) and three zero bytes.
//!
//! Anybody gets it, and anybody on the way can change it: a refusal is a hint and no more.

use std::borrow::Cow;

use super::{PREFIX_BYTES, VERSION, prefix, version_of};
use crate::error::Error;
use crate::frame::Mismatch;

pub(crate) const REPLY_BYTES: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Accepted,
    WrongMagic,
    /// Holds the other side's version.
    WrongVersion(u32),
    BadWorldSize,
    BadRank,
    Malformed,
    /// The caller's first Noise message does not fit the worker's key.
    WrongToken,
    /// The caller's first Noise message has been here before.
    Replayed,
    /// The caller comes with `--insecure`, and the worker has a token.
    WantsToken,
    /// The caller has a token, and the worker was started with `--insecure`.
    IsInsecure,
}

impl Reply {
    const CODES: [(u8, Self); 9] = [
        (0, Self::Accepted),
        (1, Self::WrongMagic),
        (4, Self::BadWorldSize),
        (5, Self::BadRank),
        (8, Self::Malformed),
        (9, Self::WrongToken),
        (10, Self::Replayed),
        (11, Self::WantsToken),
        (12, Self::IsInsecure),
    ];
    const WRONG_VERSION: u8 = 2;

    pub(crate) fn encode(self) -> [u8; REPLY_BYTES] {
        let mut bytes = [0; REPLY_BYTES];
        bytes[..PREFIX_BYTES].copy_from_slice(&prefix());
        let code = Self::CODES.iter().find(|(_, reply)| *reply == self);
        bytes[PREFIX_BYTES] = code.map_or(Self::WRONG_VERSION, |(code, _)| *code);
        bytes
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
            Self::WrongToken => Error::WrongToken { address },
            Self::WantsToken => Error::WorkerIsSecure { address },
            Self::IsInsecure => Error::WorkerIsInsecure { address },
            Self::WrongVersion(theirs) => Error::VersionMismatch {
                address,
                ours: VERSION,
                theirs,
            },
            other => Error::Refused {
                address,
                reason: other.reason().into_owned(),
            },
        })
    }

    /// A stable name for each kind of refusal.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::WrongMagic => "magic",
            Self::WrongVersion(_) => "version",
            Self::BadWorldSize | Self::BadRank | Self::Malformed => "malformed",
            Self::WrongToken => "token",
            Self::Replayed => "replayed",
            Self::WantsToken => "wants-token",
            Self::IsInsecure => "is-insecure",
        }
    }

    /// What was wrong with a caller, as the worker's log has it.
    pub(crate) fn reason(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Accepted => "nothing is wrong",
            Self::WrongMagic => "it does not speak dllama's protocol",
            Self::WrongVersion(theirs) => {
                return format!("it speaks protocol version {theirs}, here it is {VERSION}").into();
            }
            Self::BadWorldSize => "the world size is out of range",
            Self::BadRank => "a rank is out of range",
            Self::Malformed => "the hello is malformed",
            Self::WrongToken => "wrong token",
            Self::Replayed => "a replayed handshake: its first message was here before",
            Self::WantsToken => "it has no token and was started with --insecure",
            Self::IsInsecure => "it has a token, and this worker was started with --insecure",
        })
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
                Err(_) => assert!(
                    code == Reply::WRONG_VERSION
                        || ![0, 1, 4, 5].contains(&code) && !(8..=12).contains(&code),
                    "code {code}"
                ),
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
