//! Zeroed anonymous memory, bounds-checked, shared between threads.

use std::io;

use bytemuck::Pod;
use memmap2::{MmapMut, MmapRaw};

/// Alignment of the parts that the engine cuts from a region: a cache line, and enough for all types.
pub(crate) const PART_ALIGNMENT: usize = 64;

/// Anonymous memory of a fixed size. The operating system gives its pages when they are touched.
pub(crate) struct Region {
    map: MmapRaw,
    n_bytes: usize,
}

impl Region {
    /// `n_bytes` of zeros.
    pub(crate) fn new(n_bytes: usize) -> io::Result<Self> {
        // A mapping of no bytes is refused.
        let map = MmapMut::map_anon(n_bytes.max(1))?.into();
        Ok(Self { map, n_bytes })
    }

    /// Asks for pages of 2 MB, for memory that is used from its beginning to its end.
    pub(crate) fn prefer_large_pages(&self) {
        // Advice: without it, walks through page tables take longer.
        #[cfg(target_os = "linux")]
        let _ = self.map.advise(memmap2::Advice::HugePage);
    }

    /// `len` values from byte `offset`.
    ///
    /// # Safety
    ///
    /// Nobody writes to them while the reference lives.
    ///
    /// # Panics
    ///
    /// If they are not within the region, or `offset` is not aligned for them.
    pub(crate) unsafe fn slice<T: Pod>(&self, offset: usize, len: usize) -> &[T] {
        let first = self.address::<T>(offset, len);
        // SAFETY: `address` has proved place and alignment; any bytes are a `Pod`; the memory lives
        // as long as `self`; the caller keeps writers away.
        unsafe { std::slice::from_raw_parts(first, len) }
    }

    /// `len` values from byte `offset`, to write.
    ///
    /// # Safety
    ///
    /// Nobody else reads or writes them while the reference lives.
    ///
    /// # Panics
    ///
    /// If they are not within the region, or `offset` is not aligned for them.
    #[expect(
        clippy::mut_from_ref,
        reason = "threads own disjoint parts, as the contract says"
    )]
    pub(crate) unsafe fn slice_mut<T: Pod>(&self, offset: usize, len: usize) -> &mut [T] {
        let first = self.address::<T>(offset, len);
        // SAFETY: as in `slice`; the caller keeps all others away.
        unsafe { std::slice::from_raw_parts_mut(first, len) }
    }

    /// The address of `len` values from byte `offset`, to be shared out between threads.
    ///
    /// # Panics
    ///
    /// If they are not within the region, or `offset` is not aligned for them.
    pub(crate) fn address<T: Pod>(&self, offset: usize, len: usize) -> *mut T {
        let end = len
            .checked_mul(size_of::<T>())
            .and_then(|n_bytes| n_bytes.checked_add(offset));
        assert!(
            end.is_some_and(|end| end <= self.n_bytes),
            "{len} values at {offset} of {} bytes",
            self.n_bytes
        );
        // Mappings begin on a page, so that the offset's alignment is the address's.
        assert!(offset.is_multiple_of(align_of::<T>()), "offset {offset}");
        // SAFETY: `offset` is at most the length of the mapping.
        unsafe { self.map.as_mut_ptr().add(offset).cast() }
    }
}

/// Adds a part of `n_bytes` to a region that is being planned, and returns where it begins.
/// `None` if there are more bytes than an address can count.
pub(crate) fn place(end: &mut usize, n_bytes: usize) -> Option<usize> {
    let start = end.checked_next_multiple_of(PART_ALIGNMENT)?;
    *end = start.checked_add(n_bytes)?;
    Some(start)
}
