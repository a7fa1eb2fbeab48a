//! What attention asks of an instruction set's vectors of f32.

/// Some f32 side by side.
pub(crate) trait Vector: Copy {
    const LANES: usize;

    /// # Safety
    ///
    /// As for [`mul_add`](Self::mul_add).
    unsafe fn splat(value: f32) -> Self;

    /// # Safety
    ///
    /// As for [`mul_add`](Self::mul_add); `from` is valid for reads of `LANES` values.
    unsafe fn load(from: *const f32) -> Self;

    /// # Safety
    ///
    /// As for [`mul_add`](Self::mul_add); `to` is valid for writes of `LANES` values.
    unsafe fn store(self, to: *mut f32);

    /// # Safety
    ///
    /// As for [`mul_add`](Self::mul_add).
    unsafe fn mul(self, other: Self) -> Self;

    /// self * factor + added, rounded once or twice.
    ///
    /// # Safety
    ///
    /// The machine has the vector's instruction set.
    unsafe fn mul_add(self, factor: Self, added: Self) -> Self;

    /// The lanes' sum.
    ///
    /// # Safety
    ///
    /// As for [`mul_add`](Self::mul_add).
    unsafe fn sum(self) -> f32;
}
