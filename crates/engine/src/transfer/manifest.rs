//! The messages of a transfer. Both sides count units by themselves, so these hold no indices but in a
//! request for damaged ones; each is capped, and a lie is an error.

use blake3::Hash;

use super::tally::Source;
use crate::error::Error;

/// Units of a message: their hashes are 32 KiB, half of what one Noise message holds.
pub(super) const MAX_BATCH: usize = 1024;
const HASH_BYTES: usize = 32;
const READY_BYTES: usize = 8;

/// Largest message of hashes.
pub(super) const MAX_HASHES_BYTES: usize = MAX_BATCH * HASH_BYTES;
/// Largest message of a worker in a transfer: of indices.
pub(super) const MAX_ANSWER_BYTES: usize = MAX_BATCH * 4;

pub(crate) fn encode_hashes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// The hashes of 1 to `n_left` units.
///
/// # Errors
///
/// [`Error::Message`].
pub(crate) fn decode_hashes(bytes: &[u8], n_left: usize) -> Result<Vec<Hash>, Error> {
    let most = n_left.min(MAX_BATCH);
    match bytes.as_chunks::<HASH_BYTES>() {
        (hashes, []) if (1..=most).contains(&hashes.len()) => {
            Ok(hashes.iter().map(|&hash| Hash::from_bytes(hash)).collect())
        }
        _ => Err(Error::Message {
            rank: 0,
            expected: format!("1 to {most} hashes of {HASH_BYTES} bytes"),
            got: format!("{} bytes", bytes.len()),
        }),
    }
}

/// Where the worker has each unit of a batch, behind the bytes that it has read into place so far.
pub(crate) fn encode_sources(ready_bytes: u64, sources: &[Source]) -> Vec<u8> {
    let mut bytes = ready_bytes.to_le_bytes().to_vec();
    bytes.extend(sources.iter().map(|&source| source as u8));
    bytes
}

/// The answer of worker `rank` about `n` units.
///
/// # Errors
///
/// [`Error::Message`].
pub(crate) fn decode_sources(
    rank: usize,
    bytes: &[u8],
    n: usize,
) -> Result<(u64, Vec<Source>), Error> {
    let parts = bytes.split_first_chunk::<READY_BYTES>();
    let parts = parts.filter(|(_, sources)| sources.len() == n);
    let decoded = parts.and_then(|(ready, sources)| {
        let sources = sources.iter().map(|&byte| Source::from_byte(byte));
        Some((u64::from_le_bytes(*ready), sources.collect::<Option<_>>()?))
    });
    decoded.ok_or_else(|| Error::Message {
        rank,
        expected: format!("where it has each of {n} units"),
        got: format!("{} bytes that do not say it", bytes.len()),
    })
}

pub(crate) fn encode_ready(ready_bytes: u64) -> [u8; READY_BYTES] {
    ready_bytes.to_le_bytes()
}

/// # Errors
///
/// [`Error::Message`].
pub(crate) fn decode_ready(rank: usize, bytes: &[u8]) -> Result<u64, Error> {
    let ready = bytes.try_into().map(u64::from_le_bytes);
    ready.map_err(|_| Error::Message {
        rank,
        expected: format!("a count of {READY_BYTES} bytes"),
        got: format!("{} bytes", bytes.len()),
    })
}

pub(crate) fn encode_indices(indices: &[usize]) -> Vec<u8> {
    let indices = indices.iter().map(|&index| index as u32);
    indices.flat_map(u32::to_le_bytes).collect()
}

/// Indices of damaged units, ascending and below `n_units`.
///
/// # Errors
///
/// [`Error::Message`].
pub(crate) fn decode_indices(
    rank: usize,
    bytes: &[u8],
    n_units: usize,
) -> Result<Vec<usize>, Error> {
    let (indices, rest) = bytes.as_chunks::<4>();
    let indices = indices
        .iter()
        .map(|&index| u32::from_le_bytes(index) as usize);
    let indices: Vec<usize> = indices.collect();
    let are_good = rest.is_empty()
        && (1..=MAX_BATCH).contains(&indices.len())
        && indices.iter().all(|&index| index < n_units)
        && indices.is_sorted_by(|a, b| a < b);
    match are_good {
        true => Ok(indices),
        false => Err(Error::Message {
            rank,
            expected: format!("1 to {MAX_BATCH} ascending indices of {n_units} units"),
            got: format!("{} bytes of others", bytes.len()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_wire() {
        let hashes = [blake3::hash(b"a"), blake3::hash(b"b")];
        let bytes = encode_hashes(&hashes);
        for n_left in [2, 3, 5000] {
            assert_eq!(decode_hashes(&bytes, n_left).expect("two"), hashes);
        }
        let sources = [Source::Missing, Source::Cached, Source::Held, Source::Local];
        let bytes = encode_sources(77, &sources);
        assert_eq!(
            decode_sources(1, &bytes, 4).expect("four"),
            (77, sources.to_vec())
        );
        assert_eq!(decode_ready(1, &encode_ready(9)).expect("a count"), 9);
        let indices = [0, 5, 6];
        let bytes = encode_indices(&indices);
        assert_eq!(decode_indices(1, &bytes, 7).expect("three"), indices);
    }

    #[test]
    fn every_lie_is_refused() {
        let most = vec![0; (MAX_BATCH + 1) * HASH_BYTES];
        for (bytes, n_left) in [
            (&most[..0], 9),
            (&most[..31], 9),
            (&most[..33], 9),
            (&most[..64], 1),
            (&most[..32], 0),
            (&most[..], 5000),
        ] {
            assert!(decode_hashes(bytes, n_left).is_err(), "{}", bytes.len());
        }
        let mut sources = encode_sources(0, &[Source::Held; 3]);
        for n in [0, 2, 4] {
            assert!(decode_sources(1, &sources, n).is_err());
        }
        sources[9] = 4;
        assert!(decode_sources(1, &sources, 3).is_err());
        assert!(decode_sources(1, &[0; 7], 0).is_err());
        assert!(decode_ready(1, &[0; 7]).is_err() && decode_ready(1, &[0; 9]).is_err());
        for indices in [&[][..], &[7], &[1, 1], &[2, 1]] {
            assert!(decode_indices(1, &encode_indices(indices), 7).is_err());
        }
        assert!(decode_indices(1, &[0; 3], 7).is_err());
        let many: Vec<usize> = (0..=MAX_BATCH).collect();
        assert!(decode_indices(1, &encode_indices(&many), 5000).is_err());
    }
}
