//! Asking for memory before it is needed.

const LINE: usize = 64;

/// How far ahead of the loads a stream of weights is fetched into the second-level cache, and
/// from there into the first. The first level waits for few lines at once, so that fetching from memory into it
/// directly is slower: 20 against 26 GB/s where a plain read loop reaches 29.5 (two cores of a Sapphire
/// Rapids). There both distances are flat around 3072 and 768; on an Ice Lake those are 0.91 to 0.96 times as fast as
/// these (`docs/benchmarks.md`).
#[cfg(not(target_arch = "aarch64"))]
const FAR_BYTES: usize = 6144;
#[cfg(not(target_arch = "aarch64"))]
const NEAR_BYTES: usize = 2048;
/// Estimated, not measured: small cores keep few loads in flight.
#[cfg(target_arch = "aarch64")]
const FAR_BYTES: usize = 1024;
#[cfg(target_arch = "aarch64")]
const NEAR_BYTES: usize = 256;

/// Asks for the cache lines that `blocks`, moved ahead, would touch.
#[inline(always)]
pub(crate) fn prefetch_ahead_of<B>(blocks: &[B]) {
    let first = blocks.as_ptr().cast::<u8>();
    for offset in (0..size_of_val(blocks)).step_by(LINE) {
        prefetch_line::<2>(first.wrapping_add(offset + FAR_BYTES));
        prefetch_line::<1>(first.wrapping_add(offset + NEAR_BYTES));
    }
}

/// Asks for the cache lines of `values`, in the second-level cache.
#[inline(always)]
pub(crate) fn prefetch<V>(values: &[V]) {
    let first = values.as_ptr().cast::<u8>();
    for offset in (0..size_of_val(values)).step_by(LINE) {
        prefetch_line::<2>(first.wrapping_add(offset));
    }
}

/// Asks for the cache line of an address, which need not be a valid one, in cache level 1 or 2.
#[inline(always)]
fn prefetch_line<const LEVEL: u8>(address: *const u8) {
    const { assert!(LEVEL == 1 || LEVEL == 2) };
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint of x86-64's base instructions, which cannot fault.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        match LEVEL {
            1 => _mm_prefetch::<_MM_HINT_T0>(address.cast()),
            _ => _mm_prefetch::<_MM_HINT_T1>(address.cast()),
        }
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a hint, which cannot fault.
    unsafe {
        use core::arch::asm;
        match LEVEL {
            1 => {
                asm!("prfm pldl1strm, [{}]", in(reg) address, options(nostack, preserves_flags, readonly))
            }
            _ => {
                asm!("prfm pldl2strm, [{}]", in(reg) address, options(nostack, preserves_flags, readonly))
            }
        }
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}
