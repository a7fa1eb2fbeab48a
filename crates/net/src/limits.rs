//! Every time limit and cap of the crate, in one place.

use std::time::Duration;

/// Largest number of ranks in a session. Llama 2 70B has 64 attention heads, and a rank without a
/// head has little to do; the cap also bounds what a stranger's first message can ask for.
pub const MAX_WORLD_SIZE: usize = 64;

/// How long a thread retries without blocking before it sleeps in `poll`. A decode message over
/// Ethernet takes some tens of microseconds, about what going to sleep and waking up costs.
pub(crate) const SPIN: Duration = Duration::from_micros(30);

/// How long a rank that noticed a failure goes on writing frames it has begun, so that they end at
/// a border and the reason can follow.
pub(crate) const FINISH_FRAMES: Duration = Duration::from_millis(250);

/// How long [`Mesh::fail`](crate::Mesh::fail) waits, over all links, for a writer in another thread.
pub(crate) const FAIL_WAIT: Duration = Duration::from_millis(50);

/// How long [`Mesh::fail`](crate::Mesh::fail) waits for peers to close, reading what they still send: a
/// connection that is closed over unread bytes is reset, and then the reason on its way is lost.
pub(crate) const FAIL_LINGER: Duration = Duration::from_millis(250);

/// Values of an all-reduce that are encoded, exchanged and added at a time: it bounds the scratch
/// memory at 256 KiB a rank (F32) whatever the size of the buffer.
pub(crate) const ALL_REDUCE_PIECE: usize = 64 * 1024;

/// Largest payload of an abort frame.
pub(crate) const MAX_ABORT_BYTES: usize = 1024;

/// Limits of a rank's links.
#[derive(Debug, Clone)]
pub struct LinkOptions {
    /// Time between two heartbeats while a run is active. Defaults to 400 ms.
    pub heartbeat: Duration,
    /// A peer is lost after so long without a byte while a run is active. Defaults to 2 s.
    pub silence: Duration,
    /// Bytes of each socket's send and of its receive buffer. Defaults to the operating system's choice.
    pub socket_buffer_bytes: Option<usize>,
}

impl LinkOptions {
    /// How long it takes at most until a rank that waits for others tells its caller of a silent loss: it
    /// looks at peers that it does not wait for every heartbeat, and finishes frames to those that live,
    /// the reason behind them.
    pub fn reported_within(&self) -> Duration {
        self.silence + self.heartbeat + 2 * FINISH_FRAMES
    }
}

/// The limits' origin is decision 0022: a loss is reported within 3 s, and TCP over a lossy Wi-Fi, which sends
/// a lost packet again after 0.2, 0.6 and 1.4 s, is not taken for one.
impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(400),
            silence: Duration::from_secs(2),
            socket_buffer_bytes: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_reported_within_three_seconds_and_lost_heartbeats_are_none() {
        let options = LinkOptions::default();
        assert!(options.reported_within() < Duration::from_secs(3));
        assert!(options.silence >= 4 * options.heartbeat);
    }
}
