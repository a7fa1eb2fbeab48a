//! The best tokens of a row of logits, and what all of them weigh together.

use crate::kernels::Kernels;
use crate::not_finite::NotFinite;

/// A token that may be drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Where its logit stands in the row.
    pub index: u32,
    /// Its logit, not divided by the temperature.
    pub logit: f32,
}

impl Kernels {
    /// The `k` largest logits (fewer if there are fewer), descending, ties to the
    /// lower index, in `out`; returns the log-sum-exp of `logits / temperature`, or
    /// of the logits themselves at temperature 0. That of no logits is -infinity.
    ///
    /// # Errors
    ///
    /// The first logit that is NaN or infinite; `out` is then empty.
    ///
    /// # Panics
    ///
    /// If `temperature` is negative or not finite, or there are 2^32 logits or more.
    pub fn top_candidates(
        &self,
        logits: &[f32],
        k: usize,
        temperature: f32,
        out: &mut Vec<Candidate>,
    ) -> Result<f32, NotFinite> {
        assert!(
            temperature.is_finite() && temperature >= 0.0,
            "temperature {temperature}"
        );
        assert!(u32::try_from(logits.len()).is_ok(), "too many logits");
        out.clear();
        let divisor = if temperature == 0.0 { 1.0 } else { temperature };
        // SAFETY: `self` holds only a table that this machine runs.
        let log_sum_exp = unsafe { (self.table.log_sum_exp)(logits, divisor)? };
        select(logits, k, out);
        Ok(log_sum_exp)
    }
}

/// Keeps the best `k` so far in order. After the first few hundred logits of a
/// real row hardly any passes the comparison with the last of them.
fn select(logits: &[f32], k: usize, best: &mut Vec<Candidate>) {
    if k == 0 {
        return;
    }
    for (index, &logit) in (0u32..).zip(logits) {
        if best.len() == k {
            // An equal logit has the higher index, so it is not better.
            if logit <= best[k - 1].logit {
                continue;
            }
            best.pop();
        }
        let place = best.partition_point(|better| better.logit >= logit);
        best.insert(place, Candidate { index, logit });
    }
}
