//! Sealed records: what an encrypted connection consists of.
//!
//! A record is two bytes of length (little-endian, of what follows) and one Noise transport message:
//! the text, encrypted, and 16 bytes that prove it. The number of a record in its direction is its
//! nonce, so that one which is left out, repeated or moved does not open.

use std::sync::Arc;

use snow::StatelessTransportState;

use crate::frame::Mismatch;

pub(crate) const LENGTH_BYTES: usize = 2;
const PROOF_BYTES: usize = 16;

/// Text of the longest record: Noise allows messages of 65,535 bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 65_535 - PROOF_BYTES;

/// The two directions of a connection, as one of its ends has them.
pub(crate) struct Seals {
    pub(crate) sealer: Sealer,
    pub(crate) opener: Opener,
}

impl Seals {
    pub(crate) fn new(keys: StatelessTransportState) -> Self {
        let keys = Arc::new(keys);
        Self {
            sealer: Sealer {
                keys: keys.clone(),
                number: 0,
            },
            opener: Opener { keys, number: 0 },
        }
    }
}

pub(crate) struct Sealer {
    keys: Arc<StatelessTransportState>,
    number: u64,
}

impl Sealer {
    /// Makes `record` the record of `text`.
    ///
    /// # Panics
    ///
    /// If the text is longer than [`MAX_TEXT_BYTES`].
    pub(crate) fn seal(&mut self, text: &[u8], record: &mut Vec<u8>) {
        assert!(text.len() <= MAX_TEXT_BYTES, "{} bytes", text.len());
        let n_bytes = text.len() + PROOF_BYTES;
        record.resize(LENGTH_BYTES + n_bytes, 0);
        let (length, sealed) = record.split_at_mut(LENGTH_BYTES);
        length.copy_from_slice(&(n_bytes as u16).to_le_bytes());
        let written = self.keys.write_message(self.number, text, sealed);
        // It fails for a wrong length alone, and for a direction that has used up 2^64 numbers.
        written.expect("the record has its length");
        self.number += 1;
    }
}

pub(crate) struct Opener {
    keys: Arc<StatelessTransportState>,
    number: u64,
}

impl Opener {
    /// Opens what follows a record's length into the beginning of `text`, and returns its bytes.
    pub(crate) fn open(&mut self, sealed: &[u8], text: &mut [u8]) -> Result<usize, Mismatch> {
        let Ok(n_bytes) = self.keys.read_message(self.number, sealed, text) else {
            return Err(Mismatch::new(
                format!("record {} of this session", self.number),
                format!("{} bytes that its key does not open", sealed.len()),
            ));
        };
        self.number += 1;
        Ok(n_bytes)
    }
}

/// The bytes that follow a record's length.
pub(crate) fn sealed_bytes(length: [u8; LENGTH_BYTES]) -> Result<usize, Mismatch> {
    let n_bytes = usize::from(u16::from_le_bytes(length));
    if n_bytes < PROOF_BYTES {
        return Err(Mismatch::new(
            format!("a record of at least {PROOF_BYTES} bytes"),
            format!("{n_bytes} bytes"),
        ));
    }
    Ok(n_bytes)
}

/// Text of a record with so many bytes after its length.
pub(crate) fn text_bytes(n_sealed: usize) -> usize {
    n_sealed - PROOF_BYTES
}
