//! Rows of bytes at equal distances: a part of a tensor, in a file or in memory.

use std::ops::Range;

/// `n_rows` pieces of `row_bytes`, `stride` apart, from byte `start` of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rectangle {
    pub(crate) start: usize,
    pub(crate) n_rows: usize,
    pub(crate) stride: usize,
    pub(crate) row_bytes: usize,
}

impl Rectangle {
    /// Bytes without those between the rows.
    pub(crate) fn n_bytes(&self) -> usize {
        self.n_rows * self.row_bytes
    }

    /// Whether no bytes of others lie between the rows.
    pub(crate) fn is_contiguous(&self) -> bool {
        self.row_bytes == self.stride || self.n_rows <= 1
    }

    /// The same, `n_bytes` further on.
    pub(crate) fn moved(self, n_bytes: usize) -> Self {
        Self {
            start: self.start + n_bytes,
            ..self
        }
    }

    /// From the first byte to the last, with what lies between the rows.
    pub(crate) fn extent(&self) -> Range<usize> {
        let gaps = self.n_rows.saturating_sub(1) * self.stride;
        self.start
            ..self.start
                + if self.n_rows == 0 {
                    0
                } else {
                    gaps + self.row_bytes
                }
    }

    /// The places of its bytes in order, as few as there can be, none of them empty.
    pub(crate) fn spans(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (n, step, n_bytes) = match self.is_contiguous() {
            _ if self.n_bytes() == 0 => (0, 0, 0),
            true => (1, 0, self.n_bytes()),
            false => (self.n_rows, self.stride, self.row_bytes),
        };
        let start = self.start;
        (0..n).map(move |row| start + row * step..start + row * step + n_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(n_rows: usize, stride: usize, row_bytes: usize) -> Vec<(usize, usize)> {
        let start = 10;
        let rectangle = Rectangle {
            start,
            n_rows,
            stride,
            row_bytes,
        };
        let spans: Vec<_> = rectangle.spans().collect();
        let n_bytes: usize = spans.iter().map(ExactSizeIterator::len).sum();
        assert_eq!(n_bytes, rectangle.n_bytes());
        if let (Some(first), Some(last)) = (spans.first(), spans.last()) {
            assert_eq!(rectangle.extent(), first.start..last.end);
        }
        spans.iter().map(|span| (span.start, span.end)).collect()
    }

    #[test]
    fn rows_that_touch_are_one_span() {
        assert_eq!(spans(3, 8, 8), [(10, 34)]);
        assert_eq!(spans(1, 100, 8), [(10, 18)]);
        assert_eq!(spans(3, 9, 8), [(10, 18), (19, 27), (28, 36)]);
        assert!(spans(0, 8, 8).is_empty() && spans(3, 8, 0).is_empty());
    }
}
