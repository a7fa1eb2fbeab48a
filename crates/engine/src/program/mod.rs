//! The Program: what one rank computes, as data.
//!
//! TypeScript writes a Program for each rank, the root sends the same bytes to the workers, and
//! [`ValidProgram::parse`] checks it before anything of it is believed. A worker needs no other
//! knowledge of a model.

mod error;
mod op;
mod parse;
mod schema;
mod validate;

pub use error::{MAX_PROGRAM_BYTES, ProgramError};
pub use op::{Op, Product};
pub use schema::{
    Buffer, BufferRows, CacheType, KvCache, Program, Rope, RopeStyle, Source, Step, Weight,
    WireType,
};
pub use validate::ValidProgram;
