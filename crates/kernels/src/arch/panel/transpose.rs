//! From sums by weight row, as the inner loops leave them, to an output by token.

use core::ops::Range;

use crate::columns::ColumnsMut;

/// Rows and tokens that are turned at once: what a vector of every instruction set holds.
const SIDE: usize = 4;

type Square = [[f32; SIDE]; SIDE];

/// Writes the columns `rows` of `out`. `sums`: by weight row, `stride` tokens each; both are whole squares.
pub(super) fn write_transposed(
    sums: &[f32],
    stride: usize,
    rows: Range<usize>,
    out: &mut ColumnsMut<'_>,
) {
    for token in (0..out.n_rows()).step_by(SIDE) {
        for (sums, row) in sums
            .chunks_exact(SIDE * stride)
            .zip(rows.clone().step_by(SIDE))
        {
            let square = transposed(core::array::from_fn(|row| {
                let sums = &sums[row * stride + token..];
                sums.first_chunk().expect("whole squares")
            }));
            out.write_square(token, row, &square);
        }
    }
}

/// In vectors: the compiler would move one value after the other.
#[inline]
fn transposed(rows: [&[f32; SIDE]; SIDE]) -> Square {
    let [a, b, c, d] = rows.map(vector::load);
    let ([ac, ac_end], [bd, bd_end]) = (vector::zip(a, c), vector::zip(b, d));
    let ([first, second], [third, fourth]) = (vector::zip(ac, bd), vector::zip(ac_end, bd_end));
    [first, second, third, fourth].map(vector::store)
}

#[cfg(target_arch = "x86_64")]
mod vector {
    use core::arch::x86_64::*;

    #[inline]
    pub(super) fn load(x: &[f32; 4]) -> __m128 {
        // SAFETY: the reference is valid for the 16 bytes that are read.
        unsafe { _mm_loadu_ps(x.as_ptr()) }
    }

    /// The values of both in turns: those of their first halves, and those of their second.
    #[inline]
    pub(super) fn zip(a: __m128, b: __m128) -> [__m128; 2] {
        // SAFETY: every processor of this architecture has SSE.
        unsafe { [_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b)] }
    }

    #[inline]
    pub(super) fn store(x: __m128) -> [f32; 4] {
        let mut out = [0.0; 4];
        // SAFETY: the array is 16 bytes long.
        unsafe { _mm_storeu_ps(out.as_mut_ptr(), x) };
        out
    }
}

#[cfg(target_arch = "aarch64")]
mod vector {
    use core::arch::aarch64::*;

    #[inline]
    pub(super) fn load(x: &[f32; 4]) -> float32x4_t {
        // SAFETY: the reference is valid for the 16 bytes that are read.
        unsafe { vld1q_f32(x.as_ptr()) }
    }

    /// The values of both in turns: those of their first halves, and those of their second.
    #[inline]
    pub(super) fn zip(a: float32x4_t, b: float32x4_t) -> [float32x4_t; 2] {
        // SAFETY: every processor of this architecture has NEON.
        unsafe { [vzip1q_f32(a, b), vzip2q_f32(a, b)] }
    }

    #[inline]
    pub(super) fn store(x: float32x4_t) -> [f32; 4] {
        let mut out = [0.0; 4];
        // SAFETY: the array is 16 bytes long.
        unsafe { vst1q_f32(out.as_mut_ptr(), x) };
        out
    }
}
