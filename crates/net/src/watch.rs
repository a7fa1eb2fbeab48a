//! Whom a rank waits for, told to other threads: slow is not lost, but it has a name.

use std::sync::{Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::mesh::Mesh;
use crate::shared::Shared;

/// A look at a mesh from another thread. It keeps nothing of it alive.
#[derive(Clone)]
pub struct Watch(Weak<Shared>);

/// A transfer that sleeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The peers that it waits for.
    pub peers: Vec<WaitedFor>,
    /// How long ago it began.
    pub time: Duration,
}

/// A peer that is late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitedFor {
    /// Its rank.
    pub rank: usize,
    /// Its address.
    pub address: String,
    /// How long ago its last bytes came, heartbeats included.
    pub silent: Duration,
}

impl Mesh {
    /// A look at this mesh for other threads.
    pub fn watch(&self) -> Watch {
        Watch(std::sync::Arc::downgrade(&self.shared))
    }
}

impl Watch {
    /// Whom a run that is active waits for; `None` while it computes, or none is active.
    pub fn waiting(&self) -> Option<Waiting> {
        let shared = self.0.upgrade()?;
        if !shared.in_run() {
            return None;
        }
        let (ranks, began) = shared.sleeper.get()?;
        let peer = |rank: usize| {
            let link = shared.link(rank);
            WaitedFor {
                rank,
                address: link.address.clone(),
                silent: link.socket.last_heard().elapsed(),
            }
        };
        Some(Waiting {
            peers: ranks.into_iter().map(peer).collect(),
            time: began.elapsed(),
        })
    }
}

/// The exchange that sleeps now: the ranks that it waits for, and when it began.
#[derive(Default)]
pub(crate) struct Sleeper(Mutex<Option<(Vec<usize>, Instant)>>);

impl Sleeper {
    pub(crate) fn set(&self, sleeper: Option<(Vec<usize>, Instant)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sleeper;
    }

    fn get(&self) -> Option<(Vec<usize>, Instant)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
