//! Armv8-A.
pub(crate) use super::scalar::TABLE;
