//! Memory that ops need only while they run.

use std::ops::Range;

use dllama_kernels::{
    ATTENTION_BLOCK, BLOCK_SIZE, BlockQ80, ColumnsMut, Line, PanelShape, attention_part_len,
};

use super::results::RecordShape;
use crate::error::Error;
use crate::float_type::FloatType;
use crate::memory::{Region, place};
use crate::program::{Op, ValidProgram};

/// Positions of a span of attention. A layer's span of a KV head is read in tens of microseconds: more than
/// merging the parts of two costs, and little to wait for.
pub(crate) const SPAN: usize = 512;
const _: () = assert!(SPAN.is_multiple_of(ATTENTION_BLOCK));

/// Sized once from the Program: no forward allocates for it.
pub(crate) struct Scratch {
    region: Region,
    layout: Layout,
}

/// The bytes of each part.
struct Layout {
    quantised: Range<usize>,
    panels: Range<usize>,
    wire: Range<usize>,
    records: Range<usize>,
    parts: Range<usize>,
    n_bytes: usize,
}

/// The largest row of each part that a step asks for.
#[derive(Default)]
struct Rows {
    /// Blocks of a product's input, where its weights want it quantised.
    n_blocks: usize,
    /// The same where they are Q40: of these there may be panels.
    n_panel_blocks: usize,
    wire_bytes: usize,
    record_bytes: usize,
    part_values: usize,
}

impl Rows {
    fn of(program: &ValidProgram) -> Option<Self> {
        let width = |buffer: u32| program.buffers[buffer as usize].width as usize;
        let mut rows = Self::default();
        for step in &program.steps {
            match &step.op {
                Op::MatMul { input, products } => {
                    let n_blocks = width(*input) / BLOCK_SIZE;
                    for product in products {
                        let float_type = program.weights[product.weight as usize].float_type;
                        if float_type.is_quantised() {
                            rows.n_blocks = rows.n_blocks.max(n_blocks);
                        }
                        if float_type == FloatType::Q40 {
                            rows.n_panel_blocks = rows.n_panel_blocks.max(n_blocks);
                        }
                    }
                }
                Op::Embedding { wire, out, .. } => {
                    rows.wire_bytes = rows.wire_bytes.max(wire.n_bytes(width(*out))?);
                }
                Op::Candidates { vocab_split, k, .. } => {
                    rows.record_bytes = RecordShape::new(vocab_split, *k).n_bytes();
                }
                Op::Attention { cache, q, .. } => {
                    let head_dim = program.kv_caches[*cache as usize].head_dim as usize;
                    let n_values = width(*q) / head_dim * attention_part_len(head_dim);
                    rows.part_values = rows.part_values.max(n_values);
                }
                _ => {}
            }
        }
        Some(rows)
    }
}

impl Layout {
    fn of(program: &ValidProgram) -> Option<Self> {
        let max_tokens = program.max_tokens as usize;
        let rows = Rows::of(program)?;
        let mut end = 0;
        let mut part = |row_bytes: usize| whole(&mut end, row_bytes.checked_mul(max_tokens)?);
        let quantised = part(rows.n_blocks.checked_mul(size_of::<BlockQ80>())?)?;
        let wire = part(rows.wire_bytes)?;
        let records = part(rows.record_bytes)?;
        // Pages that no forward has touched take no memory: of many rows with long sequences, and of rows in panels.
        let n_spans = match program.seq_len as usize {
            seq_len if seq_len > SPAN => seq_len.div_ceil(SPAN),
            // Attention over one span merges nothing.
            _ => 0,
        };
        let row_values = rows.part_values.checked_mul(n_spans)?;
        let parts = part(row_values.checked_mul(size_of::<f32>())?)?;
        let shape = PanelShape::new(max_tokens, rows.n_panel_blocks.checked_mul(BLOCK_SIZE)?);
        let n_lines = shape.lines(0..shape.n_steps()).len();
        let panels = whole(&mut end, n_lines.checked_mul(size_of::<Line>())?)?;
        Some(Self {
            quantised,
            panels,
            wire,
            records,
            parts,
            n_bytes: end,
        })
    }
}

/// A part of `n_bytes` more, from its first byte to its end.
fn whole(end: &mut usize, n_bytes: usize) -> Option<Range<usize>> {
    let start = place(end, n_bytes)?;
    Some(start..*end)
}

