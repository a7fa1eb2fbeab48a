//! The control messages between root and worker, by tag.

use crate::error::Error;
use crate::rank::Digest;
use dllama_net::Mesh;

/// Root: the Program, as JSON. The worker answers [`ACCEPTED`].
pub(crate) const PROGRAM: u8 = 1;
/// Worker: the Program is valid and fits; hashes and slices may come ([`HASHES`]). Answers [`LOADED`]
/// after them.
pub(crate) const ACCEPTED: u8 = 2;
/// Worker: all slices are here.
pub(crate) const LOADED: u8 = 3;
/// Root: rows to compute. The worker answers through the Program's collectives.
pub(crate) const FORWARD: u8 = 4;
/// Root: all logits of one wanted row of the last forward, by a gather.
pub(crate) const FULL_ROW: u8 = 5;
/// Root: fingerprints of the worker's state. The worker answers with the same tag.
pub(crate) const DIGEST: u8 = 6;
/// Root: the session is over.
pub(crate) const BYE: u8 = 7;

/// Root: all ranks are to measure the network. The worker answers by taking part.
pub(crate) const MEASURE: u8 = 8;
/// Root: the plan, as JSON, once and before the Program.
pub(crate) const PLAN: u8 = 9;

/// Root: hashes of the next units of the worker's weights. The worker answers [`SOURCES`].
pub(crate) const HASHES: u8 = 10;
/// Worker: where it has each of them. The root sends the missing ones.
pub(crate) const SOURCES: u8 = 11;
/// Worker: bytes of weights in place that were not sent, while it reads.
pub(crate) const READY: u8 = 12;
/// Worker: indices of units that it had, and that are damaged. The root sends them.
pub(crate) const REPAIR: u8 = 13;
/// Root: what the worker's device is. The worker answers with the same tag, before the plan.
pub(crate) const DEVICE: u8 = 20;
/// Root: the worker is to measure its matmuls now. It answers with the same tag, before the plan.
pub(crate) const RATES: u8 = 21;
/// Root: where the time went since it asked the last time. The worker answers with the same tag.
pub(crate) const TIMES: u8 = 25;

/// Root: sequences that are now shorter, as (sequence, length) of 4 bytes each.
pub(crate) const TRUNCATE: u8 = 26;

/// Largest answer of a worker.
pub(crate) const MAX_ANSWER_BYTES: usize = 256;

/// Waits for a message of `rank` that has to have `tag`.
///
/// # Errors
///
/// [`Error::Message`] if it has another; [`Error::Net`].
pub(crate) fn expect(mesh: &Mesh, rank: usize, tag: u8, what: &str) -> Result<Vec<u8>, Error> {
    let (got, payload) = mesh.receive_control(rank, MAX_ANSWER_BYTES)?;
    if got == tag {
        return Ok(payload);
    }
    Err(Error::Message {
        rank,
        expected: what.to_owned(),
        got: format!("a message with tag {got}"),
    })
}

impl Digest {
    pub(crate) fn encode(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.replicated.to_le_bytes());
        bytes[8..].copy_from_slice(&self.kv_cache.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        match (words, rest) {
            (&[replicated, kv_cache], []) => Some(Self {
                replicated: u64::from_le_bytes(replicated),
                kv_cache: u64::from_le_bytes(kv_cache),
            }),
            _ => None,
        }
    }
}
