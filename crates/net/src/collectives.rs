//! What all ranks do together: every rank calls the same collective with the same sizes.

mod all_gather;
mod all_reduce;
mod broadcast;
mod gather;

pub(crate) use all_reduce::Scratch;
