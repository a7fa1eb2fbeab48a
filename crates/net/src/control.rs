//! Control messages: short, tagged, of any length up to what the receiver allows.

use crate::error::Error;
use crate::exchange::{Incoming, Outgoing, Target};
use crate::frame::Kind;
use crate::link::Payload;
use crate::mesh::Mesh;

impl Mesh {
    /// Sends a message to one rank. The caller decides what `tag` means.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    ///
    /// # Panics
    ///
    /// If `to` is this rank or none.
    pub fn send_control(&self, to: usize, tag: u8, payload: &[u8]) -> Result<(), Error> {
        let send = Outgoing {
            to,
            kind: Kind::Control,
            tag,
            payload: Payload::Bytes(payload),
        };
        self.exchange(vec![send], vec![])
    }

    /// Sends a message to all other ranks at the same time: none waits until another has taken it.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast).
    pub fn send_control_to_all(&self, tag: u8, payload: &[u8]) -> Result<(), Error> {
        let sends = self.peers().map(|to| Outgoing {
            to,
            kind: Kind::Control,
            tag,
            payload: Payload::Bytes(payload),
        });
        self.exchange(sends.collect(), vec![])
    }

    /// Waits for the next message of one rank, which has at most `max_bytes` of payload: without
    /// end between runs, with the limit of silence in a run.
    ///
    /// Returns the tag and the payload.
    ///
    /// # Errors
    ///
    /// As [`broadcast`](Self::broadcast); a longer message is [`Error::Protocol`].
    ///
    /// # Panics
    ///
    /// If `from` is this rank or none.
    pub fn receive_control(&self, from: usize, max_bytes: usize) -> Result<(u8, Vec<u8>), Error> {
        let (mut tag, mut bytes) = (0, Vec::new());
        let receive = Incoming {
            from,
            kind: Kind::Control,
            into: Target::Message {
                max_bytes,
                tag: &mut tag,
                bytes: &mut bytes,
            },
        };
        self.exchange(vec![], vec![receive])?;
        Ok((tag, bytes))
    }
}
