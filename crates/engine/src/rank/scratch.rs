//! Memory that ops need only while they run.

use std::ops::Range;

use dllama_kernels::{
    ATTENTION_BLOCK, BLOCK_SIZE, BlockQ80, ColumnsMut, Line, PanelShape, attention_part_len,
};

use super::results::RecordShape;
use crate::error::Error;
use crate::memory::{Region, place};
use crate::program::{Op, ValidProgram};

/// Positions of a span of attention. A layer's span of a KV head is read in tens of microseconds: more than
/// merging the parts of two costs, and little to wait for.
pub(crate) const SPAN: usize = 512;
const _: () = assert!(SPAN.is_multiple_of(ATTENTION_BLOCK));

/// Sized once from the Program: no forward allocates for it.
pub(crate) struct Scratch {
    region: Region,
    quantised: usize,
    panels: usize,
    wire: usize,
    records: usize,
    parts: usize,
}

impl Scratch {
    pub(crate) fn new(program: &ValidProgram) -> Result<Self, Error> {
        Self::plan(program).ok_or(Error::TooLarge)?
    }

    fn plan(program: &ValidProgram) -> Option<Result<Self, Error>> {
        let max_tokens = program.max_tokens as usize;
        let (mut n_blocks, mut wire_bytes, mut record_bytes, mut part_values) = (0, 0, 0, 0);
        for step in &program.steps {
            match &step.op {
                Op::MatMul { input, .. } => {
                    let width = program.buffers[*input as usize].width as usize;
                    n_blocks = n_blocks.max(width / BLOCK_SIZE);
                }
                Op::Embedding { wire, out, .. } => {
                    let width = program.buffers[*out as usize].width as usize;
                    wire_bytes = wire_bytes.max(wire.n_bytes(width)?);
                }
                Op::Candidates { vocab_split, k, .. } => {
                    record_bytes = RecordShape::new(vocab_split, *k).n_bytes();
                }
                Op::Attention { cache, q, .. } => {
                    let head_dim = program.kv_caches[*cache as usize].head_dim as usize;
                    let n_heads = program.buffers[*q as usize].width as usize / head_dim;
                    part_values = part_values.max(n_heads * attention_part_len(head_dim));
                }
                _ => {}
            }
        }
        let mut end = 0;
        let quantised_bytes = n_blocks.checked_mul(max_tokens * size_of::<BlockQ80>())?;
        let quantised = place(&mut end, quantised_bytes)?;
        // Pages that no forward of many rows has touched take no memory.
        let shape = PanelShape::new(max_tokens, n_blocks.checked_mul(BLOCK_SIZE)?);
        let n_lines = shape.lines(0..shape.n_steps()).len();
        let panels = place(&mut end, n_lines.checked_mul(size_of::<Line>())?)?;
        let wire = place(&mut end, wire_bytes.checked_mul(max_tokens)?)?;
        let records = place(&mut end, max_tokens.checked_mul(record_bytes)?)?;
        // As for panels: of many rows with long sequences they would be large, and are seldom touched.
        let row_values = part_values.checked_mul((program.seq_len as usize).div_ceil(SPAN))?;
        let part_bytes = row_values.checked_mul(max_tokens * size_of::<f32>())?;
        let parts = place(&mut end, part_bytes)?;
        Some(Region::new(end).map_err(Error::from).map(|region| Self {
            region,
            quantised,
            panels,
            wire,
            records,
            parts,
        }))
    }

