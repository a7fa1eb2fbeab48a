//! One forward on one rank: all threads walk the Program's steps, with a barrier between them.

use std::ops::Range;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use dllama_kernels::{Flow, Pool, Team};
use dllama_net::Mesh;

use super::notes::Notes;
use super::op_times::OpClock;
use super::{LastForward, NotFinite, OpTimes, Rank, RowResult};
use crate::error::Error;
use crate::ops::{self, Overlap};
use crate::panic_points;
use crate::program::{BufferRows, Op, Step};
use crate::rows::{Row, RowClass, Rows};

/// What the threads of a forward share.
pub(crate) struct Forward<'a> {
    pub(crate) rank: &'a Rank,
    pub(crate) mesh: &'a Mesh,
    pub(crate) rows: &'a Rows,
    /// Positions that each row sees.
    pub(crate) n_positions: Vec<usize>,
    /// Rows that attention takes together.
    pub(crate) runs: Vec<Range<usize>>,
    notes: Notes,
    results: Mutex<Vec<Option<RowResult>>>,
    op_times: Mutex<OpTimes>,
    failure: Mutex<Option<Error>>,
}

/// What a rank has of a forward.
pub(crate) struct Outcome {
    /// On the root one for each row that wants one; none where the row's numbers have ended.
    pub(crate) rows: Vec<Option<RowResult>>,
    /// The rows whose numbers have ended, as far as this rank has met them. The root has met all of them.
    pub(crate) failures: Vec<NotFinite>,
    pub(crate) op_times: OpTimes,
}

impl Rank {
    /// Checks rows before anything is computed with them. The sequences then count as having them.
    ///
    /// # Errors
    ///
    /// [`Error::Row`] and [`Error::Forward`].
    pub(crate) fn check(&mut self, class: RowClass, rows: Vec<Row>) -> Result<Rows, Error> {
        panic_points::pass("check", self.program.rank as usize);
        Rows::check(class, rows, &self.program, &mut self.lengths)
    }

    /// Checks the index of a wanted row of the last forward.
    ///
    /// # Errors
    ///
    /// [`Error::Forward`].
    pub(crate) fn check_wanted(&self, index: usize) -> Result<usize, Error> {
        let n_wanted = self.last.n_wanted;
        if index < n_wanted && !self.last.failed.contains(&index) {
            return Ok(index);
        }
        Err(Error::Forward {
            expected: format!("one of the last forward's {n_wanted} wanted rows, with a result"),
            got: index.to_string(),
        })
    }

    /// Shortens a sequence, unless it is as short already: its later positions are forgotten.
    ///
    /// # Errors
    ///
    /// [`Error::Forward`] if there is no such sequence.
    pub(crate) fn truncate(&mut self, sequence: u32, length: u32) -> Result<(), Error> {
        let n_sequences = self.lengths.len();
        let known = self.lengths.get_mut(sequence as usize);
        let known = known.ok_or_else(|| Error::Forward {
            expected: format!("one of {n_sequences} sequences to truncate"),
            got: sequence.to_string(),
        })?;
        *known = length.min(*known);
        Ok(())
    }

    /// Computes a forward with all threads of `pool` and all ranks of `mesh`. The root gets a result
    /// for each row that wants one, other ranks get none. The times are this rank's.
    ///
    /// A row whose numbers end goes on as NaN, which changes no other row's bits, and no rank leaves early.
    ///
    /// # Errors
    ///
    /// [`Error::Net`], [`Error::Message`]. The ranks are then out of step, and the mesh is of no more use.
    pub(crate) fn forward(
        &mut self,
        pool: &Pool,
        mesh: &Mesh,
        rows: &Rows,
    ) -> Result<Outcome, Error> {
        self.last = LastForward {
            n_rows: rows.all.len(),
            n_wanted: rows.selected.len(),
            failed: Vec::new(),
        };
        self.turns.turn_to(&self.program.ropes, rows);
        let forward = Forward {
            rank: self,
            mesh,
            rows,
            n_positions: rows
                .all
                .iter()
                .map(|row| row.position as usize + 1)
                .collect(),
            runs: rows.runs(self.rows_in_run()),
            notes: Notes::new(rows.all.len()),
            results: Mutex::default(),
            op_times: Mutex::default(),
            failure: Mutex::default(),
        };
        pool.run(|team| forward.walk(team));
        let outcome = forward.into_outcome()?;
        let results = outcome.rows.iter().enumerate();
        let failed = results.filter(|(_, result)| result.is_none());
        self.last.failed = failed.map(|(index, _)| index).collect();
        Ok(outcome)
    }
}

