//! Blocks of 32 quantised values, byte for byte as they lie in a GGUF file and
//! on the wire.

mod q40;
mod q80;

pub use q40::BlockQ40;
pub use q80::BlockQ80;

/// Values in a block of Q40 or Q80.
pub const BLOCK_SIZE: usize = 32;
