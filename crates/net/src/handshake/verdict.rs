//! What a worker says to a caller that it knows: come in, or why not. Nobody else gets to read it.
//!
//! One byte of code; for "busy" it is followed by the seconds since the other root came (8 bytes) and
//! that root's address.

use std::time::{Duration, SystemTime};

use crate::error::Error;

/// Longest verdict.
pub(crate) const MAX_VERDICT_BYTES: usize = 128;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Busy {
        root: String,
        for_time: Duration,
    },
    BadWorldSize,
    BadRank,
    UnknownSession,
    /// The session has this worker already, by another address.
    SameWorker,
    Closing,
}

pub(crate) type Verdict = Result<(), Refusal>;

const ACCEPTED: u8 = 0;
const BUSY: u8 = 1;

impl Refusal {
    const CODES: [(u8, Self); 5] = [
        (2, Self::BadWorldSize),
        (3, Self::BadRank),
        (4, Self::UnknownSession),
        (5, Self::SameWorker),
        (6, Self::Closing),
    ];

    /// As the worker's log has it.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "another root is served",
            Self::BadWorldSize => "the world size does not fit",
            Self::BadRank => "a rank does not fit the session",
            Self::UnknownSession => "the session is not known",
            Self::SameWorker => "the session has this worker already, by another address",
            Self::Closing => "it is being closed",
        }
    }

    pub(crate) fn into_error(self, address: &str) -> Error {
        let address = address.to_owned();
        match self {
            Self::Busy { root, for_time } => Error::Busy {
                address,
                root,
                since: SystemTime::now()
                    .checked_sub(for_time)
                    .map_or(SystemTime::UNIX_EPOCH, |time| {
                        time.max(SystemTime::UNIX_EPOCH)
                    }),
            },
            other => Error::Refused {
                address,
                reason: other.reason().to_owned(),
            },
        }
    }
}

pub(crate) fn encode(verdict: &Verdict) -> Vec<u8> {
    match verdict {
        Ok(()) => vec![ACCEPTED],
        Err(Refusal::Busy { root, for_time }) => {
            let mut bytes = vec![BUSY];
            bytes.extend_from_slice(&for_time.as_secs().to_le_bytes());
            bytes.extend_from_slice(root.as_bytes());
            bytes
        }
        Err(other) => {
            let code = Refusal::CODES.iter().find(|(_, refusal)| refusal == other);
            code.map(|(code, _)| vec![*code]).unwrap_or_default()
        }
    }
}

/// `None` if the bytes are no verdict.
pub(crate) fn decode(bytes: &[u8]) -> Option<Verdict> {
    match bytes {
        [ACCEPTED] => Some(Ok(())),
        [BUSY, rest @ ..] => {
            let (seconds, root) = rest.split_first_chunk::<8>()?;
            Some(Err(Refusal::Busy {
                root: String::from_utf8_lossy(root).into_owned(),
                for_time: Duration::from_secs(u64::from_le_bytes(*seconds)),
            }))
        }
        [code] => {
            let known = Refusal::CODES.iter().find(|(known, _)| known == code)?;
            Some(Err(known.1.clone()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verdict_survives_and_nothing_else_is_one() {
        let busy = Refusal::Busy {
            root: "[2001:db8:85a3:8d3:1319:8a2e:370:7348%enp0s31f6]:65535".to_owned(),
            for_time: Duration::from_secs(1 << 40),
        };
        let others = Refusal::CODES.into_iter().map(|(_, refusal)| refusal);
        for refusal in others.chain([busy]) {
            let bytes = encode(&Err(refusal.clone()));
            assert!(bytes.len() <= MAX_VERDICT_BYTES);
            assert_eq!(decode(&bytes), Some(Err(refusal)));
        }
        assert_eq!(decode(&encode(&Ok(()))), Some(Ok(())));
        for lie in [&[][..], &[7], &[255], &[0, 0], &[2, 0], &[1, 0, 0]] {
            assert_eq!(decode(lie), None, "{lie:?}");
        }
    }

    /// A worker may have any clock, and a hostile one any age.
    #[test]
    fn busy_since_any_time_is_an_error_with_a_time() {
        let error = |seconds| {
            let for_time = Duration::from_secs(seconds);
            let root = "10.0.0.9:4711".to_owned();
            Refusal::Busy { root, for_time }
                .into_error("10.0.0.2:9998")
                .to_string()
        };
        for seconds in [u64::MAX, 1 << 62, 1 << 40] {
            let long = error(seconds);
            let epoch = "busy with 10.0.0.9:4711 since 1970-01-01T00:00:00Z";
            assert!(long.ends_with(epoch), "{long}");
        }
        assert!(error(60).contains("since 20"));
    }
}