impl Rank {
    /// About 64 queries read a KV head's keys and values once.
    fn rows_in_run(&self) -> usize {
        let group_sizes = self.program.steps.iter().filter_map(|step| match step.op {
            Op::Attention { group_size, .. } => Some(group_size as usize),
            _ => None,
        });
        64_usize.div_ceil(group_sizes.max().unwrap_or(1))
    }
}

impl Forward<'_> {
    fn walk(&self, team: &Team) {
        if team.thread() + 1 == team.n_threads() {
            panic_points::pass("forward", self.mesh.rank());
        }
        let mut clock = (team.thread() == 0).then(|| OpClock::start(self.mesh));
        let mut rest = &self.rank.program.steps[..];
        while let [step, later @ ..] = rest {
            rest = later;
            if team.thread() == 0
                && let Some(lost) = self.mesh.lost()
            {
                self.fail(team, lost.into());
            }
            let overlap = later.first().and_then(|next| Overlap::of(self, step, next));
            let flow = match overlap {
                Some(overlap) => {
                    rest = &later[1..];
                    overlap.run(self, team)
                }
                None => ops::run(self, team, step),
            };
            if flow == Flow::Stop {
                return;
            }
            if let Some(clock) = &mut clock {
                clock.end_op(&step.op);
            }
            if team.barrier() == Flow::Stop {
                return;
            }
            if let Some(clock) = &mut clock {
                clock.end_wait();
            }
        }
        self.look_at_residual(team);
        if let Some(clock) = clock {
            *self.op_times.lock().unwrap_or_else(PoisonError::into_inner) = clock.times();
        }
    }

    /// Rows that a buffer has in this forward.
    pub(crate) fn n_rows(&self, buffer: u32) -> usize {
        match self.rank.buffers.kind_of_rows(buffer) {
            BufferRows::All => self.rows.all.len(),
            BufferRows::Selected => self.rows.selected.len(),
        }
    }

    /// Ends the forward on all threads at the next barrier. The first error counts.
    pub(crate) fn fail(&self, team: &Team, error: Error) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(error);
        team.stop();
    }

    pub(crate) fn set_results(&self, results: Vec<Option<RowResult>>) {
        *self.results.lock().unwrap_or_else(PoisonError::into_inner) = results;
    }

    /// Notes that a row's values in `buffer`, which `reader` reads, are not finite.
    #[cold]
    pub(crate) fn note(&self, reader: &Step, buffer: u32, row: usize) {
        let row = match self.rank.buffers.kind_of_rows(buffer) {
            BufferRows::All => row,
            BufferRows::Selected => self.rows.selected[row],
        };
        let steps = &self.rank.program.steps;
        let before = steps.iter().take_while(|step| !ptr::eq(*step, reader));
        self.notes.note(row, &steps[..before.count()], buffer);
    }

    /// What the last sum made of rows that nobody wants, no op has looked at.
    fn look_at_residual(&self, team: &Team) {
        let steps = &self.rank.program.steps;
        let last = steps.iter().rev().find_map(|step| match step.op {
            Op::AllReduce { into, .. } => Some(into),
            _ => None,
        });
        let Some(residual) = last else {
            return;
        };
        let (n_rows, width) = (self.n_rows(residual), self.rank.buffers.width(residual));
        // SAFETY: no step is left that writes.
        let x = unsafe { self.rank.buffers.rows(residual, n_rows) };
        for row in team.shares(n_rows, 1).flatten() {
            // Without an early end, so that it vectorises.
            let values = &x[row * width..(row + 1) * width];
            if !values.iter().fold(true, |all, x| all & x.is_finite()) {
                self.notes.note(row, steps, residual);
            }
        }
    }

    /// What the threads have left.
    fn into_outcome(self) -> Result<Outcome, Error> {
        match self.failure.into_inner() {
            Ok(None) => {}
            Ok(Some(error)) => return Err(error),
            Err(poisoned) => return Err(poisoned.into_inner().unwrap_or(Error::Ended)),
        }
        let noted = self.notes.all().map(|(row, step)| {
            let (at, step) = (&self.rows.all[row], &self.rank.program.steps[step]);
            NotFinite {
                row,
                sequence: at.sequence,
                position: at.position,
                layer: step.layer,
                op: step.op.name(),
            }
        });
        Ok(Outcome {
            failures: noted.collect(),
            rows: self.results.into_inner().unwrap_or_default(),
            op_times: self.op_times.into_inner().unwrap_or_default(),
        })
    }
}