    /// Parts of attention: `columns` of `rows`, which are `row_len` values long.
    ///
    /// # Safety
    ///
    /// No other thread reads or writes them while the window lives.
    pub(crate) unsafe fn parts_mut(
        &self,
        rows: Range<usize>,
        row_len: usize,
        columns: Range<usize>,
    ) -> ColumnsMut<'_> {
        assert!(columns.start <= columns.end && columns.end <= row_len);
        let offset = self.parts + rows.start * row_len * size_of::<f32>();
        let first = self.region.address::<f32>(offset, rows.len() * row_len);
        // SAFETY: `columns` are within rows that are within the region; the rest is the caller's promise.
        unsafe {
            let first = first.add(columns.start);
            ColumnsMut::from_raw(first, rows.len(), row_len, columns.len())
        }
    }

    /// All parts of a row.
    ///
    /// # Safety
    ///
    /// No thread writes to them while the reference lives.
    pub(crate) unsafe fn parts(&self, row: usize, row_len: usize) -> &[f32] {
        let offset = self.parts + row * row_len * size_of::<f32>();
        // SAFETY: the caller's promise.
        unsafe { self.region.slice(offset, row_len) }
    }

    /// A matmul's input as Q80, blocks `range` of it.
    ///
    /// # Safety
    ///
    /// No thread writes to them while the reference lives.
    pub(crate) unsafe fn quantised(&self, range: Range<usize>) -> &[BlockQ80] {
        let offset = self.quantised + range.start * size_of::<BlockQ80>();
        // SAFETY: the caller's promise.
        unsafe { self.region.slice(offset, range.len()) }
    }

    /// The same blocks, to write.
    ///
    /// # Safety
    ///
    /// No other thread reads or writes them while the reference lives.
    #[expect(
        clippy::mut_from_ref,
        reason = "threads own disjoint parts, as the contract says"
    )]
    pub(crate) unsafe fn quantised_mut(&self, range: Range<usize>) -> &mut [BlockQ80] {
        let offset = self.quantised + range.start * size_of::<BlockQ80>();
        // SAFETY: the caller's promise.
        unsafe { self.region.slice_mut(offset, range.len()) }
    }

    /// A matmul's input in panels, lines `range` of it.
    ///
    /// # Safety
    ///
    /// No thread writes to them while the reference lives.
    pub(crate) unsafe fn panels(&self, range: Range<usize>) -> &[Line] {
        let offset = self.panels + range.start * size_of::<Line>();
        // SAFETY: the caller's promise.
        unsafe { self.region.slice(offset, range.len()) }
    }

    /// The same lines, to write.
    ///
    /// # Safety
    ///
    /// No other thread reads or writes them while the reference lives.
    #[expect(
        clippy::mut_from_ref,
        reason = "threads own disjoint parts, as the contract says"
    )]
    pub(crate) unsafe fn panels_mut(&self, range: Range<usize>) -> &mut [Line] {
        let offset = self.panels + range.start * size_of::<Line>();
        // SAFETY: the caller's promise.
        unsafe { self.region.slice_mut(offset, range.len()) }
    }

    /// Embedding rows as they go over the wire.
    ///
    /// # Safety
    ///
    /// No other thread reads or writes them while the reference lives.
    #[expect(
        clippy::mut_from_ref,
        reason = "one thread at a time, as the contract says"
    )]
    pub(crate) unsafe fn wire_mut(&self, n_bytes: usize) -> &mut [u8] {
        // SAFETY: the caller's promise.
        unsafe { self.region.slice_mut(self.wire, n_bytes) }
    }

    /// The same bytes, to read.
    ///
    /// # Safety
    ///
    /// No thread writes to them while the reference lives.
    pub(crate) unsafe fn wire(&self, n_bytes: usize) -> &[u8] {
        // SAFETY: the caller's promise.
        unsafe { self.region.slice(self.wire, n_bytes) }
    }

    /// This rank's candidate records, bytes `range` of them.
    ///
    /// # Safety
    ///
    /// No other thread reads or writes them while the reference lives.
    #[expect(
        clippy::mut_from_ref,
        reason = "threads own disjoint parts, as the contract says"
    )]
    pub(crate) unsafe fn records(&self, range: Range<usize>) -> &mut [u8] {
        // SAFETY: the caller's promise.
        unsafe {
            self.region
                .slice_mut(self.records + range.start, range.len())
        }
    }
}
