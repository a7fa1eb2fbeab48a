//! What the root gets of the rows whose logits are wanted.

use dllama_kernels::Candidate;

/// One wanted row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowResult {
    /// The best tokens of the whole vocabulary, descending by logit, ties to the lower id.
    pub candidates: Vec<Candidate>,
    /// Log-sum-exp over the whole vocabulary of logits / temperature (of the logits at 0).
    pub log_sum_exp: f32,
    /// All logits, if they were asked for.
    pub logits: Option<Vec<f32>>,
}

/// How a rank's candidates of one row go over the wire: how many, log-sum-exp, then (id, logit)
/// pairs. All ranks send the same number of bytes, so that one gather takes them all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordShape {
    slots: usize,
}

const HEAD_BYTES: usize = 8;
const SLOT_BYTES: usize = 8;

impl RecordShape {
    pub(crate) fn new(vocab_split: &[u32], k: u32) -> Self {
        let largest = vocab_split.iter().copied().max().unwrap_or(0);
        Self {
            slots: largest.min(k) as usize,
        }
    }

    pub(crate) fn slots(self) -> usize {
        self.slots
    }

    pub(crate) fn n_bytes(self) -> usize {
        HEAD_BYTES + self.slots * SLOT_BYTES
    }

    /// Writes a rank's candidates, whose indices begin at `first_token` of the vocabulary.
    pub(crate) fn write(
        self,
        candidates: &[Candidate],
        log_sum_exp: f32,
        first_token: u32,
        record: &mut [u8],
    ) {
        let (head, slots) = record.split_at_mut(HEAD_BYTES);
        head[..4].copy_from_slice(&(candidates.len() as u32).to_le_bytes());
        head[4..].copy_from_slice(&log_sum_exp.to_le_bytes());
        slots.fill(0);
        for (slot, candidate) in slots.chunks_exact_mut(SLOT_BYTES).zip(candidates) {
            slot[..4].copy_from_slice(&(first_token + candidate.index).to_le_bytes());
            slot[4..].copy_from_slice(&candidate.logit.to_le_bytes());
        }
    }

    /// Writes that this rank's logits of the row are not finite.
    pub(crate) fn write_failed(self, record: &mut [u8]) {
        self.write(&[], f32::NAN, 0, record);
    }

    /// Merges the records of all ranks for one row, in rank order; `None` if a rank's logits are not finite.
    /// Whatever a peer sent, only ids of its own part of the vocabulary and finite numbers get through; `Err`
    /// is the rank that sent something else.
    pub(crate) fn merge<'a>(
        self,
        records: impl Iterator<Item = &'a [u8]>,
        vocab_split: &[u32],
        k: usize,
    ) -> Result<Option<RowResult>, usize> {
        let mut candidates = Vec::new();
        let mut log_sum_exps = Vec::with_capacity(vocab_split.len());
        let mut is_finite = true;
        let mut first_token = 0;
        for (rank, (record, &n_tokens)) in records.zip(vocab_split).enumerate() {
            let tokens = first_token..first_token + n_tokens;
            let log_sum_exp = self.read(record, tokens, &mut candidates).ok_or(rank)?;
            is_finite &= log_sum_exp.is_finite() || n_tokens == 0;
            log_sum_exps.push(log_sum_exp);
            first_token += n_tokens;
        }
        if !is_finite {
            return Ok(None);
        }
        // Stable: ranks come in the order of their ids, so ties stay with the lower one.
        candidates.sort_by(|a: &Candidate, b| b.logit.total_cmp(&a.logit));
        candidates.truncate(k);
        Ok(Some(RowResult {
            candidates,
            log_sum_exp: merge_log_sum_exps(&log_sum_exps),
            logits: None,
        }))
    }

    fn read(
        self,
        record: &[u8],
        tokens: std::ops::Range<u32>,
        candidates: &mut Vec<Candidate>,
    ) -> Option<f32> {
        let (head, slots) = record.split_at(HEAD_BYTES);
        let count = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
        let log_sum_exp = f32::from_le_bytes(head[4..].try_into().ok()?);
        let is_of_none = log_sum_exp == f32::NEG_INFINITY && count == 0;
        if count > self.slots || (tokens.is_empty() && !is_of_none) {
            return None;
        }
        for slot in slots.chunks_exact(SLOT_BYTES).take(count) {
            let index = u32::from_le_bytes(slot[..4].try_into().ok()?);
            let logit = f32::from_le_bytes(slot[4..].try_into().ok()?);
            if !tokens.contains(&index) || !logit.is_finite() {
                return None;
            }
            candidates.push(Candidate { index, logit });
        }
        Some(log_sum_exp)
    }
}

/// ln(sum of e^x), in rank order and in f64: the ranks' sums are of very different size.
fn merge_log_sum_exps(parts: &[f32]) -> f32 {
    if let [only] = parts {
        return *only;
    }
    let largest = parts.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = parts
        .iter()
        .map(|&part| f64::from(part - largest).exp())
        .sum();
    (f64::from(largest) + sum.ln()) as f32
}
