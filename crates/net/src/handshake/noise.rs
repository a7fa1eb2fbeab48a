//! Noise `NNpsk0`: both sides show that they have the key, and agree on new ones for the session.
//!
//! The caller's hello is the prologue: whoever changes a byte of it, such as a rank or the session's
//! id, breaks the handshake. Message 1 is the caller's, message 2 the answer; each carries a public
//! key of 32 bytes and 16 bytes that prove the shared key. Message 1 may be a recording; what is
//! sealed with the session's keys cannot be (The Noise Protocol Framework, revision 34, section 9).

use std::io;

use snow::{Builder, HandshakeState};

use super::hello::HELLO_BYTES;
use crate::seal::Seals;
use crate::trust::Key;

const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";

/// Bytes of either message.
pub(crate) const NOISE_BYTES: usize = 48;

pub(crate) type NoiseMessage = [u8; NOISE_BYTES];

/// The caller's side, after message 1.
pub(crate) struct Calling(HandshakeState);

impl Calling {
    pub(crate) fn start(key: &Key, hello: &[u8; HELLO_BYTES]) -> io::Result<(Self, NoiseMessage)> {
        let builder = builder(key, hello).and_then(Builder::build_initiator);
        let mut state = builder.map_err(failed)?;
        let mut message = [0; NOISE_BYTES];
        state.write_message(&[], &mut message).map_err(failed)?;
        Ok((Self(state), message))
    }

    /// `None` if the other side does not have the key.
    pub(crate) fn finish(mut self, answer: &NoiseMessage) -> Option<Seals> {
        self.0.read_message(answer, &mut []).ok()?;
        self.0.into_stateless_transport_mode().ok().map(Seals::new)
    }
}

/// The called side: `None` if the caller does not have the key.
pub(crate) fn answer(
    key: &Key,
    hello: &[u8; HELLO_BYTES],
    message: &NoiseMessage,
) -> io::Result<Option<(Seals, NoiseMessage)>> {
    let builder = builder(key, hello).and_then(Builder::build_responder);
    let mut state = builder.map_err(failed)?;
    if state.read_message(message, &mut []).is_err() {
        return Ok(None);
    }
    let mut answer = [0; NOISE_BYTES];
    state.write_message(&[], &mut answer).map_err(failed)?;
    let keys = state.into_stateless_transport_mode().map_err(failed)?;
    Ok(Some((Seals::new(keys), answer)))
}

fn builder<'a>(key: &'a Key, hello: &'a [u8; HELLO_BYTES]) -> Result<Builder<'a>, snow::Error> {
    let pattern = PATTERN.parse()?;
    Builder::new(pattern).psk(0, key.bytes())?.prologue(hello)
}

/// Without a peer's doing: the system gives no random numbers.
fn failed(error: snow::Error) -> io::Error {
    io::Error::other(error)
}
