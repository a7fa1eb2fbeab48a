//! Where a rank's time went, summed up over forwards until somebody asks.

use std::time::Duration;

use dllama_net::Traffic;

use super::OpTimes;
use crate::host::{HostReport, HostWatch};
use crate::rows::RowClass;

/// Sums over forwards of one class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForwardTimes {
    /// Forwards.
    pub n_forwards: u64,
    /// Time of ops.
    pub compute: Duration,
    /// Time in which the first thread waited for the rank's others.
    pub wait: Duration,
    /// Time in which the first thread waited for the network, and by that for other ranks.
    pub network: Duration,
    /// Wall time, from the rows to the results.
    pub total: Duration,
    /// What the rank sent and received, the message that asks for a forward included.
    pub traffic: Traffic,
}

/// A rank's sums, and what happened to its machine meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RankTimes {
    /// Of generated tokens, one or several sequences at a time.
    pub exact: ForwardTimes,
    /// Of prompts.
    pub fast: ForwardTimes,
    /// The rank's machine.
    pub host: HostReport,
}

/// Sums up until the sums are taken.
pub(crate) struct TimesLedger {
    exact: ForwardTimes,
    fast: ForwardTimes,
    host: HostWatch,
}

impl TimesLedger {
    pub(crate) fn new() -> Self {
        Self {
            exact: ForwardTimes::default(),
            fast: ForwardTimes::default(),
            host: HostWatch::start(),
        }
    }

    /// Counts a forward that took `total` and, with the message that asked for it, made `traffic`.
    pub(crate) fn add(
        &mut self,
        class: RowClass,
        times: &OpTimes,
        total: Duration,
        traffic: Traffic,
    ) {
        let sums = match class {
            RowClass::Exact => &mut self.exact,
            RowClass::Fast => &mut self.fast,
        };
        sums.n_forwards += 1;
        sums.compute += times.mat_mul + times.attention + times.norm + times.sampling + times.other;
        sums.wait += times.wait;
        sums.network += times.network;
        sums.total += total;
        sums.traffic += traffic;
    }

    /// The sums since they were taken the last time.
    pub(crate) fn take(&mut self) -> RankTimes {
        RankTimes {
            exact: std::mem::take(&mut self.exact),
            fast: std::mem::take(&mut self.fast),
            host: self.host.look(),
        }
    }
}
