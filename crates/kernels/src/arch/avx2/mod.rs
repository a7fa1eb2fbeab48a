//! x86-64 with AVX2, FMA and F16C.
pub(crate) use super::scalar::TABLE;
