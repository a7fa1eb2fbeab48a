//! The best tokens of each wanted row, from all ranks to the root.

use dllama_kernels::{Flow, Team};
use dllama_net::Mesh;

use crate::error::Error;
use crate::panic_points;
use crate::program::{Op, Step};
use crate::rank::{Forward, Rank, RecordShape, RowResult};
use crate::rows::Want;

pub(super) fn run(forward: &Forward<'_>, team: &Team, step: &Step) -> Flow {
    let n_rows = forward.rows.selected.len();
    if n_rows == 0 {
        return Flow::Continue;
    }
    for rows in team.chunks(n_rows, 1) {
        for row in rows {
            select(forward, step, row);
        }
    }
    if team.barrier() == Flow::Stop {
        return Flow::Stop;
    }
    if team.thread() == 0
        && let Err(error) = collect(forward, step)
    {
        forward.fail(team, error);
    }
    Flow::Continue
}

/// The parts of the last step that everything here needs.
fn parts(rank: &Rank) -> (u32, &[u32], usize) {
    match &rank.last_step().op {
        Op::Candidates {
            logits,
            vocab_split,
            k,
        } => (*logits, vocab_split, *k as usize),
        _ => unreachable!("a valid program ends with candidates"),
    }
}

/// This rank's candidates of selected row `row`, as a record in the scratch.
fn select(forward: &Forward<'_>, step: &Step, row: usize) {
    let rank = forward.rank;
    let (logits, vocab_split, k) = parts(rank);
    let shape = RecordShape::new(vocab_split, k as u32);
    let width = rank.buffers.width(logits);
    // SAFETY: an input of this step (see `ops`).
    let all = unsafe { rank.buffers.rows(logits, forward.rows.selected.len()) };
    let temperature = forward.rows.all[forward.rows.selected[row]].temperature;
    let mut candidates = Vec::with_capacity(shape.slots());
    let log_sum_exp = rank.kernels.top_candidates(
        &all[row * width..(row + 1) * width],
        shape.slots(),
        temperature,
        &mut candidates,
    );
    let own = rank.program.rank as usize;
    let first_token = vocab_split[..own].iter().sum();
    let record = row * shape.n_bytes()..(row + 1) * shape.n_bytes();
    // SAFETY: this thread's record.
    let record = unsafe { rank.scratch.records(record) };
    match log_sum_exp {
        Ok(log_sum_exp) => shape.write(&candidates, log_sum_exp, first_token, record),
        Err(_) => {
            forward.note(step, logits, row);
            shape.write_failed(record);
        }
    }
}

/// Gathers all ranks' records on the root, and merges them there.
fn collect(forward: &Forward<'_>, step: &Step) -> Result<(), Error> {
    let (rank, mesh) = (forward.rank, forward.mesh);
    let (logits, vocab_split, k) = parts(rank);
    let shape = RecordShape::new(vocab_split, k as u32);
    let n_rows = forward.rows.selected.len();
    let n_bytes = n_rows * shape.n_bytes();
    // SAFETY: the other threads have left the records at the barrier.
    let mine = unsafe { rank.scratch.records(0..n_bytes) };
    let mut all = vec![
        0;
        if mesh.rank() == 0 {
            n_bytes * mesh.world_size()
        } else {
            0
        }
    ];
    mesh.gather(0, mine, &mut all)?;
    let mut results = Vec::new();
    if mesh.rank() == 0 {
        for row in 0..n_rows {
            let records = all
                .chunks_exact(n_bytes)
                .map(|part| &part[row * shape.n_bytes()..(row + 1) * shape.n_bytes()]);
            let merged = shape.merge(records, vocab_split, k);
            let result = merged.map_err(|rank| Error::Message {
                rank,
                expected: "candidates of its own part of the vocabulary".to_owned(),
                got: "others".to_owned(),
            })?;
            if result.is_none() {
                forward.note(step, logits, row);
            }
            results.push(result);
        }
    }
    for (index, &row) in forward.rows.selected.iter().enumerate() {
        if forward.rows.all[row].want == Want::Full {
            let all = gather_row(rank, mesh, index)?;
            if let (Some(Some(result)), Some(all)) = (results.get_mut(index), all) {
                let result: &mut RowResult = result;
                result.logits = Some(require_finite(rank, all)?);
            }
        }
    }
    forward.set_results(results);
    Ok(())
}

/// All logits of selected row `index`, on the root; the other ranks send their part.
///
/// # Errors
///
/// [`Error::Net`].
pub(crate) fn gather_row(
    rank: &Rank,
    mesh: &Mesh,
    index: usize,
) -> Result<Option<Vec<f32>>, Error> {
    panic_points::pass("full row", mesh.rank());
    let (logits, vocab_split, _) = parts(rank);
    let width = rank.buffers.width(logits);
    // SAFETY: called after the forward's last barrier, or outside of a forward: nobody writes.
    let row = &unsafe { rank.buffers.rows(logits, index + 1) }[index * width..];
    let largest = vocab_split.iter().copied().max().unwrap_or(0) as usize;
    let mut mine = row.to_vec();
    // Parts of equal size go in one gather; what fills up the shorter ones is dropped.
    mine.resize(largest, 0.0);
    if mesh.rank() != 0 {
        mesh.gather(0, bytemuck::cast_slice(&mine), &mut [])?;
        return Ok(None);
    }
    let mut all = vec![0.0f32; largest * mesh.world_size()];
    mesh.gather(
        0,
        bytemuck::cast_slice(&mine),
        bytemuck::cast_slice_mut(&mut all),
    )?;
    let parts = all.chunks(largest).zip(vocab_split);
    let logits = parts.flat_map(|(part, &n)| &part[..n as usize]);
    Ok(Some(logits.copied().collect()))
}

/// Logits of a row whose candidates are finite.
///
/// # Errors
///
/// [`Error::Message`]: a rank has sent others than it has chosen from.
pub(crate) fn require_finite(rank: &Rank, logits: Vec<f32>) -> Result<Vec<f32>, Error> {
    let Some(bad) = logits.iter().position(|logit| !logit.is_finite()) else {
        return Ok(logits);
    };
    let (_, vocab_split, _) = parts(rank);
    let ends = vocab_split.iter().scan(0, |end, n| {
        *end += *n as usize;
        Some(*end)
    });
    Err(Error::Message {
        rank: ends.take_while(|&end| end <= bad).count(),
        expected: "finite logits".to_owned(),
        got: logits[bad].to_string(),
    })
}
