//! How a root comes to a plan: all ranks take part in a short measurement, and the root decides.
//!
//! The root asks for rounds of an all-gather, all ranks at once as in an all-reduce, and times its own:
//! a round ends when the slowest link has carried it. Each part is sized by what the one before took, so
//! that the whole stays far below half a second on a slow network, too.

use std::time::Duration;

use dllama_net::{AllReduce, Mesh};

use super::messages::{MEASURE, PLAN};
use crate::error::Error;
use crate::plan::{Measurement, Plan};

/// Small: as much as a round of decode for a model of some hundred dimensions.
const SMALL_BYTES: u32 = 512;
/// Large enough to be bound by the rate, small enough for weak devices.
const LARGE_BYTES: u32 = 256 << 10;
/// The first rounds fill caches and let TCP open its windows.
const WARM_UP_ROUNDS: u32 = 8;
const MAX_ROUNDS: u32 = 200;
/// Time of the rounds that count, of each size.
const PART: Duration = Duration::from_millis(60);

/// Rounds of an exchange that a root asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rounds {
    n_bytes: u32,
    n_rounds: u32,
}

impl Rounds {
    pub(crate) fn encode(self) -> [u8; 8] {
        let mut bytes = [0; 8];
        bytes[..4].copy_from_slice(&self.n_bytes.to_le_bytes());
        bytes[4..].copy_from_slice(&self.n_rounds.to_le_bytes());
        bytes
    }

    /// A root may ask for no more than this version's does.
    ///
    /// # Errors
    ///
    /// [`Error::Message`].
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let rounds = match bytes.as_chunks::<4>() {
            (&[n_bytes, n_rounds], []) => Some(Self {
                n_bytes: u32::from_le_bytes(n_bytes),
                n_rounds: u32::from_le_bytes(n_rounds),
            }),
            _ => None,
        };
        let allowed =
            |rounds: &Self| rounds.n_bytes <= LARGE_BYTES && rounds.n_rounds <= MAX_ROUNDS;
        rounds.filter(allowed).ok_or_else(|| Error::Message {
            rank: 0,
            expected: format!("at most {MAX_ROUNDS} rounds of at most {LARGE_BYTES} bytes"),
            got: match rounds {
                Some(Self { n_bytes, n_rounds }) => format!("{n_rounds} of {n_bytes} bytes"),
                None => format!("a message of {} bytes", bytes.len()),
            },
        })
    }

    /// This rank's part. Returns the [usual](usual) time of a round.
    ///
    /// # Errors
    ///
    /// [`Error::Net`].
    pub(super) fn run(self, mesh: &Mesh) -> Result<Duration, Error> {
        let times = mesh.time_all_gather(self.n_bytes as usize, self.n_rounds as usize)?;
        Ok(usual(&times))
    }
}

/// What a round takes when nothing disturbs it: the middle one of the means of two in a row.
///
/// A rank that begins a latency after another stays behind: it finds the other's message there, sends its own and
/// waits two latencies for the next, so that rounds of none and of two alternate on both.
fn usual(times: &[Duration]) -> Duration {
    let pairs = times.windows(2).map(|pair| (pair[0] + pair[1]) / 2);
    let mut means: Vec<_> = pairs.collect();
    means.sort_unstable();
    let single = times.first().copied().unwrap_or_default();
    means.get(means.len() / 2).copied().unwrap_or(single)
}

/// Makes all ranks follow one plan: the one that is wanted, or the one that a measurement gives.
///
/// # Errors
///
/// [`Error::Net`]; the session has then ended.
pub(super) fn agree(
    mesh: &Mesh,
    wanted: Option<Plan>,
) -> Result<(Plan, Option<Measurement>), Error> {
    let agreed = match wanted {
        Some(plan) => Ok((plan, None)),
        None if mesh.world_size() == 1 => Ok((Plan::always(AllReduce::Direct), None)),
        None => measure(mesh).map(|measurement| {
            let plan = Plan::of(mesh.world_size(), &measurement);
            (plan, Some(measurement))
        }),
    };
    let announced = agreed.and_then(|(plan, measurement)| {
        mesh.send_control_to_all(PLAN, &plan.encode())?;
        Ok((plan, measurement))
    });
    if let Err(error) = &announced {
        mesh.fail(error.code(), &error.to_string());
    }
    announced
}

