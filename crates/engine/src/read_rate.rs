//! The machine's own read bandwidth, as a measure for matmuls: no decode can read its weights faster
//! than a plain loop reads as many bytes with as many threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dllama_kernels::Pool;

use crate::error::Error;
use crate::memory::require_available;

/// What a thread reads at a time: long enough for the processor's prefetching, short enough that a
/// disturbed thread does not hold the others.
const PIECE_WORDS: usize = 1 << 17;

/// Passes are repeated until they are this many and have taken this long: a single one may meet
/// another process, and one over a small buffer is shorter than waking a thread.
const MIN_PASSES: usize = 5;
const MIN_TIME: Duration = Duration::from_millis(200);

/// Bytes a second of the best of several passes over a buffer of `n_bytes` (at least 8) with
/// `n_threads`.
///
/// # Errors
///
/// [`Error::OutOfMemory`] or [`Error::TooLarge`] if there is no room for the buffer,
/// [`Error::System`] without threads.
pub fn read_rate(n_bytes: usize, n_threads: usize) -> Result<f64, Error> {
    require_available("the buffer of the read loop", Some(n_bytes))?;
    let n_words = (n_bytes / size_of::<u64>()).max(1);
    let mut buffer = Vec::new();
    let reserved = buffer.try_reserve_exact(n_words);
    reserved.map_err(|_| Error::TooLarge)?;
    // Written, so that each page has memory of its own: unwritten ones share a page of zeros.
    buffer.extend((0..n_words as u64).map(|word| word ^ 0x5555));
    let pool = Pool::new(n_threads)?;
    let mut best = Duration::MAX;
    let start = Instant::now();
    for pass in 0.. {
        if pass >= MIN_PASSES && start.elapsed() >= MIN_TIME {
            break;
        }
        let begin = Instant::now();
        std::hint::black_box(sum(&pool, &buffer));
        best = best.min(begin.elapsed());
    }
    Ok((n_words * size_of::<u64>()) as f64 / best.as_secs_f64().max(1e-9))
}

/// The wrapping sum of all words, read by all threads.
fn sum(pool: &Pool, words: &[u64]) -> u64 {
    let total = AtomicU64::new(0);
    pool.run(|team| {
        let pieces = team.chunks(words.len(), PIECE_WORDS);
        let own = pieces.fold(0, |sum: u64, piece| {
            let words = &words[piece];
            words.iter().fold(sum, |sum, &word| sum.wrapping_add(word))
        });
        total.fetch_add(own, Ordering::Relaxed);
    });
    total.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_once_whatever_the_threads() {
        let words: Vec<u64> = (0..3 * PIECE_WORDS as u64 + 5).collect();
        let n = words.len() as u64;
        for n_threads in [1, 2, 3] {
            let pool = Pool::new(n_threads).expect("threads");
            assert_eq!(sum(&pool, &words), n * (n - 1) / 2);
        }
    }

    #[test]
    fn a_rate_is_a_positive_number() {
        for n_bytes in [0, 8, 1 << 16] {
            let rate = read_rate(n_bytes, 2).expect("memory");
            assert!(rate.is_finite() && rate > 0.0, "{rate}");
        }
    }

    #[test]
    fn a_buffer_that_cannot_be_had_is_an_error() {
        let error = read_rate(usize::MAX / 2, 1).expect_err("too large");
        assert_eq!(error.code(), "OUT_OF_MEMORY");
    }
}
