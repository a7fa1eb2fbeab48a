//! What rules are made of: things that a step names, and conditions on them.

use std::fmt::Display;

use crate::program::error::ProgramError;
use crate::program::schema::{Buffer, BufferRows, Program, Weight};

/// The check of one step.
pub(super) struct Rule<'a> {
    pub(super) program: &'a Program,
    pub(super) step: usize,
    pub(super) op: &'static str,
}

impl<'a> Rule<'a> {
    pub(super) fn buffer(
        &self,
        what: &'static str,
        index: u32,
    ) -> Result<&'a Buffer, ProgramError> {
        let buffers = &self.program.buffers;
        let found = buffers.get(index as usize);
        found.ok_or_else(|| self.missing(what, buffers.len(), index))
    }

    pub(super) fn rows_all(
        &self,
        what: &'static str,
        index: u32,
    ) -> Result<&'a Buffer, ProgramError> {
        let buffer = self.buffer(what, index)?;
        self.equal(
            what,
            &"rows: all",
            &match buffer.rows {
                BufferRows::All => "rows: all",
                BufferRows::Selected => "rows: selected",
            },
        )?;
        Ok(buffer)
    }

    pub(super) fn weight(
        &self,
        what: &'static str,
        index: u32,
    ) -> Result<&'a Weight, ProgramError> {
        let weights = &self.program.weights;
        let found = weights.get(index as usize);
        found.ok_or_else(|| self.missing(what, weights.len(), index))
    }

    pub(super) fn same_shape(
        &self,
        what: &'static str,
        a: &Buffer,
        b: &Buffer,
    ) -> Result<(), ProgramError> {
        let shape = |buffer: &Buffer| format!("{} x {}", rows_name(buffer.rows), buffer.width);
        self.equal(what, &shape(a), &shape(b))
    }

    pub(super) fn distinct(
        &self,
        what: &'static str,
        one: u32,
        others: &[u32],
    ) -> Result<(), ProgramError> {
        let expected = "a buffer that the step does not use otherwise";
        self.holds(what, !others.contains(&one), expected, one)
    }

    pub(super) fn multiple(
        &self,
        what: &'static str,
        value: u32,
        of: u32,
    ) -> Result<(), ProgramError> {
        let expected = format!("a multiple of {of}");
        self.holds(what, value.is_multiple_of(of), expected, value)
    }

    pub(super) fn equal<T: PartialEq + Display>(
        &self,
        what: &'static str,
        expected: &T,
        got: &T,
    ) -> Result<(), ProgramError> {
        self.holds(what, expected == got, expected, got)
    }

    pub(super) fn holds(
        &self,
        what: &'static str,
        condition: bool,
        expected: impl Display,
        got: impl Display,
    ) -> Result<(), ProgramError> {
        if condition {
            return Ok(());
        }
        Err(self.broken(what, expected, got))
    }

    pub(super) fn missing(&self, what: &'static str, declared: usize, index: u32) -> ProgramError {
        self.broken(what, format!("an index below {declared}"), index)
    }

    pub(super) fn broken(
        &self,
        what: &'static str,
        expected: impl Display,
        got: impl Display,
    ) -> ProgramError {
        ProgramError::Step {
            step: self.step,
            op: self.op,
            what,
            expected: expected.to_string(),
            got: got.to_string(),
        }
    }
}

/// As in TypeScript.
pub(super) fn rows_name(rows: BufferRows) -> &'static str {
    match rows {
        BufferRows::All => "all",
        BufferRows::Selected => "selected",
    }
}
