//! `engine.rankTimes` and `engine.waiting`: what each rank does, and whom a forward waits for.

use dllama_engine::{ForwardTimes, HostReport, Root};
use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;

use crate::engine::Engine;
use crate::engine_thread::Answer;
use crate::failure::guarded_here;

/// Where a rank's time went.
#[napi(object)]
pub struct RankTimes {
    pub rank: u32,
    pub address: String,
    pub exact: RankSums,
    pub fast: RankSums,
    pub host: HostFacts,
}

/// Sums over forwards.
#[napi(object)]
pub struct RankSums {
    pub n_forwards: f64,
    pub compute_ms: f64,
    pub wait_ms: f64,
    pub network_ms: f64,
    pub total_ms: f64,
    pub sent_bytes: f64,
    pub received_bytes: f64,
}

/// What the kernel tells of a rank's machine.
#[napi(object, use_nullable = true)]
pub struct HostFacts {
    pub celsius: Option<f64>,
    pub frequency_mhz: Option<f64>,
    pub allowed_mhz: Option<f64>,
    pub possible_mhz: Option<f64>,
    pub throttle_events: Option<f64>,
    pub firmware_flags: Option<u32>,
}

/// A forward that waits for peers.
#[napi(object)]
pub struct Waiting {
    pub peers: Vec<Peer>,
    pub ms: f64,
}

/// Another rank.
#[napi(object)]
pub struct Peer {
    pub rank: u32,
    pub address: String,
    pub silent_ms: f64,
}

#[napi]
impl Engine {
    /// Where the time of each rank went since this was asked the last time, in rank order.
    #[napi(ts_return_type = "Promise<RankTimes[]>")]
    pub fn rank_times<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.thread.ask(env, |root| {
            let times = root.rank_times()?;
            let named = times.iter().enumerate();
            Ok(All(named
                .map(|(rank, times)| describe(root, rank, times))
                .collect()))
        })
    }

    /// Whom the forward under way waits for, if it sleeps.
    #[napi(ts_return_type = "Waiting | null")]
    pub fn waiting(&self, env: Env) -> napi::Result<Option<Waiting>> {
        guarded_here(&env, || Ok(self.watch.waiting().map(Waiting::from)))
    }
}

impl From<dllama_net::Waiting> for Waiting {
    fn from(waiting: dllama_net::Waiting) -> Self {
        let peers = waiting.peers.into_iter().map(|peer| Peer {
            rank: peer.rank as u32,
            address: peer.address,
            silent_ms: peer.silent.as_secs_f64() * 1e3,
        });
        Self {
            peers: peers.collect(),
            ms: waiting.time.as_secs_f64() * 1e3,
        }
    }
}

struct All(Vec<RankTimes>);

impl Answer for All {
    type Js<'env> = Vec<RankTimes>;

    fn into_js(self, _: &Env) -> napi::Result<Vec<RankTimes>> {
        Ok(self.0)
    }
}

fn describe(root: &Root, rank: usize, times: &dllama_engine::RankTimes) -> RankTimes {
    RankTimes {
        rank: rank as u32,
        address: root.address(rank),
        exact: (&times.exact).into(),
        fast: (&times.fast).into(),
        host: times.host.into(),
    }
}

impl From<&ForwardTimes> for RankSums {
    fn from(times: &ForwardTimes) -> Self {
        let ms = |span: std::time::Duration| span.as_secs_f64() * 1e3;
        Self {
            n_forwards: times.n_forwards as f64,
            compute_ms: ms(times.compute),
            wait_ms: ms(times.wait),
            network_ms: ms(times.network),
            total_ms: ms(times.total),
            sent_bytes: times.traffic.sent_bytes as f64,
            received_bytes: times.traffic.received_bytes as f64,
        }
    }
}

impl From<HostReport> for HostFacts {
    fn from(HostReport { state }: HostReport) -> Self {
        let mhz = |khz: u32| f64::from(khz) / 1e3;
        let frequency = state.frequency_khz;
        Self {
            celsius: state.millicelsius.map(|reading| f64::from(reading) / 1e3),
            frequency_mhz: frequency.map(|(now, _, _)| mhz(now)),
            allowed_mhz: frequency.map(|(_, allowed, _)| mhz(allowed)),
            possible_mhz: frequency.map(|(_, _, possible)| mhz(possible)),
            throttle_events: state.throttle_events.map(|n| n as f64),
            firmware_flags: state.firmware_flags,
        }
    }
}
