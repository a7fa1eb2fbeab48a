//! The hash of a part of a tensor: BLAKE3 of its bytes, row after row without what lies between.

use blake3::{Hash, Hasher};

/// BLAKE3 is fast over long inputs alone, where it works on several chunks of 1 KiB at once: shorter rows
/// are put together first. It fits the second-level cache of a Raspberry Pi's core.
const TOGETHER: usize = 64 << 10;

/// The hash of pieces of bytes one after another.
pub(crate) fn hash_of<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Hash {
    let mut hasher = Hasher::new();
    let mut together = Vec::new();
    for piece in pieces {
        if together.len() + piece.len() > TOGETHER {
            hasher.update(&together);
            together.clear();
        }
        if piece.len() > TOGETHER {
            hasher.update(piece);
        } else {
            together.extend_from_slice(piece);
        }
    }
    hasher.update(&together);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_that_of_the_bytes_however_they_are_cut() {
        let bytes: Vec<u8> = (0..300_000u32)
            .map(|n| (n.wrapping_mul(n) >> 7) as u8)
            .collect();
        let expected = blake3::hash(&bytes);
        for piece_bytes in [1, 72, TOGETHER - 1, TOGETHER, TOGETHER + 1, bytes.len()] {
            assert_eq!(
                hash_of(bytes.chunks(piece_bytes)),
                expected,
                "{piece_bytes}"
            );
        }
        assert_eq!(hash_of([].into_iter()), blake3::hash(b""));
    }
}
