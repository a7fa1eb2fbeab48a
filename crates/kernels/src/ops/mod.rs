//! The public operations: each checks its lengths once and calls the table.

mod add;
mod attention;
mod candidates;
mod convert;
mod matmul;
mod panel;
mod quantize;
mod rms_norm;
mod rope;
mod swiglu;

pub use attention::{
    ATTENTION_BLOCK, AttentionClass, CacheElement, QueryRows, attention_part_len,
    merge_attention_parts,
};
pub use candidates::Candidate;
pub use panel::PanelShape;

/// The length of a slice against what the others say it must be.
#[track_caller]
fn expect_len(what: &str, got: usize, expected: Option<usize>) {
    assert!(
        Some(got) == expected,
        "{what} has {got} elements, expected {expected:?}"
    );
}
