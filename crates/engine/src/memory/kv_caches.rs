//! Keys and values of all layers on this rank.

use std::ops::Range;

use bytemuck::Pod;
use dllama_kernels::{BLOCK_SIZE, BlockQ80};

use super::region::{Region, place};
use crate::error::Error;
use crate::program::{CacheType, ValidProgram};

/// For each cache (sequence, kv_head, position, head_dim), keys and values apart: what one query
/// head reads is one linear stream.
pub(crate) struct KvCaches {
    region: Region,
    caches: Vec<Cache>,
    seq_len: usize,
    n_sequences: usize,
    cache_type: CacheType,
    n_bytes: usize,
}

struct Cache {
    keys: usize,
    values: usize,
    n_kv_heads: usize,
    head_dim: usize,
}

/// One head of one sequence in one cache.
#[derive(Clone, Copy)]
pub(crate) struct KvPlace {
    pub(crate) cache: u32,
    pub(crate) sequence: usize,
    pub(crate) head: usize,
}

impl KvCaches {
    pub(crate) fn new(program: &ValidProgram) -> Result<Self, Error> {
        let (caches, n_bytes) = plan(program).ok_or(Error::TooLarge)?;
        Ok(Self {
            region: Region::new(n_bytes)?,
            caches,
            seq_len: program.seq_len as usize,
            n_sequences: program.n_sequences as usize,
            cache_type: program.kv_cache_type,
            n_bytes,
        })
    }

    /// Bytes of all caches once they are full.
    pub(crate) fn n_bytes(program: &ValidProgram) -> Option<usize> {
        plan(program).map(|(_, n_bytes)| n_bytes)
    }

    pub(crate) fn n_kv_heads(&self, cache: u32) -> usize {
        self.caches[cache as usize].n_kv_heads
    }

    pub(crate) fn head_dim(&self, cache: u32) -> usize {
        self.caches[cache as usize].head_dim
    }

    /// Keys and values of some positions: (positions, head_dim) each.
    ///
    /// # Safety
    ///
    /// `T` is the caches' type. Nobody writes those positions while the references live.
    pub(crate) unsafe fn range<T: Pod>(
        &self,
        at: KvPlace,
        positions: Range<usize>,
    ) -> (&[T], &[T]) {
        let (keys, values, len) = self.find::<T>(at, positions.start, positions.len());
        // SAFETY: the caller's promise.
        unsafe { (self.region.slice(keys, len), self.region.slice(values, len)) }
    }

    /// Key and value of one position, to write: (head_dim) each.
    ///
    /// # Safety
    ///
    /// `T` is the caches' type. Nobody else reads or writes that position while the references live.
    #[expect(
        clippy::mut_from_ref,
        reason = "threads own disjoint parts, as the contract says"
    )]
    pub(crate) unsafe fn at<T: Pod>(&self, at: KvPlace, position: usize) -> (&mut [T], &mut [T]) {
        let (keys, values, len) = self.find::<T>(at, position, 1);
        // SAFETY: the caller's promise; keys and values lie apart.
        unsafe {
            (
                self.region.slice_mut(keys, len),
                self.region.slice_mut(values, len),
            )
        }
    }

    /// All bytes, keys and values.
    ///
    /// # Safety
    ///
    /// Nobody writes to the caches while the reference lives.
    pub(crate) unsafe fn bytes(&self) -> &[u8] {
        // SAFETY: the caller's promise.
        unsafe { self.region.slice(0, self.n_bytes) }
    }

    fn find<T>(&self, at: KvPlace, first: usize, n_positions: usize) -> (usize, usize, usize) {
        let cache = &self.caches[at.cache as usize];
        assert!(at.head < cache.n_kv_heads && at.sequence < self.n_sequences);
        assert!(first + n_positions <= self.seq_len);
        let head_bytes = head_bytes(self.cache_type, cache.head_dim);
        assert!(
            head_bytes.is_multiple_of(size_of::<T>()),
            "the caches' type"
        );
        let head = at.sequence * cache.n_kv_heads + at.head;
        let skipped = (head * self.seq_len + first) * head_bytes;
        let len = n_positions * (head_bytes / size_of::<T>());
        (cache.keys + skipped, cache.values + skipped, len)
    }
}

/// Bytes of one head's values at one position.
fn head_bytes(cache_type: CacheType, head_dim: usize) -> usize {
    match cache_type {
        CacheType::F16 => head_dim * 2,
        CacheType::Q80 => head_dim / BLOCK_SIZE * size_of::<BlockQ80>(),
        CacheType::F32 => head_dim * 4,
    }
}

fn plan(program: &ValidProgram) -> Option<(Vec<Cache>, usize)> {
    let mut end = 0;
    let mut caches = Vec::with_capacity(program.kv_caches.len());
    for declared in &program.kv_caches {
        let (n_kv_heads, head_dim) = (declared.n_kv_heads as usize, declared.head_dim as usize);
        let n_bytes = (n_kv_heads * head_bytes(program.kv_cache_type, head_dim))
            .checked_mul(program.seq_len as usize)?
            .checked_mul(program.n_sequences as usize)?;
        caches.push(Cache {
            keys: place(&mut end, n_bytes)?,
            values: place(&mut end, n_bytes)?,
            n_kv_heads,
            head_dim,
        });
    }
    Some((caches, end))
}
