//! What a forward is asked: rows of tokens, checked before any of them is used as an index.

use std::ops::Range;

use crate::error::Error;
use crate::program::ValidProgram;

/// Bytes of one row on the wire.
const ROW_BYTES: usize = 17;

/// One token of a forward.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Its id, below the vocabulary's size.
    pub token: u32,
    /// Its place in the sequence, from 0. The places before it are in the KV cache or in this forward.
    pub position: u32,
    /// Which of the sequences held side by side.
    pub sequence: u32,
    /// What the root gets of this row.
    pub want: Want,
    /// Divides the logits before the log-sum-exp; 0 leaves them as they are.
    pub temperature: f32,
}

/// What the root gets of a row's logits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Nothing: the row only fills the KV cache.
    None,
    /// The best candidates and the log-sum-exp.
    Candidates,
    /// All logits, too.
    Full,
}

/// How the rows of a forward may be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowClass {
    /// Prefill: kernels for many rows may be used, whose sums run in another order. A caller that wants
    /// the same bits again asks for the same chunks again.
    Fast,
    /// A row's bits do not depend on the other rows of its forward.
    Exact,
}

/// The rows of one forward that have passed [`Rows::check`].
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) class: RowClass,
    pub(crate) all: Vec<Row>,
    /// Indices of the rows whose logits are wanted, ascending.
    pub(crate) selected: Vec<usize>,
}

impl Rows {
    /// Checks rows against a Program and against the positions that each sequence has in the cache
    /// (`lengths`, one a sequence), which are brought up to date.
    ///
    /// A sequence goes on at its end, or anywhere before it: later positions are then forgotten.
    ///
    /// # Errors
    ///
    /// [`Error::Row`] or [`Error::Forward`]; `lengths` are then as they were.
    pub(crate) fn check(
        class: RowClass,
        rows: Vec<Row>,
        program: &ValidProgram,
        lengths: &mut [u32],
    ) -> Result<Self, Error> {
        let max_tokens = program.max_tokens as usize;
        if rows.is_empty() || rows.len() > max_tokens {
            return Err(Error::Forward {
                expected: format!("1 to {max_tokens} rows"),
                got: rows.len().to_string(),
            });
        }
        let mut reached = lengths.to_vec();
        for (index, row) in rows.iter().enumerate() {
            let below = |what, value: u32, end: u32| match value < end {
                true => Ok(()),
                false => Err(broken(index, what, format!("below {end}"), value)),
            };
            below("token", row.token, program.vocab_size)?;
            below("position", row.position, program.seq_len)?;
            below("sequence", row.sequence, program.n_sequences)?;
            let length = &mut reached[row.sequence as usize];
            if row.position > *length {
                let expected = format!("at most {length}, where the sequence ends");
                return Err(broken(index, "position", expected, row.position));
            }
            *length = row.position + 1;
            if !(row.temperature.is_finite() && row.temperature >= 0.0) {
                return Err(broken(index, "temperature", "0 or more", row.temperature));
            }
        }
        check_repeats(&rows)?;
        lengths.copy_from_slice(&reached);
        let selected = (0..rows.len()).filter(|&index| rows[index].want != Want::None);
        Ok(Self {
            class,
            selected: selected.collect(),
            all: rows,
        })
    }
}

impl Rows {
    /// Rows one after the other that belong to one sequence, at most `max` of them; each by itself if its
    /// bits must not depend on the others.
    pub(crate) fn runs(&self, max: usize) -> Vec<Range<usize>> {
        let max = match self.class {
            RowClass::Fast => max,
            RowClass::Exact => 1,
        };
        let mut runs: Vec<Range<usize>> = Vec::with_capacity(self.all.len().div_ceil(max));
        for (index, row) in self.all.iter().enumerate() {
            match runs.last_mut() {
                Some(run) if run.len() < max && self.all[run.start].sequence == row.sequence => {
                    run.end += 1;
                }
                _ => runs.push(index..index + 1),
            }
        }
        runs
    }
}

