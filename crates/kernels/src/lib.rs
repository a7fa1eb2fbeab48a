//! Kernels of dllama: blocks of quantised weights, the operations of a
//! transformer on slices, and the pool of threads that runs them. No I/O.
//!
//! Four layers, each in its own place:
//!
//! | layer | where |
//! |---|---|
//! | public API: one operation a file, checks lengths once | `ops/` |
//! | dispatch: a table of function pointers for each instruction set | `table.rs`, `kernels.rs` |
//! | instruction set: which there are, and what this machine has | `isa.rs` |
//! | algorithm: the loops | `arch/` |
//!
//! Everything but the matmuls and attention gives the same bits under every instruction
//! set; those differ in the order and the rounding of their f32 sums alone.

mod arch;
mod blocks;
mod columns;
mod isa;
mod kernels;
mod not_finite;
mod ops;
mod pool;
mod table;

pub use arch::panel::Line;
pub use blocks::{BLOCK_SIZE, BlockQ40, BlockQ80};
pub use columns::ColumnsMut;
pub use half::f16;
pub use isa::{Isa, UnknownIsa};
pub use kernels::Kernels;
pub use not_finite::NotFinite;
pub use ops::{
    ATTENTION_BLOCK, AttentionClass, CacheElement, Candidate, PanelShape, QueryRows,
    attention_part_len, merge_attention_parts,
};
pub use pool::{Flow, Pool, Team};
