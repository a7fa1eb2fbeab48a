//! Sequences that become shorter on all ranks, because their numbers have ended.
//!
//! The root alone knows of every row that has failed, and tells the others how long each sequence is now: so
//! all ranks go on from the same positions, and none attends to what a failed row has left in the KV cache.

use std::collections::BTreeMap;

use crate::rank::NotFinite;

/// Bytes of one on the wire.
const BYTES: usize = 8;

/// How long a sequence is at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truncation {
    pub(crate) sequence: u32,
    pub(crate) length: u32,
}

/// Each sequence with a failure ends before the first of its rows that have failed.
pub(super) fn of(failures: &[NotFinite]) -> Vec<Truncation> {
    let mut lengths = BTreeMap::new();
    for failure in failures {
        let length = lengths.entry(failure.sequence).or_insert(u32::MAX);
        *length = failure.position.min(*length);
    }
    let lengths = lengths.into_iter();
    lengths
        .map(|(sequence, length)| Truncation { sequence, length })
        .collect()
}

pub(crate) fn encode(all: &[Truncation]) -> Vec<u8> {
    all.iter()
        .flat_map(|one| [one.sequence.to_le_bytes(), one.length.to_le_bytes()].concat())
        .collect()
}

/// `None` if the bytes are not whole ones. That there are such sequences is checked where they are truncated.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<Truncation>> {
    let (all, rest) = bytes.as_chunks::<BYTES>();
    let word = |bytes: &[u8]| bytes.try_into().map(u32::from_le_bytes).ok();
    let read = |bytes: &[u8; BYTES]| {
        let (sequence, length) = bytes.split_at(BYTES / 2);
        Some(Truncation {
            sequence: word(sequence)?,
            length: word(length)?,
        })
    };
    rest.is_empty().then(|| all.iter().map(read).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(row: usize, sequence: u32, position: u32) -> NotFinite {
        NotFinite {
            row,
            sequence,
            position,
            layer: None,
            op: "embedding",
        }
    }

    #[test]
    fn a_sequence_ends_before_the_first_of_its_failures() {
        let failures = [
            failure(0, 3, 9),
            failure(2, 1, 4),
            failure(3, 3, 7),
            failure(5, 3, 8),
        ];
        let expected = [(1, 4), (3, 7)].map(|(sequence, length)| Truncation { sequence, length });
        assert_eq!(of(&failures), expected);
        assert_eq!(of(&[]), []);
    }

    #[test]
    fn truncations_come_back_as_they_were_and_half_ones_do_not() {
        let all = [(0, 0), (7, u32::MAX)].map(|(sequence, length)| Truncation { sequence, length });
        let bytes = encode(&all);
        assert_eq!(decode(&bytes), Some(all.to_vec()));
        assert_eq!(decode(&[]), Some(vec![]));
        for cut in (1..bytes.len()).filter(|cut| cut % BYTES != 0) {
            assert_eq!(decode(&bytes[..cut]), None);
        }
    }
}
