//! The plan: what the ranks of a session have agreed on beside their Programs.
//!
//! It may come from a measurement, and it decides bits, so it is made once by the root and sent to all
//! workers before the first forward (decision 0016).

use std::time::Duration;

use dllama_net::AllReduce;
use serde::{Deserialize, Serialize};

use crate::rows::RowClass;

/// Agreements of all ranks. On the wire it is JSON, as a Program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// How partials become sums.
    pub all_reduce: AllReducePlan,
}

/// Which way to a sum each partial takes, by its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllReducePlan {
    /// Bytes of the smallest encoded partial that is scattered; 0 scatters all, `None` none.
    pub scattered_from_bytes: Option<u32>,
}

/// What the network gave while all ranks sent to all others at the same time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// Time of an exchange of small messages.
    pub latency: Duration,
    /// Bytes that a rank sends to all others together, of long messages.
    pub bytes_per_second: f64,
}

/// Largest plan as JSON.
pub(crate) const MAX_PLAN_BYTES: usize = 1024;

impl Plan {
    /// All partials the same way.
    pub fn always(how: AllReduce) -> Self {
        let scattered_from_bytes = match how {
            AllReduce::Direct => None,
            AllReduce::Scattered => Some(0),
        };
        Self {
            all_reduce: AllReducePlan {
                scattered_from_bytes,
            },
        }
    }

    /// The way that the measurement makes faster for each size.
    ///
    /// Of n ranks with a latency L and a rate R, a partial of b bytes takes L + (n - 1) b / R direct, and
    /// 2 L + 2 (n - 1) / n b / R scattered: equal for b = L R n / ((n - 1) (n - 2)). Two ranks send the
    /// same bytes either way.
    pub fn of(world_size: usize, measurement: &Measurement) -> Self {
        let n = world_size as f64;
        let in_flight = measurement.latency.as_secs_f64() * measurement.bytes_per_second;
        let n_bytes = in_flight * n / ((n - 1.0) * (n - 2.0));
        let scattered = world_size > 2 && n_bytes < f64::from(u32::MAX);
        Self {
            all_reduce: AllReducePlan {
                // A cast of a float ends at the borders of the integer, and NaN gives 0.
                scattered_from_bytes: scattered.then(|| n_bytes.ceil() as u32),
            },
        }
    }

    pub(crate) fn encode(self) -> Vec<u8> {
        serde_json::to_vec(&self).expect("numbers are JSON")
    }

    /// `None` if the bytes are no plan.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl AllReducePlan {
    /// The way of a partial of `n_rows` rows, each of `row_bytes` as encoded.
    ///
    /// The rows of a `fast` forward are always the same together. Those of an `exact` one are not, and
    /// a row's bits must not depend on the others: there the size of one row decides.
    pub(crate) fn choose(self, class: RowClass, n_rows: usize, row_bytes: usize) -> AllReduce {
        let n_bytes = match class {
            RowClass::Fast => n_rows * row_bytes,
            RowClass::Exact => row_bytes,
        };
        match self.scattered_from_bytes {
            Some(least) if n_bytes >= least as usize => AllReduce::Scattered,
            _ => AllReduce::Direct,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scattered_from(world_size: usize, latency_us: u64, bytes_per_second: f64) -> Option<u32> {
        let latency = Duration::from_micros(latency_us);
        let measurement = Measurement {
            latency,
            bytes_per_second,
        };
        let plan = Plan::of(world_size, &measurement);
        plan.all_reduce.scattered_from_bytes
    }

    #[test]
    fn the_way_is_the_faster_one_on_both_sides_of_the_threshold() {
        let (latency, rate) = (200e-6, 117e6);
        for world_size in 3..=64 {
            let n = world_size as f64;
            let direct = |b: f64| latency + (n - 1.0) * b / rate;
            let scattered = |b: f64| 2.0 * latency + 2.0 * (n - 1.0) / n * b / rate;
            let least = scattered_from(world_size, 200, rate).expect("a threshold");
            let least = f64::from(least);
            assert!(scattered(least) <= direct(least) * (1.0 + 1e-12));
            assert!(direct(least - 1.0) <= scattered(least - 1.0));
        }
    }

    #[test]
    fn two_ranks_are_always_direct() {
        assert_eq!(scattered_from(1, 100, 1e8), None);
        assert_eq!(scattered_from(2, 100, 1e8), None);
        assert_eq!(scattered_from(3, 0, 1e8), Some(0));
        assert_eq!(scattered_from(3, 1_000_000, 1e12), None);
    }

    #[test]
    fn the_size_of_one_row_decides_where_bits_must_not_depend_on_others() {
        let plan = AllReducePlan {
            scattered_from_bytes: Some(100),
        };
        use AllReduce::{Direct, Scattered};
        assert_eq!(plan.choose(RowClass::Fast, 1, 99), Direct);
        assert_eq!(plan.choose(RowClass::Fast, 2, 50), Scattered);
        assert_eq!(plan.choose(RowClass::Exact, 2, 50), Direct);
        assert_eq!(plan.choose(RowClass::Exact, 1, 100), Scattered);
    }

    #[test]
    fn a_plan_survives_the_wire_and_lies_do_not() {
        for scattered_from_bytes in [None, Some(0), Some(17_000), Some(u32::MAX)] {
            let plan = Plan {
                all_reduce: AllReducePlan {
                    scattered_from_bytes,
                },
            };
            let bytes = plan.encode();
            assert!(bytes.len() <= MAX_PLAN_BYTES);
            assert_eq!(Plan::decode(&bytes), Some(plan));
        }
        for bytes in [
            "",
            "{}",
            r#"{"allReduce":{"scatteredFromBytes":-1}}"#,
            r#"{"allReduce":{"scatteredFromBytes":4294967296}}"#,
            r#"{"allReduce":{"scatteredFromBytes":1},"more":1}"#,
            r#"{"allReduce":{"scatteredFromBytes":1}} x"#,
        ] {
            assert_eq!(Plan::decode(bytes.as_bytes()), None, "{bytes}");
        }
    }
}
