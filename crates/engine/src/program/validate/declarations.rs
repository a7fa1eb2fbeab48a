//! Rules for what a Program declares.

use std::ops::RangeInclusive;

use crate::program::error::ProgramError;
use crate::program::schema::{CacheType, Program, Source, Weight};
use dllama_kernels::BLOCK_SIZE;
use dllama_net::MAX_WORLD_SIZE;

/// Largest width, number of rows or positions. With it no product of three sizes overflows `u64`,
/// and no model comes near it: Llama 3's vocabulary has 128,256 rows.
pub(super) const MAX_SIZE: u32 = 1 << 24;
/// Rows of one forward: prefill chunks have some hundred.
const MAX_TOKENS: u32 = 1 << 14;
/// Sequences side by side.
const MAX_SEQUENCES: u32 = 1 << 10;
/// Entries of one list. The largest models have a thousand tensors and ten steps a layer.
const MAX_ENTRIES: usize = 1 << 16;
/// Pairs of a head: heads have at most 576 values in known models. A thread keeps some heads while it attends.
const MAX_PAIRS: usize = 1 << 9;
/// Characters of a name: it stands in messages.
const MAX_NAME: usize = 256;

pub(super) fn check(program: &Program) -> Result<(), ProgramError> {
    if program.version != Program::VERSION {
        return Err(ProgramError::Version {
            expected: Program::VERSION,
            got: program.version,
        });
    }
    check_sizes(program)?;
    check_lists(program)?;
    for (index, weight) in program.weights.iter().enumerate() {
        check_weight(index, weight)?;
    }
    for (index, buffer) in program.buffers.iter().enumerate() {
        let what = || format!("buffer {index}");
        within(what, buffer.name.chars().count(), 0..=MAX_NAME)?;
        within(what, buffer.width, 0..=MAX_SIZE)?;
    }
    for (index, rope) in program.ropes.iter().enumerate() {
        let what = || format!("rope {index}");
        within(what, rope.frequencies.len(), 1..=MAX_PAIRS)?;
        if rope.frequencies.iter().any(|radians| !radians.is_finite()) {
            return Err(declaration(what(), "finite frequencies", "one that is not"));
        }
    }
    for (index, cache) in program.kv_caches.iter().enumerate() {
        let what = || format!("KV cache {index}");
        within(what, cache.n_kv_heads, 0..=MAX_SIZE)?;
        within(what, cache.head_dim, 1..=2 * MAX_PAIRS as u32)?;
        let whole_blocks = cache.head_dim.is_multiple_of(BLOCK_SIZE as u32);
        if program.kv_cache_type == CacheType::Q80 && !whole_blocks {
            let expected = format!("heads of whole blocks of {BLOCK_SIZE} for a Q80 cache");
            return Err(declaration(what(), expected, cache.head_dim.to_string()));
        }
        let width = u64::from(cache.n_kv_heads) * u64::from(cache.head_dim);
        within(what, width, 0..=u64::from(MAX_SIZE))?;
    }
    Ok(())
}

fn check_sizes(program: &Program) -> Result<(), ProgramError> {
    within(
        || "world size".into(),
        program.world_size,
        1..=MAX_WORLD_SIZE as u32,
    )?;
    within(|| "rank".into(), program.rank, 0..=program.world_size - 1)?;
    within(
        || "vocabulary size".into(),
        program.vocab_size,
        1..=MAX_SIZE,
    )?;
    within(|| "sequence length".into(), program.seq_len, 1..=MAX_SIZE)?;
    within(
        || "sequences".into(),
        program.n_sequences,
        1..=MAX_SEQUENCES,
    )?;
    within(
        || "tokens of a forward".into(),
        program.max_tokens,
        1..=MAX_TOKENS,
    )
}

fn check_lists(program: &Program) -> Result<(), ProgramError> {
    let lists = [
        ("weights", program.weights.len()),
        ("buffers", program.buffers.len()),
        ("ropes", program.ropes.len()),
        ("KV caches", program.kv_caches.len()),
        ("steps", program.steps.len()),
    ];
    lists
        .into_iter()
        .try_for_each(|(name, n)| within(|| format!("number of {name}"), n, 0..=MAX_ENTRIES))
}

fn check_weight(index: usize, weight: &Weight) -> Result<(), ProgramError> {
    let what = || format!("weight {index} ({})", weight.name.escape_default());
    if weight.name.chars().count() > MAX_NAME {
        let expected = format!("a name of at most {MAX_NAME} characters");
        return Err(declaration(format!("weight {index}"), expected, "more"));
    }
    let Source {
        rows,
        cols,
        first_row,
        first_col,
        ..
    } = weight.source;
    within(what, rows, 0..=MAX_SIZE)?;
    within(what, cols, 0..=MAX_SIZE)?;
    let fits = |first: u32, n: u32, all: u32| first.checked_add(n).is_some_and(|end| end <= all);
    if !fits(first_row, weight.rows, rows) || !fits(first_col, weight.cols, cols) {
        let expected = format!("a slice within {rows} x {cols}");
        let got = format!(
            "{} x {} from ({first_row}, {first_col})",
            weight.rows, weight.cols
        );
        return Err(declaration(what(), expected, got));
    }
    if weight.rows != rows && weight.cols != cols {
        let expected = "whole rows, or columns of all rows";
        let got = format!(
            "{} of {rows} rows, {} of {cols} columns",
            weight.rows, weight.cols
        );
        return Err(declaration(what(), expected, got));
    }
    let block = weight.float_type.values_per_block() as u32;
    if [cols, weight.cols, first_col]
        .iter()
        .any(|n| n % block != 0)
    {
        let expected = format!("columns on borders of blocks of {block}");
        let got = format!("{} of {cols} columns from {first_col}", weight.cols);
        return Err(declaration(what(), expected, got));
    }
    Ok(())
}

fn within<T: PartialOrd + std::fmt::Display>(
    what: impl FnOnce() -> String,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), ProgramError> {
    if range.contains(&value) {
        return Ok(());
    }
    let expected = format!("{} to {}", range.start(), range.end());
    Err(declaration(what(), expected, value.to_string()))
}

fn declaration(what: String, expected: impl Into<String>, got: impl Into<String>) -> ProgramError {
    ProgramError::Declaration {
        what,
        expected: expected.into(),
        got: got.into(),
    }
}