/// Where `len` values from the part's value `first` on begin.
///
/// # Panics
///
/// If they are not within the part: behind it lies another, which another thread may write to.
fn offset<T>(part: &Range<usize>, first: usize, len: usize) -> usize {
    let end = first
        .checked_add(len)
        .and_then(|end| end.checked_mul(size_of::<T>()));
    assert!(
        end.is_some_and(|end| end <= part.len()),
        "{len} values from {first} on of a part of {} bytes",
        part.len()
    );
    part.start + first * size_of::<T>()
}

impl Scratch {
    pub(super) fn new(program: &ValidProgram) -> Result<Self, Error> {
        let layout = Layout::of(program).ok_or(Error::TooLarge)?;
        Ok(Self {
            region: Region::new(layout.n_bytes)?,
            layout,
        })
    }

    /// Bytes once a forward has had all rows.
    pub(super) fn n_bytes(program: &ValidProgram) -> Option<usize> {
        Layout::of(program).map(|layout| layout.n_bytes)
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
        let n_values = rows.len() * row_len;
        let offset = offset::<f32>(&self.layout.parts, rows.start * row_len, n_values);
        let first = self.region.address::<f32>(offset, n_values);
        let first = first.wrapping_add(columns.start);
        // SAFETY: `columns` are within rows that are within the part; the rest is the caller's promise.
        unsafe { ColumnsMut::from_raw(first, rows.len(), row_len, columns.len()) }
    }

    /// All parts of a row.
    ///
    /// # Safety
    ///
    /// No thread writes to them while the reference lives.
    pub(crate) unsafe fn parts(&self, row: usize, row_len: usize) -> &[f32] {
        let offset = offset::<f32>(&self.layout.parts, row * row_len, row_len);
        // SAFETY: the caller's promise.
        unsafe { self.region.slice(offset, row_len) }
    }

    /// A matmul's input as Q80, blocks `range` of it.
    ///
    /// # Safety
    ///
    /// No thread writes to them while the reference lives.
    pub(crate) unsafe fn quantised(&self, range: Range<usize>) -> &[BlockQ80] {
        let offset = offset::<BlockQ80>(&self.layout.quantised, range.start, range.len());
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
        let offset = offset::<BlockQ80>(&self.layout.quantised, range.start, range.len());
        // SAFETY: the caller's promise.
        unsafe { self.region.slice_mut(offset, range.len()) }
    }

    /// A matmul's input in panels, lines `range` of it.
    ///
    /// # Safety
    ///
    /// No thread writes to them while the reference lives.
    pub(crate) unsafe fn panels(&self, range: Range<usize>) -> &[Line] {
        let offset = offset::<Line>(&self.layout.panels, range.start, range.len());
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
        let offset = offset::<Line>(&self.layout.panels, range.start, range.len());
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
        let offset = offset::<u8>(&self.layout.wire, 0, n_bytes);
        // SAFETY: the caller's promise.
        unsafe { self.region.slice_mut(offset, n_bytes) }
    }

    /// The same bytes, to read.
    ///
    /// # Safety
    ///
    /// No thread writes to them while the reference lives.
    pub(crate) unsafe fn wire(&self, n_bytes: usize) -> &[u8] {
        let offset = offset::<u8>(&self.layout.wire, 0, n_bytes);
        // SAFETY: the caller's promise.
        unsafe { self.region.slice(offset, n_bytes) }
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
        let offset = offset::<u8>(&self.layout.records, range.start, range.len());
        // SAFETY: the caller's promise.
        unsafe { self.region.slice_mut(offset, range.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_beyond_a_part_is_though_another_lies_there() {
        let part = 64..128;
        assert_eq!(offset::<f32>(&part, 0, 16), 64);
        assert_eq!(offset::<f32>(&part, 15, 1), 124);
        assert_eq!(offset::<f32>(&part, 16, 0), 128);
        let beyond = [(0, 17), (16, 1), (usize::MAX, 2), (0, usize::MAX / 2)];
        for (first, len) in beyond {
            let checked = std::panic::catch_unwind(|| offset::<f32>(&(64..128), first, len));
            assert!(checked.is_err(), "{len} from {first}");
        }
    }
}
