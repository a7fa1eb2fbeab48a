//! The first message on a connection: who calls whom, and for which session.
//!
//! | bytes | field |
//! |---|---|
//! | 0..12 | magic, version |
//! | 12 | role: 0 root, 1 another worker |
//! | 13 | 1 if the caller has a token, and Noise's message 1 follows; 0 with `--insecure` |
//! | 14..16 | zero |
//! | 16..32 | session id |
//! | 32..36 | world size |
//! | 36..40 | rank of the caller |
//! | 40..44 | rank that the called one has in this session |

use super::reply::Reply;
use super::{PREFIX_BYTES, SessionId, prefix, version_of};
use crate::limits::MAX_WORLD_SIZE;

pub(crate) const HELLO_BYTES: usize = 44;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Root,
    Peer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) role: Role,
    pub(crate) is_secure: bool,
    pub(crate) session: SessionId,
    pub(crate) world_size: usize,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

impl Hello {
    pub(crate) fn encode(&self) -> [u8; HELLO_BYTES] {
        let mut bytes = [0; HELLO_BYTES];
        bytes[..PREFIX_BYTES].copy_from_slice(&prefix());
        bytes[12] = match self.role {
            Role::Root => 0,
            Role::Peer => 1,
        };
        bytes[13] = self.is_secure.into();
        bytes[16..32].copy_from_slice(&self.session);
        let numbers = [self.world_size, self.from, self.to];
        for (number, bytes) in numbers.into_iter().zip(bytes[32..].chunks_exact_mut(4)) {
            bytes.copy_from_slice(&(number as u32).to_le_bytes());
        }
        bytes
    }

    /// Whether the rest of a hello may follow `prefix`: in another version it may look different.
    pub(crate) fn check_prefix(prefix: &[u8; PREFIX_BYTES]) -> Result<(), Reply> {
        match version_of(prefix) {
            None => Err(Reply::WrongMagic),
            Some(super::VERSION) => Ok(()),
            Some(version) => Err(Reply::WrongVersion(version)),
        }
    }

    /// Checks what can be checked without knowing the session; the error is the answer that a
    /// stranger gets.
    pub(crate) fn decode(bytes: &[u8; HELLO_BYTES]) -> Result<Self, Reply> {
        let (prefix, rest) = bytes.split_first_chunk().ok_or(Reply::Malformed)?;
        Self::check_prefix(prefix)?;
        let (role, is_secure) = match rest[..4] {
            [role @ (0 | 1), secure @ (0 | 1), 0, 0] => {
                let role = if role == 0 { Role::Root } else { Role::Peer };
                (role, secure == 1)
            }
            _ => return Err(Reply::Malformed),
        };
        let session = rest[4..20].try_into().map_err(|_| Reply::Malformed)?;
        let mut numbers = [0; 3];
        for (number, bytes) in numbers.iter_mut().zip(rest[20..].as_chunks::<4>().0) {
            *number = u32::from_le_bytes(*bytes) as usize;
        }
        let [world_size, from, to] = numbers;
        if !(2..=MAX_WORLD_SIZE).contains(&world_size) {
            return Err(Reply::BadWorldSize);
        }
        let in_order = match role {
            Role::Root => from == 0 && to > 0,
            // Of two workers the one of higher rank connects.
            Role::Peer => from > to && to > 0,
        };
        if !in_order || from >= world_size || to >= world_size {
            return Err(Reply::BadRank);
        }
        Ok(Self {
            role,
            is_secure,
            session,
            world_size,
            from,
            to,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: Hello = Hello {
        role: Role::Root,
        is_secure: true,
        session: [7; 16],
        world_size: 5,
        from: 0,
        to: 4,
    };

    fn decode(hello: Hello) -> Result<Hello, Reply> {
        Hello::decode(&hello.encode())
    }

    #[test]
    fn a_hello_survives_the_wire() {
        let peer = Hello {
            role: Role::Peer,
            is_secure: false,
            from: 3,
            to: 2,
            ..ROOT
        };
        assert_eq!(decode(ROOT), Ok(ROOT));
        assert_eq!(decode(peer), Ok(peer));
    }

    #[test]
    fn impossible_worlds_and_ranks_are_refused() {
        for world_size in [0, 1, MAX_WORLD_SIZE + 1, u32::MAX as usize] {
            let hello = Hello { world_size, ..ROOT };
            assert_eq!(decode(hello), Err(Reply::BadWorldSize));
        }
        for (role, from, to) in [
            (Role::Root, 0, 0),
            (Role::Root, 0, 5),
            (Role::Root, 1, 2),
            (Role::Peer, 1, 2),
            (Role::Peer, 2, 2),
            (Role::Peer, 2, 0),
            (Role::Peer, 5, 1),
        ] {
            let hello = Hello {
                role,
                from,
                to,
                ..ROOT
            };
            assert_eq!(decode(hello), Err(Reply::BadRank), "{role:?} {from} {to}");
        }
        for (index, byte) in [(12, 2), (13, 2), (14, 1), (15, 1)] {
            let mut bytes = ROOT.encode();
            bytes[index] = byte;
            assert_eq!(Hello::decode(&bytes), Err(Reply::Malformed));
        }
    }
}
