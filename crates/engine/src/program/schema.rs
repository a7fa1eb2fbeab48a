//! What a Program declares before its steps: sizes, weights, buffers, caches.

use serde::{Deserialize, Serialize};

use super::op::Op;
use crate::float_type::FloatType;

/// What one rank computes in a forward, and what it holds for that.
///
/// Indices (`u32`) in its ops point into the lists declared here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Program {
    /// Version of this schema: [`Program::VERSION`].
    pub version: u32,
    /// Number of ranks.
    pub world_size: u32,
    /// The rank that this Program is for; 0 is the root.
    pub rank: u32,
    /// Size of the whole vocabulary: token ids are below it.
    pub vocab_size: u32,
    /// Positions a sequence may have: the capacity of the KV cache.
    pub seq_len: u32,
    /// Sequences that the KV cache holds side by side.
    pub n_sequences: u32,
    /// Rows (tokens) of one forward at most.
    pub max_tokens: u32,
    /// How partial sums go over the wire.
    pub buffer_float_type: WireType,
    /// How keys and values are kept.
    pub kv_cache_type: CacheType,
    /// This rank's slices of the model's tensors.
    pub weights: Vec<Weight>,
    /// Activations, all F32.
    pub buffers: Vec<Buffer>,
    /// Rotations of queries and keys.
    pub ropes: Vec<Rope>,
    /// This rank's KV heads, a cache for each layer.
    pub kv_caches: Vec<KvCache>,
    /// What a forward does, in order.
    pub steps: Vec<Step>,
}

impl Program {
    /// The version of the schema that this engine runs.
    pub const VERSION: u32 = 1;
}

/// An op and the layer it belongs to, for messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Layer from 0, or null outside the layers.
    pub layer: Option<u32>,
    /// What is done.
    pub op: Op,
}

/// A (rows, cols) matrix of this rank, or (1, cols) for a vector. It may be empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Weight {
    /// The tensor's name in the model file, for messages.
    pub name: String,
    /// How its numbers are stored.
    pub float_type: FloatType,
    /// Rows of this rank's slice: output features.
    pub rows: u32,
    /// Columns of this rank's slice: input features.
    pub cols: u32,
    /// Where the slice is in the model file. Only the root reads it.
    pub source: Source,
}

/// A rectangle of a row-major tensor in the model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Source {
    /// Where the whole tensor begins, in bytes from the beginning of the file.
    #[cfg_attr(feature = "typescript", ts(type = "number"))]
    pub offset: u64,
    /// Rows of the whole tensor.
    pub rows: u32,
    /// Columns of the whole tensor.
    pub cols: u32,
    /// First row of the slice.
    pub first_row: u32,
    /// First column of the slice: on a block's border.
    pub first_col: u32,
}

/// F32 activations, (rows of the forward, width).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Buffer {
    /// Its name in messages and dumps.
    pub name: String,
    /// Values a row. It may be 0.
    pub width: u32,
    /// Which rows it has.
    pub rows: BufferRows,
}

/// Which rows of a forward a buffer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum BufferRows {
    /// A row for each token.
    All,
    /// A row for each token whose logits are wanted.
    Selected,
}

/// Rotary position embedding of head vectors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rope {
    /// Which values of a head form a pair.
    pub style: RopeStyle,
    /// Radians a position, one for each pair of a head: `headDim / 2` of them.
    pub frequencies: Vec<f64>,
}

/// Which two values of a head are turned together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum RopeStyle {
    /// Neighbours: (0, 1), (2, 3).
    Interleaved,
    /// One of each half: (0, headDim / 2).
    HalfSplit,
}

/// Keys and values of one layer on this rank.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KvCache {
    /// KV heads of this rank. It may be 0.
    pub n_kv_heads: u32,
    /// Values a head.
    pub head_dim: u32,
}

/// Types of partial sums on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum WireType {
    /// Blocks of 32 in 34 bytes.
    Q80,
    /// Lossless.
    F32,
}

/// Types of cached keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum CacheType {
    /// Half the memory, and rounding to 11 bits.
    F16,
    /// Blocks of 32 in 34 bytes, a quarter of the memory of F32.
    Q80,
    /// As computed.
    F32,
}