/// Two rows of one forward at one place would write the cache at the same time.
fn check_repeats(rows: &[Row]) -> Result<(), Error> {
    let mut places: Vec<_> = (0..rows.len())
        .map(|index| (rows[index].sequence, rows[index].position, index))
        .collect();
    places.sort_unstable();
    let repeat = places
        .windows(2)
        .find(|pair| (pair[0].0, pair[0].1) == (pair[1].0, pair[1].1));
    match repeat {
        None => Ok(()),
        Some(pair) => Err(broken(
            pair[1].2,
            "position",
            "one that no other row of the forward has",
            pair[1].1,
        )),
    }
}

fn broken(
    row: usize,
    what: &'static str,
    expected: impl Into<String>,
    got: impl ToString,
) -> Error {
    Error::Row {
        row,
        what,
        expected: expected.into(),
        got: got.to_string(),
    }
}

/// A forward as the root sends it: the class, then the rows.
pub(crate) fn encode(class: RowClass, rows: &[Row]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + rows.len() * ROW_BYTES);
    bytes.push(match class {
        RowClass::Fast => 0,
        RowClass::Exact => 1,
    });
    for row in rows {
        bytes.extend(row.token.to_le_bytes());
        bytes.extend(row.position.to_le_bytes());
        bytes.extend(row.sequence.to_le_bytes());
        bytes.push(match row.want {
            Want::None => 0,
            Want::Candidates => 1,
            Want::Full => 2,
        });
        bytes.extend(row.temperature.to_le_bytes());
    }
    bytes
}

/// Largest message of [`encode`] for a Program.
pub(crate) fn max_encoded_bytes(program: &ValidProgram) -> usize {
    1 + program.max_tokens as usize * ROW_BYTES
}

/// Reads what [`encode`] wrote. The rows are not checked yet.
///
/// # Errors
///
/// [`Error::Forward`] if the bytes are not a class and whole rows.
pub(crate) fn decode(bytes: &[u8]) -> Result<(RowClass, Vec<Row>), Error> {
    let malformed = |expected: &str, got: String| Error::Forward {
        expected: expected.to_owned(),
        got,
    };
    let class = match bytes.first() {
        Some(0) => RowClass::Fast,
        Some(1) => RowClass::Exact,
        other => return Err(malformed("a class of 0 or 1", format!("{other:?}"))),
    };
    let (rows, rest) = bytes[1..].as_chunks::<ROW_BYTES>();
    if !rest.is_empty() {
        let expected = format!("rows of {ROW_BYTES} bytes");
        return Err(malformed(&expected, format!("{} bytes", bytes.len() - 1)));
    }
    let rows = rows.iter().map(|row| {
        let word = |at: usize| [row[at], row[at + 1], row[at + 2], row[at + 3]];
        let want = match row[12] {
            0 => Want::None,
            1 => Want::Candidates,
            2 => Want::Full,
            other => return Err(malformed("a want of 0 to 2", other.to_string())),
        };
        Ok(Row {
            token: u32::from_le_bytes(word(0)),
            position: u32::from_le_bytes(word(4)),
            sequence: u32::from_le_bytes(word(8)),
            want,
            temperature: f32::from_le_bytes(word(13)),
        })
    });
    Ok((class, rows.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_decode_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            // What is a list of rows is encoded as it came.
            if let Ok((class, rows)) = decode(&bytes) {
                prop_assert_eq!(encode(class, &rows), bytes);
            }
        }

        #[test]
        fn rows_come_back_as_they_were(tokens in prop::collection::vec(any::<u32>(), 0..20)) {
            let rows: Vec<Row> = tokens.iter().map(|&token| Row {
                token,
                position: token / 3,
                sequence: token % 5,
                want: [Want::None, Want::Candidates, Want::Full][token as usize % 3],
                temperature: token as f32 / 7.0,
            }).collect();
            let (class, decoded) = decode(&encode(RowClass::Fast, &rows)).expect("rows");
            prop_assert_eq!((class, decoded), (RowClass::Fast, rows));
        }
    }
}