/// Has all ranks measure the network.
///
/// # Errors
///
/// [`Error::Net`], after which the mesh is of no more use.
fn measure(mesh: &Mesh) -> Result<Measurement, Error> {
    let part = |n_bytes, n_rounds| {
        let rounds = Rounds { n_bytes, n_rounds };
        mesh.send_control_to_all(MEASURE, &rounds.encode())?;
        rounds.run(mesh)
    };
    mesh.begin_run();
    let first = part(SMALL_BYTES, WARM_UP_ROUNDS)?;
    let latency = part(SMALL_BYTES, rounds_in(PART, first))?;
    let quarter = part(LARGE_BYTES / 4, 2)?;
    let (n_bytes, large) = match quarter * 4 {
        // A slow network shows its rate with a quarter.
        whole if whole > PART => (LARGE_BYTES / 4, quarter),
        whole => (LARGE_BYTES, part(LARGE_BYTES, rounds_in(PART, whole))?),
    };
    mesh.end_run();
    let n_bytes = f64::from(n_bytes) * (mesh.world_size() - 1) as f64;
    // Clocks have steps, and a round of the one size may have been disturbed more than of the other.
    let moving = large.saturating_sub(latency).max(Duration::from_micros(1));
    Ok(Measurement {
        latency,
        bytes_per_second: n_bytes / moving.as_secs_f64(),
    })
}

/// As many as fit, and two at least, which make a mean.
fn rounds_in(time: Duration, round: Duration) -> u32 {
    let n = time.as_nanos() / round.as_nanos().max(1);
    n.clamp(2, u128::from(MAX_ROUNDS)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_root_occupies_a_worker_for_long() {
        let rounds = |n_bytes, n_rounds| Rounds { n_bytes, n_rounds };
        for good in [rounds(0, 0), rounds(LARGE_BYTES, MAX_ROUNDS)] {
            assert_eq!(Rounds::decode(&good.encode()).ok(), Some(good));
        }
        for bad in [rounds(LARGE_BYTES + 1, 1), rounds(1, MAX_ROUNDS + 1)] {
            assert!(Rounds::decode(&bad.encode()).is_err());
        }
        for n_bytes in [0, 4, 7, 9, 12] {
            assert!(Rounds::decode(&vec![0; n_bytes]).is_err());
        }
    }

    #[test]
    fn parts_have_a_mean_and_an_end() {
        for nanos in [0, 1, 1000, 1_000_000, 1_000_000_000] {
            let n = rounds_in(PART, Duration::from_nanos(nanos));
            assert!((2..=MAX_ROUNDS).contains(&n), "{n} rounds of {nanos} ns");
        }
    }

    #[test]
    fn ranks_that_are_a_latency_apart_measure_one() {
        let of = |times: &[u64]| {
            usual(
                &times
                    .iter()
                    .copied()
                    .map(Duration::from_millis)
                    .collect::<Vec<_>>(),
            )
        };
        let ms = Duration::from_millis;
        // As the one that began first has them, and the other.
        assert_eq!(of(&[10, 0, 10, 0, 10, 0]), ms(5));
        assert_eq!(of(&[0, 10, 0, 10, 0]), ms(5));
        // Together, and disturbed once.
        assert_eq!(of(&[5, 5, 50, 5, 5, 5]), ms(5));
        assert_eq!(of(&[7]), ms(7));
        assert_eq!(of(&[]), Duration::ZERO);
    }

    #[test]
    fn all_ranks_measure_and_the_root_gets_figures() {
        for world_size in [2, 3, 5] {
            let mut meshes = Mesh::in_memory(world_size).expect("socket pairs");
            let workers = meshes.split_off(1);
            std::thread::scope(|scope| {
                for mesh in &workers {
                    scope.spawn(move || {
                        mesh.begin_run();
                        while let Ok((tag, payload)) = mesh.receive_control(0, 64)
                            && tag == MEASURE
                        {
                            let rounds = Rounds::decode(&payload).expect("as this version asks");
                            rounds.run(mesh).expect("a measurement");
                        }
                    });
                }
                let measurement = measure(&meshes[0]).expect("a measurement");
                let plan = Plan::of(world_size, &measurement);
                meshes[0]
                    .send_control_to_all(PLAN, &plan.encode())
                    .expect("workers");
                assert!(measurement.latency > Duration::ZERO);
                assert!(measurement.bytes_per_second > 0.0);
            });
        }
    }
}
