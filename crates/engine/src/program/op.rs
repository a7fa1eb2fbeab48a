//! What a step can do. A new op is a variant here, a shape rule in `validate/`, an executor file in
//! `ops/` and a builder method in TypeScript.

use serde::{Deserialize, Serialize};

use crate::float_type::FloatType;

/// An operation over named buffers. All its numbers but scalars are indices into the Program's lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "camelCase", deny_unknown_fields)]
pub enum Op {
    /// `out = embedding[token]`, read by the root and broadcast. A worker has no weight.
    #[serde(rename_all = "camelCase")]
    Embedding {
        /// The table (vocabSize, dim), on the root alone.
        weight: Option<u32>,
        /// How a row goes over the wire: as stored, or Q80 for F16 and F32 tables.
        wire: FloatType,
        /// (tokens, dim)
        out: u32,
    },
    /// `out = input / sqrt(mean(input^2) + eps) * weight`, each row.
    #[serde(rename_all = "camelCase")]
    RmsNorm {
        /// (rows, dim)
        input: u32,
        /// (1, dim) F32
        weight: u32,
        /// (rows, dim)
        out: u32,
        /// Keeps the root above zero.
        eps: f32,
    },
    /// `out = input * weight^T` for each product, with one quantisation of the input.
    #[serde(rename_all = "camelCase")]
    MatMul {
        /// (rows, nIn)
        input: u32,
        /// What is computed from it.
        products: Vec<Product>,
    },
    /// Turns the heads of each buffer by their row's position.
    #[serde(rename_all = "camelCase")]
    Rope {
        /// Which rotation.
        rope: u32,
        /// (tokens, heads * headDim) each
        buffers: Vec<u32>,
    },
    /// Stores keys and values, then `out = softmax(scale * q . keys) . values` over the positions up
    /// to each row's own.
    #[serde(rename_all = "camelCase")]
    Attention {
        /// Which KV cache.
        cache: u32,
        /// (tokens, heads * headDim)
        q: u32,
        /// (tokens, kvHeads * headDim)
        k: u32,
        /// (tokens, kvHeads * headDim)
        v: u32,
        /// (tokens, heads * headDim)
        out: u32,
        /// Query heads that share a KV head.
        group_size: u32,
        /// Place of this rank's first query head in its group: a group may lie on two ranks.
        first_in_group: u32,
        /// Factor of the scores.
        scale: f32,
    },
    /// `out = silu(gate) * up`.
    #[serde(rename_all = "camelCase")]
    SwiGlu {
        /// (rows, hiddenDimLocal)
        gate: u32,
        /// (rows, hiddenDimLocal)
        up: u32,
        /// (rows, hiddenDimLocal)
        out: u32,
    },
    /// `into += sum over the ranks of input`; afterwards `into` has the same bits on all of them.
    #[serde(rename_all = "camelCase")]
    AllReduce {
        /// (tokens, dim): this rank's partial sums
        input: u32,
        /// (tokens, dim): the residual
        into: u32,
    },
    /// Copies the rows whose logits are wanted.
    #[serde(rename_all = "camelCase")]
    SelectRows {
        /// (tokens, dim), rows: all
        input: u32,
        /// (selected, dim), rows: selected
        out: u32,
    },
    /// The best tokens of each row and the log-sum-exp, from all ranks to the root.
    #[serde(rename_all = "camelCase")]
    Candidates {
        /// (selected, vocabSizeLocal)
        logits: u32,
        /// Vocabulary rows of each rank, in rank order.
        vocab_split: Vec<u32>,
        /// Candidates a row.
        k: u32,
    },
}

/// One matrix of a [`Op::MatMul`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Product {
    /// (nOut, nIn)
    pub weight: u32,
    /// (rows, nOut)
    pub out: u32,
}

impl Op {
    /// The op's name, as in TypeScript and in dumps.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Embedding { .. } => "embedding",
            Self::RmsNorm { .. } => "rmsNorm",
            Self::MatMul { .. } => "matMul",
            Self::Rope { .. } => "rope",
            Self::Attention { .. } => "attention",
            Self::SwiGlu { .. } => "swiGlu",
            Self::AllReduce { .. } => "allReduce",
            Self::SelectRows { .. } => "selectRows",
            Self::Candidates { .. } => "candidates",
        }
    }

    /// Whether the op writes to `buffer`.
    pub(crate) fn makes(&self, buffer: u32) -> bool {
        match self {
            Self::Embedding { out, .. }
            | Self::RmsNorm { out, .. }
            | Self::Attention { out, .. }
            | Self::SwiGlu { out, .. }
            | Self::AllReduce { into: out, .. }
            | Self::SelectRows { out, .. } => *out == buffer,
            Self::MatMul { products, .. } => products.iter().any(|product| product.out == buffer),
            Self::Rope { buffers, .. } => buffers.contains(&buffer),
            Self::Candidates { .. } => false,
        }
    }
}
