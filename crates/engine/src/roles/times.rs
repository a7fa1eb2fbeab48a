//! The answer to [`TIMES`](super::messages::TIMES): a rank's sums, as bytes.
//!
//! Little-endian; twice (exact, fast) the forwards, their compute, wait, network and total times in
//! nanoseconds, the bytes and frames sent and received, and the exchanges, 8 bytes each; then the machine: millidegrees, kHz now, allowed and possible, throttle
//! events, firmware flags, 4 bytes each. [`NONE`] stands for what the machine does not tell.

use std::time::Duration;

use super::messages::{TIMES, expect};
use crate::error::Error;
use crate::host::{HostReport, HostState};
use crate::rank::{ForwardTimes, RankTimes};
use dllama_net::{Mesh, Traffic};

/// Of one class.
const N_SUMS: usize = 10;
const SUMS_BYTES: usize = 2 * N_SUMS * 8;
const N_FACTS: usize = 6;
/// Bytes of an answer.
pub(crate) const TIMES_BYTES: usize = SUMS_BYTES + N_FACTS * 4;

const NONE: u32 = u32::MAX;

impl RankTimes {
    pub(crate) fn encode(&self) -> [u8; TIMES_BYTES] {
        let mut bytes = [0; TIMES_BYTES];
        let (sums, facts) = bytes.split_at_mut(SUMS_BYTES);
        let classes = [&self.exact, &self.fast];
        let values = classes.into_iter().flat_map(|times| {
            let spans = [times.compute, times.wait, times.network, times.total];
            let nanos = spans.map(|span| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
            let traffic = &times.traffic;
            let counts = [
                traffic.sent_bytes,
                traffic.received_bytes,
                traffic.sent_frames,
                traffic.received_frames,
                traffic.n_exchanges,
            ];
            std::iter::once(times.n_forwards).chain(nanos).chain(counts)
        });
        for (place, value) in sums.chunks_exact_mut(8).zip(values) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        let state = &self.host.state;
        let (now, allowed, possible) = state.frequency_khz.unwrap_or((NONE, NONE, NONE));
        let values = [
            state.millicelsius.map_or(NONE, |reading| reading as u32),
            now,
            allowed,
            possible,
            // A span never has four billion of them.
            state
                .throttle_events
                .map_or(NONE, |n| n.min(u64::from(NONE - 1)) as u32),
            state.firmware_flags.unwrap_or(NONE),
        ];
        for (place, value) in facts.chunks_exact_mut(4).zip(values) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// `None` for another length. Any values are only figures.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (sums, facts) = bytes.split_at_checked(SUMS_BYTES)?;
        let sums: Vec<_> = sums
            .as_chunks::<8>()
            .0
            .iter()
            .map(|x| u64::from_le_bytes(*x))
            .collect();
        let facts: &[[u8; 4]; N_FACTS] = facts.as_chunks::<4>().0.try_into().ok()?;
        if bytes.len() != TIMES_BYTES {
            return None;
        }
        let (exact, fast) = sums.split_at(N_SUMS);
        let [exact, fast] = [exact, fast].map(|sums| ForwardTimes {
            n_forwards: sums[0],
            compute: Duration::from_nanos(sums[1]),
            wait: Duration::from_nanos(sums[2]),
            network: Duration::from_nanos(sums[3]),
            total: Duration::from_nanos(sums[4]),
            traffic: Traffic {
                sent_bytes: sums[5],
                received_bytes: sums[6],
                sent_frames: sums[7],
                received_frames: sums[8],
                n_exchanges: sums[9],
                waited: Duration::from_nanos(sums[3]),
            },
        });
        let told = |index: usize| Some(u32::from_le_bytes(facts[index])).filter(|&x| x != NONE);
        let frequency = || Some((told(1)?, told(2)?, told(3)?));
        let state = HostState {
            millicelsius: told(0).map(|reading| reading as i32),
            frequency_khz: frequency(),
            throttle_events: told(4).map(u64::from),
            firmware_flags: told(5),
        };
        let host = HostReport { state };
        Some(Self { exact, fast, host })
    }

    /// Waits for the answer of a rank.
    ///
    /// # Errors
    ///
    /// [`Error::Message`] for another answer; [`Error::Net`].
    pub(super) fn receive(mesh: &Mesh, rank: usize) -> Result<Self, Error> {
        let bytes = expect(mesh, rank, TIMES, "where its time went")?;
        Self::decode(&bytes).ok_or_else(|| Error::Message {
            rank,
            expected: format!("{TIMES_BYTES} bytes about its times"),
            got: format!("{} bytes", bytes.len()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_survive_the_wire() {
        let times = |n: u64| ForwardTimes {
            n_forwards: n,
            compute: Duration::from_nanos(n + 1),
            wait: Duration::from_nanos(n + 2),
            network: Duration::from_nanos(n + 3),
            total: Duration::from_nanos(u64::MAX - n),
            traffic: Traffic {
                sent_bytes: n + 4,
                received_bytes: n + 5,
                sent_frames: n + 6,
                received_frames: n + 7,
                n_exchanges: n + 8,
                waited: Duration::from_nanos(n + 3),
            },
        };
        for state in [
            HostState::default(),
            HostState {
                millicelsius: Some(-4_000),
                frequency_khz: Some((1, 2, 3)),
                throttle_events: Some(7),
                firmware_flags: Some(0xf),
            },
        ] {
            let all = RankTimes {
                exact: times(1),
                fast: times(100),
                host: HostReport { state },
            };
            assert_eq!(RankTimes::decode(&all.encode()), Some(all));
        }
    }

    #[test]
    fn another_length_is_refused() {
        let bytes = RankTimes::default().encode();
        assert_eq!(RankTimes::decode(&[]), None);
        assert_eq!(RankTimes::decode(&bytes[1..]), None);
        assert_eq!(RankTimes::decode(&[&bytes[..], &[0]].concat()), None);
    }
}
