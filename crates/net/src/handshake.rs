//! The handshake: how two processes find out that they belong to one session.
//!
//! All integers are little-endian. Whoever connects speaks first:
//!
//! 1. [`Hello`], then [`Reply`]. Both begin with magic and version, in that place in every version,
//!    so that any two versions can tell each other what they speak. With a token a [`noise`] message
//!    follows each. Up to here anybody could be the caller, or replay one.
//! 2. The caller knocks: an empty message of the [`Channel`] that the handshake made. If it opens, the
//!    caller is known, and gets a [`verdict`].
//! 3. Between root and worker only: the root sends the addresses of all workers ([`setup`]); the
//!    worker connects with the workers of lower rank, is connected by those of higher rank, and
//!    reports; when all have, the root says start.
//!
//! Then frames follow. With `--insecure` all is the same, and in the clear.
//!
//! Every message is read with a cap and a deadline, because anybody can connect.

mod channel;
mod greet;
mod hello;
pub(crate) mod noise;
mod reply;
pub(crate) mod setup;
pub(crate) mod timed;
pub(crate) mod verdict;

use std::io::{self, Read};
use std::time::Duration;

pub(crate) use channel::Channel;
pub(crate) use greet::{Callee, greet};
pub(crate) use hello::{HELLO_BYTES, Hello, Role};
pub(crate) use reply::Reply;

/// Like PNG's, the line end shows a connection that rewrites text.
const MAGIC: [u8; 8] = *b"dllama\r\n";

/// Version of everything that crosses the network, the Program included.
pub(crate) const VERSION: u32 = 4;

/// Magic and version.
pub(crate) const PREFIX_BYTES: usize = 12;

/// How long a stranger may take to say hello, and a worker to connect with another.
pub(crate) const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a worker waits for its peers, which have [`HELLO_TIMEOUT`] to connect: their error says
/// more than its own, so it must come first.
pub(crate) const PEERS_TIMEOUT: Duration = Duration::from_secs(7);

/// How long root and worker wait for each other's next word while other workers are slow.
pub(crate) const SETUP_TIMEOUT: Duration = Duration::from_secs(15);

/// 16 random bytes that name a session: a worker must not be joined to another root's.
pub(crate) type SessionId = [u8; 16];

pub(crate) fn new_session_id() -> io::Result<SessionId> {
    let mut id = SessionId::default();
    std::fs::File::open("/dev/urandom")?.read_exact(&mut id)?;
    Ok(id)
}

fn prefix() -> [u8; PREFIX_BYTES] {
    let mut bytes = [0; PREFIX_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..].copy_from_slice(&VERSION.to_le_bytes());
    bytes
}

/// The version, or `None` if the magic is another.
fn version_of(prefix: &[u8; PREFIX_BYTES]) -> Option<u32> {
    let (magic, version) = prefix.split_first_chunk::<8>()?;
    let version = version.first_chunk::<4>()?;
    (*magic == MAGIC).then(|| u32::from_le_bytes(*version))
}
