//! `Engine`: a model on the root and its workers.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dllama_engine::{Connected, Progress, Root, RootOptions, RootWatch};
use napi::bindgen_prelude::{AsyncTask, BigInt, Object};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;

use crate::brief::Brief;
use crate::connection::Connection;
use crate::engine_thread::{Answer, EngineThread};
use crate::failure::Outcome;
use crate::plan::{Measurement, Plan};
use crate::task::{Guarded, Work, promise};
use crate::weight_sources::WeightSources;

/// What an engine is made from.
#[napi(object)]
pub struct EngineOptions {
    pub model_path: String,
    pub programs: Vec<String>,
    pub workers: Vec<String>,
    pub n_threads: u32,
    pub plan: Option<Plan>,
    pub cache_folder: Option<String>,
}

/// How far loading has come on one rank, in bytes of its weights.
#[napi(object)]
pub struct LoadProgress {
    pub rank: u32,
    pub address: String,
    pub done_bytes: f64,
    pub total_bytes: f64,
    pub sources: WeightSources,
    pub hashed_bytes: f64,
}

/// Fingerprints of a rank's state, for tests: equal ones mean equal bits.
#[napi(object)]
pub struct RankDigest {
    pub replicated: BigInt,
    pub kv_cache: BigInt,
}

type OnProgress = ThreadsafeFunction<LoadProgress, (), LoadProgress, Status, false>;

/// A model, loaded on all ranks. Released by `dispose()`, or with the object.
#[napi]
pub struct Engine {
    pub(crate) thread: EngineThread,
    pub(crate) brief: Arc<Brief>,
    pub(crate) watch: RootWatch,
    isa: &'static str,
    plan: dllama_engine::Plan,
    measurement: Option<dllama_engine::Measurement>,
}

#[napi]
impl Engine {
    /// The instruction set that the root computes with.
    #[napi(getter)]
    pub fn isa(&self) -> &'static str {
        self.isa
    }

    /// What the ranks have agreed on.
    #[napi(getter)]
    pub fn plan(&self) -> Plan {
        self.plan.into()
    }

    /// What the plan was made from, if loading has measured.
    #[napi(getter)]
    pub fn measurement(&self) -> Option<Measurement> {
        self.measurement.map(Into::into)
    }

    /// Fingerprints of all ranks, in rank order.
    #[napi(ts_return_type = "Promise<RankDigest[]>")]
    pub fn digests<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.thread.ask(env, |root| Ok(Digests(root.digests()?)))
    }

    /// Connects to the workers anew after an error has ended the engine, and has them load again: `patienceMs`
    /// for a worker to answer. The KV cache is empty then.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn reconnect<'env>(
        &self,
        env: &'env Env,
        patience_ms: f64,
        on_progress: Option<OnProgress>,
    ) -> napi::Result<Object<'env>> {
        // A cast of a float ends at the borders of the integer, and NaN gives 0.
        let patience = Duration::from_millis(patience_ms as u64).min(MAX_PATIENCE);
        self.thread.ask(env, move |root| {
            Ok(root.reconnect(patience, &told_to(on_progress))?)
        })
    }

    /// Says goodbye to the workers and gives all memory back, after what is under way.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn dispose<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        self.thread.dispose(env)
    }
}

/// A day: what is added to the clock must not overflow.
const MAX_PATIENCE: Duration = Duration::from_secs(86_400);

/// Loads all ranks, which `connection` lets go of. `onProgress` is told how far it has come.
#[napi(ts_return_type = "Promise<Engine>")]
pub fn load_engine(
    connection: &Connection,
    options: EngineOptions,
    on_progress: Option<OnProgress>,
) -> AsyncTask<Guarded<Load>> {
    promise(Load {
        connected: connection.take(),
        options,
        on_progress,
    })
}

/// What loading gives, on its way to the JavaScript thread.
pub struct Loaded {
    thread: EngineThread,
    isa: &'static str,
    plan: dllama_engine::Plan,
    measurement: Option<dllama_engine::Measurement>,
    watch: RootWatch,
}

pub struct Load {
    connected: Outcome<Connected>,
    options: EngineOptions,
    on_progress: Option<OnProgress>,
}

impl Work for Load {
    const NAME: &'static str = "loadEngine";
    type Output = Loaded;
    type Js<'env> = Engine;

    fn run(self) -> Outcome<Loaded> {
        let (connected, options) = (self.connected?, self.options);
        let options = RootOptions {
            model: PathBuf::from(options.model_path),
            programs: options.programs,
            workers: options.workers,
            trust: connected.trust().clone(),
            n_threads: options.n_threads as usize,
            plan: options.plan.map(Into::into),
            cache_folder: options.cache_folder.map(PathBuf::from),
        };
        let progress = told_to(self.on_progress);
        let root = Root::load_over(Some(connected), options, &progress)?;
        Ok(Loaded {
            isa: root.isa().name(),
            plan: root.plan(),
            measurement: root.measurement(),
            watch: root.watch(),
            thread: EngineThread::start(root)?,
        })
    }

    fn into_js(loaded: Loaded, _: &Env) -> napi::Result<Engine> {
        Ok(Engine {
            thread: loaded.thread,
            brief: Arc::default(),
            watch: loaded.watch,
            isa: loaded.isa,
            plan: loaded.plan,
            measurement: loaded.measurement,
        })
    }
}

fn told_to(on_progress: Option<OnProgress>) -> impl Fn(Progress) + Sync {
    move |progress| {
        if let Some(on_progress) = &on_progress {
            let progress = LoadProgress {
                rank: progress.rank as u32,
                done_bytes: progress.done_bytes as f64,
                total_bytes: progress.total_bytes as f64,
                sources: progress.tally.into(),
                hashed_bytes: progress.hashed_bytes as f64,
                address: progress.address,
            };
            on_progress.call(progress, ThreadsafeFunctionCallMode::NonBlocking);
        }
    }
}

struct Digests(Vec<dllama_engine::Digest>);

impl Answer for Digests {
    type Js<'env> = Vec<RankDigest>;

    fn into_js(self, _: &Env) -> napi::Result<Vec<RankDigest>> {
        let digests = self.0.into_iter().map(|digest| RankDigest {
            replicated: digest.replicated.into(),
            kv_cache: digest.kv_cache.into(),
        });
        Ok(digests.collect())
    }
}
