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

/// Keeps twice as many as are wanted, and drops the lower half whenever there are so many: then hardly any of a real
/// row's logits passes the comparison with the least that was kept.
fn select(logits: &[f32], k: usize, best: &mut Vec<Candidate>) {
    let Some(last) = k.checked_sub(1) else {
        return;
    };
    let mut keys = Vec::with_capacity(2 * k.min(logits.len()));
    let mut least = f32::NEG_INFINITY;
    for (index, &logit) in (0u32..).zip(logits) {
        // One that is equal to the least has a higher index, so it is not better.
        if logit > least {
            keys.push(key(index, logit));
            if keys.len() / 2 == k {
                let (_, &mut least_key, _) = keys.select_nth_unstable(last);
                keys.truncate(k);
                least = logits[index_of(least_key)];
            }
        }
    }
    keys.sort_unstable();
    best.extend(keys.iter().take(k).map(|&key| Candidate {
        index: index_of(key) as u32,
        logit: logits[index_of(key)],
    }));
}

/// Orders candidates: the better has the lower key. Integers are sorted several times as fast as pairs.
fn key(index: u32, logit: f32) -> u64 {
    // Adding zero makes -0 and 0 one.
    let bits = (logit + 0.0).to_bits();
    // Negative floats have their order turned round, and come after all others.
    let descending = if bits >> 31 == 0 {
        !bits & (u32::MAX >> 1)
    } else {
        bits
    };
    u64::from(descending) << 32 | u64::from(index)
}

fn index_of(key: u64) -> usize {
    key as u32 as usize
}
