//! The error of a value that cannot be quantised or ranked.

/// A value that is NaN or infinite, or too large for the scale of its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("value {index} is NaN, infinite or too large for the format")]
pub struct NotFinite {
    /// Where the first such value stands in the input.
    pub index: usize,
}
